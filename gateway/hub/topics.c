#include "hub/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "hub/topic_node.h"
#include "hub/topic_sub.h"

/* ---- events ---- */

struct topic_event *topic_event_ref(struct topic_event *ev)
{
    atomic_fetch_add_explicit(&ev->refs, 1, memory_order_relaxed);
    return ev;
}

void topic_event_unref(struct topic_event *ev)
{
    if (atomic_fetch_sub_explicit(&ev->refs, 1, memory_order_acq_rel) == 1)
        free(ev);
}

/* The frame, ready to be sent. NULL: no memory. */
static struct topic_event *event_new(const char *event, const char *data, size_t len)
{
    size_t name_len = strlen(event);
    size_t frame_len = 7 + name_len + 7 + len + 2;
    struct topic_event *ev = malloc(sizeof *ev + frame_len);

    if (!ev)
        return NULL;
    atomic_init(&ev->refs, 1);
    ev->len = (uint32_t)frame_len;
    char *p = ev->frame;
    p = mempcpy(p, "event: ", 7);
    p = mempcpy(p, event, name_len);
    p = mempcpy(p, "\ndata: ", 7);
    p = mempcpy(p, data, len);
    memcpy(p, "\n\n", 2);
    return ev;
}

/* ---- life ---- */

struct topics *topics_new(const struct topics_options *o)
{
    struct topics *t = aligned_alloc(_Alignof(struct topics), sizeof *t);

    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->limits = *o;
    atomic_init(&t->max_queue_bytes, o->max_queue_bytes);
    for (int i = 0; i < TOPIC_SHARDS; i++) {
        pthread_mutex_init(&t->shards[i].lock, NULL);
        atomic_init(&t->shards[i].oldest, UINT64_MAX);
    }
    return t;
}

void topics_set_max_queue(struct topics *t, uint32_t max_queue_bytes)
{
    atomic_store(&t->max_queue_bytes, max_queue_bytes);
}

void topics_free(struct topics *t)
{
    if (!t)
        return;
    for (int i = 0; i < TOPIC_SHARDS; i++) {
        struct topic_shard *s = &t->shards[i];
        while (s->queue) {
            struct topic_node *n = s->queue;
            topic_node_clear(t, n);
            topic_node_settle(t, s, n);
        }
        pthread_mutex_destroy(&s->lock);
    }
    free(t);
}

/* ---- publishing ---- */

/* Which of a subscriber's patterns take a topic in. */
static unsigned patterns_of(const char *topic)
{
    if (strncmp(topic, "job/", 4) == 0)
        return TOPIC_ALL | TOPIC_JOBS;
    if (strncmp(topic, "canary/", 7) == 0)
        return TOPIC_ALL | TOPIC_CANARIES;
    return TOPIC_ALL;
}

static void event_deliver(struct topic_shard *s, const struct topic_node *n, const char *topic,
                          struct topic_event *ev)
{
    unsigned patterns = patterns_of(topic);

    for (struct topic_link *link = n ? n->links : NULL; link; link = link->next)
        topic_sub_push(link->sub, ev);
    /* Who named the topic has it already. */
    for (struct topic_link *link = s->patterns; link; link = link->next)
        if ((link->sub->patterns & patterns) && !topic_sub_has(link->sub, n))
            topic_sub_push(link->sub, ev);
}

static bool is_over(struct topics *t)
{
    return atomic_load(&t->bytes) > t->limits.max_bytes ||
           atomic_load(&t->kept) > t->limits.max_topics;
}

