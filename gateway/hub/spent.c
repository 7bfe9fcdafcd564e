#include "hub/spent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PROBES 16

struct slot {
    uint64_t id;        /* half of it: chance makes no two alike */
    int64_t expires_ms; /* 0: free */
};

struct spent {
    pthread_mutex_t lock;
    struct slot slots[SPENT_SLOTS];
};

struct spent *spent_new(void)
{
    struct spent *s = calloc(1, sizeof *s);
    if (s && pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s);
        return NULL;
    }
    return s;
}

void spent_free(struct spent *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* The slot that has it, else the one that it gets. */
static struct slot *find(struct spent *s, uint64_t id, uint64_t at, int64_t now_ms)
{
    struct slot *best = NULL;
    for (uint64_t i = 0; i < PROBES; i++) {
        struct slot *x = &s->slots[(at + i) % SPENT_SLOTS];
        if (x->id == id && x->expires_ms > now_ms)
            return x;
        if (!best || x->expires_ms < best->expires_ms)
            best = x;
    }
    return best;
}

static void halves(const uint8_t id[16], uint64_t *half, uint64_t *place)
{
    memcpy(half, id, sizeof *half);
    memcpy(place, id + sizeof *half, sizeof *place);
}

bool spent_add(struct spent *s, const uint8_t id[16], int64_t expires_ms, int64_t now_ms)
{
    uint64_t half, place;
    halves(id, &half, &place);
    pthread_mutex_lock(&s->lock);
    struct slot *x = find(s, half, place, now_ms);
    bool is_new = x->id != half || x->expires_ms <= now_ms;
    if (is_new)
        *x = (struct slot){ half, expires_ms };
    pthread_mutex_unlock(&s->lock);
    return is_new;
}

void spent_remove(struct spent *s, const uint8_t id[16], int64_t now_ms)
{
    uint64_t half, place;
    halves(id, &half, &place);
    pthread_mutex_lock(&s->lock);
    struct slot *x = find(s, half, place, now_ms);
    if (x->id == half)
        x->expires_ms = 0;
    pthread_mutex_unlock(&s->lock);
}
