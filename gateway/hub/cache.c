#include "hub/cache.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/parse.h"
#include "base/table.h"

#define SHARD_BYTES (CACHE_BYTES / CACHE_SHARDS)
#define OWNER_BYTES (SHARD_BYTES / CACHE_OWNER_PART)

struct cache_value {
    atomic_uint refs;
    size_t len;
    char text[];
};

struct owner { /* in one shard; there while it has entries */
    UT_hash_handle hh;
    struct entry *used; /* by owner_prev and owner_next, least recently used first */
    size_t bytes;
    char name[];
};

struct entry {
    UT_hash_handle hh;
    struct entry *prev, *next, *owner_prev, *owner_next;
    struct owner *owner;
    struct cache_value *value;
    int64_t end_ms; /* INT64_MAX: never */
    size_t bytes, key_len;
    char key[]; /* owner, NUL, key */
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct entry *table;
    struct entry *used; /* least recently used first */
    struct owner *owners;
    size_t bytes, count;
    uint64_t hits, misses, evicted;
};

struct cache {
    struct shard shards[CACHE_SHARDS];
};

/* ---- life ---- */

struct cache *cache_new(void)
{
    struct cache *c = aligned_alloc(_Alignof(struct cache), sizeof *c);

    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    for (int i = 0; i < CACHE_SHARDS; i++)
        pthread_mutex_init(&c->shards[i].lock, NULL);
    return c;
}

static struct cache_value *value_new(const char *text, size_t len)
{
    struct cache_value *v = malloc(sizeof *v + len);

    if (!v)
        return NULL;
    atomic_init(&v->refs, 1);
    v->len = len;
    memcpy(v->text, text, len);
    return v;
}

const char *cache_value_text(const struct cache_value *v, size_t *len)
{
    *len = v->len;
    return v->text;
}