/* Forgets the topic that has not been used for longest. False: every topic has subscribers. */
static bool oldest_forget(struct topics *t)
{
    struct topic_shard *s = NULL;
    uint64_t oldest = UINT64_MAX;

    for (int i = 0; i < TOPIC_SHARDS; i++) {
        uint64_t used = atomic_load(&t->shards[i].oldest);
        if (used < oldest) {
            oldest = used;
            s = &t->shards[i];
        }
    }
    if (!s)
        return false;
    pthread_mutex_lock(&s->lock);
    struct topic_node *n = s->queue;
    if (n) { /* else another thread was faster: look again */
        topic_node_clear(t, n);
        topic_node_settle(t, s, n);
    }
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* Makes room after an event was kept, and with it no lock held. When all the others have
 * subscribers, the topic that grew pays itself: with its oldest events, or as one topic too many
 * with all of them. */
static void room_make(struct topics *t, const char *topic, size_t len, uint64_t hash)
{
    while (is_over(t))
        if (!oldest_forget(t))
            break;
    if (!is_over(t))
        return;
    struct topic_shard *s = topic_shard_of(t, hash);
    pthread_mutex_lock(&s->lock);
    struct topic_node *n = topic_node_find(s, topic, len, hash);
    if (n && n->past && atomic_load(&t->kept) > t->limits.max_topics)
        topic_node_clear(t, n);
    while (n && n->past && atomic_load(&t->bytes) > t->limits.max_bytes)
        topic_node_forget(t, n);
    if (n)
        topic_node_settle(t, s, n);
    pthread_mutex_unlock(&s->lock);
}

/* Delivers the event and, when `past` is given, keeps it there. */
static int event_publish(struct topics *t, const char *topic, size_t len, struct topic_event *ev,
                         struct topic_past *past)
{
    uint64_t hash = hash_key(topic, len);
    struct topic_shard *s = topic_shard_of(t, hash);

    pthread_mutex_lock(&s->lock);
    struct topic_node *n = topic_node_find(s, topic, len, hash);
    if (!n && past) {
        n = topic_node_add(t, s, topic, len, hash);
        if (!n) {
            pthread_mutex_unlock(&s->lock);
            return MG_E_NOMEM;
        }
    }
    event_deliver(s, n, topic, ev);
    if (past) {
        past->ev = topic_event_ref(ev);
        topic_node_keep(t, s, n, past);
    }
    atomic_fetch_add_explicit(&t->published, 1, memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    if (past && is_over(t))
        room_make(t, topic, len, hash);
    return 0;
}

int topics_publish(struct topics *t, const char *topic, const char *event, const char *data,
                   size_t len)
{
    size_t topic_len, event_len;
    struct topic_past *past = NULL;
    int rc;

    if (!topic_name_ok(topic, &topic_len) || !topic_name_ok(event, &event_len) ||
        memchr(data, '\n', len) || memchr(data, '\r', len))
        return MG_E_INVALID;
    if (len > UINT32_MAX / 2)
        return MG_E_LIMIT;
    struct topic_event *ev = event_new(event, data, len);
    if (!ev)
        return MG_E_NOMEM;
    if (memchr(topic, '/', topic_len)) {
        past = calloc(1, sizeof *past);
        if (!past) {
            topic_event_unref(ev);
            return MG_E_NOMEM;
        }
        past->is_progress = strcmp(event, "progress") == 0;
    }
    rc = event_publish(t, topic, topic_len, ev, past);
    if (rc < 0)
        free(past);
    topic_event_unref(ev);
    return rc;
}

bool topics_has_history(struct topics *t, const char *topic)
{
    size_t len = strlen(topic);
    uint64_t hash = hash_key(topic, len);
    struct topic_shard *s = topic_shard_of(t, hash);

    pthread_mutex_lock(&s->lock);
    const struct topic_node *n = topic_node_find(s, topic, len, hash);
    bool has = n && n->past;
    pthread_mutex_unlock(&s->lock);
    return has;
}

/* ---- what /metrics shows ---- */

static void metric_write(struct buf *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
               (unsigned long long)value);
}

void topics_metrics(void *topics, struct buf *out)
{
    struct topics *t = topics;

    metric_write(out, "moongate_events_published_total", "counter", "Events published.",
                 atomic_load(&t->published));
    metric_write(out, "moongate_events_replayed_total", "counter",
                 "Past events given to late subscribers.", atomic_load(&t->replayed));
    metric_write(out, "moongate_topics", "gauge", "Topics whose past is kept.",
                 atomic_load(&t->kept));
    metric_write(out, "moongate_topics_awaited", "gauge",
                 "Topics without a past that have subscribers.", atomic_load(&t->awaited));
    metric_write(out, "moongate_topic_bytes", "gauge", "Memory held by past events.",
                 atomic_load(&t->bytes));
}
