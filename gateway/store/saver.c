#include "store/saver.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/local.h"

#define REST_FACTOR 20 /* pause after a snapshot, in times of what it took */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000
#define EXPIRY_PACE_MS 1000 /* sweeps for values that expire come no closer together */

struct saver {
    struct local *l;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    bool started, stopping, poked;
    int64_t autosave_ms;
    uint64_t wanted, served; /* requests of saver_now(), counted */
    struct err result;       /* of the newest snapshot that was asked for */

    int64_t sweep_ms;       /* the thread's own from here; times are monotonic */
    store_seq saved;        /* the newest record on disk for sure */
    int64_t rest_until_ms;  /* no snapshot before, ... */
    int64_t hurry_until_ms; /* ... and none before this when the journal is broken */
    int64_t retry_ms;       /* pause after the next failure; 0: the last one succeeded */
    int64_t next_sweep_ms, next_expiry_sweep_ms;

    atomic_uint_fast64_t snapshots, failures, swept;
    _Atomic int64_t took_ms, saved_wall_ms;
};

/* ---- the work ---- */

static bool is_broken(struct saver *s)
{
    char reason[8];

    return s->l->journal && journal_trouble(s->l->journal, reason, sizeof reason);
}

static void snapshot_failed(struct saver *s, const struct err *e)
{
    struct log_line line;

    s->retry_ms = s->retry_ms == 0 ? RETRY_MIN_MS : s->retry_ms * 2;
    if (s->retry_ms > RETRY_MAX_MS)
        s->retry_ms = RETRY_MAX_MS;
    s->rest_until_ms = s->hurry_until_ms = clock_mono_ms() + s->retry_ms;
    atomic_fetch_add(&s->failures, 1);
    log_begin(&line, LOG_ERROR, "the snapshot of the state failed");
    log_str(&line, "reason", e->text);
    log_int(&line, "retry_ms", s->retry_ms);
    log_end(&line);
}

static void make_snapshot(struct saver *s, int64_t autosave_ms, struct err *e)
{
    int64_t begin_ms = clock_mono_ms();

    *e = (struct err){ 0 };
    if (local_save(s->l, false, &s->saved, e) != 0) {
        snapshot_failed(s, e);
        return;
    }
    int64_t end_ms = clock_mono_ms(), took_ms = end_ms - begin_ms;
    int64_t rest_ms = took_ms * REST_FACTOR > autosave_ms ? took_ms * REST_FACTOR : autosave_ms;
    s->retry_ms = 0;
    s->rest_until_ms = end_ms + rest_ms;
    s->hurry_until_ms = end_ms + RETRY_MIN_MS;
    atomic_fetch_add(&s->snapshots, 1);
    atomic_store(&s->took_ms, took_ms);
    atomic_store(&s->saved_wall_ms, clock_wall_ms());
}

static void sweep_when_due(struct saver *s, int64_t now_ms)
{
    struct err e = { 0 };
    int64_t wall_ms = clock_wall_ms();
    bool is_expiry =
        now_ms >= s->next_expiry_sweep_ms && atomic_load(&s->l->next_expiry_ms) <= wall_ms;

    if (!is_expiry && now_ms < s->next_sweep_ms)
        return;
    if (now_ms >= s->next_sweep_ms)
        s->next_sweep_ms = now_ms + s->sweep_ms;
    s->next_expiry_sweep_ms = now_ms + EXPIRY_PACE_MS;
    int64_t n = local_sweep(s->l, wall_ms, &e);
    if (n > 0)
        atomic_fetch_add(&s->swept, (uint64_t)n);
    if (n < 0)
        log_printf(LOG_WARN, "the sweep of the state stopped: %s", e.text);
}

static bool snapshot_is_due(struct saver *s, int64_t now_ms)
{
    if (is_broken(s))
        return now_ms >= s->hurry_until_ms;
    return now_ms >= s->rest_until_ms && local_last(s->l) != s->saved;
}

/* Changes are looked for at the pace of the autosave, so that writers need not wake anybody. */
static int64_t next_look_ms(struct saver *s, int64_t now_ms, int64_t autosave_ms)
{
    int64_t at = now_ms + autosave_ms;
    int64_t snapshot_ms = is_broken(s) ? s->hurry_until_ms : s->rest_until_ms;
    int64_t expiry_ms = atomic_load(&s->l->next_expiry_ms);

    if (snapshot_ms > now_ms && snapshot_ms < at)
        at = snapshot_ms;
    if (s->next_sweep_ms < at)
        at = s->next_sweep_ms;
    if (expiry_ms != INT64_MAX && s->next_expiry_sweep_ms > now_ms && s->next_expiry_sweep_ms < at)
        at = s->next_expiry_sweep_ms;
    return at > now_ms ? at : now_ms + 1;
}

