/* task.h - a task and its strands, as the vm's own files see them.
 * A task is one call, job, start function or file being loaded: who runs, with which grants, until
 * when, at whose cost. A strand is one Lua thread of it; the first one's end is the task's. Strands
 * are resumed by the scheduler (vm/sched.c) and by nothing else. Lifetime: structs are reused and
 * freed with the vm; a task's serial changes when it ends, so that what Lua may still hold of it is
 * recognised as stale. Threads: the vm's. */
#ifndef MG_VM_TASK_H
#define MG_VM_TASK_H
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/loop.h"
#include "vm/module.h"
#include "vm/op.h"
#include "vm/vm.h"

#define TASK_MAX_STRANDS 100
#define ON_END_MS 1000

enum strand_state {
    STRAND_IDLE,  /* in the pool, or not yet queued */
    STRAND_READY, /* in the first queue */
    STRAND_RUNNING,
    STRAND_WAITING,   /* for strand->op */
    STRAND_PREEMPTED, /* in the second queue: its slice was over */
    STRAND_SQUEEZED,  /* likewise: its garbage is collected before it goes on */
    STRAND_ENDED,     /* its results, or its error, lie on its stack */
};

struct strand {
    lua_State *L; /* anchored in the registry by ref */
    struct vm *vm;
    struct task *task;       /* NULL: in the pool */
    struct strand *sibling;  /* the next of the same task; in the pool: the next there */
    struct strand *next;     /* in a queue */
    struct op *op;           /* what it waits for */
    struct loop_timer grace; /* runs from its own cancellation until it is dropped */
    unsigned gc_ends;        /* SQUEEZED: see gc_squeeze() */
    int ref;
    int nargs; /* arguments on its stack for the first resume */
    enum strand_state state;
    bool is_stopping; /* cancelled by its own task: mcp.race, a failed mcp.all */
    bool is_dropped;  /* never to be resumed again */
    bool is_failed;   /* ENDED with an error */
    bool is_orphan;   /* nobody can ask for its results any more */
};

enum task_kind { TASK_CALL, TASK_JOB, TASK_START, TASK_LOAD };

/* What an ended call's on_end functions may still ask for: info with copies of its texts behind it.
 */
struct task_identity {
    struct task_info info;
    char texts[];
};

struct vm_tool;
struct ask_record; /* ask_record.h */
struct task {
    struct vm *vm;
    struct task *next, **prev; /* alive ones; or the next free one */
    uint64_t serial;
    enum task_kind kind;
    const struct vm_tool *tool;     /* whose grants it has; NULL at load */
    const struct task_info *info;   /* NULL at load */
    struct json_text args;          /* of a call, until its first slice has begun */
    struct task_identity *identity; /* owned; NULL: info is the caller's */
    const struct task_ops *ops;     /* NULL: nobody is told */
    void *ops_arg;
    void (*ended)(struct task *t); /* the vm's own interest in the end (start); may be NULL */
    void *ended_arg;
    struct err *error;      /* load, start: a failure goes here, with its position; else NULL */
    struct strand *strands; /* the newest first; main is one of them */
    struct strand *main;
    struct op *ops_pending;  /* every op that is not released */
    struct loop_timer timer; /* deadline, then grace */
    int64_t timeout_ms;      /* what it was given, for messages */
    int64_t deadline_ms;     /* monotonic; INT64_MAX: none */
    uint32_t account;
    uint32_t strand_count;
    uint64_t wait_seq;
    int on_end; /* registry reference of the list of functions, or LUA_NOREF */
    int on_end_count;
    enum outcome outcome;      /* of the call, for its on_end functions */
    struct ask_record *record; /* what it was told and keeps; owned; NULL until it asks */
    int64_t left_ms;           /* while asking > 0: what is left of its time */
    bool cannot_ask;           /* its last question could not be asked */
    uint32_t asking;           /* strands that wait for its client */
    bool is_client_task;       /* ctx:as_task has made it one */
    uint8_t depth;             /* calls around it: mcp.call in mcp.call */
    bool is_timed;             /* its timer was started: it has waited or was preempted */
    bool is_stopping;
    bool is_dying; /* in vm->dying */
    bool is_ended; /* done() was called; only its on_end functions run */
    enum task_stop why;
    bool is_killed;
    enum outcome kill_outcome;
    struct task *dying;
    struct tool_result result;
};