void cache_value_unref(struct cache_value *v)
{
    if (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
        free(v);
}

static void entry_drop(struct shard *sh, struct entry *e)
{
    struct owner *o = e->owner;

    HASH_DELETE(hh, sh->table, e);
    DL_DELETE(sh->used, e);
    DL_DELETE2(o->used, e, owner_prev, owner_next);
    sh->bytes -= e->bytes;
    sh->count--;
    o->bytes -= e->bytes;
    if (!o->used) {
        HASH_DELETE(hh, sh->owners, o);
        free(o);
    }
    cache_value_unref(e->value);
    free(e);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    for (int i = 0; i < CACHE_SHARDS; i++) {
        while (c->shards[i].used)
            entry_drop(&c->shards[i], c->shards[i].used);
        pthread_mutex_destroy(&c->shards[i].lock);
    }
    free(c);
}

/* ---- finding; from here on sh is locked ---- */

struct name { /* a whole key, on the stack */
    size_t len, owner_len;
    uint64_t hash;
    char text[128 + 1 + CACHE_KEY_MAX];
};

static void name_make(struct name *n, const struct cache_key *k)
{
    n->owner_len = strnlen(k->owner, 128);
    memcpy(n->text, k->owner, n->owner_len);
    n->text[n->owner_len] = '\0';
    size_t len = k->len < CACHE_KEY_MAX ? k->len : CACHE_KEY_MAX;
    memcpy(n->text + n->owner_len + 1, k->key, len);
    n->len = n->owner_len + 1 + len;
    n->hash = hash_key(n->text, n->len);
}

static struct shard *shard_lock(struct cache *c, const struct name *n)
{
    struct shard *sh = &c->shards[(n->hash >> 32) % CACHE_SHARDS];
    pthread_mutex_lock(&sh->lock);
    return sh;
}

/* NULL too when it has expired: then it is gone. */
static struct entry *find(struct shard *sh, const struct name *n, int64_t now_ms)
{
    struct entry *e = NULL;

    HASH_FIND_BYHASHVALUE(hh, sh->table, n->text, n->len, (unsigned)n->hash, e);
    if (e && now_ms >= e->end_ms) {
        entry_drop(sh, e);
        e = NULL;
    }
    return e;
}

static void touch(struct shard *sh, struct entry *e)
{
    DL_DELETE(sh->used, e);
    DL_APPEND(sh->used, e);
    DL_DELETE2(e->owner->used, e, owner_prev, owner_next);
    DL_APPEND2(e->owner->used, e, owner_prev, owner_next);
}

struct cache_value *cache_get(struct cache *c, const struct cache_key *k, int64_t now_ms)
{
    struct cache_value *v = NULL;
    struct name n;

    name_make(&n, k);
    struct shard *sh = shard_lock(c, &n);
    struct entry *e = find(sh, &n, now_ms);
    if (e) {
        v = e->value;
        atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
        touch(sh, e);
        sh->hits++;
    } else {
        sh->misses++;
    }
    pthread_mutex_unlock(&sh->lock);
    return v;
}

/* ---- storing ---- */

static struct owner *owner_find(struct shard *sh, const struct name *n)
{
    struct owner *o = NULL;

    HASH_FIND(hh, sh->owners, n->text, n->owner_len, o);
    return o;
}

static struct owner *owner_make(struct shard *sh, const struct name *n)
{
    struct owner *o = owner_find(sh, n);

    if (o)
        return o;
    o = calloc(1, sizeof *o + n->owner_len + 1);
    if (!o)
        return NULL;
    memcpy(o->name, n->text, n->owner_len);
    HASH_ADD_KEYPTR(hh, sh->owners, o->name, n->owner_len, o);
    if (!o->hh.tbl) {
        free(o);
        return NULL;
    }
    return o;
}

static void evict(struct shard *sh, struct entry *e)
{
    sh->evicted++;
    entry_drop(sh, e);
}

/* The owner is looked up anew each time: it goes with its last entry. */
static void make_room(struct shard *sh, const struct name *n, size_t bytes)
{
    const struct owner *o = owner_find(sh, n);

    while (o && o->bytes + bytes > OWNER_BYTES) {
        evict(sh, o->used);
        o = owner_find(sh, n);
    }
    while (sh->used && sh->bytes + bytes > SHARD_BYTES)
        evict(sh, sh->used);
}

static struct entry *entry_new(const struct name *n, struct cache_value *v, int64_t end_ms)
{
    struct entry *e = calloc(1, sizeof *e + n->len);

    if (!e)
        return NULL;
    memcpy(e->key, n->text, n->len);
    e->key_len = n->len;
    e->value = v;
    e->end_ms = end_ms;
    e->bytes = n->len + v->len + CACHE_ENTRY_BYTES;
    return e;
}

/* Takes the reference to v in any case; without memory what was there stays, where it can. */
static int put(struct shard *sh, const struct name *n, struct entry *old, struct cache_value *v,
               int64_t end_ms)
{
    struct entry *e = v ? entry_new(n, v, end_ms) : NULL;

    if (!e) {
        cache_value_unref(v);
        return MG_E_NOMEM;
    }
    if (old)
        entry_drop(sh, old);
    make_room(sh, n, e->bytes);
    e->owner = owner_make(sh, n);
    if (e->owner)
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, sh->table, e->key, e->key_len, (unsigned)n->hash, e);
    if (!e->owner || !e->hh.tbl) {
        if (e->owner && !e->owner->used) {
            HASH_DELETE(hh, sh->owners, e->owner);
            free(e->owner);
        }
        cache_value_unref(v);
        free(e);
        return MG_E_NOMEM;
    }
    DL_APPEND(sh->used, e);
    DL_APPEND2(e->owner->used, e, owner_prev, owner_next);
    sh->bytes += e->bytes;
    sh->count++;
    e->owner->bytes += e->bytes;
    return 0;
}

static int64_t end_of(int64_t now_ms, int64_t ttl_ms)
{
    return ttl_ms > 0 && ttl_ms < INT64_MAX - now_ms ? now_ms + ttl_ms : INT64_MAX;
}

static int store(struct cache *c, const struct cache_key *k, const char *text, size_t len,
                 int64_t now_ms, int64_t ttl_ms, bool must_be_new)
{
    struct name n;
    int code = MG_E_CONFLICT;

    if (len > CACHE_VALUE_MAX)
        return MG_E_LIMIT;
    struct cache_value *v = value_new(text, len); /* the copy is made outside of the lock */
    name_make(&n, k);
    struct shard *sh = shard_lock(c, &n);
    struct entry *old = find(sh, &n, now_ms);
    if (!old || !must_be_new)
        code = put(sh, &n, old, v, end_of(now_ms, ttl_ms));
    else
        cache_value_unref(v);
    pthread_mutex_unlock(&sh->lock);
    return code;
}

int cache_set(struct cache *c, const struct cache_key *k, const char *text, size_t len,
              int64_t now_ms, int64_t ttl_ms)
{
    return store(c, k, text, len, now_ms, ttl_ms, false);
}

