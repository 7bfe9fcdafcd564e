/* The one place that resumes a Lua thread. */
#include "vm/state.h"

#include "io/watchdog.h"
#include "vm/outcome.h"

/* The end of a strand's function: of the task, if it is the main one. */
static void strand_ended(struct strand *s, int status)
{
    bool is_failed = status != LUA_OK;
    struct task *t = s->task;
    s->state = STRAND_ENDED;
    s->is_failed = is_failed;
    if (s == t->main) {
        if (is_failed)
            outcome_of_error(t, s, status == LUA_ERRMEM);
        task_end(t);
    } else {
        if (s->is_orphan)
            strand_orphaned(s);
        joins_wake(t);
    }
}

static void slice_ended(struct strand *s, int status)
{
    struct task *t = s->task;
    if (t->is_killed) {
        task_end(t);
    } else if (status != LUA_YIELD) {
        strand_ended(s, status);
    } else if (s->is_dropped) {
        strand_ended(s, LUA_ERRRUN);
    } else {
        if (s->state != STRAND_WAITING) {
            if (s->vm->services.metrics) /* none while the loader runs a file */
                metrics_add(s->vm->services.metrics, M_PREEMPTIONS, 1);
            queue_push(&s->vm->preempted, s);
        }
        if (!t->is_timed)
            task_arm(t);
    }
}

void strand_label(const struct strand *s)
{
    const struct task *t = s->task;
    const struct tool *tool = t->tool ? t->tool->tool : NULL;
    if (s->vm->services.watch)
        watch_label(s->vm->services.watch, tool ? tool->name : "-",
                    t->info && t->info->call_id ? t->info->call_id : "-");
}

void strand_run(struct strand *s, int64_t now_us)
{
    struct vm *vm = s->vm;
    int nargs = s->nargs, results = 0;
    s->nargs = 0;
    s->state = STRAND_RUNNING;
    vm->running = s;
    vm->memory.current = s->task->account;
    vm->slice_us = now_us;
    strand_label(s);
    if (vm->services.watch)
        watch_enter(vm->services.watch, vm->slice_us);
    hook_enter(s);
    int status = lua_resume(s->L, NULL, nargs, &results);
    hook_leave(s);
    if (vm->services.watch)
        watch_leave(vm->services.watch);
    vm->memory.current = 0;
    vm->running = NULL;
    slice_ended(s, status);
    gc_pace(vm);
}
