#include "hub/listener.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rand.h"

/* ---- what it is interested in ---- */

static struct watched *watched_find(struct notices *n, const char *name, size_t len, uint64_t hash)
{
    struct watched *w;

    HASH_FIND_BYHASHVALUE(hh, n->watched, name, len, (unsigned)hash, w);
    return w;
}

static struct watched *watched_get(struct notices *n, const char *name, size_t len)
{
    uint64_t hash = hash_key(name, len);
    struct watched *w = watched_find(n, name, len, hash);

    if (w)
        return w;
    w = calloc(1, sizeof *w + len + 1);
    if (!w)
        return NULL;
    memcpy(w->name, name, len);
    w->len = (unsigned)len;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, n->watched, w->name, len, (unsigned)hash, w);
    if (!w->hh.tbl) {
        free(w);
        return NULL;
    }
    return w;
}

static void watched_settle(struct notices *n, struct watched *w)
{
    if (w->interests)
        return;
    HASH_DELETE(hh, n->watched, w);
    free(w);
}

static struct interest *interest_find(const struct listener *l, const char *name, size_t len)
{
    for (struct interest *i = l->interests; i; i = i->other)
        if (i->watched->len == len && memcmp(i->watched->name, name, len) == 0)
            return i;
    return NULL;
}

/* As if nobody else watched it: what each has of it does not depend on the others. */
static uint64_t interest_bytes(size_t len)
{
    return sizeof(struct interest) + sizeof(struct watched) + len + 1;
}

static void interest_free(struct notices *n, struct interest *i)
{
    struct watched *w = i->watched;

    DL_DELETE(w->interests, i);
    DL_DELETE2(i->listener->interests, i, before, other);
    i->listener->interest_count--;
    shares_give(&n->bytes, i->listener->audience->key.principal, interest_bytes(w->len));
    atomic_fetch_sub(&n->interests, 1);
    free(i);
    watched_settle(n, w);
}

int listener_add(struct notices *n, struct listener *l, const char *name, size_t len)
{
    if (len > NOTICE_URI_MAX)
        return MG_E_INVALID;
    if (interest_find(l, name, len))
        return 0;
    if (l->interest_count >= n->limits.max_uris)
        return MG_E_LIMIT;
    int code = shares_take(&n->bytes, l->audience->key.principal, interest_bytes(len));
    if (code < 0)
        return code;
    struct interest *i = calloc(1, sizeof *i);
    struct watched *w = i ? watched_get(n, name, len) : NULL;
    if (!w) {
        shares_give(&n->bytes, l->audience->key.principal, interest_bytes(len));
        free(i);
        return MG_E_NOMEM;
    }
    i->listener = l;
    i->watched = w;
    DL_APPEND(w->interests, i);
    DL_APPEND2(l->interests, i, before, other);
    l->interest_count++;
    atomic_fetch_add(&n->interests, 1);
    return 0;
}

void listener_remove(struct notices *n, struct listener *l, const char *name, size_t len)
{
    struct interest *i = interest_find(l, name, len);

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

static void notice_name(struct notice *out, const struct watched *w)
{
    bool is_task = w && w->len > 0 && w->name[0] == WATCHED_TASK;

    out->len = w ? w->len - is_task : 0;
    if (is_task)
        out->kind = NOTICE_TASK;
    if (out->len > 0)
        memcpy(out->uri, w->name + is_task, out->len);
    out->uri[out->len] = '\0';
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
    notice_name(out, kind == NOTICE_UPDATED ? found->watched : NULL);
    return true;
}

/* ---- life ---- */

static void audience_settle(struct notices *n, struct audience *a)
{
    if (a->count == 0)
        per_key_drop(&n->audiences, a);
}

/* Into the table, if it is a session's. */
static int session_add(struct notices *n, struct listener *l)
{
    size_t len = strlen(l->session);

    if (len == 0)
        return 0;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, n->sessions, l->session, len,
                                (unsigned)hash_key(l->session, len), l);
    return l->hh.tbl ? 0 : MG_E_NOMEM;
}

struct listener *listener_new(struct notices *n, const char *session, uint64_t principal,
                              unsigned lists)
{
    struct listener *l = calloc(1, sizeof *l);
    struct audience *a = l ? per_key_get(&n->audiences, principal, sizeof *a) : NULL;

    if (!a) {
        free(l);
        return NULL;
    }
    strncpy(l->session, session, sizeof l->session - 1);
    if (session_add(n, l) < 0) {
        audience_settle(n, a);
        free(l);
        return NULL;
    }
    l->audience = a;
    a->count++;
    l->lists = lists;
    rand_bytes(&l->stream, sizeof l->stream);
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
    l->audience->count--;
    audience_settle(n, l->audience);
    free(l);
}
