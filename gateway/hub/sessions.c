#include "hub/sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rand.h"
#include "base/table.h"

#define SHARDS 16
#define SHARD_MIN 64 /* with fewer per shard one shard keeps the order of leaving exact */
#define ID_LEN (SESSION_ID_SIZE - 1)

struct session {
    UT_hash_handle hh;
    struct session *prev, *next; /* least recently used first */
    int64_t used_ms;
    uint32_t holds; /* open streams: in use, however long nothing was asked */
    struct session_info info;
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct session *table;
    struct session *used;
    uint32_t count;
};

struct sessions {
    uint32_t shard_count, shard_max;
    int64_t idle_ms;
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
    s->idle_ms = idle_ms;
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&s->shards[i].lock, NULL);
    return s;
}

void sessions_on_end(struct sessions *s, void (*ended)(void *arg, const char *id), void *arg)
{
    s->ended = ended;
    s->ended_arg = arg;
}

static void session_drop(struct sessions *s, struct shard *sh, struct session *one)
{
    if (s->ended)
        s->ended(s->ended_arg, one->info.id);
    HASH_DELETE(hh, sh->table, one);
    DL_DELETE(sh->used, one);
    sh->count--;
    free(one);
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    for (int i = 0; i < SHARDS; i++) {
        while (s->shards[i].used)
            session_drop(s, &s->shards[i], s->shards[i].used);
        pthread_mutex_destroy(&s->shards[i].lock);
    }
    free(s);
}

static struct shard *shard_of(struct sessions *s, uint64_t hash)
{
    return &s->shards[(hash >> 32) % s->shard_count];
}

static bool is_expired(const struct sessions *s, const struct session *one, int64_t now_ms)
{
    return one->holds == 0 && now_ms > one->used_ms && now_ms - one->used_ms >= s->idle_ms;
}

int sessions_create(struct sessions *s, struct session_info *info, int64_t now_ms)
{
    struct session *one = calloc(1, sizeof *one);
    int rc = 0;

    if (!one)
        return MG_E_NOMEM;
    rand_hex(info->id, ID_LEN / 2);
    one->info = *info;
    one->used_ms = now_ms;
    uint64_t hash = hash_key(info->id, ID_LEN);
    struct shard *sh = shard_of(s, hash);
    pthread_mutex_lock(&sh->lock);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, sh->table, one->info.id, ID_LEN, (unsigned)hash, one);
    if (one->hh.tbl) {
        if (sh->count >= s->shard_max)
            session_drop(s, sh, sh->used);
        DL_APPEND(sh->used, one);
        sh->count++;
    } else {
        free(one);
        rc = MG_E_NOMEM;
    }
    pthread_mutex_unlock(&sh->lock);
    return rc;
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
    DL_DELETE(sh->used, one);
    DL_APPEND(sh->used, one);
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
    int rc = fn(arg);
    if (rc == 0 && hold)
        one->holds++;
    pthread_mutex_unlock(&sh->lock);
    return rc;
}

void sessions_release(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms)
{
    struct shard *sh;
    struct session *one = session_lock(s, id, principal, now_ms, &sh);

    if (!one)
        return;
    if (one->holds > 0)
        one->holds--;
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

void sessions_sweep(struct sessions *s, int64_t now_ms)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *sh = &s->shards[i];
        pthread_mutex_lock(&sh->lock);
        /* Least recently used first; those in use stay where they are. */
        for (struct session *one = sh->used, *next; one; one = next) {
            next = one->next;
            if (now_ms - one->used_ms < s->idle_ms)
                break;
            if (is_expired(s, one, now_ms))
                session_drop(s, sh, one);
        }
        pthread_mutex_unlock(&sh->lock);
    }
}
