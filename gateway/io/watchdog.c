#include "io/watchdog.h"

#include "base/clock.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORKERS_MAX 256
#define IDLE_US 1000000 /* without a slice for so long: sleep until one begins */
#define STILL_US 500000 /* so late itself: the process stood still */

struct watched {
    struct watch_slot *slot;
    uint32_t seq; /* of the slice that the rest tells of */
    int stage;
    int64_t entered_us;
    int64_t excused_us; /* part of the slice in which nobody could run */
    int64_t next_signal_us;
};

struct watchdog {
    struct watchdog_options o;
    _Atomic int64_t abort_us; /* 0 = never */
    atomic_bool asleep;
    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;
    bool stopping;
    unsigned n;
    struct watched watched[WORKERS_MAX];
};

/* ---- the worker's side ---- */

static void wake(struct watchdog *d)
{
    pthread_mutex_lock(&d->lock);
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

void watch_enter(struct watch_slot *s, int64_t now_us)
{
    uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);
    atomic_store_explicit(&s->entered_us, now_us, memory_order_release);
    /* Sequentially consistent, as is the load: the watchdog sets asleep and then looks at seq, so
     * that one of the two sees the other. */
    atomic_store(&s->seq, seq + 1);
    if (s->dog && atomic_load(&s->dog->asleep) && atomic_exchange(&s->dog->asleep, false))
        wake(s->dog);
}

void watch_leave(struct watch_slot *s)
{
    uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);
    atomic_store_explicit(&s->seq, seq + 1, memory_order_release);
}

/* ---- looking ---- */

/* A slice's number and begin that belong together; false when it changed under our eyes. */
static bool read_slot(struct watch_slot *s, uint32_t *seq, int64_t *entered_us)
{
    *seq = atomic_load(&s->seq);
    *entered_us = atomic_load_explicit(&s->entered_us, memory_order_acquire);
    return atomic_load_explicit(&s->seq, memory_order_relaxed) == *seq;
}

static void tell(struct watchdog *d, const struct watched *w, int stage, int64_t held_us)
{
    if (d->o.stuck)
        d->o.stuck(d->o.arg, w->slot->worker, stage, held_us / 1000);
}

static void judge(struct watchdog *d, struct watched *w, int64_t now_us)
{
    int64_t held_us = now_us - w->entered_us - w->excused_us;
    int64_t abort_us = atomic_load_explicit(&d->abort_us, memory_order_relaxed);
    if (held_us >= d->o.slice_ms * 1000 && now_us >= w->next_signal_us) {
        w->next_signal_us = now_us + d->o.slice_ms * 1000;
        if (d->o.signal)
            (void)pthread_kill(w->slot->thread, d->o.signal);
    }
    int stage = held_us >= d->o.long_stuck_ms * 1000 ? 2 : held_us >= d->o.stuck_ms * 1000 ? 1 : 0;
    while (w->stage < stage)
        tell(d, w, ++w->stage, held_us);
    if (abort_us > 0 && held_us >= abort_us) {
        tell(d, w, 3, held_us);
        abort();
    }
}

/* Looks at one worker. Returns whether a slice runs or has run since the last look; *due_us becomes
 * the time of the next look if that is earlier. */
static bool look(struct watchdog *d, struct watched *w, int64_t now_us, int64_t late_us,
                 int64_t *due_us)
{
    uint32_t seq;
    int64_t entered_us;
    if (!read_slot(w->slot, &seq, &entered_us))
        return true;
    bool changed = seq != w->seq;
    if (changed) {
        if (w->stage > 0)
            tell(d, w, 0, now_us - w->entered_us - w->excused_us);
        *w = (struct watched){ .slot = w->slot, .seq = seq, .entered_us = entered_us };
    }
    if (!(seq & 1))
        return changed;
    if (late_us > STILL_US && !changed)
        w->excused_us += late_us;
    judge(d, w, now_us);
    int64_t next_us = w->entered_us + w->excused_us + d->o.slice_ms * 1000;
    if (next_us < w->next_signal_us)
        next_us = w->next_signal_us;
    if (next_us < *due_us)
        *due_us = next_us;
    return true;
}

