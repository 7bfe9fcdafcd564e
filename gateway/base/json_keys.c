#include "base/json_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define PAIRWISE_MAX 8
#define SLOTS_MIN 64
#define KEYS_MAX (UINT32_MAX / 4)

void json_keys_init(struct json_keys *k)
{
    k->key = k->first;
    k->count = 0;
    k->cap = JSON_KEYS_INLINE;
    k->slot = NULL;
    k->slot_cap = k->slot_used = 0;
    k->decoded = (struct buf){ 0 };
}

void json_keys_fini(struct json_keys *k)
{
    if (k->key != k->first)
        free(k->key);
    free(k->slot);
    buf_fini(&k->decoded);
}

struct json_keys_mark json_keys_mark(const struct json_keys *k)
{
    return (struct json_keys_mark){ k->count, k->decoded.len, false };
}

static const char *key_bytes(const struct json_keys *k, const struct json_key *key)
{
    return key->p ? key->p : k->decoded.data + key->offset;
}

static bool key_equal(const struct json_keys *k, const struct json_key *a, const struct json_key *b)
{
    return a->len == b->len && memcmp(key_bytes(k, a), key_bytes(k, b), a->len) == 0;
}

static int keys_grow(struct json_keys *k)
{
    struct json_key *more;

    if (k->cap > KEYS_MAX / 2)
        return MG_E_NOMEM;
    if (k->key == k->first) {
        more = malloc(2 * k->cap * sizeof *more);
        if (more)
            memcpy(more, k->first, sizeof k->first);
    } else {
        more = realloc(k->key, 2 * (size_t)k->cap * sizeof *more);
    }
    if (!more)
        return MG_E_NOMEM;
    k->key = more;
    k->cap *= 2;
    return 0;
}

/* Puts key i into the first free slot behind its place. Keys leave in the reverse order of coming,
 * so a slot that is freed leaves no hole in another key's way. */
static void slot_take(struct json_keys *k, uint32_t i)
{
    uint32_t mask = k->slot_cap - 1, at = (uint32_t)k->key[i].hash & mask;

    while (k->slot[at])
        at = (at + 1) & mask;
    k->slot[at] = i + 1;
    k->key[i].slot = at;
    k->slot_used++;
}

/* Room for `more` keys at a load of at most one half. The old table names those that are hashed;
 * they go over in the order of the stack, which is what slot_take() relies on. */
static int slots_reserve(struct json_keys *k, uint32_t more)
{
    uint32_t cap = k->slot_cap ? k->slot_cap : SLOTS_MIN;

    while (cap / 2 < k->slot_used + more)
        cap *= 2;
    if (cap == k->slot_cap)
        return 0;
    uint32_t *slot = calloc(cap, sizeof *slot);
    if (!slot)
        return MG_E_NOMEM;
    uint32_t *old = k->slot, old_cap = k->slot_cap;
    k->slot = slot;
    k->slot_cap = cap;
    k->slot_used = 0;
    for (uint32_t i = 0; old && i < k->count; i++)
        if (k->key[i].slot < old_cap && old[k->key[i].slot] == i + 1)
            slot_take(k, i);
    free(old);
    return 0;
}

/* A secret hash of the decoded key; the depth keeps the same key of nested objects apart. */
static uint64_t key_hash(const struct json_keys *k, const struct json_key *key, uint32_t object)
{
    return hash_key(key_bytes(k, key), key->len) ^ object * UINT64_C(0x9E3779B97F4A7C15);
}

static int object_hash(struct json_keys *k, struct json_keys_mark *object)
{
    uint32_t n = k->count - object->count;

    if (slots_reserve(k, n) < 0)
        return MG_E_NOMEM;
    for (uint32_t i = object->count; i < k->count; i++) {
        k->key[i].hash = key_hash(k, &k->key[i], object->count);
        slot_take(k, i);
    }
    object->is_hashed = true;
    return 0;
}

static bool is_known(const struct json_keys *k, const struct json_keys_mark *object,
                     const struct json_key *key)
{
    if (!object->is_hashed) {
        for (uint32_t i = object->count; i < k->count; i++)
            if (key_equal(k, &k->key[i], key))
                return true;
        return false;
    }
    uint32_t mask = k->slot_cap - 1;
    for (uint32_t at = (uint32_t)key->hash & mask; k->slot[at]; at = (at + 1) & mask) {
        uint32_t i = k->slot[at] - 1;
        if (i >= object->count && k->key[i].hash == key->hash && key_equal(k, &k->key[i], key))
            return true;
    }
    return false;
}

/* The new key is written where it stays, and counts only at the end: a copy of it would be read
 * while its parts are still being written, which the processor waits for. */
int json_keys_add(struct json_keys *k, struct json_keys_mark *object, struct json_text key,
                  bool has_escapes)
{
    uint32_t siblings = k->count - object->count;

    if (k->count == k->cap && keys_grow(k) < 0)
        return MG_E_NOMEM;
    struct json_key *new = &k->key[k->count];
    new->p = key.p + 1;
    new->len = key.len - 2;
    new->slot = UINT32_MAX;
    if (has_escapes) {
        new->p = NULL;
        new->offset = k->decoded.len;
        json_string_decode(key, &k->decoded);
        if (!buf_ok(&k->decoded))
            return MG_E_NOMEM;
        new->len = k->decoded.len - new->offset;
    }
    if (!object->is_hashed && siblings == PAIRWISE_MAX && object_hash(k, object) < 0)
        return MG_E_NOMEM;
    if (object->is_hashed) {
        if (slots_reserve(k, 1) < 0)
            return MG_E_NOMEM;
        new->hash = key_hash(k, new, object->count);
    }
    if (is_known(k, object, new))
        return MG_E_CONFLICT;
    k->count++;
    if (object->is_hashed)
        slot_take(k, k->count - 1);
    return 0;
}

void json_keys_release(struct json_keys *k, const struct json_keys_mark *object)
{
    for (uint32_t i = k->count; object->is_hashed && i-- > object->count;) {
        k->slot[k->key[i].slot] = 0;
        k->slot_used--;
    }
    k->count = object->count;
    k->decoded.len = object->decoded;
}
