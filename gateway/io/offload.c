#include "io/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/heaps.h"

#define THREADS_MAX 64

struct offload {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct offload_job *first, **last; /* waiting, oldest first */
    unsigned waiting, queue;
    bool stopping;
    unsigned n_threads;
    pthread_t threads[THREADS_MAX];
};

static void job_back(struct mail *m)
{
    struct offload_job *job = (struct offload_job *)(void *)m; /* mail is its first member */
    job->done(job);
}

static struct offload_job *next_job(struct offload *o)
{
    pthread_mutex_lock(&o->lock);
    while (!o->first && !o->stopping)
        pthread_cond_wait(&o->filled, &o->lock);
    struct offload_job *job = o->first;
    if (job) {
        o->first = job->next;
        if (!o->first)
            o->last = &o->first;
        o->waiting--;
    }
    pthread_mutex_unlock(&o->lock);
    return job;
}

static void *run_jobs(void *arg)
{
    struct offload *o = arg;
    struct offload_job *job;
    while ((job = next_job(o)) != NULL) {
        job->work(job);
        loop_post(job->loop, &job->mail); /* job is the loop's from here on */
        heaps_trim();
    }
    return NULL;
}

struct offload *offload_new(unsigned threads, unsigned queue, struct err *e)
{
    struct offload *o = calloc(1, sizeof *o);
    if (!o) {
        err_set(e, MG_E_NOMEM, "no memory for helper threads");
        return NULL;
    }
    o->last = &o->first;
    o->queue = queue;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->filled, NULL);
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    /* Signals are for the threads that wait for them. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = 0;
    while (rc == 0 && o->n_threads < threads) {
        rc = pthread_create(&o->threads[o->n_threads], NULL, run_jobs, o);
        if (rc == 0)
            (void)pthread_setname_np(o->threads[o->n_threads++], "mg-offload");
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        err_set(e, MG_E_LIMIT, "cannot start helper thread %u: %s", o->n_threads + 1, strerror(rc));
        offload_free(o);
        return NULL;
    }
    return o;
}

void offload_free(struct offload *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->stopping = true;
    pthread_cond_broadcast(&o->filled);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->n_threads; i++)
        pthread_join(o->threads[i], NULL);
    pthread_cond_destroy(&o->filled);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

int offload_submit(struct offload *o, struct loop *l, struct offload_job *job)
{
    job->mail.run = job_back;
    job->loop = l;
    job->next = NULL;
    pthread_mutex_lock(&o->lock);
    int rc = o->stopping ? MG_E_CLOSED : o->waiting >= o->queue ? MG_E_LIMIT : 0;
    if (rc == 0) {
        *o->last = job;
        o->last = &job->next;
        o->waiting++;
        pthread_cond_signal(&o->filled);
    }
    pthread_mutex_unlock(&o->lock);
    return rc;
}
