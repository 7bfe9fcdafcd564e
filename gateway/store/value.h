/* value.h - one version of one object: its key, its JSON text, the record that wrote it.
 * Lifetime: counted references; the last unref frees. Threads: immutable once its seq is set, which
 * happens under the collection's lock before any other thread can reach it. */
#ifndef MG_STORE_VALUE_H
#define MG_STORE_VALUE_H
#include <stdatomic.h>

#include "store/store.h"

struct store_value {
    atomic_uint refs;
    uint32_t key_len, len; /* bytes, without the NULs that follow each */
    store_seq seq;
    int64_t expires_ms; /* wall clock; 0 = never */
    char bytes[];       /* the text, NUL, the key, NUL */
};

/* One reference, the caller's; NULL when memory is exhausted. Both texts are copied. */
struct store_value *value_new(const char *key, size_t key_len, const char *text, size_t len);

static inline const char *value_key(const struct store_value *v) { return v->bytes + v->len + 1; }

#endif
