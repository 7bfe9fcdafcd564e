/* json_keys.h - the keys of the objects that a scan has open, to find one that stands twice.
 * A stack: the keys of an inner object lie above those of the outer ones and leave with it. Few
 * keys are compared one by one; more go into one hash table under a secret hash, so that no choice
 * of keys makes it slow. Keys without escapes stay in the text; decoded ones are kept here.
 * Private to base. Lifetime: one scan; small scans allocate nothing. Threads: one owner. */
#ifndef MG_JSON_KEYS_H
#define MG_JSON_KEYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json_scan.h"

#define JSON_KEYS_INLINE 16

struct json_key {
    const char *p; /* NULL: decoded, at `offset` of json_keys.decoded */
    size_t offset, len;
    uint64_t hash; /* only when the object is hashed */
    uint32_t slot; /* likewise */
};

struct json_keys {
    struct json_key *key; /* the stack: first[], then on the heap */
    uint32_t count, cap;
    uint32_t *slot; /* open addressing; number of a key + 1, 0 is free */
    uint32_t slot_cap, slot_used;
    struct buf decoded;
    struct json_key first[JSON_KEYS_INLINE];
};

struct json_keys_mark { /* where an object began */
    uint32_t count;
    size_t decoded;
    bool is_hashed;
};

void json_keys_init(struct json_keys *k);
void json_keys_fini(struct json_keys *k);
struct json_keys_mark json_keys_mark(const struct json_keys *k);
/* MG_E_CONFLICT: the object has this key. MG_E_NOMEM. key is a validated JSON string. */
int json_keys_add(struct json_keys *k, struct json_keys_mark *object, struct json_text key,
                  bool has_escapes) MG_NODISCARD;
void json_keys_release(struct json_keys *k, const struct json_keys_mark *object);

#endif
