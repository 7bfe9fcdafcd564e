/* topic_sub.h - one subscriber: what it listens to, and its queue.
 * Private to topics. Publishers reach a subscriber through its links only, under the lock of a
 * shard; so once all links are taken out nobody but its loop and its own message can know it.
 * Locks: a shard's, then the subscriber's. */
#ifndef MG_TOPIC_SUB_H
#define MG_TOPIC_SUB_H
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/topic_node.h"

enum { TOPIC_ALL = 1, TOPIC_JOBS = 2, TOPIC_CANARIES = 4 };

struct topic_queue {
    struct topic_event **ev;
    size_t count, cap;
};

struct topic_sub {
    struct mail mail;
    struct topics *topics;
    struct loop *loop;
    const struct topic_sub_ops *ops;
    void *arg;
    unsigned patterns;   /* TOPIC_* */
    uint64_t live_bytes; /* as much may be queued once the past has been delivered */

    pthread_mutex_t lock; /* the next five */
    struct topic_queue queue;
    uint64_t bytes, max_bytes;
    bool is_posted;
    int closed; /* a negative enum mg_err: nothing is queued any more */

    bool is_draining, is_dead; /* the loop's thread only */
    struct topic_queue spare;  /* likewise */

    struct topic_link *pattern_links; /* one for each shard; NULL without patterns, as most are */
    size_t count;
    struct topic_link links[]; /* one for each exact topic */
};

/* NULL: no memory. */
struct topic_sub *topic_sub_new(struct topics *t, struct loop *l, size_t max_links);
/* Nobody refers to it. */
void topic_sub_free(struct topic_sub *s);
/* Room for n events, so that pushing that many cannot fail. */
int topic_sub_reserve(struct topic_sub *s, size_t n) MG_NODISCARD;
/* Past events: they count, but are let in however many bytes they are. */
void topic_sub_replay(struct topic_sub *s, struct topic_event *ev);
/* A live event. Closes the subscription when it is too slow or memory runs out. */
void topic_sub_push(struct topic_sub *s, struct topic_event *ev);
/* Has its loop told that something is queued, once per burst. */
void topic_sub_wake(struct topic_sub *s);
/* No link is left; its loop's thread. */
void topic_sub_leave(struct topic_sub *s);
bool topic_sub_has(const struct topic_sub *s, const struct topic_node *n);

#endif
