#include "hub/sessions.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rand.h"
#include "base/table.h"
#include "hub/per_key.h"
#include "hub/shares.h"

#define SHARDS 16
/* With fewer in a shard there is only one: the order of leaving is exact then, and a key's share is
 * of all, and not of what chance has put together. */
#define SHARD_MIN 1024
#define ID_LEN (SESSION_ID_SIZE - 1)

struct session {
    UT_hash_handle hh;
    struct session *prev, *next; /* of its list */
    struct holder *holder;
    int64_t used_ms;
    uint32_t holds; /* open streams, calls: in use, however long nothing was asked */
    struct session_info info;
};

/* What one principal has in a shard; goes with its last session. Least recently used first. */
struct holder {
    struct per_key key;
    struct session *idle, *in_use;
    uint32_t count;
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct session *table;
    struct per_key *holders;
    uint32_t count;
};

struct sessions {
    uint32_t shard_count, shard_max;
    _Atomic int64_t idle_ms;
    void (*ended)(void *arg, const char *id);
    void *ended_arg;
    struct shard shards[SHARDS];
};

struct sessions *sessions_new(uint32_t max, int64_t idle_ms)
{
    struct sessions *s = aligned_alloc(_Alignof(struct sessions), sizeof *s);

    if (!s)
        return NULL;
    memset(s, 0, sizeof *s);
    s->shard_count = max >= SHARDS * SHARD_MIN ? SHARDS : 1;
    s->shard_max = max / s->shard_count;
    if (s->shard_max == 0)
        s->shard_max = 1;
    atomic_init(&s->idle_ms, idle_ms);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&s->shards[i].lock, NULL);
    return s;
}

void sessions_on_end(struct sessions *s, void (*ended)(void *arg, const char *id), void *arg)
{
    s->ended = ended;
    s->ended_arg = arg;
}

void sessions_set_idle(struct sessions *s, int64_t idle_ms) { atomic_store(&s->idle_ms, idle_ms); }

/* ---- holders ---- */

static void holder_settle(struct shard *sh, struct holder *h)
{
    if (h->count == 0)
        per_key_drop(&sh->holders, h);
}

static struct session **list_of(struct session *one)
{
    return one->holds > 0 ? &one->holder->in_use : &one->holder->idle;
}

static void list_leave(struct session *one)
{
    struct session **list = list_of(one);

    DL_DELETE(*list, one);
}

static void list_enter(struct session *one)
{
    struct session **list = list_of(one);

    DL_APPEND(*list, one);
}

static void session_drop(struct sessions *s, struct shard *sh, struct session *one)
{
    if (s->ended)
        s->ended(s->ended_arg, one->info.id);
    HASH_DELETE(hh, sh->table, one);
    list_leave(one);
    one->holder->count--;
    sh->count--;
    holder_settle(sh, one->holder);
    free(one);
}

/* Whose session leaves for one who has none: of those that have idle ones the one with the most,
 * or, when all are in use, the one with the most. */
static struct holder *heaviest(struct shard *sh)
{
    struct holder *most = NULL;

    for (struct per_key *one = sh->holders; one; one = one->hh.next) {
        struct holder *h = (struct holder *)one;
        if (h->count > 0 && (!most || (h->idle && !most->idle) ||
                             (!h->idle == !most->idle && h->count > most->count)))
            most = h;
    }
    return most;
}

/* Which one leaves when h gets one more: none, while it has no more than its share; one of its own,
 * if it has any; one that is idle before one that is in use. */
static struct session *one_too_many(const struct sessions *s, struct shard *sh,
                                    const struct holder *h)
{
    if (share_is_fair(h->count, sh->count, 1, s->shard_max))
        return NULL;
    const struct holder *from = h->count > 0 ? h : heaviest(sh);
    if (!from)
        return NULL;
    return from->idle ? from->idle : from->in_use;
}

/* ---- all ---- */

void sessions_free(struct sessions *s)
{
    struct session *one, *next;

    if (!s)
        return;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *sh = &s->shards[i];
        HASH_ITER (hh, sh->table, one, next)
            session_drop(s, sh, one);
        pthread_mutex_destroy(&sh->lock);
    }
    free(s);
}

static struct shard *shard_of(struct sessions *s, uint64_t hash)
{
    return &s->shards[(hash >> 32) % s->shard_count];
}

static bool is_expired(const struct sessions *s, const struct session *one, int64_t now_ms)
{
    return one->holds == 0 && now_ms > one->used_ms &&
           now_ms - one->used_ms >= atomic_load(&s->idle_ms);
}

static int session_add(struct sessions *s, struct shard *sh, struct session *one, uint64_t hash,
                       int64_t now_ms)
{
    struct holder *h = per_key_get(&sh->holders, one->info.principal, sizeof *h);

    if (!h)
        return MG_E_NOMEM;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, sh->table, one->info.id, ID_LEN, (unsigned)hash, one);
    if (!one->hh.tbl) {
        holder_settle(sh, h);
        return MG_E_NOMEM;
    }
    struct session *leaves = one_too_many(s, sh, h);
    one->used_ms = now_ms;
    one->holder = h;
    h->count++;
    sh->count++;
    list_enter(one);
    if (leaves)
        session_drop(s, sh, leaves);
    return 0;
}

