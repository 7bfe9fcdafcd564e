/* The two queues. New strands and completed waits come first; then one slice of one strand that was
 * preempted before. So another call waits for about one slice, however many tools compute. */
#include "base/clock.h"
#include "vm/state.h"

/* Less room than this after a whole collection is none: each further allocation would cost another
 * one. */
#define SQUEEZED_ENOUGH (INT64_C(64) << 10)

void queue_push(struct strand_queue *q, struct strand *s)
{
    s->next = NULL;
    if (q->last)
        q->last->next = s;
    else
        q->first = s;
    q->last = s;
}

static struct strand *queue_pop(struct strand_queue *q)
{
    struct strand *s = q->first;
    if (s) {
        q->first = s->next;
        if (!q->first)
            q->last = NULL;
    }
    return s;
}

void queue_remove(struct strand_queue *q, struct strand *s)
{
    struct strand *before = NULL;
    for (struct strand *x = q->first; x; before = x, x = x->next) {
        if (x != s)
            continue;
        if (before)
            before->next = s->next;
        else
            q->first = s->next;
        if (q->last == s)
            q->last = before;
        return;
    }
}

void strand_ready(struct strand *s)
{
    s->state = STRAND_READY;
    queue_push(&s->vm->ready, s);
}

bool vm_has_work(const struct vm *vm)
{
    return vm->ready.first || vm->preempted.first || vm->dying || gc_has_work(vm);
}

bool vm_is_computing(const struct vm *vm) { return vm->preempted.first != NULL; }

static void bury(struct vm *vm)
{
    while (vm->dying) {
        struct task *t = vm->dying;
        vm->dying = t->dying;
        t->is_dying = false;
        task_end(t);
    }
}

/* A strand whose task passed its budget goes on when the collector has found enough of it to be
 * garbage; one that only wants more room asks again by itself (slice_need()). Returns whether it
 * may run now; else it is queued again, or its task is dying. */
static bool squeeze(struct strand *s)
{
    struct vm *vm = s->vm;
    struct account *a = &vm->memory.accounts[s->task->account];
    strand_label(s);
    if (!gc_squeeze(vm, &s->gc_ends, SLICE_US)) {
        queue_push(&vm->preempted, s);
        return false;
    }
    if (a->is_over && a->budget - a->used < SQUEEZED_ENOUGH) {
        task_kill(s->task, OUT_NO_MEMORY);
        return false;
    }
    a->is_over = false;
    return true;
}

static void run_preempted(struct vm *vm)
{
    struct strand *s = queue_pop(&vm->preempted);
    if (s && (s->state != STRAND_SQUEEZED || squeeze(s)))
        strand_run(s, clock_mono_us());
}

void vm_run(struct vm *vm)
{
    bury(vm);
    int64_t now = clock_mono_us(), until = now + SLICE_US;
    for (struct strand *s; (s = queue_pop(&vm->ready)) != NULL;) {
        strand_run(s, now);
        now = clock_mono_us();
        if (now >= until)
            break;
    }
    run_preempted(vm);
    bury(vm);
    gc_idle(vm);
}
