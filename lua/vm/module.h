/* module.h - how lua/api hands its modules to the vm, and what modules may ask of the running task.
 * One file of lua/api makes one Lua table; open() is called once for each tool file (every file
 * gets its own tables) and pushes exactly one value. Functions find their context by the accessors
 * below: no globals. */
#ifndef MG_VM_MODULE_H
#define MG_VM_MODULE_H
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "vm/vm.h"

struct api_module {
    /* "state": becomes mcp.state; "" : open() pushes a table whose members join mcp itself */
    const char *name;
    int (*open)(lua_State *L); /* a lua_CFunction; pushes one value */
    const char *need; /* given only to files whose tool was granted this ("exec"); NULL: to all */
    bool at_once;     /* opened with every file, not when it is asked for: it looks at which file */
};

/* Wrong use raises luaL_error. Failures of the world: `return api_fail(L, "ENOENT", "no such file:
 * %s", p)` pushes nil, message, code and returns 3. */
int api_fail(lua_State *L, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct vm *vm_of(lua_State *L);
const struct vm_services *vm_services_of(lua_State *L);
const struct vm_options *vm_options_of(lua_State *L);
/* The tool whose grants the running code has (also at load, in start, jobs and on_end). NULL while
 * no tool runs. */
const struct tool *tool_of(lua_State *L);
const struct vm_policy *policy_of(lua_State *L); /* the running tool's; never NULL */
struct task *task_of(lua_State *L);              /* NULL at load */
/* NULL at load; jobs have one too (call_id = the job's id) */
const struct task_info *task_info_of(lua_State *L);
int64_t task_deadline(const struct task *t); /* monotonic ms; INT64_MAX: none */
bool task_is_cancelled(const struct task *t);
/* The reply of this task must wait for record seq (store_seq); the highest is kept. */
void task_wait_for(struct task *t, uint64_t seq);
uint64_t task_wait_seq(const struct task *t); /* events of a call leave after this is durable */

/* Starts a background task (a job): runs function at index fn of L's stack with one argument at
 * index arg under the grants of the running tool. It outlives the request. ops->done tells its end.
 * Raises on bad arguments; NULL: no memory. */
struct task *task_spawn_job(lua_State *L, int fn, int arg, const char *id, int64_t timeout_ms,
                            uint64_t memory_bytes, const struct task_ops *ops, void *ops_arg);
/* The other tools of this vm, for mcp.call. */
#define TASK_DEPTH 8 /* calls in calls */
/* NULL: there is none of this name, or this caller may not call it: nobody can tell the two apart.
 */
const struct tool *tool_find(lua_State *L, const char *name);
struct gate *tool_gate(lua_State *L, const struct tool *t); /* NULL: any number at once */
unsigned task_depth(const struct task *t);
/* What waits in calls by tools is charged to nobody's Lua memory: at most CALLS_HELD bytes in a vm.
 * What was taken is to be given back. */
#define CALLS_HELD ((size_t)32 << 20)
bool calls_take(struct vm *vm, size_t bytes) MG_NODISCARD;
void calls_give(struct vm *vm, size_t bytes);
/* What args (an object) mean under t's input schema; *text is the storage, kept by the caller until
 * ops->done(). 0, or what the caller is told. */
int tool_arguments(const struct tool *t, struct buf *text, struct json_text *args,
                   struct err *e) MG_NODISCARD;
/* Starts a call of t in the vm of `from`, for the same caller, at its own cost and under t's
 * grants. Any value that it returns becomes structured, declared or not. NULL: no memory; done() is
 * not called then. Calls no tool's code: legal in callbacks of the loop. */
struct task *task_call(const struct task *from, const struct tool *t, struct json_text args,
                       int64_t timeout_ms, const struct task_ops *ops, void *ops_arg);

/* Registers the function at index fn to run when the task ends (ctx:on_end). */
void task_on_end(lua_State *L, struct task *t, int fn);
/* The task's time begins anew, from now: for jobs that waited for their turn. */
void task_restart_timeout(struct task *t, int64_t timeout_ms);

/* Runs the embedded runtime library's file ("mcp/state.lua") as a function: nargs arguments from
 * the top of the stack are its `...`, nresults stay. Its environment is the library's own (the
 * bounded standard functions; no tool can reach it). API modules call it in open(), for what must
 * be Lua because it calls back and may wait there. Raises. */
void lib_run(lua_State *L, const char *name, int nargs, int nresults);

/* Tests (vm/testing.h). NULL: the machine runs none. */
const struct vm_testing *testing_of(lua_State *L);
bool testing_is_here(lua_State *L);      /* the file that is being loaded is the one of tests */
void testing_keep(lua_State *L, int fn); /* its next case runs the function at index fn */

/* Pushes the running tool's setting as its declaration says (string, integer, number, boolean,
 * list; a duration in seconds, a size in bytes), else the declared default, else nil. Checked at
 * load. Raises for an undeclared name. */
void setting_push(lua_State *L, const char *key);

/* value.c: Lua values and JSON. Depth at most 64; a string that is not UTF-8 is an error that names
 * the place. */
/* json is validated text; raises on no memory */
void value_push(lua_State *L, const char *json, size_t len);
/* Appends JSON. 0, or MG_E_INVALID with *e ("at .a[3]: a function cannot be JSON"). Does not raise
 * for content. */
int value_encode(lua_State *L, int index, struct buf *out, struct err *e);
void value_push_null(lua_State *L); /* json.null */
int value_is_null(lua_State *L, int index);
void value_mark_array(lua_State *L, int index);  /* json.array */
void value_mark_object(lua_State *L, int index); /* json.object */

/* result.c: what run may return besides plain values. Both mark the table at index (by its
 * metatable). content: an array of blocks in wire form ({type="text",text=...}), and the fields
 * structured and meta. fail: the fields message (a string) and data (anything or nil). */
void result_mark_content(lua_State *L, int index);
void result_mark_fail(lua_State *L, int index);

/* "content" or "fail" for what the two above have marked, else NULL. */
const char *result_mark(lua_State *L, int index);

/* What a file returns to declare something. On the stack of the C function that the file called,
 * and nothing else: the declaration, a table, and up to three functions or nils: what runs it with
 * (args, ctx) and returns contents, what completes its arguments, what lists its resources; for a
 * tool none. Pushes the value; raises without memory. */
#define DECL_PARTS 4
void decl_push(lua_State *L, enum tool_kind kind);

/* Checks an options table: every key must be in names (NULL-terminated), else raises naming the
 * nearest. */
void opts_check(lua_State *L, int index, const char *const *names);
/* "5s", 5, 0.25 -> ms; raises with the option's name. */
int64_t opts_duration(lua_State *L, int index, const char *name, int64_t fallback_ms,
                      int64_t max_ms);
uint64_t opts_size(lua_State *L, int index, const char *name, uint64_t fallback, uint64_t max);

/* What API modules see of the configuration, filled by the worker (vm_options.config points to
 * one). Plain data. */
struct vm_sections {
    uint32_t evals_parallel, evals_max_queued;
    uint64_t evals_max_output;
    const struct vm_eval {
        const char *name;           /* "*" is the fallback */
        const char *const *command; /* argv template, NULL-terminated */
        const char *cwd;            /* or NULL: root */
        int64_t timeout_ms;
        /* The orchestrator that runs it instead; NULL: command does. */
        const char *url;
        const char *const *headers; /* "NAME: VALUE", NULL-terminated; NULL: none */
        const char *const *hosts;   /* the url's own HOST:PORT, as a list of grants */
        int64_t poll_ms;
    } * evals;
    size_t eval_count;
    const char *const *gates; /* order; NULL or empty: any name */
    bool gates_strict;
    uint64_t search_max_file;
    const char *const *search_exclude; /* NULL-terminated path globs; NULL: none */
    const char *view_base;             /* NULL: none */
};

#endif