/* The time between the first and the second step of a cancellation. */
int64_t task_grace_ms(const struct vm *vm);

static inline struct strand *strand_of(lua_State *L)
{
    return *(struct strand **)lua_getextraspace(L);
}

/* ---- strand.c ---- */
/* A strand of t from the pool, or a new one: nothing on its stack. NULL: no memory. Never raises.
 */
struct strand *strand_new(struct vm *vm, struct task *t);
/* To the pool when it ended well, else its thread is left to the collector. Out of its task's list
 * already. */
void strand_free(struct strand *s, bool is_reusable);
void strand_pool_fini(struct vm *vm);
/* Its op is cancelled and it becomes ready, or, when it does not wait, nothing happens. */
void strand_interrupt(struct strand *s);
/* The word for what stops it: "CANCELLED", "TIMEOUT"; NULL: nothing does. */
const char *strand_stop_word(const struct strand *s);

/* ---- task.c ---- */
/* A task with an account, outside of all queues. NULL: no memory. */
struct task *task_new(struct vm *vm, enum task_kind kind, const struct vm_tool *tool,
                      int64_t memory_bytes);
/* A strand whose stack holds the light C function body. NULL: no memory, and the task is freed. */
struct strand *task_main(struct task *t, lua_CFunction body);
/* Ends it: drops its strands, tells ops->done, then starts its on_end functions or frees it. */
void task_end(struct task *t);
/* Marks it killed; the scheduler ends it. Calls no Lua: legal in callbacks of the loop. */
void task_kill(struct task *t, enum outcome o);
/* From now on; INT64_MAX: for ever. */
void task_set_timeout(struct task *t, int64_t timeout_ms);
/* Starts its timer when it first waits or is preempted. */
void task_arm(struct task *t);
/* Its time stands still between the two, which nest. */
void task_time_stop(struct task *t);
void task_time_go(struct task *t);
void task_free(struct task *t); /* one that never ran, or has ended */

/* ---- call.c: the bodies ---- */
int call_body(lua_State *L);     /* run(args, ctx) of the strand's task */
int function_body(lua_State *L); /* the function and arguments below it on the stack */

/* ---- resume.c ---- */
void strand_run(struct strand *s, int64_t now_us); /* one slice; now_us: clock_mono_us() */
/* Who is to be named if what follows holds the worker. */
void strand_label(const struct strand *s);

/* ---- op.c ---- */
void ops_drop(struct task *t);      /* cancels and releases all that is pending */
void ops_drop_of(struct strand *s); /* likewise, of what s has pushed */
void ops_orphan(struct strand *s);  /* s ends before its task: what it pushed stays with the task */
void op_detach(struct op *op);      /* cancelled: released now, or when its late completion comes */
int op_stopped(lua_State *L, const char *word); /* pushes nil, "cancelled", word */

/* ---- join.c ---- */
void joins_wake(struct task *t);        /* a strand of t has ended: who waits for one looks again */
void strand_orphaned(struct strand *s); /* one that nobody can ask has ended */
extern const struct api_module join_module; /* mcp.spawn, mcp.all, mcp.race */

/* ---- on_end.c ---- */
bool on_end_next(struct task *t); /* starts the next of its on_end functions; false: none is left */

/* ---- ask.c ---- */
/* Completes the table of ctx's methods on top of the stack; once per state, in protected mode. */
void ask_open(lua_State *L);

/* ---- ctx.c ---- */
void ctx_open(lua_State *L);
void ctx_push(lua_State *L, struct task *t);
struct task *ctx_task(lua_State *L); /* the ctx at index 1; raises when its call has ended */
/* Copies what ctx may be asked for after the caller's texts are gone; call_id: another one, or
 * NULL. 0 or MG_E_NOMEM. */
int task_keep_info(struct task *t, const char *call_id) MG_NODISCARD;

/* ---- as_task.c ---- */
/* ctx:as_task; the options are at index 2. */
int task_as_task(lua_State *L, struct task *t);

#endif
