#include <lauxlib.h>

#include "base/clock.h"
#include "vm/ask_record.h"
#include "vm/outcome.h"
#include "vm/state.h"

#include <stdlib.h>
#include <string.h>

struct task *task_new(struct vm *vm, enum task_kind kind, const struct vm_tool *tool,
                      int64_t memory_bytes)
{
    struct task *t = vm->free_tasks;
    if (t)
        vm->free_tasks = t->next;
    else if (!(t = malloc(sizeof *t)))
        return NULL;
    int64_t account = memory_open(&vm->memory, memory_bytes);
    if (account < 0) {
        t->next = vm->free_tasks;
        vm->free_tasks = t;
        return NULL;
    }
    *t = (struct task){
        .vm = vm,
        .next = vm->tasks,
        .prev = &vm->tasks,
        .serial = ++vm->next_serial,
        .kind = kind,
        .tool = tool,
        .account = (uint32_t)account,
        .deadline_ms = INT64_MAX,
        .on_end = LUA_NOREF,
    };
    if (vm->tasks)
        vm->tasks->prev = &t->next;
    vm->tasks = t;
    vm->task_count++;
    return t;
}

struct strand *task_main(struct task *t, lua_CFunction body)
{
    struct strand *s = strand_new(t->vm, t);
    if (!s) {
        task_free(t);
        return NULL;
    }
    t->main = s;
    lua_pushcfunction(s->L, body);
    return s;
}

void task_free(struct task *t)
{
    struct vm *vm = t->vm;
    if (t->on_end != LUA_NOREF)
        luaL_unref(vm->L, LUA_REGISTRYINDEX, t->on_end);
    tool_result_fini(&t->result);
    free(t->identity);
    ask_record_free(t->record);
    gc_expect(vm, vm->memory.accounts[t->account].used);
    memory_close(&vm->memory, t->account);
    *t->prev = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->serial = 0;
    t->next = vm->free_tasks;
    vm->free_tasks = t;
    vm->task_count--;
}

static void drop_strands(struct task *t)
{
    struct vm *vm = t->vm;
    while (t->strands) {
        struct strand *s = t->strands;
        t->strands = s->sibling;
        if (s->state == STRAND_READY)
            queue_remove(&vm->ready, s);
        else if (s->state == STRAND_PREEMPTED || s->state == STRAND_SQUEEZED)
            queue_remove(&vm->preempted, s);
        if (s->is_failed && !s->is_dropped && s != t->main && !t->is_killed)
            outcome_log_strand(t, s);
        strand_free(s, s->state == STRAND_ENDED && !s->is_failed && !t->is_killed);
    }
    t->strand_count = 0;
    t->main = NULL;
}

static void dying_remove(struct task *t)
{
    struct task **at = &t->vm->dying;
    while (*at != t)
        at = &(*at)->dying;
    *at = t->dying;
    t->is_dying = false;
}

/* The call's own end, before its on_end functions. */
static void tell(struct task *t)
{
    t->is_ended = true;
    t->outcome = t->result.outcome;
    if (t->ops)
        t->ops->done(t->ops_arg, &t->result, t->wait_seq);
    t->ops = NULL;
    if (t->ended)
        t->ended(t);
}

void task_end(struct task *t)
{
    if (t->is_dying)
        dying_remove(t);
    if (t->timer.armed)
        timer_stop(t->vm->services.loop, &t->timer);
    outcome_settle(t);
    t->result.cannot_ask = t->cannot_ask && t->result.outcome == OUT_TOOL_ERROR;
    ops_drop(t);
    drop_strands(t);
    if (!t->is_ended)
        tell(t);
    if (!on_end_next(t))
        task_free(t);
}

void task_kill(struct task *t, enum outcome o)
{
    if (t->is_killed)
        return;
    t->is_killed = true;
    t->kill_outcome = o;
    struct vm *vm = t->vm;
    if (vm->running && vm->running->task == t)
        return; /* ended after its slice */
    t->is_dying = true;
    t->dying = vm->dying;
    vm->dying = t;
    if (vm->services.loop)
        loop_wake(vm->services.loop);
}

int64_t task_grace_ms(const struct vm *vm) { return vm->o.grace_ms ? vm->o.grace_ms : 2000; }

static void grace_over(void *arg)
{
    struct task *t = arg;
    task_kill(t, t->why == TASK_TIMEOUT ? OUT_TIMEOUT : OUT_CANCELLED);
}

