#include "hub/per_key.h"

#include <stdlib.h>

void *per_key_find(struct per_key *table, uint64_t principal)
{
    struct per_key *one;

    HASH_FIND(hh, table, &principal, sizeof principal, one);
    return one;
}

void *per_key_get(struct per_key **table, uint64_t principal, size_t size)
{
    struct per_key *one = per_key_find(*table, principal);

    if (one || !(one = calloc(1, size)))
        return one;
    one->principal = principal;
    HASH_ADD(hh, *table, principal, sizeof one->principal, one);
    if (one->hh.tbl)
        return one;
    free(one);
    return NULL;
}

void per_key_drop(struct per_key **table, void *entry)
{
    struct per_key *one = entry;

    HASH_DELETE(hh, *table, one);
    free(one);
}
