/* job.h - one background job: its place in the queue of its kind, its task, and the object that its
 * function gets.
 * Lifetime: shared by the Lua object and the task; the last one frees it.
 * Threads:  the worker's that started it; others cancel it through the table of jobs. */
#ifndef MG_JOB_H
#define MG_JOB_H
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/job_gates.h"
#include "hub/inflight.h"
#include "vm/module.h"

#define JOB_META "mg.job"
#define JOB_RUN 1 /* user values of the object */
#define JOB_ON_END 2
#define JOB_ID_MAX 180 /* with "job/" before it, the name of a topic */

struct job {
    unsigned refs;
    struct task *task; /* NULL before it is spawned and after it ended */
    const struct vm_services *services;
    struct inflight_entry *entry; /* NULL: not registered */
    struct job_kind *kind;        /* NULL: no limit on its kind */
    bool is_counted;              /* in the metrics, as running */
    bool has_turn;                /* holds a place in the kind's gate */
    bool is_of_tool;              /* counted among the jobs of its tool */
    int64_t timeout_ms;           /* from its turn on */
    int64_t started_ms;
    int64_t progress_due_ms; /* progress: when the pace allows the next at the earliest */
    uint64_t skipped;        /* progress that the pace left out since the last event */
    char topic[sizeof "job/" + JOB_ID_MAX];
    char *id; /* inside topic */
    char tool[JOB_TOOL_NAME_MAX + 1];
};

/* Pushes the object of a new job; its function is at index run, what is to run at its end, or nil,
 * at on_end. NULL: no memory, nothing is pushed. The metatable must exist already. */
struct job *job_push(lua_State *L, const char *id, int run, int on_end);
/* For luaL_setfuncs(): the methods of the object. */
void job_open(lua_State *L);
/* Gives up its places among its kind, its tool and in the table of jobs; idempotent. */
void job_leave(struct job *j);
/* The last one frees it; a job without a task leaves. */
void job_unref(struct job *j);
/* Waits for its turn: `return job_enter(L, j)` -> true, or nil, message, code. */
int job_enter(lua_State *L, struct job *j);

extern const struct task_ops job_task_ops; /* with the job as arg */
void job_cancel(void *job);                /* for inflight_add() */

#endif
