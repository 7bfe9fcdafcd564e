/* session_items.h - what a table of the hub keeps for sessions, found by the session. Private to
 * the hub. Lifetime: an item is embedded in what is kept; what a session has goes with its last
 * item. Threads: everything wants the lock of the table. */
#ifndef MG_SESSION_ITEMS_H
#define MG_SESSION_ITEMS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "hub/sessions.h"

struct session_item {
    struct session_items *of; /* NULL: it is kept for none (any more) */
    struct session_item *next, *prev;
};

struct session_items { /* of one session */
    UT_hash_handle hh;
    char id[SESSION_ID_SIZE];
    uint64_t principal;
    struct session_item *first; /* the oldest */
    uint32_t count;
};

/* NULL: it has none. */
struct session_items *session_items_find(struct session_items *table, const char *session);
/* MG_E_LIMIT: it has max already; MG_E_NOMEM. */
int session_item_enter(struct session_items **table, const char *session, uint64_t principal,
                       uint32_t max, struct session_item *item) MG_NODISCARD;
void session_item_leave(struct session_items **table, struct session_item *item); /* or is in none
                                                                                   */
bool session_item_is(const struct session_item *item, const char *session, uint64_t principal);

#endif
