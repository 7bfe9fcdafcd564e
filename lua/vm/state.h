/* state.h - the machine itself: one lua_State, its tools, its queues. See vm.h for lifetime and
 * threads. */
#ifndef MG_VM_STATE_H
#define MG_VM_STATE_H
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/gc.h"
#include "vm/memory.h"
#include "vm/sources.h"
#include "vm/task.h"
#include "vm/vm.h"

#define SLICE_US (INT64_C(1000) * VM_SLICE_MS)
#define PINNED_US INT64_C(20000) /* of CPU time: longest stay where a strand cannot yield */
#define POOL_MAX 256             /* Lua threads kept for reuse */

struct vm_tool {             /* by struct tool's index */
    const struct tool *tool; /* NULL: this vm could not load it */
    const struct vm_policy *policy;
    int run_ref;
    int settings_ref; /* table of its settings, or LUA_NOREF */
    int every_ref;    /* what runs every_ms after every_ms, or LUA_NOREF */
    int64_t every_ms;
    bool takes_ctx; /* run has a second parameter */
};

struct vm_file {             /* a tool file that is loaded, in order of names */
    struct sources *sources; /* where it and its helpers came from; a reference */
    const struct source *source;
    const struct vm_tool *tool; /* whose grants `start` has; set when all are loaded */
    uint32_t tool_index;
    bool is_loaded, has_tools;
    int start_ref; /* or LUA_NOREF */
};

struct strand_queue {
    struct strand *first, *last;
};

struct vm {
    lua_State *L;
    struct vm_options o; /* what it points to outlives the vm */
    struct vm_services services;
    struct memory memory;
    struct gc gc;
    struct strand main; /* stands for L itself: what every new thread inherits */
    struct strand *running;
    int64_t slice_us, pinned_us; /* begin of the slice; CPU time since when it cannot yield, or 0 */
    struct strand_queue ready, preempted;
    struct strand *pool;
    size_t pooled;
    struct task *tasks, *free_tasks, *dying;
    size_t task_count;
    uint64_t next_serial;
    struct vm_tool *tools;
    size_t tool_count;
    struct vm_file *files;
    size_t file_count;
    struct vm *like; /* while it is loaded: the generation's first, which has all chunks */
    struct buf scratch;  /* a result's JSON, before it is one text block */
    struct buf fitted;   /* arguments or a result as the tool's schema means them */
    struct toolset *set; /* a reference */
    struct gate *const *gates;
    size_t calls_held;   /* bytes */
    struct every *every; /* every.c; NULL: no schedule */
    size_t every_count;
    bool is_loading, is_closing;
    bool is_settled;
    bool is_opening; /* our own code runs, to give a file its modules: however slow a machine is */
    bool is_test;    /* the file that is being loaded is the one of tests */
    int cases;       /* its tests: registry reference of a list of functions, or LUA_NOREF */
    void (*start_failed)(void *arg, const char *file, const char *text);
    void *start_failed_arg;
};

#define SCRATCH_KEPT 65536 /* bytes that the two buffers keep between calls */

/* ---- arguments.c ---- */
/* What the arguments mean under the tool's input schema: *args then points into vm->fitted, which
 * stays until the next call of this. MG_E_INVALID, LIMIT, NOMEM with what the caller is told. */
int arguments_fit(struct vm *vm, const struct tool *tool, struct json_text *args,
                  struct err *e) MG_NODISCARD;

/* ---- every.c ---- */
void every_free(struct vm *vm); /* once no task is left */

/* ---- protect.c ---- */
/* Calls fn(L) with arg as its light userdata argument, in protected mode, on the main thread. Its
 * results are dropped. 0, or MG_E_NOMEM, or MG_E_INVALID with the message. */
int vm_protect(struct vm *vm, lua_CFunction fn, void *arg, struct err *e) MG_NODISCARD;

/* ---- sched.c ---- */
void queue_push(struct strand_queue *q, struct strand *s);
void queue_remove(struct strand_queue *q, struct strand *s);
void strand_ready(struct strand *s); /* to the end of the first queue */

/* ---- hook.c ---- */
void hook_enter(struct strand *s); /* s runs from now on */
void hook_leave(struct strand *s);
void hook_arm(struct vm *vm); /* the running strand is looked at before its next instruction */
void hook_clear(lua_State *L);

#endif
