#include "hub/feed.h"

#include <stdlib.h>

static void feed_run(struct mail *m)
{
    struct feed *f = (struct feed *)m;

    pthread_mutex_lock(f->lock);
    f->is_posted = false;
    pthread_mutex_unlock(f->lock);
    f->is_running = true;
    if (!f->is_dead)
        f->run(f);
    f->is_running = false;
    if (f->is_dead)
        feed_leave(f);
}

void feed_init(struct feed *f, struct loop *l, pthread_mutex_t *lock, void (*run)(struct feed *f))
{
    *f = (struct feed){ .mail.run = feed_run, .loop = l, .lock = lock, .run = run };
}

void feed_wake(struct feed *f)
{
    if (f->is_posted)
        return;
    f->is_posted = true;
    loop_post(f->loop, &f->mail);
}

void feed_leave(struct feed *f)
{
    pthread_mutex_lock(f->lock);
    bool is_posted = f->is_posted;
    pthread_mutex_unlock(f->lock);
    f->is_dead = true;
    /* While it is running, or its message is under way, that comes back here and frees it. */
    if (!f->is_running && !is_posted)
        free(f);
}
