/* watchdog.h - one thread that looks at what each worker runs.
 * A worker marks the begin and end of each slice of Lua by two stores. Past `slice_ms`, and again
 * every slice until that slice's number changes, the watchdog signals the worker's thread; the
 * handler (lua/vm/hook.c) arms a hook. Past 1 s the worker is "stuck", past 10 s "long stuck", past
 * stuck_abort_ms the process aborts. Time in which the whole process stood still (SIGSTOP, a paused
 * machine) is not held against a worker. The watchdog sleeps after 1 s without any slice and is
 * woken by the next watch_enter(). Threads: start, stop and set_abort by whoever owns it; the rest
 * by the worker whose slot it is. */
#ifndef MG_WATCHDOG_H
#define MG_WATCHDOG_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

struct watchdog;

struct watch_slot {             /* one per worker, owned by it; registered while the worker runs */
    _Atomic uint32_t seq;       /* odd while a slice runs */
    _Atomic int64_t entered_us; /* CLOCK_MONOTONIC of the current slice's begin */
    pthread_t thread;
    unsigned worker;
    struct watchdog *dog;      /* NULL: unwatched (tests) */
    _Atomic uint64_t label[8]; /* what runs: "TOOL CALL_ID", for the log of a stuck worker */
};

/* The label of what the next slices run, cut at 63 bytes: a tool's name and a call's or job's id. A
 * few relaxed stores. */
#define WATCH_LABEL_SIZE 64
void watch_label(struct watch_slot *s, const char *tool, const char *id);
void watch_label_read(struct watch_slot *s, char out[WATCH_LABEL_SIZE]); /* any thread; may mix two
                                                                            labels */

struct watchdog_options {
    int64_t slice_ms;       /* at least 1 */
    int64_t stuck_abort_ms; /* 60000; 0 = never */
    int signal;             /* sent to the thread; 0 = none (a permanent hook is used instead) */
    int64_t stuck_ms;       /* 0 = 1000; beginning of stage 1 */
    int64_t long_stuck_ms;  /* 0 = 10000; beginning of stage 2 */
    /* On the watchdog's thread, which must not be held up. Stage 1: held over 1 s; 2: over 10 s; 0:
     * it is back, after at most held_ms; 3: the process aborts when this returns. Must not call
     * watchdog_add() or _remove(); comes no more for a worker whose watchdog_remove() has returned.
     */
    void (*stuck)(void *arg, unsigned worker, int stage, int64_t held_ms);
    void *arg;
};

struct watchdog *watchdog_start(const struct watchdog_options *o, struct err *e);
void watchdog_stop(struct watchdog *d);                                  /* NULL is legal */
int watchdog_add(struct watchdog *d, struct watch_slot *s) MG_NODISCARD; /* at most 256 */
void watchdog_remove(struct watchdog *d, struct watch_slot *s);
void watchdog_set_abort(struct watchdog *d, int64_t stuck_abort_ms); /* reload */

/* Begin and end of a slice; now_us is CLOCK_MONOTONIC. One thread, not nested. */
void watch_enter(struct watch_slot *s, int64_t now_us);
void watch_leave(struct watch_slot *s);

#endif
