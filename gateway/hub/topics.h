/* topics.h - events by topic: late subscribers get what already happened, then what happens live.
 * An event is one ready SSE frame, reference-counted, made once and shared by all streams.
 * History is kept for topics with a '/' (job/ID, canary/ID): every event but "progress", and the
 * last 100 of those; at most max_topics topics, least recently published leaves (topics with
 * subscribers stay), at most max_bytes in all. Patterns a subscriber may name: a topic, "jobs" =
 * job/ *, "canaries" = canary/ *, "*" = all; replay is given for exact topics only. Threads: any;
 * sharded locks. Delivery goes to the subscriber's loop by mailbox, in order, nothing twice. */
#ifndef MG_TOPICS_H
#define MG_TOPICS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct topics;
struct topics_options {
    uint32_t max_topics;         /* 10000 */
    uint64_t max_bytes;          /* 64 MB */
    uint32_t max_topics_per_sub; /* 64 */
    /* per subscriber, undelivered: over it the subscription is closed with MG_E_LIMIT */
    uint32_t max_queue_bytes;
};
struct topics *topics_new(const struct topics_options *o); /* NULL: no memory */
void topics_free(struct topics *t);                        /* after all subscribers are closed */

/* For those who subscribe from now on: a reload. */
void topics_set_max_queue(struct topics *t, uint32_t max_queue_bytes);

struct topic_event {
    atomic_uint refs;
    uint32_t len;
    char frame[]; /* "event: E\ndata: {...}\n\n" */
};
struct topic_event *topic_event_ref(struct topic_event *ev);
void topic_event_unref(struct topic_event *ev);

/* data is one line of JSON. event and topic: 1 to 200 bytes of [A-Za-z0-9_.:/-]. */
int topics_publish(struct topics *t, const char *topic, const char *event, const char *data,
                   size_t len) MG_NODISCARD;

/* Is anything kept that a late subscriber of this topic would get? */
bool topics_has_history(struct topics *t, const char *topic);

struct topic_sub;
struct topic_sub_ops { /* on the subscriber's loop; not after topics_unsubscribe() */
    void (*event)(void *arg, struct topic_event *ev); /* borrowed; ref it to keep it */
    void (*closed)(void *arg, int code); /* it was too slow, or memory ran out; unsubscribe now */
};
/* Replay is queued before any live event. */
struct topic_sub *topics_subscribe(struct topics *t, struct loop *l, const char *const *patterns,
                                   size_t n, const struct topic_sub_ops *ops, void *arg,
                                   struct err *e);
void topics_unsubscribe(struct topic_sub *s); /* on its loop; NULL is legal */

/* Events published and replayed so far, topics and bytes held: a metrics_source. */
struct buf;
void topics_metrics(void *topics, struct buf *out);

#endif
