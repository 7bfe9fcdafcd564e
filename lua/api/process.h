/* process.h - a program that a strand started: its output in bounded memory, its lines as they
 * come, its end. Lifetime: an operation of the strand's task: whatever ends the task kills the
 * program and all that it started. process_drop() does so earlier; after it the pointer is dead.
 * Threads:  the worker's. */
#ifndef MG_PROCESS_H
#define MG_PROCESS_H
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/spawn.h"

struct process;
struct process_options {
    struct child_options child;   /* borrowed for the call, stdin_data too */
    int64_t timeout_ms;           /* 0: none of its own */
    size_t max_output, max_error; /* bytes kept of standard output and standard error */
    bool wants_lines;
    bool wants_object; /* the result is the last JSON object, not the whole output */
};

/* NULL: the task is being cancelled, three results are pushed. Raises where the strand cannot wait.
 */
struct process *process_push(lua_State *L);
/* On failure the process is still to be dropped. */
int process_start(struct process *p, const struct process_options *o, struct err *e) MG_NODISCARD;
/* Kills it if it runs, and frees it. */
void process_drop(struct process *p);

/* `return process_line(L, p)` -> line, "stdout" or "stderr"; or false when there will be none any
 * more. Waits. */
int process_line(lua_State *L, struct process *p);
/* `return process_result(L, p)` -> {code=, signal=, stdout=, stderr=, truncated=, duration=}, or
 * nil, message, "TIMEOUT". Waits. Lines that nobody took are dropped. */
int process_result(lua_State *L, struct process *p);

#endif
