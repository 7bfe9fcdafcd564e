#include "base/log_source.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct log_source *) sources; /* pushed by any thread, removed by one */
static _Thread_local struct log_source *self;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void source_orphan(void *arg)
{
    struct log_source *src = arg;

    self = NULL;
    atomic_store_explicit(&src->is_orphan, true, memory_order_release);
}

static void exit_init(void)
{
    if (pthread_key_create(&exit_key, source_orphan) != 0)
        abort();
}

static struct log_source *source_enter(void)
{
    pthread_once(&exit_once, exit_init);
    struct log_source *src = aligned_alloc(_Alignof(struct log_source), sizeof *src);
    if (!src)
        return NULL;
    /* All but the ring's data, whose pages are to be touched only when they are used. */
    memset(src, 0, offsetof(struct log_source, ring.data));
    if (pthread_setspecific(exit_key, src) != 0) {
        free(src);
        return NULL;
    }
    src->next = atomic_load(&sources);
    while (!atomic_compare_exchange_weak(&sources, &src->next, src))
        ;
    self = src;
    return src;
}

struct log_source *log_source_self(void) { return self ? self : source_enter(); }

void log_source_leave(void)
{
    if (!self)
        return;
    pthread_setspecific(exit_key, NULL);
    source_orphan(self);
}

struct log_source *log_source_first(void) { return atomic_load(&sources); }

bool log_sources_empty(void)
{
    for (struct log_source *src = atomic_load(&sources); src; src = src->next)
        if (log_ring_len(&src->ring) > 0)
            return false;
    return true;
}

static void source_unlink(struct log_source *src)
{
    struct log_source *at = src;

    if (atomic_compare_exchange_strong(&sources, &at, src->next))
        return;
    while (at->next != src)
        at = at->next;
    at->next = src->next;
}

void log_sources_sweep(void)
{
    struct log_source *next;

    for (struct log_source *src = atomic_load(&sources); src; src = next) {
        next = src->next;
        if (!atomic_load_explicit(&src->is_orphan, memory_order_acquire) ||
            log_ring_len(&src->ring) > 0)
            continue;
        source_unlink(src);
        log_style_unref(src->style);
        free(src);
    }
}
