#include "hub/session_items.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct session_items *session_items_find(struct session_items *table, const char *session)
{
    struct session_items *s;

    HASH_FIND(hh, table, session, SESSION_ID_SIZE - 1, s);
    return s;
}

static struct session_items *items_get(struct session_items **table, const char *session,
                                       uint64_t principal)
{
    struct session_items *s = session_items_find(*table, session);

    if (s || !(s = calloc(1, sizeof *s)))
        return s;
    memcpy(s->id, session, SESSION_ID_SIZE - 1);
    s->principal = principal;
    HASH_ADD_KEYPTR(hh, *table, s->id, SESSION_ID_SIZE - 1, s);
    if (s->hh.tbl)
        return s;
    free(s);
    return NULL;
}

int session_item_enter(struct session_items **table, const char *session, uint64_t principal,
                       uint32_t max, struct session_item *item)
{
    struct session_items *s = items_get(table, session, principal);

    if (!s)
        return MG_E_NOMEM;
    if (s->count >= max)
        return MG_E_LIMIT;
    item->of = s;
    DL_APPEND(s->first, item);
    s->count++;
    return 0;
}

void session_item_leave(struct session_items **table, struct session_item *item)
{
    struct session_items *s = item->of;

    if (!s)
        return;
    item->of = NULL;
    DL_DELETE(s->first, item);
    if (--s->count > 0)
        return;
    HASH_DELETE(hh, *table, s);
    free(s);
}

bool session_item_is(const struct session_item *item, const char *session, uint64_t principal)
{
    return item->of && item->of->principal == principal && strcmp(item->of->id, session) == 0;
}
