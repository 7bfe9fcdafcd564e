/* cache.h - texts that all workers share, in memory alone: bounded in all and for each owner, the
 * least recently used go first, and what has expired is gone.
 * Lifetime: one per process; made before the workers start, freed after they are joined. It knows
 * nothing of reloads. A value is immutable and counted: it may be read after it was dropped.
 * Threads: any; each operation locks one shard. Time: monotonic ms, given by the caller. */
#ifndef MG_CACHE_H
#define MG_CACHE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CACHE_BYTES ((size_t)32 << 20) /* of all; each entry counts with CACHE_ENTRY_BYTES more */
#define CACHE_SHARDS 4                 /* each holds its part of the bytes, and of an owner's */
#define CACHE_OWNER_PART 4             /* an owner may hold a quarter of all */
#define CACHE_VALUE_MAX ((size_t)1 << 20)
#define CACHE_KEY_MAX 512
#define CACHE_ENTRY_BYTES 256
#define CACHE_INTEGER_MAX (INT64_C(1) << 53) /* incr() stays within, on both sides */

struct cache;
struct cache *cache_new(void);    /* NULL: no memory */
void cache_free(struct cache *c); /* NULL is legal */

struct cache_value; /* a text */
const char *cache_value_text(const struct cache_value *v, size_t *len);
void cache_value_unref(struct cache_value *v); /* NULL is legal */

/* Whose keys are asked for: another owner's are others. key: 1 to CACHE_KEY_MAX bytes. Borrowed. */
struct cache_key {
    const char *owner; /* at most 128 bytes */
    const char *key;
    size_t len;
};

/* A reference to the value, or NULL when there is none. */
struct cache_value *cache_get(struct cache *c, const struct cache_key *k, int64_t now_ms);
/* ttl_ms: 0: none. MG_E_LIMIT: text is over CACHE_VALUE_MAX. MG_E_NOMEM. */
int cache_set(struct cache *c, const struct cache_key *k, const char *text, size_t len,
              int64_t now_ms, int64_t ttl_ms) MG_NODISCARD;
/* Likewise, but MG_E_CONFLICT when there is one. */
int cache_add(struct cache *c, const struct cache_key *k, const char *text, size_t len,
              int64_t now_ms, int64_t ttl_ms) MG_NODISCARD;
/* Adds n to the integer that is there (without one: 0, which gets the ttl). MG_E_INVALID: what is
 * there is no integer. MG_E_LIMIT: the sum passes CACHE_INTEGER_MAX. MG_E_NOMEM. */
int cache_incr(struct cache *c, const struct cache_key *k, int64_t n, int64_t now_ms,
               int64_t ttl_ms, int64_t *sum) MG_NODISCARD;
/* Was it there? */
bool cache_delete(struct cache *c, const struct cache_key *k, int64_t now_ms);

void cache_sweep(struct cache *c, int64_t now_ms); /* frees what has expired */
uint64_t cache_bytes(struct cache *c);
void cache_metrics(void *cache, struct buf *out); /* for metrics_source() */

#endif