void task_cancel(struct task *t, enum task_stop why)
{
    if (t->is_stopping || t->is_killed || t->is_ended)
        return;
    t->is_stopping = true;
    t->is_timed = true;
    t->why = why;
    for (struct strand *s = t->strands; s; s = s->sibling)
        strand_interrupt(s);
    if (t->vm->services.loop)
        timer_start(t->vm->services.loop, &t->timer, task_grace_ms(t->vm), grace_over, t);
}

static void deadline_passed(void *arg)
{
    struct task *t = arg;
    if (t->is_ended)
        task_kill(t, OUT_TIMEOUT); /* an on_end function */
    else
        task_cancel(t, TASK_TIMEOUT);
}

static void set_timeout(struct task *t, int64_t timeout_ms, int64_t now_ms)
{
    t->timeout_ms = timeout_ms;
    t->deadline_ms = timeout_ms == INT64_MAX ? INT64_MAX : now_ms + timeout_ms;
}

void task_set_timeout(struct task *t, int64_t timeout_ms)
{
    set_timeout(t, timeout_ms, clock_mono_ms());
}

void task_arm(struct task *t)
{
    t->is_timed = true;
    /* meta is the caller's only until task_start() returns */
    if (t->info && t->info->meta.type != JSON_NONE && !t->identity && task_keep_info(t, NULL) != 0)
        task_kill(t, OUT_NO_MEMORY);
    struct loop *loop = t->vm->services.loop;
    if (!loop || t->deadline_ms == INT64_MAX)
        return;
    int64_t left = t->deadline_ms - clock_mono_ms();
    timer_start(loop, &t->timer, left > 0 ? left : 0, deadline_passed, t);
}

void task_time_stop(struct task *t)
{
    if (t->asking++ > 0 || t->is_stopping)
        return;
    t->left_ms = t->deadline_ms == INT64_MAX ? INT64_MAX : t->deadline_ms - clock_mono_ms();
    t->deadline_ms = INT64_MAX;
    if (t->timer.armed)
        timer_stop(t->vm->services.loop, &t->timer);
}

void task_time_go(struct task *t)
{
    if (--t->asking > 0 || t->is_stopping || t->is_killed || t->left_ms == INT64_MAX)
        return;
    t->deadline_ms = clock_mono_ms() + t->left_ms;
    if (t->is_timed)
        task_arm(t);
}

void task_restart_timeout(struct task *t, int64_t timeout_ms)
{
    if (t->is_stopping || t->is_ended)
        return;
    task_set_timeout(t, timeout_ms);
    if (t->is_timed)
        task_arm(t);
}

static void refuse(const struct task_ops *ops, void *arg, const char *text)
{
    struct tool_result r = { 0 };
    tool_result_text(&r, OUT_TOOL_ERROR, true, text, strlen(text));
    ops->done(arg, &r, 0);
    tool_result_fini(&r);
}

struct task *task_start(struct vm *vm, uint32_t index, const struct task_info *i,
                        const struct task_ops *ops, void *arg)
{
    const struct vm_tool *tool = index < vm->tool_count ? &vm->tools[index] : NULL;
    if (!tool || !tool->tool || vm->is_closing) {
        refuse(ops, arg, "the tool is not available now");
        return NULL;
    }
    struct json_text args = i->args;
    struct err e; /* of half a kilobyte: set only when it is read */
    if (arguments_fit(vm, tool->tool, &args, &e) != 0) {
        refuse(ops, arg, e.text);
        return NULL;
    }
    uint64_t memory = i->memory_bytes ? i->memory_bytes : tool->tool->memory_bytes;
    int64_t timeout = i->timeout_ms ? i->timeout_ms : tool->tool->timeout_ms;
    struct task *t = task_new(vm, TASK_CALL, tool, (int64_t)memory);
    struct strand *s = t ? task_main(t, call_body) : NULL;
    if (!s) {
        refuse(ops, arg, "the gateway is out of memory");
        return NULL;
    }
    t->info = i;
    t->args = args;
    t->ops = ops;
    t->ops_arg = arg;
    int64_t now_us = clock_mono_us(); /* behind the check of its arguments, which is not its time */
    set_timeout(t, timeout, clock_ms_of(now_us));
    uint64_t serial = t->serial;
    strand_run(s, now_us);
    /* done() may have started another call in the same struct. */
    return t->serial == serial && !t->is_ended ? t : NULL;
}

int64_t task_deadline(const struct task *t) { return t->deadline_ms; }

bool task_is_cancelled(const struct task *t) { return t->is_stopping; }

void task_wait_for(struct task *t, uint64_t seq)
{
    if (seq > t->wait_seq)
        t->wait_seq = seq;
}

uint64_t task_wait_seq(const struct task *t) { return t->wait_seq; }