int cache_add(struct cache *c, const struct cache_key *k, const char *text, size_t len,
              int64_t now_ms, int64_t ttl_ms)
{
    return store(c, k, text, len, now_ms, ttl_ms, true);
}

/* "-12", and nothing beside it. */
static int read_integer(const struct cache_value *v, int64_t *out)
{
    char digits[24];
    uint64_t n;
    bool is_negative = v->len > 0 && v->text[0] == '-';
    size_t len = v->len - is_negative;

    if (len == 0 || len >= sizeof digits)
        return MG_E_INVALID;
    memcpy(digits, v->text + is_negative, len);
    digits[len] = '\0';
    if (parse_uint(digits, CACHE_INTEGER_MAX, &n) != 0)
        return MG_E_INVALID;
    *out = is_negative ? -(int64_t)n : (int64_t)n;
    return 0;
}

static int add_integer(struct shard *sh, const struct name *key, struct entry *old, int64_t n,
                       int64_t end_ms, int64_t *sum)
{
    char text[24];
    int64_t there = 0;
    int code = old ? read_integer(old->value, &there) : 0;

    if (code != 0)
        return code;
    if (n > CACHE_INTEGER_MAX || n < -CACHE_INTEGER_MAX || there + n > CACHE_INTEGER_MAX ||
        there + n < -CACHE_INTEGER_MAX)
        return MG_E_LIMIT;
    int len = snprintf(text, sizeof text, "%" PRId64, there + n);
    code = put(sh, key, old, value_new(text, (size_t)len), old ? old->end_ms : end_ms);
    if (code == 0)
        *sum = there + n;
    return code;
}

int cache_incr(struct cache *c, const struct cache_key *k, int64_t n, int64_t now_ms,
               int64_t ttl_ms, int64_t *sum)
{
    struct name key;

    name_make(&key, k);
    struct shard *sh = shard_lock(c, &key);
    int code = add_integer(sh, &key, find(sh, &key, now_ms), n, end_of(now_ms, ttl_ms), sum);
    pthread_mutex_unlock(&sh->lock);
    return code;
}

bool cache_delete(struct cache *c, const struct cache_key *k, int64_t now_ms)
{
    struct name n;

    name_make(&n, k);
    struct shard *sh = shard_lock(c, &n);
    struct entry *e = find(sh, &n, now_ms);
    if (e)
        entry_drop(sh, e);
    pthread_mutex_unlock(&sh->lock);
    return e != NULL;
}

/* ---- the whole ---- */

void cache_sweep(struct cache *c, int64_t now_ms)
{
    for (int i = 0; i < CACHE_SHARDS; i++) {
        struct shard *sh = &c->shards[i];
        struct entry *e, *next;
        pthread_mutex_lock(&sh->lock);
        DL_FOREACH_SAFE (sh->used, e, next) {
            if (now_ms >= e->end_ms)
                entry_drop(sh, e);
        }
        pthread_mutex_unlock(&sh->lock);
    }
}

struct sums {
    uint64_t bytes, count, hits, misses, evicted;
};

static struct sums sums_of(struct cache *c)
{
    struct sums s = { 0 };

    for (int i = 0; i < CACHE_SHARDS; i++) {
        struct shard *sh = &c->shards[i];
        pthread_mutex_lock(&sh->lock);
        s.bytes += sh->bytes;
        s.count += sh->count;
        s.hits += sh->hits;
        s.misses += sh->misses;
        s.evicted += sh->evicted;
        pthread_mutex_unlock(&sh->lock);
    }
    return s;
}

uint64_t cache_bytes(struct cache *c) { return sums_of(c).bytes; }

static void figure(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name,
               value);
}

void cache_metrics(void *cache, struct buf *out)
{
    struct sums s = sums_of(cache);

    figure(out, "moongate_cache_bytes", "gauge", "Memory held by what tools put into mcp.cache.",
           s.bytes);
    figure(out, "moongate_cache_entries", "gauge", "Values in mcp.cache.", s.count);
    figure(out, "moongate_cache_hits_total", "counter", "Values found in mcp.cache.", s.hits);
    figure(out, "moongate_cache_misses_total", "counter", "Values not found in mcp.cache.",
           s.misses);
    figure(out, "moongate_cache_evicted_total", "counter",
           "Values that left mcp.cache to make room.", s.evicted);
}
