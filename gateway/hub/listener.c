#include "hub/listener.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rand.h"

/* ---- what it is interested in ---- */

static struct watched *watched_find(struct notices *n, const char *uri, size_t len, uint64_t hash)
{
    struct watched *w;

    HASH_FIND_BYHASHVALUE(hh, n->watched, uri, len, (unsigned)hash, w);
    return w;
}

static struct watched *watched_get(struct notices *n, const char *uri, size_t len)
{
    uint64_t hash = hash_key(uri, len);
    struct watched *w = watched_find(n, uri, len, hash);

    if (w)
        return w;
    w = calloc(1, sizeof *w + len + 1);
    if (!w)
        return NULL;
    memcpy(w->uri, uri, len);
    w->len = (unsigned)len;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, n->watched, w->uri, len, (unsigned)hash, w);
    if (!w->hh.tbl) {
        free(w);
        return NULL;
    }
    n->bytes += sizeof *w + len + 1;
    return w;
}

static void watched_settle(struct notices *n, struct watched *w)
{
    if (w->interests)
        return;
    n->bytes -= sizeof *w + w->len + 1;
    HASH_DELETE(hh, n->watched, w);
    free(w);
}

static struct interest *interest_find(const struct listener *l, const char *uri, size_t len)
{
    for (struct interest *i = l->interests; i; i = i->other)
        if (i->watched->len == len && memcmp(i->watched->uri, uri, len) == 0)
            return i;
    return NULL;
}

static void interest_free(struct notices *n, struct interest *i)
{
    struct watched *w = i->watched;

    DL_DELETE(w->interests, i);
    DL_DELETE2(i->listener->interests, i, before, other);
    i->listener->interest_count--;
    n->bytes -= sizeof *i;
    atomic_fetch_sub(&n->interests, 1);
    free(i);
    watched_settle(n, w);
}

int listener_add(struct notices *n, struct listener *l, const char *uri, size_t len)
{
    if (len > NOTICE_URI_MAX)
        return MG_E_INVALID;
    if (interest_find(l, uri, len))
        return 0;
    if (l->interest_count >= n->limits.max_uris ||
        n->bytes + sizeof(struct interest) + sizeof(struct watched) + len >= NOTICES_MAX_BYTES)
        return MG_E_LIMIT;
    struct interest *i = calloc(1, sizeof *i);
    struct watched *w = i ? watched_get(n, uri, len) : NULL;
    if (!w) {
        free(i);
        return MG_E_NOMEM;
    }
    i->listener = l;
    i->watched = w;
    DL_APPEND(w->interests, i);
    DL_APPEND2(l->interests, i, before, other);
    l->interest_count++;
    n->bytes += sizeof *i;
    atomic_fetch_add(&n->interests, 1);
    return 0;
}

void listener_remove(struct notices *n, struct listener *l, const char *uri, size_t len)
{
    struct interest *i = interest_find(l, uri, len);

    if (i)
        interest_free(n, i);
}

/* ---- what it is to be told ---- */

void listener_mark(struct listener *l, uint64_t *place)
{
    *place = ++l->number;
    if (l->feed)
        feed_wake(&l->feed->base);
}

/* Nothing that was told, or is older than what was; the lower of two. */
static bool is_sooner(const struct listener *l, uint64_t number, uint64_t than)
{
    return number > l->told && (than == 0 || number < than);
}

bool listener_next(const struct listener *l, struct notice *out)
{
    const struct interest *found = NULL;
    enum notice_kind kind = NOTICE_UPDATED;
    uint64_t number = 0;

    if (l->number == l->told)
        return false;
    for (unsigned k = 0; k < NOTICE_LISTS; k++)
        if (is_sooner(l, l->changed[k], number)) {
            number = l->changed[k];
            kind = (enum notice_kind)k;
        }
    for (const struct interest *i = l->interests; i; i = i->other)
        if (is_sooner(l, i->number, number)) {
            number = i->number;
            kind = NOTICE_UPDATED;
            found = i;
        }
    if (number == 0 || !out)
        return number > 0;
    out->kind = kind;
    out->number = number;
    out->len = kind == NOTICE_UPDATED ? found->watched->len : 0;
    if (out->len > 0)
        memcpy(out->uri, found->watched->uri, out->len);
    out->uri[out->len] = '\0';
    return true;
}

/* ---- life ---- */

struct listener *listener_new(struct notices *n, const char *session, uint64_t principal,
                              unsigned lists)
{
    struct listener *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    strncpy(l->session, session, sizeof l->session - 1);
    l->principal = principal;
    l->lists = lists;
    rand_bytes(&l->stream, sizeof l->stream);
    if (session[0]) {
        size_t len = strlen(l->session);
        uint64_t hash = hash_key(l->session, len);
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, n->sessions, l->session, len, (unsigned)hash, l);
        if (!l->hh.tbl) {
            free(l);
            return NULL;
        }
    }
    DL_APPEND(n->all, l);
    atomic_fetch_add(&n->listeners, 1);
    return l;
}

struct listener *listener_find(struct notices *n, const char *session)
{
    struct listener *l;
    size_t len = strlen(session);

    HASH_FIND_BYHASHVALUE(hh, n->sessions, session, len, (unsigned)hash_key(session, len), l);
    return l;
}

void listener_free(struct notices *n, struct listener *l)
{
    for (struct interest *i = l->interests, *other; i; i = other) {
        other = i->other;
        interest_free(n, i);
    }
    if (l->session[0])
        HASH_DELETE(hh, n->sessions, l);
    DL_DELETE(n->all, l);
    atomic_fetch_sub(&n->listeners, 1);
    free(l);
}
