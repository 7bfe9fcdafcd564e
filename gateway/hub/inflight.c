#include "hub/inflight.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#define SHARDS 16

/* One reference is the table's and the owner's together, one a cancellation's that is under way. */
struct inflight_entry {
    struct mail mail;
    UT_hash_handle hh;
    atomic_uint refs;
    bool is_cancelled; /* the mail has been posted; under the shard's lock */
    bool is_blurred;   /* likewise */
    bool is_live;      /* not removed; the loop's thread only */
    struct loop *loop;
    void (*cancel)(void *arg);
    void *arg;
    unsigned shard;
    char key[];
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct inflight_entry *table;
};

struct inflight {
    struct shard shards[SHARDS];
};

struct inflight *inflight_new(void)
{
    struct inflight *f = aligned_alloc(_Alignof(struct inflight), sizeof *f);

    if (!f)
        return NULL;
    memset(f, 0, sizeof *f);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&f->shards[i].lock, NULL);
    return f;
}

static void entry_unref(struct inflight_entry *e)
{
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        free(e);
}

void inflight_free(struct inflight *f)
{
    if (!f)
        return;
    for (int i = 0; i < SHARDS; i++) {
        struct inflight_entry *e;
        while ((e = f->shards[i].table) != NULL) {
            HASH_DELETE(hh, f->shards[i].table, e);
            entry_unref(e);
        }
        pthread_mutex_destroy(&f->shards[i].lock);
    }
    free(f);
}

/* On the owner's loop: between the cancellation and now the entry may have been removed. */
static void cancel_run(struct mail *m)
{
    struct inflight_entry *e = (struct inflight_entry *)m;

    if (e->is_live)
        e->cancel(e->arg);
    entry_unref(e);
}

int inflight_add(struct inflight *f, const char *key, size_t len, struct loop *l,
                 void (*cancel)(void *arg), void *arg, struct inflight_entry **out)
{
    uint64_t hash = hash_key(key, len);
    struct inflight_entry *e = malloc(sizeof *e + len), *other;
    int rc = 0;

    if (!e)
        return MG_E_NOMEM;
    memset(e, 0, sizeof *e);
    memcpy(e->key, key, len);
    atomic_init(&e->refs, 1);
    e->mail.run = cancel_run;
    e->is_live = true;
    e->loop = l;
    e->cancel = cancel;
    e->arg = arg;
    e->shard = (unsigned)(hash >> 32) % SHARDS;

    struct shard *s = &f->shards[e->shard];
    pthread_mutex_lock(&s->lock);
    HASH_FIND_BYHASHVALUE(hh, s->table, key, len, (unsigned)hash, other);
    if (other) {
        rc = MG_E_CONFLICT;
    } else {
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->table, e->key, len, (unsigned)hash, e);
        rc = e->hh.tbl ? 0 : MG_E_NOMEM;
    }
    pthread_mutex_unlock(&s->lock);
    if (rc < 0)
        free(e);
    else
        *out = e;
    return rc;
}

void inflight_remove(struct inflight *f, struct inflight_entry *e)
{
    if (!e)
        return;
    struct shard *s = &f->shards[e->shard];
    pthread_mutex_lock(&s->lock);
    HASH_DELETE(hh, s->table, e);
    pthread_mutex_unlock(&s->lock);
    e->is_live = false;
    entry_unref(e);
}

/* Locks the shard, which the caller unlocks; *e is the key's entry, or NULL. */
static struct shard *find_locked(struct inflight *f, const char *key, size_t len,
                                 struct inflight_entry **e)
{
    uint64_t hash = hash_key(key, len);
    struct shard *s = &f->shards[(unsigned)(hash >> 32) % SHARDS];

    pthread_mutex_lock(&s->lock);
    HASH_FIND_BYHASHVALUE(hh, s->table, key, len, (unsigned)hash, *e);
    return s;
}

void inflight_blur(struct inflight *f, const char *key, size_t len)
{
    struct inflight_entry *e;
    struct shard *s = find_locked(f, key, len, &e);

    if (e)
        e->is_blurred = true;
    pthread_mutex_unlock(&s->lock);
}

bool inflight_cancel(struct inflight *f, const char *key, size_t len)
{
    struct inflight_entry *e;
    struct shard *s = find_locked(f, key, len, &e);

    if (e && !e->is_cancelled && !e->is_blurred) {
        e->is_cancelled = true;
        atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
        /* Posted with the lock held: once it is let go the owner may remove the entry and its loop.
         */
        loop_post(e->loop, &e->mail);
    }
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

size_t inflight_count(struct inflight *f)
{
    size_t n = 0;

    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&f->shards[i].lock);
        n += HASH_COUNT(f->shards[i].table);
        pthread_mutex_unlock(&f->shards[i].lock);
    }
    return n;
}

void inflight_each(struct inflight *f, void (*fn)(void *arg, const char *key, size_t len),
                   void *arg)
{
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&f->shards[i].lock);
        for (struct inflight_entry *e = f->shards[i].table; e; e = e->hh.next)
            fn(arg, e->key, e->hh.keylen);
        pthread_mutex_unlock(&f->shards[i].lock);
    }
}
