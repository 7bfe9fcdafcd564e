/* per_key.h - tables with one entry for each principal that has something there. Private to the
 * hub. Lifetime: an entry is what per_key_get() made, until per_key_drop(). Threads: everything
 * wants the lock of the table. */
#ifndef MG_PER_KEY_H
#define MG_PER_KEY_H
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

struct per_key { /* the first member of an entry */
    UT_hash_handle hh;
    uint64_t principal;
};

void *per_key_find(struct per_key *table, uint64_t principal); /* NULL: there is none */
/* The one that is there, or a new one of that size, zeroed. NULL: no memory. */
void *per_key_get(struct per_key **table, uint64_t principal, size_t size);
void per_key_drop(struct per_key **table, void *entry); /* frees it */

#endif
