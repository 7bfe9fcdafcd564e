#include "hub/topic_sub.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MIN 8
#define QUEUE_KEPT 64 /* a longer array goes back after a burst */

static void queue_clear(struct topic_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        topic_event_unref(q->ev[i]);
    q->count = 0;
}

static void queue_free(struct topic_queue *q)
{
    queue_clear(q);
    free(q->ev);
    *q = (struct topic_queue){ 0 };
}

static int queue_reserve(struct topic_queue *q, size_t more)
{
    size_t cap = q->cap ? q->cap : QUEUE_MIN;

    while (cap - q->count < more)
        cap *= 2;
    if (cap == q->cap)
        return 0;
    struct topic_event **ev = realloc(q->ev, cap * sizeof(struct topic_event *));
    if (!ev)
        return MG_E_NOMEM;
    q->ev = ev;
    q->cap = cap;
    return 0;
}

void topic_sub_free(struct topic_sub *s)
{
    queue_free(&s->queue);
    queue_free(&s->spare);
    pthread_mutex_destroy(&s->lock);
    free(s->pattern_links);
    free(s);
}

static void events_deliver(struct topic_sub *s, struct topic_queue *q)
{
    for (size_t i = 0; i < q->count && !s->is_dead; i++)
        s->ops->event(s->arg, q->ev[i]);
    queue_clear(q);
    if (q->cap > QUEUE_KEPT)
        queue_free(q);
}

/* On the loop. The two arrays change places, so that publishers can go on while events are
 * delivered. */
static void sub_drain(struct mail *m)
{
    struct topic_sub *s = (struct topic_sub *)m;
    int closed;

    pthread_mutex_lock(&s->lock);
    struct topic_queue now = s->queue;
    s->queue = s->spare;
    s->spare = (struct topic_queue){ 0 };
    s->bytes = 0;
    s->max_bytes = s->live_bytes;
    s->is_posted = false;
    closed = s->closed;
    pthread_mutex_unlock(&s->lock);

    s->is_draining = true;
    events_deliver(s, &now);
    s->spare = now;
    if (closed < 0 && !s->is_dead)
        s->ops->closed(s->arg, closed);
    s->is_draining = false;
    if (s->is_dead)
        topic_sub_leave(s);
}

struct topic_sub *topic_sub_new(struct topics *t, struct loop *l, size_t max_links)
{
    struct topic_sub *s = calloc(1, sizeof *s + max_links * sizeof s->links[0]);

    if (!s)
        return NULL;
    s->mail.run = sub_drain;
    s->topics = t;
    s->loop = l;
    s->max_bytes = s->live_bytes = atomic_load(&t->max_queue_bytes);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

int topic_sub_reserve(struct topic_sub *s, size_t n) { return queue_reserve(&s->queue, n); }

static void queue_push(struct topic_sub *s, struct topic_event *ev)
{
    s->queue.ev[s->queue.count++] = topic_event_ref(ev);
    s->bytes += ev->len;
}

void topic_sub_replay(struct topic_sub *s, struct topic_event *ev)
{
    pthread_mutex_lock(&s->lock);
    queue_push(s, ev);
    s->max_bytes += ev->len; /* until it has been delivered */
    pthread_mutex_unlock(&s->lock);
}

/* With the lock. True: the loop is to be told. */
static bool wake_claim(struct topic_sub *s)
{
    bool is_first = !s->is_posted;

    s->is_posted = true;
    return is_first;
}

void topic_sub_push(struct topic_sub *s, struct topic_event *ev)
{
    pthread_mutex_lock(&s->lock);
    if (s->closed < 0) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    if (ev->len > s->max_bytes || s->bytes > s->max_bytes - ev->len)
        s->closed = MG_E_LIMIT;
    else if (queue_reserve(&s->queue, 1) < 0)
        s->closed = MG_E_NOMEM;
    else
        queue_push(s, ev);
    if (s->closed < 0)
        queue_clear(&s->queue);
    bool is_first = wake_claim(s);
    pthread_mutex_unlock(&s->lock);
    if (is_first)
        loop_post(s->loop, &s->mail);
}

void topic_sub_wake(struct topic_sub *s)
{
    pthread_mutex_lock(&s->lock);
    bool is_first = s->queue.count > 0 && wake_claim(s);
    pthread_mutex_unlock(&s->lock);
    if (is_first)
        loop_post(s->loop, &s->mail);
}

void topic_sub_leave(struct topic_sub *s)
{
    pthread_mutex_lock(&s->lock);
    bool is_posted = s->is_posted;
    pthread_mutex_unlock(&s->lock);
    s->is_dead = true;
    /* While it is delivering, or its message is under way, that comes back here and frees it. */
    if (!s->is_draining && !is_posted)
        topic_sub_free(s);
}

bool topic_sub_has(const struct topic_sub *s, const struct topic_node *n)
{
    for (size_t i = 0; n && i < s->count; i++)
        if (s->links[i].node == n)
            return true;
    return false;
}