static bool look_at_all(struct watchdog *d, int64_t now_us, int64_t late_us, int64_t *due_us)
{
    bool busy = false;
    for (unsigned i = 0; i < d->n; i++)
        busy |= look(d, &d->watched[i], now_us, late_us, due_us);
    return busy;
}

static void sleep_until(struct watchdog *d, int64_t due_us)
{
    struct timespec ts = { .tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000 };
    (void)pthread_cond_timedwait(&d->wake, &d->lock, &ts);
}

/* Until a slice begins. The flag first, then one more look: see watch_enter(). */
static void sleep_idle(struct watchdog *d)
{
    int64_t due_us = INT64_MAX;
    atomic_store(&d->asleep, true);
    if (!look_at_all(d, clock_mono_us(), 0, &due_us)) {
        while (atomic_load(&d->asleep) && !d->stopping)
            pthread_cond_wait(&d->wake, &d->lock);
    }
    atomic_store(&d->asleep, false);
}

static void *watch(void *arg)
{
    struct watchdog *d = arg;
    pthread_mutex_lock(&d->lock);
    int64_t busy_us = clock_mono_us(), due_us = busy_us;
    while (!d->stopping) {
        int64_t now_us = clock_mono_us();
        int64_t late_us = now_us - due_us;
        due_us = now_us + d->o.slice_ms * 1000;
        if (look_at_all(d, now_us, late_us, &due_us))
            busy_us = now_us;
        if (now_us - busy_us < IDLE_US) {
            sleep_until(d, due_us);
        } else {
            sleep_idle(d);
            busy_us = due_us = clock_mono_us();
        }
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* ---- start and stop ---- */

static int start_thread(struct watchdog *d)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&d->thread, NULL, watch, d);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0)
        (void)pthread_setname_np(d->thread, "mg-watchdog");
    return rc;
}

struct watchdog *watchdog_start(const struct watchdog_options *o, struct err *e)
{
    struct watchdog *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(e, MG_E_NOMEM, "no memory for the watchdog");
        return NULL;
    }
    d->o = *o;
    if (d->o.slice_ms < 1)
        d->o.slice_ms = 1;
    if (d->o.stuck_ms == 0)
        d->o.stuck_ms = 1000;
    if (d->o.long_stuck_ms == 0)
        d->o.long_stuck_ms = 10000;
    watchdog_set_abort(d, o->stuck_abort_ms);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&d->lock, NULL);
    int rc = start_thread(d);
    if (rc != 0) {
        err_set(e, MG_E_LIMIT, "cannot start the watchdog's thread: %s", strerror(rc));
        pthread_cond_destroy(&d->wake);
        pthread_mutex_destroy(&d->lock);
        free(d);
        return NULL;
    }
    return d;
}

void watchdog_stop(struct watchdog *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

int watchdog_add(struct watchdog *d, struct watch_slot *s)
{
    pthread_mutex_lock(&d->lock);
    int rc = d->n < WORKERS_MAX ? 0 : MG_E_LIMIT;
    if (rc == 0) {
        d->watched[d->n++] = (struct watched){ .slot = s,
                                               .seq = atomic_load(&s->seq),
                                               .entered_us = atomic_load(&s->entered_us) };
        s->dog = d;
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

void watchdog_remove(struct watchdog *d, struct watch_slot *s)
{
    pthread_mutex_lock(&d->lock);
    for (unsigned i = 0; i < d->n; i++) {
        if (d->watched[i].slot == s) {
            d->watched[i] = d->watched[--d->n];
            break;
        }
    }
    s->dog = NULL;
    pthread_mutex_unlock(&d->lock);
}

void watchdog_set_abort(struct watchdog *d, int64_t stuck_abort_ms)
{
    atomic_store(&d->abort_us, stuck_abort_ms > INT64_MAX / 1000 ? 0 : stuck_abort_ms * 1000);
}
