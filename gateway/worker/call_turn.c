/* When calls start and when they are answered: what comes together runs together, then is answered
 * together, so that each of the three steps finds its code in the processor's caches. */
#include "worker/call_struct.h"

#define TURN_US 10000 /* first slices of one turn; further ones wait for the next */

void call_queue_init(struct call_queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void push(struct call_queue *q, struct call *c)
{
    c->turn_next = NULL;
    *q->last = c;
    q->last = &c->turn_next;
}

static struct call *pop(struct call_queue *q)
{
    struct call *c = q->first;
    if (!c)
        return NULL;
    q->first = c->turn_next;
    if (!q->first)
        q->last = &q->first;
    return c;
}

void call_start_soon(struct call *c) { push(&c->worker->fresh, c); }

void call_answer_soon(struct call *c) { push(&c->worker->over, c); }

/* First slices that arrive together add up: past TURN_US of one turn of HTTP the further ones wait,
 * so that ready strands, timers and streams come in between. */
static void postpone(struct call *c)
{
    struct worker *w = c->worker;
    call_waits(c);
    c->is_late = true;
    c->serving->generation->queued[w->index]++;
    push(&w->late, c);
}

void call_hold_turn(struct worker *w)
{
    for (struct call *c = w->over.first; c; c = c->turn_next)
        call_list(c);
    for (struct call *c; (c = pop(&w->fresh)) != NULL;)
        postpone(c);
}

void call_unpostpone(struct call *c)
{
    struct call_queue *q = &c->worker->late;
    struct call **at = &q->first;
    while (*at != c)
        at = &(*at)->turn_next;
    *at = c->turn_next;
    if (!*at)
        q->last = at;
    c->is_late = false;
    c->serving->generation->queued[c->worker->index]--;
}

static void answer_all(struct worker *w)
{
    for (struct call *c; (c = pop(&w->over)) != NULL;) {
        call_leave_gates(c);
        if (c->tasked)
            call_task_end(c);
        else if (!call_goes_on(c))
            call_answer(c);
    }
}

void call_run_fresh(struct worker *w)
{
    do {
        for (struct call *c; (c = pop(&w->fresh)) != NULL;) {
            if (clock_mono_us() - w->turn_us > TURN_US)
                postpone(c);
            else
                call_run(c);
        }
        answer_all(w);
    } while (w->fresh.first);
}

void call_run_late(struct worker *w)
{
    int64_t until = clock_mono_us() + TURN_US;
    do {
        struct call *c = w->late.first;
        call_unpostpone(c);
        call_run(c);
    } while (w->late.first && clock_mono_us() < until);
    answer_all(w);
    call_run_fresh(w);
}
