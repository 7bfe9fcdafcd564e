/* listener.h - one of those who are told, and what it is to be told. Private to notices.
 * Threads: everything wants the hub's lock. */
#ifndef MG_LISTENER_H
#define MG_LISTENER_H
#include <pthread.h>
#include <stdatomic.h>

#include "base/table.h"
#include "hub/feed.h"
#include "hub/notices.h"
#include "hub/per_key.h"
#include "hub/sessions.h"
#include "hub/shares.h"

struct listener;

/* One resource or task that somebody subscribed to; goes with the last interest in it. Its name:
 * the URI, or this byte, with which none begins, and the task's id. */
#define WATCHED_TASK '\n'
struct watched {
    UT_hash_handle hh;
    struct interest *interests;
    unsigned len;
    char name[];
};

/* Of one listener in one of them. */
struct interest {
    struct listener *listener;
    struct watched *watched;
    uint64_t number;                 /* of the last change; 0: none */
    struct interest *next, *prev;    /* of the resource */
    struct interest *other, *before; /* of the listener */
};

/* All listeners of one principal; goes with the last. */
struct audience {
    struct per_key key;
    uint32_t count;
    unsigned changed; /* lists, while they are told */
};

struct listener {
    UT_hash_handle hh;             /* by session; a subscription is in no table */
    struct listener *prev, *next;  /* all */
    char session[SESSION_ID_SIZE]; /* "": a subscription */
    struct audience *audience;
    uint64_t stream; /* names its stream in event ids */
    unsigned lists;
    uint64_t number; /* that was given to a change last */
    uint64_t told;   /* of the last notice that a stream was given */
    uint64_t changed[NOTICE_LISTS];
    struct interest *interests;
    uint32_t interest_count;
    struct notice_feed *feed; /* NULL: no open stream */
};

struct notices {
    pthread_mutex_t lock;
    struct listener *all, *sessions;
    struct per_key *audiences;
    struct watched *watched;
    struct shares bytes; /* of interests and what they watch */
    struct shares feeds;
    struct notices_limits limits;
    atomic_uint listeners, interests;
};

struct notice_feed {
    struct feed base;
    struct notices *notices;
    const struct notice_feed_ops *ops;
    void *arg;
    uint64_t principal;
    /* With the lock: */
    struct listener *listener; /* NULL: it has lost its place */
    int closed;                /* a negative enum mg_err */
    /* Of the loop's thread: */
    uint64_t stream, told; /* copies, for event ids */
};

/* NULL: no memory. session "": a subscription. */
struct listener *listener_new(struct notices *n, const char *session, uint64_t principal,
                              unsigned lists);
struct listener *listener_find(struct notices *n, const char *session);
void listener_free(struct notices *n, struct listener *l); /* its feed has been taken away */
int listener_add(struct notices *n, struct listener *l, const char *name, size_t len) MG_NODISCARD;
void listener_remove(struct notices *n, struct listener *l, const char *name, size_t len);
/* Gives *place the next number and has the stream told. */
void listener_mark(struct listener *l, uint64_t *place);
/* Is there something to be told? The first of it goes to *out, which may be NULL. */
bool listener_next(const struct listener *l, struct notice *out);

#endif
