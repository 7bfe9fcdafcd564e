/* notices.h - who is to be told of what changed: of lists (tools, prompts, resources), and of
 * single resources and tasks.
 * A listener is a legacy session, or one subscription of a modern client. What it is to be told is
 * a set and no queue: of each list, and of each resource it subscribed to, the last change alone,
 * each under the listener's next number. So it is bounded however much happens, nothing is lost to
 * a slow or absent client, and what came after number N can be told again. A session's listener
 * lives while the session does and its streams come and go, the newest taking the place of one that
 * is resumed; a subscription's goes with its stream. A feed is the way to one open stream, wherever
 * its connection landed: it belongs to that worker's loop, which is told by mailbox.
 * Threads: any, but a feed's functions: its loop's. One lock, held for look-ups in tables. */
#ifndef MG_NOTICES_H
#define MG_NOTICES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "hub/event_id.h"
#include "io/loop.h"

#define NOTICE_URI_MAX 2048           /* bytes of a resource's URI; longer ones match no resource */
#define NOTICES_MAX_BYTES (64u << 20) /* of all subscriptions; likewise */

enum notice_kind {
    NOTICE_TOOLS,
    NOTICE_PROMPTS,
    NOTICE_RESOURCES,
    NOTICE_UPDATED,
    NOTICE_TASK /* stands otherwise than it did */
};
#define NOTICE_LISTS 3 /* the kinds before NOTICE_UPDATED; sets of them are bits, 1 << kind */

struct notice {
    enum notice_kind kind;
    uint64_t number; /* of this listener: 1, 2, ... */
    size_t len;      /* NOTICE_UPDATED: the URI; NOTICE_TASK: the id */
    char uri[NOTICE_URI_MAX + 1];
};

struct notices_limits {
    uint32_t max_feeds; /* open streams, of which each key has its share (hub/shares.h) */
    uint32_t max_uris;  /* resources and tasks that one listener subscribes to */
};

struct notices;
struct notices *notices_new(const struct notices_limits *limits); /* NULL: no memory */
void notices_free(struct notices *n); /* after all feeds are closed; NULL is legal */
void notices_set_limits(struct notices *n, const struct notices_limits *limits); /* a reload */

/* ---- what happened ---- */

/* changed() says which lists have changed for a principal, as bits; asked once for each. Without
 * memory it is called under the lock. */
void notices_lists(struct notices *n, unsigned (*changed)(void *arg, uint64_t principal),
                   void *arg);
/* The resource of that URI. Costs one atomic load while nobody subscribes to any. */
void notices_updated(struct notices *n, const char *uri, size_t len);
/* The task of that id. Likewise. */
void notices_task(struct notices *n, const char *id, size_t len);

/* ---- legacy sessions: called while the session cannot end (sessions_enter()) ---- */

/* Twice is as good as once. MG_E_LIMIT: too many of this session's, or of all; MG_E_NOMEM. */
int notices_subscribe(struct notices *n, const char *session, uint64_t principal, const char *uri,
                      size_t len) MG_NODISCARD;
void notices_unsubscribe(struct notices *n, const char *session, const char *uri, size_t len);
/* The session has ended: its stream is told, what it subscribed to is forgotten. */
void notices_forget(struct notices *n, const char *session);

/* ---- streams ---- */

struct notice_feed;
struct notice_feed_ops {    /* on the feed's loop; not after notices_close() */
    void (*due)(void *arg); /* notices_next() has something */
    /* MG_E_NOTFOUND: the session has ended. MG_E_CONFLICT: another stream took over. Close now. */
    void (*closed)(void *arg, int code);
};

/* The stream of a session; called as notices_subscribe() is. last_event NULL: what no stream was
 * given yet follows; else all that came behind that event. MG_E_CONFLICT: it has a stream, and this
 * one does not resume it. MG_E_INVALID: last_event is not of this session's stream. MG_E_LIMIT: too
 * many streams; MG_E_NOMEM. */
int notices_open_session(struct notices *n, struct loop *l, const char *session, uint64_t principal,
                         const char *last_event, const struct notice_feed_ops *ops, void *arg,
                         struct notice_feed **out) MG_NODISCARD;

struct notice_filter { /* borrowed */
    unsigned lists;    /* bits */
    const char *const *uris;
    const size_t *uri_lens;
    size_t uri_count;
    const char *const *tasks;
    const size_t *task_lens;
    size_t task_count;
};
/* What its tasks are like it is told at once. MG_E_LIMIT: too many streams, or resources and tasks
 * together; MG_E_NOMEM. */
int notices_open_subscription(struct notices *n, struct loop *l, uint64_t principal,
                              const struct notice_filter *filter, const struct notice_feed_ops *ops,
                              void *arg, struct notice_feed **out) MG_NODISCARD;
void notices_close(struct notice_feed *f); /* NULL is legal */

/* The next one to be told, in order; false: that was all. */
bool notices_next(struct notice_feed *f, struct notice *out);
/* What a client names to go on behind it. number 0: the last one that was given. */
void notices_event_id(const struct notice_feed *f, uint64_t number, char out[static EVENT_ID_SIZE]);

/* Listeners, open streams and subscriptions now: a metrics_source. */
struct buf;
void notices_metrics(void *notices, struct buf *out);

#endif
