#include "store/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define CAP_MIN 8

static uint64_t value_bytes(const struct store_value *v) { return (uint64_t)v->len + v->key_len; }

void table_fini(struct table *t)
{
    for (uint32_t i = 0; i < t->used; i++)
        store_value_unref(t->slots[i].value);
    free(t->slots);
    free(t->index);
    *t = (struct table){ 0 };
}

/* The index entry of the key, or the free one where it belongs. There always is a free one: the
 * index has twice as many entries as there are slots. */
static uint32_t *index_seek(const struct table *t, uint32_t hash, const char *key, size_t len)
{
    uint32_t mask = 2 * t->cap - 1;

    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t slot = t->index[i];
        if (slot == TABLE_NONE)
            return &t->index[i];
        const struct store_value *v = t->slots[slot].value;
        if (v && t->slots[slot].hash == hash && v->key_len == len &&
            memcmp(value_key(v), key, len) == 0)
            return &t->index[i];
    }
}

static void index_add(struct table *t, uint32_t slot)
{
    uint32_t mask = 2 * t->cap - 1;
    uint32_t i = t->slots[slot].hash & mask;

    while (t->index[i] != TABLE_NONE)
        i = (i + 1) & mask;
    t->index[i] = slot;
}

/* Moves the values into new arrays of cap slots, leaving the holes behind. */
static int table_rebuild(struct table *t, uint32_t cap)
{
    struct table_slot *slots = malloc(cap * sizeof *slots);
    uint32_t *index = malloc(2 * (size_t)cap * sizeof *index);

    if (!slots || !index) {
        free(slots);
        free(index);
        return MG_E_NOMEM;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->used; i++)
        if (t->slots[i].value)
            slots[n++] = t->slots[i];
    memset(index, 0xff, 2 * (size_t)cap * sizeof *index);
    free(t->slots);
    free(t->index);
    t->slots = slots;
    t->index = index;
    t->cap = cap;
    t->used = n;
    for (uint32_t i = 0; i < n; i++)
        index_add(t, i);
    return 0;
}

int table_reserve(struct table *t, uint32_t more)
{
    if (more <= t->cap - t->used)
        return 0;
    if (more > TABLE_MAX || t->live > TABLE_MAX - more)
        return MG_E_LIMIT;
    uint32_t cap = CAP_MIN;
    /* Room to spare: else a table at its brim, with as many removals as puts, would be rebuilt for
     * every one of them. */
    while (cap < TABLE_MAX && cap - cap / 4 < t->live + more)
        cap *= 2;
    return table_rebuild(t, cap);
}

static uint32_t key_hash(const char *key, size_t len) { return (uint32_t)hash_key(key, len); }

uint32_t table_position(const struct table *t, const char *key, size_t len)
{
    return t->live > 0 ? *index_seek(t, key_hash(key, len), key, len) : TABLE_NONE;
}

struct store_value *table_find(const struct table *t, const char *key, size_t len)
{
    uint32_t slot = table_position(t, key, len);

    return slot == TABLE_NONE ? NULL : t->slots[slot].value;
}

struct store_value *table_put(struct table *t, struct store_value *v)
{
    uint32_t hash = key_hash(value_key(v), v->key_len);
    uint32_t *at = index_seek(t, hash, value_key(v), v->key_len);
    struct store_value *old = NULL;

    t->bytes += value_bytes(v);
    if (*at == TABLE_NONE) {
        *at = t->used++;
        t->live++;
    } else {
        old = t->slots[*at].value;
        t->bytes -= value_bytes(old);
    }
    t->slots[*at] = (struct table_slot){ .value = v, .hash = hash };
    return old;
}

struct store_value *table_remove(struct table *t, const char *key, size_t len)
{
    uint32_t slot = table_position(t, key, len);

    if (slot == TABLE_NONE)
        return NULL;
    struct store_value *old = t->slots[slot].value;
    t->slots[slot].value = NULL; /* the index entry stays: searches pass over it */
    t->bytes -= value_bytes(old);
    t->live--;
    return old;
}

struct store_value *table_next(const struct table *t, uint32_t *at)
{
    for (; *at < t->used; ++*at)
        if (t->slots[*at].value)
            return t->slots[*at].value;
    return NULL;
}

struct store_value *table_prev(const struct table *t, uint32_t *at)
{
    uint32_t i = *at < t->used ? *at + 1 : t->used;

    while (i-- > 0) {
        if (!t->slots[i].value)
            continue;
        *at = i;
        return t->slots[i].value;
    }
    return NULL;
}
