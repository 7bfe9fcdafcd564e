/* Entering and leaving topics. All the shards that a subscriber needs are locked at once, in their
 * order, so that it gets the whole past before the first thing that happens live: no gap, nothing
 * twice. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "hub/topic_node.h"
#include "hub/topic_sub.h"

/* 0 for what is no pattern. */
static unsigned pattern_bit(const char *s)
{
    if (strcmp(s, "*") == 0)
        return TOPIC_ALL;
    if (strcmp(s, "jobs") == 0)
        return TOPIC_JOBS;
    return strcmp(s, "canaries") == 0 ? TOPIC_CANARIES : 0;
}

static bool has_link(const struct topic_sub *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->links[i].name, name) == 0)
            return true;
    return false;
}

/* Sorts what is asked for into patterns and links that have no node yet. */
static int names_take(struct topic_sub *s, const char *const *names, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        unsigned bit = pattern_bit(names[i]);
        size_t len;
        if (bit == 0 && !topic_name_ok(names[i], &len))
            return err_set(e, MG_E_INVALID,
                           "a topic is 1 to %d bytes of letters, digits and _ . : / -",
                           TOPIC_NAME_MAX);
        s->patterns |= bit;
        if (bit == 0 && !has_link(s, names[i]))
            s->links[s->count++] =
                (struct topic_link){ .sub = s, .name = names[i], .hash = hash_key(names[i], len) };
    }
    if (s->patterns && !(s->pattern_links = calloc(TOPIC_SHARDS, sizeof *s->pattern_links)))
        return err_set(e, MG_E_NOMEM, "out of memory");
    return 0;
}

/* ---- locks ---- */

static bool needs_shard(struct topic_sub *s, const struct topic_shard *sh)
{
    if (s->patterns)
        return true;
    for (size_t i = 0; i < s->count; i++)
        if (topic_shard_of(s->topics, s->links[i].hash) == sh)
            return true;
    return false;
}

static void shards_lock(struct topic_sub *s)
{
    for (int i = 0; i < TOPIC_SHARDS; i++)
        if (needs_shard(s, &s->topics->shards[i]))
            pthread_mutex_lock(&s->topics->shards[i].lock);
}

static void shards_unlock(struct topic_sub *s)
{
    for (int i = 0; i < TOPIC_SHARDS; i++)
        if (needs_shard(s, &s->topics->shards[i]))
            pthread_mutex_unlock(&s->topics->shards[i].lock);
}

/* ---- entering, with the locks ---- */

static int node_get(struct topics *t, struct topic_link *link, struct err *e)
{
    struct topic_shard *sh = topic_shard_of(t, link->hash);
    size_t len = strlen(link->name);
    uint64_t most = (uint64_t)t->limits.max_topics * TOPIC_AWAITED_PER_KEPT;

    link->node = topic_node_find(sh, link->name, len, link->hash);
    if (link->node)
        return 0;
    if (atomic_load(&t->awaited) >= most)
        return err_set(e, MG_E_LIMIT, "too many topics are subscribed to");
    link->node = topic_node_add(t, sh, link->name, len, link->hash);
    return link->node ? 0 : err_set(e, MG_E_NOMEM, "out of memory");
}

/* Finds or makes all nodes and the room for their past; after this nothing can fail. */
static int nodes_get(struct topic_sub *s, struct err *e)
{
    size_t events = 0;

    for (size_t i = 0; i < s->count; i++) {
        int rc = node_get(s->topics, &s->links[i], e);
        if (rc < 0)
            return rc;
        for (const struct topic_past *p = s->links[i].node->past; p; p = p->next)
            events++;
    }
    if (events > 0 && topic_sub_reserve(s, events) < 0)
        return err_set(e, MG_E_NOMEM, "out of memory");
    return 0;
}

static void nodes_give_back(struct topic_sub *s)
{
    for (size_t i = 0; i < s->count && s->links[i].node; i++)
        topic_node_settle(s->topics, topic_shard_of(s->topics, s->links[i].hash), s->links[i].node);
}

static void links_enter(struct topic_sub *s)
{
    struct topics *t = s->topics;

    for (size_t i = 0; i < s->count; i++) {
        struct topic_link *link = &s->links[i];
        for (const struct topic_past *past = link->node->past; past; past = past->next) {
            topic_sub_replay(s, past->ev);
            atomic_fetch_add_explicit(&t->replayed, 1, memory_order_relaxed);
        }
        DL_APPEND(link->node->links, link);
        topic_node_settle(t, topic_shard_of(t, link->hash), link->node);
    }
    for (int i = 0; s->patterns && i < TOPIC_SHARDS; i++) {
        s->pattern_links[i].sub = s;
        DL_APPEND(t->shards[i].patterns, &s->pattern_links[i]);
    }
}

struct topic_sub *topics_subscribe(struct topics *t, struct loop *l, const char *const *patterns,
                                   size_t n, const struct topic_sub_ops *ops, void *arg,
                                   struct err *e)
{
    int rc;

    if (n == 0 || n > t->limits.max_topics_per_sub) {
        err_set(e, n == 0 ? MG_E_INVALID : MG_E_LIMIT, "1 to %u topics per stream",
                t->limits.max_topics_per_sub);
        return NULL;
    }
    struct topic_sub *s = topic_sub_new(t, l, n);
    if (!s) {
        err_set(e, MG_E_NOMEM, "out of memory");
        return NULL;
    }
    s->ops = ops;
    s->arg = arg;
    if (names_take(s, patterns, n, e) < 0) {
        topic_sub_free(s);
        return NULL;
    }
    shards_lock(s);
    rc = nodes_get(s, e);
    if (rc == 0) {
        links_enter(s);
        topic_sub_wake(s);
    } else {
        nodes_give_back(s);
    }
    shards_unlock(s);
    if (rc < 0) {
        topic_sub_free(s);
        return NULL;
    }
    return s;
}

/* ---- leaving ---- */

void topics_unsubscribe(struct topic_sub *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) {
        struct topic_link *link = &s->links[i];
        struct topic_shard *sh = topic_shard_of(s->topics, link->hash);
        pthread_mutex_lock(&sh->lock);
        DL_DELETE(link->node->links, link);
        topic_node_settle(s->topics, sh, link->node);
        pthread_mutex_unlock(&sh->lock);
    }
    for (int i = 0; s->patterns && i < TOPIC_SHARDS; i++) {
        struct topic_shard *sh = &s->topics->shards[i];
        pthread_mutex_lock(&sh->lock);
        DL_DELETE(sh->patterns, &s->pattern_links[i]);
        pthread_mutex_unlock(&sh->lock);
    }
    topic_sub_leave(s);
}
