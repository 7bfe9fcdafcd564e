/* The connections of calls' streams: one each, the newest takes the place of the one before. */
#include <stdlib.h>

#include "hub/replays_struct.h"

static void run(struct feed *base)
{
    struct replay_feed *f = (struct replay_feed *)base;

    pthread_mutex_lock(&f->all->lock);
    bool is_lost = !f->replay;
    pthread_mutex_unlock(&f->all->lock);
    if (is_lost)
        f->ops->lost(f->arg);
    else
        f->ops->due(f->arg);
}

void replay_lose_feed(struct replay *one)
{
    struct replay_feed *f = one->feed;

    if (!f)
        return;
    one->feed = NULL;
    f->replay = NULL;
    feed_wake(&f->base);
}

static struct replay_feed *feed_new(struct replays *r, struct loop *l,
                                    const struct replay_feed_ops *ops, void *arg)
{
    struct replay_feed *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    feed_init(&f->base, l, &r->lock, run);
    f->all = r;
    f->ops = ops;
    f->arg = arg;
    return f;
}

/* With the lock. */
static void enter(struct replay_feed *f, struct replay *one, uint64_t told)
{
    replay_lose_feed(one);
    f->replay = one;
    one->feed = f;
    one->due = one->first;
    while (one->due && one->due->number <= told)
        one->due = one->due->next;
    one->retry_ms = 0;
    feed_wake(&f->base);
}

int replay_follow(struct replay *one, struct loop *l, const struct replay_feed_ops *ops, void *arg,
                  struct replay_feed **out)
{
    struct replay_feed *f = feed_new(one->all, l, ops, arg);

    if (!f)
        return MG_E_NOMEM;
    pthread_mutex_lock(&one->all->lock);
    enter(f, one, 0);
    pthread_mutex_unlock(&one->all->lock);
    *out = f;
    return 0;
}

/* The stream of the event, if it is this session's. */
static struct replay *event_find(struct replays *r, const char *session, uint64_t principal,
                                 const char *text, uint64_t *number)
{
    struct replay *one = NULL;
    uint64_t stream;

    if (event_id_read(text, &stream, number) < 0)
        return NULL;
    HASH_FIND(hh, r->streams, &stream, sizeof stream, one);
    return one && session_item_is(&one->item, session, principal) && *number <= one->number ? one
                                                                                            : NULL;
}

int replays_resume(struct replays *r, struct loop *l, const char *session, uint64_t principal,
                   const char *last_event, const struct replay_feed_ops *ops, void *arg,
                   struct replay_feed **out)
{
    uint64_t number = 0;

    if (atomic_load(&r->count) == 0)
        return MG_E_NOTFOUND;
    struct replay_feed *f = feed_new(r, l, ops, arg);
    if (!f)
        return MG_E_NOMEM;
    pthread_mutex_lock(&r->lock);
    struct replay *one = event_find(r, session, principal, last_event, &number);
    if (one)
        enter(f, one, number);
    pthread_mutex_unlock(&r->lock);
    if (!one) {
        free(f);
        return MG_E_NOTFOUND;
    }
    *out = f;
    return 0;
}

void replay_close(struct replay_feed *f, int64_t now_ms)
{
    if (!f)
        return;
    struct replays *r = f->all;
    pthread_mutex_lock(&r->lock);
    struct replay *one = f->replay;
    f->replay = NULL;
    if (one) {
        one->feed = NULL;
        one->retry_ms = 0;
        if (one->is_over && one->told >= one->number)
            one->over_ms = now_ms; /* it is kept a little: what was sent may not have arrived */
        uint64_t principal = one->principal;
        if (one->is_over && !one->has_answer)
            replay_remove(one);
        replays_bound(r, principal);
    }
    pthread_mutex_unlock(&r->lock);
    feed_leave(&f->base);
}

static enum replay_next next(struct replay_feed *f, struct buf *out, uint32_t *retry_ms)
{
    struct replay *one = f->replay;
    struct replay_event *e = one ? one->due : NULL;
    uint64_t until = one && one->retry_ms ? one->paused_at : UINT64_MAX;

    if (e && e->number <= until) {
        buf_append(out, e->text, e->len);
        one->due = e->next;
        if (one->told < e->number)
            one->told = e->number;
        return e->must ? REPLAY_WHOLE : REPLAY_EVENT;
    }
    if (one && one->retry_ms) {
        *retry_ms = one->retry_ms;
        return REPLAY_PAUSED;
    }
    return one && one->is_over ? REPLAY_OVER : REPLAY_NOTHING;
}

enum replay_next replay_next(struct replay_feed *f, struct buf *out, uint32_t *retry_ms)
{
    pthread_mutex_lock(&f->all->lock);
    enum replay_next what = next(f, out, retry_ms);
    pthread_mutex_unlock(&f->all->lock);
    return what;
}
