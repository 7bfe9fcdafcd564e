/* waiters.h - who waits for which record to be durable, and how far durability has come.
 * Lifetime: embedded in the store. Threads: any; one lock, held to move pointers. */
#ifndef MG_STORE_WAITERS_H
#define MG_STORE_WAITERS_H
#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"

struct waiters {
    _Atomic store_seq durable; /* every record up to it is; only grows; written under the lock */
    pthread_mutex_t lock;
    pthread_cond_t moved; /* for waiters_block() */
    struct store_wait *list;
    bool failed; /* what is not durable now may never be */
};

void waiters_init(struct waiters *w, store_seq durable);
void waiters_fini(struct waiters *w); /* tells all who are left MG_E_UNSURE */
void waiters_add(struct waiters *w, struct store_wait *wait);
/* Tells all who wait for records up to seq. */
void waiters_advance(struct waiters *w, store_seq seq);
/* Tells all the others MG_E_UNSURE, and everybody who comes until waiters_heal(), but for those who
 * are patient. */
void waiters_fail(struct waiters *w);
void waiters_heal(struct waiters *w, store_seq seq);
/* Blocks the calling thread until seq is durable (0) or can no longer be hoped for (MG_E_UNSURE).
 */
int waiters_block(struct waiters *w, store_seq seq) MG_NODISCARD;

#endif
