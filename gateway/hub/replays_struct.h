/* replays_struct.h - the inside of replays, shared by the files that keep, read and forget them.
 * Private to the hub. Threads: everything wants the lock. */
#ifndef MG_REPLAYS_STRUCT_H
#define MG_REPLAYS_STRUCT_H
#include <pthread.h>
#include <stdatomic.h>

#include "base/table.h"
#include "hub/feed.h"
#include "hub/replays.h"
#include "hub/session_items.h"
#include "hub/shares.h"

struct replay_event {
    struct replay_event *next;
    uint64_t number;
    size_t len;
    bool must;
    char text[]; /* as it is sent */
};

struct replay {
    UT_hash_handle hh; /* by stream */
    struct replays *all;
    struct session_item item; /* of none: its session has ended; nothing is kept */
    uint64_t principal;
    struct replay *over_next, *over_prev;
    uint64_t stream;
    uint64_t number; /* of the last event */
    uint64_t told;   /* of the last that a connection was given */
    struct replay_event *first, **last;
    size_t bytes;     /* of all events */
    size_t may_bytes; /* of those that may be missed */
    struct replay_feed *feed;
    struct replay_event *due; /* the first that its feed was not given */
    uint64_t paused_at;       /* the connection ends behind that event */
    uint32_t retry_ms;        /* 0: it is not paused */
    bool has_answer;          /* one of those that wait for their clients */
    bool is_over;
    int64_t over_ms;
};

struct replay_feed {
    struct feed base;
    struct replays *all;
    const struct replay_feed_ops *ops;
    void *arg;
    struct replay *replay; /* NULL: it has lost its place */
};

struct replays {
    pthread_mutex_t lock;
    struct replay *streams;
    struct session_items *sessions;
    struct replay *over; /* the oldest first */
    size_t max_bytes;
    struct shares bytes;
    struct shares waiting; /* how many have an answer and wait */
    uint64_t left_out;
    atomic_uint count; /* of streams */
};

/* Frees it and what it holds; its feed, if any, is told. */
void replay_remove(struct replay *one);
void replay_lose_feed(struct replay *one);
/* Makes room: what is over of that principal leaves until he has no more than his shares. */
void replays_bound(struct replays *r, uint64_t principal);

#endif
