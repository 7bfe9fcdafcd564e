#include "limit/gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <utlist.h>

enum { IDLE, WAITING, GIVEN };

/* The waiters of one loop that have been given a place and not been told yet. The message that
 * tells them belongs to the gate, not to a waiter: a waiter that cancels may be freed at once. */
struct gate_desk {
    struct mail mail;
    struct gate *gate;
    struct loop *loop;
    struct gate_waiter *given;
    bool is_posted;
    struct gate_desk *next;
};

struct gate {
    atomic_uint limit; /* 0 = none */
    atomic_uint used;
    atomic_uint waiting; /* length of the queue: who enters or leaves looks here before locking */
    pthread_mutex_t lock;
    struct gate_waiter *queue;
    struct gate_desk *desks;
    unsigned refs; /* the owner's, and one per message under way */
};

struct gate *gate_new(uint32_t limit)
{
    struct gate *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    atomic_init(&g->limit, limit);
    pthread_mutex_init(&g->lock, NULL);
    g->refs = 1;
    return g;
}

/* With the lock, which is let go. */
static void gate_unref_unlock(struct gate *g)
{
    struct gate_desk *desk;
    bool is_last = --g->refs == 0;

    pthread_mutex_unlock(&g->lock);
    if (!is_last)
        return;
    while ((desk = g->desks) != NULL) {
        g->desks = desk->next;
        free(desk);
    }
    pthread_mutex_destroy(&g->lock);
    free(g);
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    pthread_mutex_lock(&g->lock);
    gate_unref_unlock(g);
}

uint32_t gate_used(struct gate *g) { return atomic_load(&g->used); }

static bool place_take(struct gate *g)
{
    unsigned limit = atomic_load(&g->limit), used = atomic_load(&g->used);

    while (limit == 0 || used < limit)
        if (atomic_compare_exchange_weak(&g->used, &used, used + 1))
            return true;
    return false;
}

/* On the loop: tells the waiters one by one; each may cancel others, enter again or free itself. */
static void desk_run(struct mail *m)
{
    struct gate_desk *desk = (struct gate_desk *)m;
    struct gate *g = desk->gate;
    struct gate_waiter *w;

    pthread_mutex_lock(&g->lock);
    desk->is_posted = false;
    while ((w = desk->given) != NULL) {
        DL_DELETE(desk->given, w);
        w->state = IDLE;
        pthread_mutex_unlock(&g->lock);
        w->entered(w);
        pthread_mutex_lock(&g->lock);
    }
    gate_unref_unlock(g);
}

/* NULL: no memory. With the lock. */
static struct gate_desk *desk_of(struct gate *g, struct loop *l)
{
    struct gate_desk *desk;

    for (desk = g->desks; desk; desk = desk->next)
        if (desk->loop == l)
            return desk;
    desk = calloc(1, sizeof *desk);
    if (!desk)
        return NULL;
    desk->mail.run = desk_run;
    desk->gate = g;
    desk->loop = l;
    desk->next = g->desks;
    g->desks = desk;
    return desk;
}

/* Gives free places to those who wait longest. With the lock. */
static void places_give(struct gate *g)
{
    while (g->queue && place_take(g)) {
        struct gate_waiter *w = g->queue;
        struct gate_desk *desk = desk_of(g, w->loop); /* there since it began to wait */

        DL_DELETE(g->queue, w);
        atomic_fetch_sub(&g->waiting, 1);
        w->state = GIVEN;
        DL_APPEND(desk->given, w);
        if (!desk->is_posted) {
            desk->is_posted = true;
            g->refs++;
            loop_post(desk->loop, &desk->mail);
        }
    }
}

bool gate_enter(struct gate *g, struct gate_waiter *w)
{
    if (atomic_load(&g->waiting) == 0 && place_take(g))
        return true;
    if (!w)
        return false;
    pthread_mutex_lock(&g->lock);
    w->gate = g;
    w->state = WAITING;
    if (!desk_of(g, w->loop)) {
        /* No memory to wait with: it waits in vain, until it cancels. */
        w->state = IDLE;
        pthread_mutex_unlock(&g->lock);
        return false;
    }
    DL_APPEND(g->queue, w);
    /* Who leaves counts down and then looks at `waiting`; this counts up and then looks for a
     * place: so a place that becomes free now is seen by one of the two. */
    atomic_fetch_add(&g->waiting, 1);
    places_give(g);
    pthread_mutex_unlock(&g->lock);
    return false;
}

bool gate_cancel(struct gate_waiter *w)
{
    struct gate *g = w->gate;

    pthread_mutex_lock(&g->lock);
    bool has_place = w->state == GIVEN;
    if (has_place) {
        DL_DELETE(desk_of(g, w->loop)->given, w);
    } else if (w->state == WAITING) {
        DL_DELETE(g->queue, w);
        atomic_fetch_sub(&g->waiting, 1);
    }
    w->state = IDLE;
    pthread_mutex_unlock(&g->lock);
    return !has_place;
}

void gate_leave(struct gate *g)
{
    atomic_fetch_sub(&g->used, 1);
    if (atomic_load(&g->waiting) == 0)
        return;
    pthread_mutex_lock(&g->lock);
    places_give(g);
    pthread_mutex_unlock(&g->lock);
}

void gate_set_limit(struct gate *g, uint32_t limit)
{
    pthread_mutex_lock(&g->lock);
    atomic_store(&g->limit, limit);
    places_give(g);
    pthread_mutex_unlock(&g->lock);
}
