#include "store/value.h"

#include <stdlib.h>
#include <string.h>

struct store_value *value_new(const char *key, size_t key_len, const char *text, size_t len)
{
    struct store_value *v = malloc(sizeof *v + len + key_len + 2);

    if (!v)
        return NULL;
    atomic_init(&v->refs, 1);
    v->key_len = (uint32_t)key_len;
    v->len = (uint32_t)len;
    v->seq = 0;
    v->expires_ms = 0;
    if (len > 0)
        memcpy(v->bytes, text, len);
    v->bytes[len] = '\0';
    memcpy(v->bytes + len + 1, key, key_len);
    v->bytes[len + 1 + key_len] = '\0';
    return v;
}

struct store_value *store_value_ref(struct store_value *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void store_value_unref(struct store_value *v)
{
    /* Acquire as well as release: what other holders did to the text happens before the free. */
    if (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
        free(v);
}

const char *store_value_text(const struct store_value *v, size_t *len)
{
    if (len)
        *len = v->len;
    return v->bytes;
}

const char *store_value_key(const struct store_value *v, size_t *len)
{
    if (len)
        *len = v->key_len;
    return value_key(v);
}

store_seq store_value_seq(const struct store_value *v) { return v->seq; }
