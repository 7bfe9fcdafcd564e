/* published.h - the serving that new requests are served with, as one pointer for all workers.
 * Who got an answer by a serving is never answered by an older one afterwards, on whatever
 * connection: a worker asks for the newest before each request, and by message when it has none. */
#ifndef MG_PUBLISHED_H
#define MG_PUBLISHED_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct serving;

struct published {
    pthread_mutex_t lock;
    struct serving *serving; /* one reference */
    atomic_uint number;      /* of it; 0: none yet, or the first */
};

void published_init(struct published *p);
/* Any thread; takes a reference. */
void published_set(struct published *p, struct serving *s);
/* Any thread; the caller gets a reference. Not before the first published_set(). */
struct serving *published_get(struct published *p);
void published_fini(struct published *p);

#endif
