/* table.h - values by key, in order of insertion.
 * An array of slots in that order and an open-addressed index into it. Replacing keeps the place,
 * removing leaves a hole, and holes go when the array is full. Pure: no locks, no time. Lifetime:
 * embedded; {0} is a valid empty table. Owns one reference to every value in it. */
#ifndef MG_STORE_TABLE_H
#define MG_STORE_TABLE_H
#include "store/value.h"

#define TABLE_NONE UINT32_MAX
#define TABLE_MAX (UINT32_C(1) << 28) /* slots; beyond it table_reserve() refuses */

struct table_slot {
    struct store_value *value; /* NULL: a hole */
    uint32_t hash;
};

struct table {
    struct table_slot *slots; /* in order of insertion */
    uint32_t *index;          /* 2 * cap entries: slot number or TABLE_NONE */
    uint32_t cap;             /* a power of two, or 0 */
    uint32_t used;            /* slots taken, holes included */
    uint32_t live;            /* values */
    uint64_t bytes;           /* texts and keys of the values */
};

void table_fini(struct table *t);

/* Makes room: the next `more` puts of new keys cannot fail. MG_E_NOMEM or MG_E_LIMIT, and nothing
 * changed. */
int table_reserve(struct table *t, uint32_t more) MG_NODISCARD;

/* The value, borrowed, or NULL. */
struct store_value *table_find(const struct table *t, const char *key, size_t len);
/* Takes the caller's reference. Returns the version it replaced, which is now the caller's, or
 * NULL. */
struct store_value *table_put(struct table *t, struct store_value *v);
/* Returns the value, which is now the caller's, or NULL. */
struct store_value *table_remove(struct table *t, const char *key, size_t len);

/* Walks the slots: the first value at or after (before: at or below) position `at`, whose position
 * goes to *at; NULL at the end. TABLE_NONE as a start of table_prev() means the newest. Positions
 * change with a put. */
struct store_value *table_next(const struct table *t, uint32_t *at);
struct store_value *table_prev(const struct table *t, uint32_t *at);
uint32_t table_position(const struct table *t, const char *key, size_t len); /* or TABLE_NONE */

#endif
