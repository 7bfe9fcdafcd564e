#include "files/files.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"

#define SHARDS 64
#define FOLDERS 1024 /* that are remembered; of two in one place either may be the first again */
#define LOOK_NS 50000000L /* between two looks whether somebody still waits */

struct files {
    pthread_mutex_t shards[SHARDS];
    atomic_size_t taken;
    _Atomic uint64_t folders[FOLDERS]; /* hashes of those that files_is_first_in() was asked of */
};

struct files *files_new(void)
{
    struct files *s = calloc(1, sizeof *s);
    for (unsigned i = 0; s && i < SHARDS; i++)
        pthread_mutex_init(&s->shards[i], NULL);
    return s;
}

void files_free(struct files *s)
{
    for (unsigned i = 0; s && i < SHARDS; i++)
        pthread_mutex_destroy(&s->shards[i]);
    free(s);
}

bool files_take(struct files *s, size_t bytes)
{
    size_t before = atomic_fetch_add(&s->taken, bytes);
    if (before <= FILES_MEMORY && bytes <= FILES_MEMORY - before)
        return true;
    atomic_fetch_sub(&s->taken, bytes);
    return false;
}

void files_give(struct files *s, size_t bytes) { atomic_fetch_sub(&s->taken, bytes); }

bool files_is_first_in(struct files *s, const struct stat *folder)
{
    const uint64_t id[2] = { folder->st_dev, folder->st_ino };
    uint64_t hash = hash_key(id, sizeof id) | 1; /* 0: nothing there yet */
    return atomic_exchange(&s->folders[hash / 2 % FOLDERS], hash) != hash;
}

int fileop_stopped(const struct fileop *op, struct fail *f)
{
    if (!op->stop || !atomic_load(op->stop))
        return 0;
    return fail_set(f, MG_E_CANCELLED, "CANCELLED", "cancelled");
}

/* The folder by its inode: two paths may lead to it. */
static unsigned shard_of(const struct rootplace *p)
{
    struct {
        uint64_t dev, ino, name;
    } key = { 0 };
    struct stat st;
    if (fstat(p->folder, &st) == 0) {
        key.dev = st.st_dev;
        key.ino = st.st_ino;
    }
    key.name = hash_key(p->base, strlen(p->base));
    return (unsigned)(hash_key(&key, sizeof key) % SHARDS);
}

/* Its holder may hash a file of many gigabytes. */
static int shard_take(const struct fileop *op, pthread_mutex_t *m, struct fail *f)
{
    struct timespec until;
    int code = 0;
    if (pthread_mutex_trylock(m) == 0)
        return 0;
    do {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_mutex_timedlock(m, &until) == 0)
            return 0;
        code = fileop_stopped(op, f);
    } while (code == 0);
    return code;
}

/* In one order, whoever takes two of them. */
int filelock_take(const struct fileop *op, const struct rootplace *a, const struct rootplace *b,
                  struct filelock *lock, struct fail *f)
{
    pthread_mutex_t *shards = op->shared->shards;
    unsigned x = shard_of(a), y = b ? shard_of(b) : x;
    lock->first = x < y ? x : y;
    lock->second = x < y ? y : x;
    int code = shard_take(op, &shards[lock->first], f);
    if (code != 0 || lock->second == lock->first)
        return code;
    code = shard_take(op, &shards[lock->second], f);
    if (code != 0)
        pthread_mutex_unlock(&shards[lock->first]);
    return code;
}

void filelock_release(struct files *s, const struct filelock *lock)
{
    if (lock->second != lock->first)
        pthread_mutex_unlock(&s->shards[lock->second]);
    pthread_mutex_unlock(&s->shards[lock->first]);
}
