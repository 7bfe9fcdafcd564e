/* eventstream.h - the life of an event stream: an exchange that stays open, until its client goes,
 * its key is gone or has expired, or the gateway drains. What feeds it is its owner's: of topics,
 * notices, a call or a client of the 2024-11-05 transport.
 * Lifetime: embedded as the first member of the owner's struct, on the heap; ops->free() frees it,
 * once, whatever ended it, when the exchange has been given back. Threads: the worker's. */
#ifndef MG_EVENTSTREAM_H
#define MG_EVENTSTREAM_H
#include "io/loop.h"
#include "worker/access.h"

struct worker;
struct principal;
struct eventstream;

#define EVENTSTREAM_RETRY_MS 1000 /* when a client that lost its stream is to come back */
#define EVENTSTREAM_FIRST_SIZE 120
/* What a stream that can be resumed begins with. is_primed: an event of that id without data, the
 * priming event; older clients would take its empty data for a message. Returns its length. */
size_t eventstream_first(bool is_primed, const char *id, char out[static EVENTSTREAM_FIRST_SIZE]);

struct eventstream_ops {
    /* The gateway ends it: what is said before. NULL: nothing. */
    void (*farewell)(struct eventstream *s);
    void (*free)(struct eventstream *s);
    /* The gateway drains; it ends by itself, now or when its calls are over. NULL: it is ended. */
    void (*drain)(struct eventstream *s);
};

struct eventstream {
    struct eventstream *next, **prev; /* worker's; prev NULL: not open */
    const struct eventstream_ops *ops;
    struct worker *worker;
    struct exchange *x;
    uint64_t principal; /* whose key opened it; a number, because keyrings are replaced */
    int64_t expires_ms; /* of that key, wall clock; 0 = never */
    struct loop_timer ends;
};

void eventstream_init(struct eventstream *s, struct worker *w, struct exchange *x,
                      const struct principal *p, const struct eventstream_ops *ops);
/* Turns the request into the stream; first is what it begins with. a: writes the request's log
 * line; NULL: that is another's business. False: the exchange was dropped and s freed. */
bool eventstream_open(struct eventstream *s, const struct access *a, const char *first, size_t len);
/* Queues one event, or several; false: the stream is being closed, its client's end follows. */
bool eventstream_send(struct eventstream *s, const char *events, size_t len);
/* Likewise, and however long it is: of what is said only while nothing else is queued. */
bool eventstream_send_whole(struct eventstream *s, const char *events, size_t len);
/* The gateway ends it in order: farewell, then what is queued, then the end. s is freed. */
void eventstream_end(struct eventstream *s);
void eventstream_drop(struct eventstream *s); /* the connection is closed at once. s is freed */

void eventstreams_judge_all(struct worker *w); /* ends those whose key is gone */
void eventstreams_end_all(struct worker *w);   /* drain: what has nothing to wait for ends */

#endif