/* ---- the thread ---- */

/* Under the lock, which it gives up meanwhile. */
static void work_once(struct saver *s)
{
    uint64_t ticket = s->wanted;
    bool is_asked = ticket != s->served;
    int64_t autosave_ms = s->autosave_ms;
    struct err e = { 0 };

    s->poked = false;
    pthread_mutex_unlock(&s->lock);
    int64_t now_ms = clock_mono_ms();
    sweep_when_due(s, now_ms);
    if (is_asked || snapshot_is_due(s, now_ms))
        make_snapshot(s, autosave_ms, &e);
    int64_t until_ms = next_look_ms(s, clock_mono_ms(), autosave_ms);
    struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
    pthread_mutex_lock(&s->lock);
    if (is_asked) {
        s->served = ticket;
        s->result = e;
        pthread_cond_broadcast(&s->done);
    }
    if (!s->stopping && !s->poked && s->wanted == s->served)
        pthread_cond_timedwait(&s->work, &s->lock, &until);
}

static void *saver_main(void *arg)
{
    struct saver *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping)
        work_once(s);
    pthread_cond_broadcast(&s->done);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int saver_start(struct saver *s, struct err *e)
{
    sigset_t all, before;

    sigfillset(&all); /* signals are for the threads that expect them */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&s->thread, NULL, saver_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(e, MG_E_IO, "cannot start the snapshot thread: %s", strerror(rc));
    pthread_setname_np(s->thread, "snapshot");
    s->started = true;
    return 0;
}

static int64_t at_least_1(int64_t ms) { return ms > 0 ? ms : 1; }

struct saver *saver_new(struct local *l, const struct saver_options *o, struct err *e)
{
    pthread_condattr_t monotonic;
    struct saver *s = calloc(1, sizeof *s);

    if (!s) {
        err_set(e, MG_E_NOMEM, "no memory for the snapshot thread");
        return NULL;
    }
    s->l = l;
    s->autosave_ms = at_least_1(o->autosave_ms);
    s->sweep_ms = at_least_1(o->sweep_ms);
    s->saved = o->saved;
    int64_t now_ms = clock_mono_ms();
    s->next_sweep_ms = now_ms; /* at once: who starts more often than it sweeps sweeps even so */
    if (s->saved == local_last(l))
        s->rest_until_ms = now_ms + s->autosave_ms;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&s->done, NULL);
    return s;
}

void saver_reconfigure(struct saver *s, int64_t autosave_ms)
{
    pthread_mutex_lock(&s->lock);
    s->autosave_ms = at_least_1(autosave_ms);
    s->poked = true;
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->work);
}

void saver_poke(struct saver *s)
{
    pthread_mutex_lock(&s->lock);
    s->poked = true;
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->work);
}

int saver_now(struct saver *s, struct err *e)
{
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    uint64_t ticket = ++s->wanted;
    pthread_cond_signal(&s->work);
    while (s->served < ticket && !s->stopping)
        pthread_cond_wait(&s->done, &s->lock);
    if (s->served < ticket)
        rc = err_set(e, MG_E_CLOSED, "the state is being closed");
    else if (s->result.code != 0)
        rc = err_set(e, s->result.code, "%s", s->result.text);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

store_seq saver_stop(struct saver *s)
{
    pthread_mutex_lock(&s->lock);
    bool join = s->started;
    s->stopping = true;
    s->started = false;
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->work);
    if (join)
        pthread_join(s->thread, NULL);
    return s->saved;
}

void saver_free(struct saver *s)
{
    if (!s)
        return;
    pthread_cond_destroy(&s->done);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void saver_figures(struct saver *s, struct saver_figures *out)
{
    *out = (struct saver_figures){ .snapshots = atomic_load(&s->snapshots),
                                   .failures = atomic_load(&s->failures),
                                   .swept = atomic_load(&s->swept),
                                   .took_ms = atomic_load(&s->took_ms),
                                   .saved_wall_ms = atomic_load(&s->saved_wall_ms) };
}
