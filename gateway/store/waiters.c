#include "store/waiters.h"

void waiters_init(struct waiters *w, store_seq durable)
{
    atomic_init(&w->durable, durable);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->moved, NULL);
    w->list = NULL;
    w->failed = false;
}

static void wait_run(struct mail *m)
{
    struct store_wait *wait = (struct store_wait *)(void *)m;

    wait->done(wait, wait->code);
}

static void wait_post(struct store_wait *wait, int code)
{
    wait->code = code;
    wait->mail.run = wait_run;
    loop_post(wait->loop, &wait->mail); /* may be over and freed from here on */
}

static void post_all(struct store_wait *list, int code)
{
    while (list) {
        struct store_wait *next = list->next;
        wait_post(list, code);
        list = next;
    }
}

void waiters_fini(struct waiters *w)
{
    post_all(w->list, MG_E_UNSURE);
    pthread_cond_destroy(&w->moved);
    pthread_mutex_destroy(&w->lock);
}

void waiters_add(struct waiters *w, struct store_wait *wait)
{
    int code = 0;

    pthread_mutex_lock(&w->lock);
    if (wait->seq > atomic_load(&w->durable)) {
        if (!w->failed || wait->is_patient) {
            wait->next = w->list;
            w->list = wait;
            pthread_mutex_unlock(&w->lock);
            return;
        }
        code = MG_E_UNSURE;
    }
    pthread_mutex_unlock(&w->lock);
    wait_post(wait, code);
}

/* Caller holds the lock. Unlinks those who wait for records up to seq, patient or not. */
static struct store_wait *detach(struct waiters *w, store_seq seq, bool with_patient)
{
    struct store_wait *out = NULL, **at = &w->list;

    while (*at) {
        struct store_wait *wait = *at;
        if (wait->seq > seq || (wait->is_patient && !with_patient)) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        wait->next = out;
        out = wait;
    }
    return out;
}

void waiters_advance(struct waiters *w, store_seq seq)
{
    pthread_mutex_lock(&w->lock);
    if (seq > atomic_load(&w->durable))
        atomic_store(&w->durable, seq);
    struct store_wait *ready = detach(w, seq, true);
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    post_all(ready, 0);
}

void waiters_fail(struct waiters *w)
{
    pthread_mutex_lock(&w->lock);
    w->failed = true;
    struct store_wait *lost = detach(w, STORE_ANY, false);
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    post_all(lost, MG_E_UNSURE);
}

void waiters_heal(struct waiters *w, store_seq seq)
{
    pthread_mutex_lock(&w->lock);
    w->failed = false;
    pthread_mutex_unlock(&w->lock);
    waiters_advance(w, seq);
}

int waiters_block(struct waiters *w, store_seq seq)
{
    pthread_mutex_lock(&w->lock);
    while (seq > atomic_load(&w->durable) && !w->failed)
        pthread_cond_wait(&w->moved, &w->lock);
    int rc = seq > atomic_load(&w->durable) ? MG_E_UNSURE : 0;
    pthread_mutex_unlock(&w->lock);
    return rc;
}
