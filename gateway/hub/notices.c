#include "hub/notices.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "hub/listener.h"

#define ALL_LISTS ((1u << NOTICE_LISTS) - 1)

/* ---- life ---- */

struct notices *notices_new(const struct notices_limits *limits)
{
    struct notices *n = calloc(1, sizeof *n);

    if (!n)
        return NULL;
    pthread_mutex_init(&n->lock, NULL);
    shares_set_max(&n->bytes, NOTICES_MAX_BYTES);
    notices_set_limits(n, limits);
    return n;
}

void notices_free(struct notices *n)
{
    if (!n)
        return;
    while (n->all)
        listener_free(n, n->all);
    shares_fini(&n->bytes);
    shares_fini(&n->feeds);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

void notices_set_limits(struct notices *n, const struct notices_limits *limits)
{
    pthread_mutex_lock(&n->lock);
    n->limits = *limits;
    shares_set_max(&n->feeds, limits->max_feeds);
    pthread_mutex_unlock(&n->lock);
}

/* ---- what happened ---- */

struct verdict {
    uint64_t principal;
    unsigned lists;
};

/* Those who are there, each once. NULL: nobody is, or there is no memory. */
static struct verdict *audiences_copy(struct notices *n, size_t *count)
{
    pthread_mutex_lock(&n->lock);
    *count = HASH_COUNT(n->audiences);
    struct verdict *all = *count ? calloc(*count, sizeof *all) : NULL, *v = all;
    for (struct per_key *a = n->audiences; a && all; a = a->hh.next)
        (v++)->principal = a->principal;
    pthread_mutex_unlock(&n->lock);
    return all;
}

/* With the lock. */
static void lists_tell(struct notices *n)
{
    for (struct listener *l = n->all; l; l = l->next) {
        unsigned lists = l->lists & l->audience->changed;
        for (unsigned k = 0; k < NOTICE_LISTS; k++)
            if (lists & (1u << k))
                listener_mark(l, &l->changed[k]);
    }
    for (struct per_key *a = n->audiences; a; a = a->hh.next)
        ((struct audience *)a)->changed = 0;
}

/* Comparing lists takes long, so it is done once for each principal and without the lock. Whoever
 * comes meanwhile finds the new lists. */
void notices_lists(struct notices *n, unsigned (*changed)(void *arg, uint64_t principal), void *arg)
{
    size_t count = 0;

    if (atomic_load(&n->listeners) == 0)
        return;
    struct verdict *all = audiences_copy(n, &count);
    for (size_t i = 0; i < count && all; i++)
        all[i].lists = changed(arg, all[i].principal);
    pthread_mutex_lock(&n->lock);
    for (size_t i = 0; i < count && all; i++) {
        struct audience *a = per_key_find(n->audiences, all[i].principal);
        if (a)
            a->changed = all[i].lists;
    }
    for (struct per_key *a = n->audiences; a && !all; a = a->hh.next)
        ((struct audience *)a)->changed = changed(arg, a->principal);
    lists_tell(n);
    pthread_mutex_unlock(&n->lock);
    free(all);
}

static void changed(struct notices *n, const char *name, size_t len)
{
    struct watched *w;

    if (atomic_load(&n->interests) == 0)
        return;
    uint64_t hash = hash_key(name, len);
    pthread_mutex_lock(&n->lock);
    HASH_FIND_BYHASHVALUE(hh, n->watched, name, len, (unsigned)hash, w);
    for (struct interest *i = w ? w->interests : NULL; i; i = i->next)
        listener_mark(i->listener, &i->number);
    pthread_mutex_unlock(&n->lock);
}

/* Of a client that may send any text: one that is no URI is nothing that could change. */
static bool names_resource(const char *uri, size_t len) { return len > 0 && *uri != WATCHED_TASK; }

void notices_updated(struct notices *n, const char *uri, size_t len)
{
    if (names_resource(uri, len))
        changed(n, uri, len);
}

/* The name under which it is watched; 0: it is too long to be any. */
static size_t task_name(char out[static NOTICE_URI_MAX], const char *id, size_t len)
{
    if (len >= NOTICE_URI_MAX)
        return 0;
    out[0] = WATCHED_TASK;
    memcpy(out + 1, id, len);
    return len + 1;
}

void notices_task(struct notices *n, const char *id, size_t len)
{
    char name[NOTICE_URI_MAX];
    size_t size = task_name(name, id, len);

    if (size > 0)
        changed(n, name, size);
}

/* ---- sessions ---- */

static struct listener *session_get(struct notices *n, const char *session, uint64_t principal)
{
    struct listener *l = listener_find(n, session);

    return l ? l : listener_new(n, session, principal, ALL_LISTS);
}

int notices_subscribe(struct notices *n, const char *session, uint64_t principal, const char *uri,
                      size_t len)
{
    if (!names_resource(uri, len))
        return 0;
    pthread_mutex_lock(&n->lock);
    struct listener *l = session_get(n, session, principal);
    int code = l ? listener_add(n, l, uri, len) : MG_E_NOMEM;
    pthread_mutex_unlock(&n->lock);
    return code;
}

void notices_unsubscribe(struct notices *n, const char *session, const char *uri, size_t len)
{
    pthread_mutex_lock(&n->lock);
    struct listener *l = listener_find(n, session);
    if (l)
        listener_remove(n, l, uri, len);
    pthread_mutex_unlock(&n->lock);
}

/* With the lock. */
static void feed_lose(struct listener *l, int code)
{
    struct notice_feed *f = l->feed;

    if (!f)
        return;
    l->feed = NULL;
    f->listener = NULL;
    f->closed = code;
    feed_wake(&f->base);
}

void notices_forget(struct notices *n, const char *session)
{
    if (atomic_load(&n->listeners) == 0)
        return;
    pthread_mutex_lock(&n->lock);
    struct listener *l = listener_find(n, session);
    if (l) {
        feed_lose(l, MG_E_NOTFOUND);
        listener_free(n, l);
    }
    pthread_mutex_unlock(&n->lock);
}

/* ---- streams ---- */

static void notice_feed_run(struct feed *base)
{
    struct notice_feed *f = (struct notice_feed *)base;

    pthread_mutex_lock(&f->notices->lock);
    int closed = f->closed;
    pthread_mutex_unlock(&f->notices->lock);
    if (closed < 0)
        f->ops->closed(f->arg, closed);
    else
        f->ops->due(f->arg);
}

static struct notice_feed *feed_new(struct notices *n, struct loop *l, uint64_t principal,
                                    const struct notice_feed_ops *ops, void *arg)
{
    struct notice_feed *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    feed_init(&f->base, l, &n->lock, notice_feed_run);
    f->notices = n;
    f->ops = ops;
    f->arg = arg;
    f->principal = principal;
    return f;
}

/* With the lock: from now on what happens to l goes to f, and what has happened. */
static void feed_enter(struct notice_feed *f, struct listener *l)
{
    f->listener = l;
    f->stream = l->stream;
    f->told = l->told;
    l->feed = f;
    if (listener_next(l, NULL))
        feed_wake(&f->base);
}

/* One of this listener's own stream. */
static bool event_is_of(const struct listener *l, const char *text, uint64_t *number)
{
    uint64_t stream;

    return event_id_read(text, &stream, number) == 0 && stream == l->stream && *number <= l->number;
}

static int session_enter(struct notices *n, struct notice_feed *f, const char *session,
                         uint64_t principal, const char *last_event)
{
    struct listener *l = listener_find(n, session);
    uint64_t told;

    if (last_event && (!l || !event_is_of(l, last_event, &told)))
        return MG_E_INVALID;
    if (!last_event && l && l->feed)
        return MG_E_CONFLICT;
    /* One that takes another's place is there beside it for a moment. */
    if (!(l && l->feed) && !shares_fit(&n->feeds, principal, 1))
        return MG_E_LIMIT;
    if (!l && !(l = session_get(n, session, principal)))
        return MG_E_NOMEM;
    if (shares_put(&n->feeds, principal, 1) < 0)
        return MG_E_NOMEM;
    if (last_event)
        l->told = told;
    feed_lose(l, MG_E_CONFLICT);
    feed_enter(f, l);
    return 0;
}

int notices_open_session(struct notices *n, struct loop *l, const char *session, uint64_t principal,
                         const char *last_event, const struct notice_feed_ops *ops, void *arg,
                         struct notice_feed **out)
{
    struct notice_feed *f = feed_new(n, l, principal, ops, arg);

    if (!f)
        return MG_E_NOMEM;
    pthread_mutex_lock(&n->lock);
    int code = session_enter(n, f, session, principal, last_event);
    pthread_mutex_unlock(&n->lock);
    if (code < 0)
        free(f);
    else
        *out = f;
    return code;
}

/* It may have changed since its client read it last: what it is like is told at once. */
static int task_add(struct notices *n, struct listener *l, const char *id, size_t len)
{
    char name[NOTICE_URI_MAX];
    size_t size = task_name(name, id, len);
    int code = size > 0 ? listener_add(n, l, name, size) : MG_E_INVALID;

    if (code == 0)
        listener_mark(l, &l->interests->before->number);
    return code;
}

static int subscription_enter(struct notices *n, struct notice_feed *f, uint64_t principal,
                              const struct notice_filter *filter)
{
    int code = shares_take(&n->feeds, principal, 1);

    if (code < 0)
        return code;
    struct listener *l = listener_new(n, "", principal, filter->lists);
    code = l ? 0 : MG_E_NOMEM;
    for (size_t i = 0; i < filter->uri_count && code == 0; i++)
        if (names_resource(filter->uris[i], filter->uri_lens[i]))
            code = listener_add(n, l, filter->uris[i], filter->uri_lens[i]);
    for (size_t i = 0; i < filter->task_count && code == 0; i++)
        code = task_add(n, l, filter->tasks[i], filter->task_lens[i]);
    if (code == 0) {
        feed_enter(f, l);
        return 0;
    }
    if (l)
        listener_free(n, l);
    shares_give(&n->feeds, principal, 1);
    return code;
}

int notices_open_subscription(struct notices *n, struct loop *l, uint64_t principal,
                              const struct notice_filter *filter, const struct notice_feed_ops *ops,
                              void *arg, struct notice_feed **out)
{
    struct notice_feed *f = feed_new(n, l, principal, ops, arg);

    if (!f)
        return MG_E_NOMEM;
    pthread_mutex_lock(&n->lock);
    int code = subscription_enter(n, f, principal, filter);
    pthread_mutex_unlock(&n->lock);
    if (code < 0)
        free(f);
    else
        *out = f;
    return code;
}

void notices_close(struct notice_feed *f)
{
    if (!f)
        return;
    struct notices *n = f->notices;
    pthread_mutex_lock(&n->lock);
    struct listener *l = f->listener;
    f->listener = NULL;
    if (l)
        l->feed = NULL;
    if (l && !l->session[0])
        listener_free(n, l);
    shares_give(&n->feeds, f->principal, 1);
    pthread_mutex_unlock(&n->lock);
    feed_leave(&f->base);
}

bool notices_next(struct notice_feed *f, struct notice *out)
{
    struct notices *n = f->notices;

    pthread_mutex_lock(&n->lock);
    struct listener *l = f->listener;
    bool is_due = l && listener_next(l, out);
    if (is_due)
        l->told = f->told = out->number;
    pthread_mutex_unlock(&n->lock);
    return is_due;
}

void notices_event_id(const struct notice_feed *f, uint64_t number, char out[static EVENT_ID_SIZE])
{
    event_id_write(f->stream, number ? number : f->told, out);
}

void notices_metrics(void *notices, struct buf *out)
{
    struct notices *n = notices;

    pthread_mutex_lock(&n->lock);
    unsigned feeds = (unsigned)n->feeds.held;
    pthread_mutex_unlock(&n->lock);
    buf_printf(out,
               "# HELP moongate_listeners Sessions and subscriptions that are told of changes.\n"
               "# TYPE moongate_listeners gauge\nmoongate_listeners %u\n"
               "# HELP moongate_notice_streams Their open streams.\n"
               "# TYPE moongate_notice_streams gauge\nmoongate_notice_streams %u\n"
               "# HELP moongate_subscriptions Resources they subscribed to.\n"
               "# TYPE moongate_subscriptions gauge\nmoongate_subscriptions %u\n",
               atomic_load(&n->listeners), feeds, atomic_load(&n->interests));
}
