/* feed.h - the way from a table of the hub to one loop: whoever changes the table wakes the feed,
 * by mailbox, and its run() looks there for what is due. Private to the hub. Lifetime: embedded as
 * the first member of what feed_leave() is to free(), which happens when no message is under way
 * any more. Threads: feed_wake() any, with the table's lock; the rest: the loop's. */
#ifndef MG_FEED_H
#define MG_FEED_H
#include <pthread.h>
#include <stdbool.h>

#include "io/loop.h"

struct feed {
    struct mail mail;
    struct loop *loop;
    pthread_mutex_t *lock; /* the table's */
    void (*run)(struct feed *f);
    bool is_posted;           /* with the lock */
    bool is_running, is_dead; /* of the loop's thread */
};

void feed_init(struct feed *f, struct loop *l, pthread_mutex_t *lock, void (*run)(struct feed *f));
void feed_wake(struct feed *f);
/* From now on run() is not called; inside of it too. Without the lock. */
void feed_leave(struct feed *f);

#endif