int sessions_create(struct sessions *s, struct session_info *info, int64_t now_ms)
{
    struct session *one = calloc(1, sizeof *one);

    if (!one)
        return MG_E_NOMEM;
    rand_hex(info->id, ID_LEN / 2);
    one->info = *info;
    uint64_t hash = hash_key(info->id, ID_LEN);
    struct shard *sh = shard_of(s, hash);
    pthread_mutex_lock(&sh->lock);
    int code = session_add(s, sh, one, hash, now_ms);
    pthread_mutex_unlock(&sh->lock);
    if (code < 0)
        free(one);
    return code;
}

/* The session, touched, with its shard locked in *locked; NULL with nothing locked. */
static struct session *session_lock(struct sessions *s, const char *id, uint64_t principal,
                                    int64_t now_ms, struct shard **locked)
{
    struct session *one = NULL;

    if (strnlen(id, SESSION_ID_SIZE) != ID_LEN)
        return NULL;
    uint64_t hash = hash_key(id, ID_LEN);
    struct shard *sh = shard_of(s, hash);
    pthread_mutex_lock(&sh->lock);
    HASH_FIND_BYHASHVALUE(hh, sh->table, id, ID_LEN, (unsigned)hash, one);
    /* Another's session is not touched either: nobody keeps alive what is not his. */
    if (one && one->info.principal == principal && is_expired(s, one, now_ms)) {
        session_drop(s, sh, one);
        one = NULL;
    }
    if (!one || one->info.principal != principal) {
        pthread_mutex_unlock(&sh->lock);
        return NULL;
    }
    if (now_ms > one->used_ms)
        one->used_ms = now_ms;
    list_leave(one);
    list_enter(one);
    *locked = sh;
    return one;
}

int sessions_find(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms,
                  struct session_info *out)
{
    struct shard *sh;
    struct session *one = session_lock(s, id, principal, now_ms, &sh);

    if (!one)
        return MG_E_NOTFOUND;
    *out = one->info;
    pthread_mutex_unlock(&sh->lock);
    return 0;
}

int sessions_set_initialized(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms)
{
    struct shard *sh;
    struct session *one = session_lock(s, id, principal, now_ms, &sh);

    if (!one)
        return MG_E_NOTFOUND;
    one->info.initialized = true;
    pthread_mutex_unlock(&sh->lock);
    return 0;
}

int sessions_set_log_level(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms,
                           int8_t level)
{
    struct shard *sh;
    struct session *one = session_lock(s, id, principal, now_ms, &sh);

    if (!one)
        return MG_E_NOTFOUND;
    one->info.log_level = level;
    pthread_mutex_unlock(&sh->lock);
    return 0;
}

int sessions_remove(struct sessions *s, const char *id, uint64_t principal)
{
    struct shard *sh;
    struct session *one = session_lock(s, id, principal, INT64_MIN, &sh);

    if (!one)
        return MG_E_NOTFOUND;
    session_drop(s, sh, one);
    pthread_mutex_unlock(&sh->lock);
    return 0;
}

int sessions_enter(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms,
                   bool hold, int (*fn)(void *arg), void *arg)
{
    struct shard *sh;
    struct session *one = session_lock(s, id, principal, now_ms, &sh);

    if (!one)
        return MG_E_NOTFOUND;
    int rc = fn ? fn(arg) : 0;
    if (rc == 0 && hold) {
        list_leave(one);
        one->holds++;
        list_enter(one);
    }
    pthread_mutex_unlock(&sh->lock);
    return rc;
}

void sessions_release(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms)
{
    struct shard *sh;
    struct session *one = session_lock(s, id, principal, now_ms, &sh);

    if (!one)
        return;
    list_leave(one);
    if (one->holds > 0)
        one->holds--;
    list_enter(one);
    pthread_mutex_unlock(&sh->lock);
}

uint32_t sessions_count(struct sessions *s)
{
    uint32_t n = 0;

    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&s->shards[i].lock);
        n += s->shards[i].count;
        pthread_mutex_unlock(&s->shards[i].lock);
    }
    return n;
}

static void holder_sweep(struct sessions *s, struct shard *sh, struct holder *h, int64_t now_ms)
{
    struct session *one, *next;

    DL_FOREACH_SAFE (h->idle, one, next) { /* h goes with its last one */
        if (!is_expired(s, one, now_ms))
            break;
        session_drop(s, sh, one);
    }
}

void sessions_sweep(struct sessions *s, int64_t now_ms)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *sh = &s->shards[i];
        struct per_key *h, *next;
        pthread_mutex_lock(&sh->lock);
        HASH_ITER (hh, sh->holders, h, next)
            holder_sweep(s, sh, (struct holder *)h, now_ms);
        pthread_mutex_unlock(&sh->lock);
    }
}
