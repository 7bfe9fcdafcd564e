/* topic_node.h - the topics themselves: what happened under each, and who listens to it.
 * Private to topics. A node lives while it has a history or a subscriber. A node with a history and
 * without subscribers may leave when room is needed: those stand in the shard's queue, least
 * recently used (published to, or left by the last subscriber) first. Threads: every function wants
 * the shard's lock, but for the totals, which are atomics. */
#ifndef MG_TOPIC_NODE_H
#define MG_TOPIC_NODE_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "hub/topics.h"

#define TOPIC_SHARDS 16
#define TOPIC_NAME_MAX 200
#define TOPIC_PROGRESS_MAX 100
#define TOPIC_AWAITED_PER_KEPT 4 /* nodes with subscribers alone, for each of max_topics */

struct topic_sub;

/* The place of one subscriber in one list. Belongs to the subscriber. */
struct topic_link {
    struct topic_sub *sub;
    struct topic_node *node; /* NULL: in a shard's list of patterns */
    const char *name;        /* borrowed, until it has its node */
    uint64_t hash;
    struct topic_link *prev, *next;
};

struct topic_past { /* one event that was kept */
    struct topic_past *prev, *next;
    struct topic_event *ev;
    bool is_progress;
};

struct topic_node {
    UT_hash_handle hh;
    struct topic_node *prev, *next; /* in the shard's queue, when is_queued */
    bool is_queued;
    uint64_t used;               /* number of the last use */
    struct topic_past *past;     /* oldest first */
    struct topic_past *progress; /* the oldest of its progress events */
    unsigned progress_count;
    struct topic_link *links;
    unsigned name_len;
    char name[];
};

struct topic_shard {
    _Alignas(64) pthread_mutex_t lock;
    struct topic_node *table;
    struct topic_node *queue;
    struct topic_link *patterns;
    atomic_ullong oldest; /* use number of the queue's head; UINT64_MAX: nothing may leave */
};

struct topics {
    struct topics_options limits; /* but max_queue_bytes */
    atomic_uint max_queue_bytes;
    atomic_ullong uses;        /* numbers uses */
    atomic_ullong bytes;       /* held by histories */
    atomic_uint kept, awaited; /* nodes with a history, and without */
    atomic_ullong published, replayed;
    struct topic_shard shards[TOPIC_SHARDS];
};

/* Of a topic or an event. */
bool topic_name_ok(const char *s, size_t *len);
struct topic_shard *topic_shard_of(struct topics *t, uint64_t hash);
struct topic_node *topic_node_find(struct topic_shard *s, const char *name, size_t len,
                                   uint64_t hash);
/* NULL: no memory. The new node has neither history nor subscribers: give it one, or release it. */
struct topic_node *topic_node_add(struct topics *t, struct topic_shard *s, const char *name,
                                  size_t len, uint64_t hash);
/* Frees the node when nothing holds it; else puts it into the queue or takes it out, as is right
 * now. */
void topic_node_settle(struct topics *t, struct topic_shard *s, struct topic_node *n);
/* Takes past over; the oldest progress event leaves when there are too many. */
void topic_node_keep(struct topics *t, struct topic_shard *s, struct topic_node *n,
                     struct topic_past *past);
/* Forgets the oldest event; settle the node afterwards. */
void topic_node_forget(struct topics *t, struct topic_node *n);
/* Forgets the whole history; likewise. */
void topic_node_clear(struct topics *t, struct topic_node *n);

#endif
