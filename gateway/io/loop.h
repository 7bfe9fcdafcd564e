/* loop.h - one thread's event loop: descriptors, timers, messages from other threads.
 * The owner drives it: loop_poll() waits once and runs what is due; what the owner does between two
 * polls (resuming Lua, running libmicrohttpd) is its own business. Threads: everything belongs to
 * the owning thread, but loop_post(), which any thread may call. Callbacks call no Lua. They may
 * start and stop timers and watches, their own too. */
#ifndef MG_LOOP_H
#define MG_LOOP_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"

struct loop;

struct loop *loop_new(struct err *e); /* NULL with the reason */
/* Messages run, closers are called, armed timers and watches are forgotten. Whoever posts has ended
 * before: a thread may still be inside loop_post() when its message has run. NULL is legal. */
void loop_free(struct loop *l);

/* Waits at most max_wait_ms (-1: until something happens; 0: only looks) and runs due timers, ready
 * descriptors and messages. Updates loop_now(). Never waits while messages are queued. */
void loop_poll(struct loop *l, int64_t max_wait_ms);
int64_t loop_now(const struct loop *l); /* monotonic ms, as of the last poll */
int64_t loop_next_due(const struct loop *l); /* of the first timer, monotonic ms; INT64_MAX: none */

/* Timers: intrusive, so that arming one cannot fail. A started timer that is started again moves.
 * The delay counts from the call, however old loop_now() is; a timer never fires early. Not started
 * by its fn: disarmed. */
struct loop_timer {
    struct loop_timer *child, *next, *prev; /* pairing heap; private */
    int64_t due_ms;
    void (*fn)(void *arg);
    void *arg;
    bool armed;
};
void timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, void (*fn)(void *arg),
                 void *arg);
void timer_stop(struct loop *l, struct loop_timer *t); /* legal when not armed, and on a zeroed
                                                          timer */

/* Descriptors. A watch is known by a handle {slot, generation}: an event that was already fetched
 * for a watch that has been removed since is dropped. 0 is never a handle. Events are EPOLL*. */
typedef uint64_t loop_watch_t;
int loop_watch(struct loop *l, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events),
               void *arg, loop_watch_t *out) MG_NODISCARD;
int loop_rewatch(struct loop *l, loop_watch_t handle, uint32_t events) MG_NODISCARD;
void loop_unwatch(struct loop *l, loop_watch_t handle); /* before the descriptor is closed; 0 is
                                                           legal */

/* Any thread: m->run(m) is called on the loop's thread at its next poll, in order of posting. */
void loop_post(struct loop *l, struct mail *m);
/* Wakes the loop if it waits, so that loop_poll() returns. Any thread. */
void loop_wake(struct loop *l);

/* For what only an event would free: fn is called by loop_free(), unless removed before. fn may
 * free c. */
struct loop_closer {
    struct loop_closer *next, **link; /* private */
    void (*fn)(struct loop_closer *c);
};
void loop_closer_add(struct loop *l, struct loop_closer *c, void (*fn)(struct loop_closer *c));
void loop_closer_remove(struct loop_closer *c);

#endif
