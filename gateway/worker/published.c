#include "worker/published.h"

#include <stddef.h>

#include "worker/serving.h"

void published_init(struct published *p)
{
    pthread_mutex_init(&p->lock, NULL);
    p->serving = NULL;
    atomic_init(&p->number, 0);
}

void published_set(struct published *p, struct serving *s)
{
    pthread_mutex_lock(&p->lock);
    struct serving *old = p->serving;
    p->serving = serving_ref(s);
    atomic_store_explicit(&p->number, s->number, memory_order_release);
    pthread_mutex_unlock(&p->lock);
    serving_unref(old);
}

struct serving *published_get(struct published *p)
{
    pthread_mutex_lock(&p->lock);
    struct serving *s = serving_ref(p->serving);
    pthread_mutex_unlock(&p->lock);
    return s;
}

void published_fini(struct published *p)
{
    serving_unref(p->serving);
    p->serving = NULL;
    pthread_mutex_destroy(&p->lock);
}
