#include "worker/toolgate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define uthash_fatal(msg) abort()
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct toolgate {
    UT_hash_handle hh;
    struct gate *gate;
    char name[];
};

struct toolgates {
    pthread_mutex_t lock;
    struct toolgate *first;
};

struct toolgates *toolgates_new(void)
{
    struct toolgates *all = calloc(1, sizeof *all);
    if (all)
        pthread_mutex_init(&all->lock, NULL);
    return all;
}

static struct toolgate *toolgate_new(const char *name, uint32_t limit)
{
    struct toolgate *t = calloc(1, sizeof *t + strlen(name) + 1);
    if (!t)
        return NULL;
    memcpy(t->name, name, strlen(name) + 1);
    t->gate = gate_new(limit);
    if (!t->gate) {
        free(t);
        return NULL;
    }
    return t;
}

static struct toolgate *toolgate_add(struct toolgates *all, const char *name, uint32_t limit)
{
    struct toolgate *t = toolgate_new(name, limit);
    if (!t)
        return NULL;
    HASH_ADD_STR(all->first, name, t);
    if (t->hh.tbl)
        return t;
    gate_free(t->gate); /* the table found no memory and left the entry out */
    free(t);
    return NULL;
}

struct gate *toolgates_get(struct toolgates *all, const char *name, uint32_t limit)
{
    struct toolgate *t;
    pthread_mutex_lock(&all->lock);
    HASH_FIND_STR(all->first, name, t);
    if (t)
        gate_set_limit(t->gate, limit);
    else
        t = toolgate_add(all, name, limit);
    pthread_mutex_unlock(&all->lock);
    return t ? t->gate : NULL;
}

void toolgates_free(struct toolgates *all)
{
    struct toolgate *t, *next;
    if (!all)
        return;
    HASH_ITER (hh, all->first, t, next) {
        HASH_DEL(all->first, t);
        gate_free(t->gate);
        free(t);
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}
