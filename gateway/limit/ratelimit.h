/* ratelimit.h - token buckets, one per key, refilled continuously.
 * Lifetime: one per process; made before the workers start, freed after they are joined.
 * Threads:  any; take() locks one shard.   Time: given by the caller, so tests never sleep. */
#ifndef MG_RATELIMIT_H
#define MG_RATELIMIT_H
#include <stddef.h>
#include <stdint.h>

struct ratelimit;
struct ratelimit_rule {
    uint32_t bucket;    /* tokens; 0 switches the limiter off */
    uint32_t window_ms; /* time in which an empty bucket fills, at least 1 */
};

/* NULL only when memory is exhausted. The least recently seen key leaves when max_keys are held. */
struct ratelimit *ratelimit_new(uint32_t max_keys);
void ratelimit_free(struct ratelimit *rl); /* NULL is allowed */

/* Takes one token of `key` under *rule (the rule may change between calls: a reload). key is copied
 * when new. Returns 0, or the ms to wait for the next token (at least 1). */
uint32_t ratelimit_take(struct ratelimit *rl, const struct ratelimit_rule *rule, const void *key,
                        size_t len, int64_t now_ms);
size_t ratelimit_count(struct ratelimit *rl);
#endif
