/* op.h - a pending operation of a strand: what it waits for, and how to stop that.
 * The pattern of every waiting API function: check arguments; op_push() (the last call that can
 * raise); start the action; return op_wait(). The event callback calls op_complete() and nothing of
 * Lua. Results are pushed by the op's results function, on the strand's own stack, when the strand
 * is resumed: an error there is the tool's own. When the task is cancelled or its deadline passes
 * while it waits, the op's cancel() runs, and the waiting function returns nil, "cancelled",
 * "CANCELLED" (or "TIMEOUT") by itself. Lifetime: a userdata kept alive by the task until it is
 * released; release() runs exactly once, whatever ended it (completion, cancel, kill, drop), and
 * calls no Lua. An op that was pushed and is not waited for (a child process between two reads)
 * stays with the task: the strand may push and wait for others; it is cancelled and released when
 * the task ends, or released after op_complete(). An op that was completed before op_wait() does
 * not yield: op_wait() then calls results() at once. Threads: the worker's. Completions from
 * elsewhere come through loop_post(). */
#ifndef MG_OP_H
#define MG_OP_H
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct task;
struct strand;
struct op;

struct op_type {
    const char *name; /* for messages: "sleep" */
    size_t size;      /* of the struct that begins with struct op */
    /* Stop the action if it can be stopped. Not called once completed. After it returns no
     * op_complete() may come, unless is_async_safe: then a late op_complete() is ignored and
     * release() is delayed until it comes. */
    void (*cancel)(struct op *op);
    bool is_inner; /* nothing outside of this machine ends it: time does, or another strand */
    bool late;     /* the action cannot be stopped at once: release waits for op_complete() */
    void (*release)(struct op *op); /* free what the op holds; NULL: nothing */
    /* pushes results, returns their number; may raise */
    int (*results)(lua_State *L, struct op *op);
};

struct op { /* first member of every op's struct; fields are vm-private */
    const struct op_type *type;
    struct strand *strand;
    struct task *task;
    struct op *next, **prev;
    unsigned char state;
};

/* Raises where the running code cannot wait ("cannot wait here: inside a callback of string.gsub").
 * When the task is already being cancelled it raises nothing: op_wait() then returns the cancelled
 * results at once and the action must not be started: op_push() returns NULL and pushes nil,
 * message, code: the caller returns 3. */
struct op *op_push(lua_State *L, const struct op_type *type); /* zeroed; NULL: return 3 */
int op_wait(lua_State *L, struct op *op);                     /* yields; `return op_wait(L, op)` */
/* Cancels and releases an op that is not waited for and never will be; it is gone then. Tasks drop
 * theirs, the newest first. */
void op_drop(struct op *op);
void op_complete(struct op *op); /* any time after op_push(), once */

#endif
