#include "http/shared.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/log.h"
#include "base/table.h"

struct peer {
    struct peer_key key;
    uint32_t open;
    UT_hash_handle hh;
};

#define BODIES_MIN (256ULL << 20) /* bytes of bodies at once, in all */
#define BODIES_LARGEST 64         /* or as many of the largest ones */

struct http_shared {
    atomic_uint open;
    atomic_ullong body_bytes;
    pthread_mutex_t lock;
    struct peer *peers; /* those with a connection; under the lock */
};

/* libmicrohttpd says this when its own state is broken: nothing it holds can be trusted any more.
 */
static void panicked(void *arg, const char *file, unsigned line, const char *reason)
{
    (void)arg;
    log_printf(LOG_ERROR, "libmicrohttpd gave up at %s:%u: %s", file, line, reason ? reason : "");
    log_flush();
    abort();
}

struct http_shared *http_shared_new(void)
{
    struct http_shared *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    MHD_set_panic_func(panicked, NULL); /* one for the process, so set before there are threads */
    return s;
}

void http_shared_free(struct http_shared *s)
{
    if (!s)
        return;
    struct peer *p, *next;
    HASH_ITER (hh, s->peers, p, next) {
        HASH_DEL(s->peers, p);
        free(p);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool peer_enter(struct http_shared *s, const struct peer_key *k, uint32_t max)
{
    struct peer *p;
    HASH_FIND(hh, s->peers, k, sizeof *k, p);
    if (p) {
        if (p->open >= max)
            return false;
        p->open++;
        return true;
    }
    p = calloc(1, sizeof *p);
    if (!p)
        return false;
    p->key = *k;
    p->open = 1;
    HASH_ADD(hh, s->peers, key, sizeof p->key, p);
    if (!p->hh.tbl) {
        free(p);
        return false;
    }
    return true;
}

bool shared_enter(struct http_shared *s, const struct http_options *o, const struct peer_key *k,
                  bool *by_address)
{
    *by_address = o->max_connections_per_ip > 0;
    if (atomic_fetch_add(&s->open, 1) >= o->max_connections) {
        atomic_fetch_sub(&s->open, 1);
        return false;
    }
    if (!*by_address)
        return true;
    pthread_mutex_lock(&s->lock);
    bool has_room = peer_enter(s, k, o->max_connections_per_ip);
    pthread_mutex_unlock(&s->lock);
    if (!has_room)
        atomic_fetch_sub(&s->open, 1);
    return has_room;
}

void shared_leave(struct http_shared *s, const struct peer_key *k, bool by_address)
{
    atomic_fetch_sub(&s->open, 1);
    if (!by_address)
        return;
    struct peer *p;
    pthread_mutex_lock(&s->lock);
    HASH_FIND(hh, s->peers, k, sizeof *k, p);
    if (p && --p->open == 0) {
        HASH_DEL(s->peers, p);
        free(p);
    }
    pthread_mutex_unlock(&s->lock);
}

bool shared_take_bytes(struct http_shared *s, const struct http_options *o, size_t n)
{
    unsigned long long max = BODIES_MIN;
    if (o->max_body > max / BODIES_LARGEST)
        max = o->max_body < ULLONG_MAX / BODIES_LARGEST ? o->max_body * BODIES_LARGEST : ULLONG_MAX;
    if (n > max)
        return false;
    if (atomic_fetch_add(&s->body_bytes, n) <= max - n)
        return true;
    atomic_fetch_sub(&s->body_bytes, n);
    return false;
}

void shared_give_bytes(struct http_shared *s, size_t n) { atomic_fetch_sub(&s->body_bytes, n); }
