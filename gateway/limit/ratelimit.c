#include "limit/ratelimit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/table.h"

#define SHARDS 16
#define SHARD_MIN_KEYS 64 /* with fewer per shard one shard keeps the order of leaving exact */
#define NO_MEMORY_WAIT_MS 1000

/* A level counts in units of which a token has window_ms and a millisecond brings `bucket`: whole
 * numbers throughout, so nothing drifts and a wait that has been told is exact. */
struct client {
    UT_hash_handle hh;
    struct client *prev, *next; /* least recently seen first */
    struct ratelimit_rule rule; /* what the level is counted in */
    uint64_t level;
    int64_t seen_ms;
    char key[];
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct client *table;
    struct client *seen;
    uint32_t count;
};

struct ratelimit {
    uint32_t shard_count, shard_max;
    struct shard shards[SHARDS];
};

struct ratelimit *ratelimit_new(uint32_t max_keys)
{
    struct ratelimit *rl = aligned_alloc(_Alignof(struct ratelimit), sizeof *rl);

    if (!rl)
        return NULL;
    memset(rl, 0, sizeof *rl);
    rl->shard_count = max_keys >= SHARDS * SHARD_MIN_KEYS ? SHARDS : 1;
    rl->shard_max = max_keys / rl->shard_count;
    if (rl->shard_max == 0)
        rl->shard_max = 1;
    for (uint32_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&rl->shards[i].lock, NULL);
    return rl;
}

static void client_drop(struct shard *s, struct client *c)
{
    HASH_DELETE(hh, s->table, c);
    DL_DELETE(s->seen, c);
    s->count--;
    free(c);
}

void ratelimit_free(struct ratelimit *rl)
{
    if (!rl)
        return;
    for (uint32_t i = 0; i < SHARDS; i++) {
        while (rl->shards[i].seen)
            client_drop(&rl->shards[i], rl->shards[i].seen);
        pthread_mutex_destroy(&rl->shards[i].lock);
    }
    free(rl);
}

/* A new client has a full bucket. NULL: no memory. */
static struct client *client_add(struct ratelimit *rl, struct shard *s, const void *key, size_t len,
                                 unsigned hash)
{
    struct client *c = malloc(sizeof *c + len);

    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    memcpy(c->key, key, len);
    if (s->count >= rl->shard_max)
        client_drop(s, s->seen);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->table, c->key, len, hash, c);
    if (!c->hh.tbl) {
        free(c);
        return NULL;
    }
    DL_APPEND(s->seen, c);
    s->count++;
    return c;
}

static uint64_t level_full(const struct ratelimit_rule *rule)
{
    return (uint64_t)rule->bucket * rule->window_ms;
}

/* Brings what was counted under another rule into the units of this one: the tokens stay. */
static void client_convert(struct client *c, const struct ratelimit_rule *rule)
{
    uint64_t old = c->rule.window_ms, new = rule->window_ms, full = level_full(rule);

    if (old == 0) { /* a new client */
        c->level = full;
    } else if (old != new || c->rule.bucket != rule->bucket) {
        c->level = c->level / old * new + c->level % old *new / old;
        if (c->level > full)
            c->level = full;
    }
    c->rule = *rule;
}

static void client_refill(struct client *c, int64_t now_ms)
{
    uint64_t full = level_full(&c->rule);
    uint64_t elapsed = (uint64_t)now_ms - (uint64_t)c->seen_ms;

    if (now_ms <= c->seen_ms) /* another thread looked at the clock a little later */
        return;
    c->seen_ms = now_ms;
    if (elapsed >= c->rule.window_ms || full - c->level <= elapsed * c->rule.bucket)
        c->level = full;
    else
        c->level += elapsed * c->rule.bucket;
}

static uint32_t client_take(struct client *c)
{
    uint64_t token = c->rule.window_ms;

    if (c->level >= token) {
        c->level -= token;
        return 0;
    }
    return (uint32_t)((token - c->level + c->rule.bucket - 1) / c->rule.bucket);
}

uint32_t ratelimit_take(struct ratelimit *rl, const struct ratelimit_rule *rule, const void *key,
                        size_t len, int64_t now_ms)
{
    struct ratelimit_rule r = *rule;
    struct client *c;
    uint32_t wait_ms;

    if (r.bucket == 0)
        return 0;
    if (r.window_ms == 0)
        r.window_ms = 1;
    uint64_t hash = hash_key(key, len);
    struct shard *s = &rl->shards[(hash >> 32) % rl->shard_count];
    pthread_mutex_lock(&s->lock);
    HASH_FIND_BYHASHVALUE(hh, s->table, key, len, (unsigned)hash, c);
    if (c) {
        DL_DELETE(s->seen, c);
        DL_APPEND(s->seen, c);
        client_convert(c, &r);
        client_refill(c, now_ms);
    } else {
        c = client_add(rl, s, key, len, (unsigned)hash);
        if (c) {
            client_convert(c, &r);
            c->seen_ms = now_ms;
        }
    }
    /* A limiter that cannot count must not be open. */
    wait_ms = c ? client_take(c) : NO_MEMORY_WAIT_MS;
    pthread_mutex_unlock(&s->lock);
    return wait_ms;
}

size_t ratelimit_count(struct ratelimit *rl)
{
    size_t n = 0;

    for (uint32_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&rl->shards[i].lock);
        n += rl->shards[i].count;
        pthread_mutex_unlock(&rl->shards[i].lock);
    }
    return n;
}
