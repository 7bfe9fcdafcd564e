#include "base/log_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_source.h"

#define POLL_MS 20
#define IDLE_ROUNDS 50 /* rounds without a line before it sleeps */
#define STOP_MS 1000   /* how long stopping waits for a sink that takes nothing */
#define FLUSH_MS 5000

static struct {
    atomic_bool is_asleep;  /* says that a line must wake the thread */
    atomic_bool is_hurried; /* the next round comes soon, or as soon as the sink may take more */

    pthread_mutex_t lock; /* the next five; never held while writing */
    pthread_cond_t wake, done;
    bool stop;
    uint64_t flush_asked, flush_done;
    pthread_t thread;

    pthread_mutex_t sink_lock; /* the next two; held while writing */
    struct log_sink sink;
    struct log_source *unfinished; /* only the beginning of its line has been written */
} lt = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .sink_lock = PTHREAD_MUTEX_INITIALIZER,
    .sink = { .fd = STDERR_FILENO },
};

/* ---- writing, with the sink's lock ---- */

/* Writes what is in the ring now. What comes meanwhile is for the next round, so that one busy
 * thread cannot keep the others waiting; it also makes the end of every round the end of a line.
 * False: the sink takes no more. */
static bool source_write(struct log_source *src, bool *progress)
{
    size_t left = log_ring_len(&src->ring);

    while (left > 0) {
        struct iovec iov[2];
        int n = log_ring_peek(&src->ring, left, iov);
        size_t done = log_sink_write(&lt.sink, iov, n);
        if (done == 0)
            return false;
        log_ring_consume(&src->ring, done);
        left -= done;
        lt.unfinished = left > 0 ? src : NULL;
        *progress = true;
    }
    return true;
}

static bool sources_write(bool *progress)
{
    if (lt.unfinished && !source_write(lt.unfinished, progress))
        return false;
    for (struct log_source *src = log_source_first(); src; src = src->next)
        if (!source_write(src, progress))
            return false;
    return true;
}

/* ---- the thread ---- */

static struct timespec mono_after(int64_t ms)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += ms % 1000 * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

/* Waits for the next round, or for the next line when there was none for a while. With lt.lock. A
 * sink that takes no more is not tried sooner because a ring fills. */
static void round_wait(bool is_written, unsigned idle_rounds)
{
    struct timespec until = mono_after(POLL_MS);

    if (!is_written)
        atomic_store(&lt.is_hurried, true);
    else if (atomic_load(&lt.is_hurried))
        return;
    if (idle_rounds < IDLE_ROUNDS) {
        pthread_cond_timedwait(&lt.wake, &lt.lock, &until);
        return;
    }
    /* Says that it sleeps, then looks; a line is put, then looks: one of them sees the other. */
    atomic_store(&lt.is_asleep, true);
    while (!lt.stop && lt.flush_asked == lt.flush_done && atomic_load(&lt.is_asleep) &&
           log_sources_empty())
        pthread_cond_wait(&lt.wake, &lt.lock);
    atomic_store(&lt.is_asleep, false);
}

static void *thread_run(void *arg)
{
    unsigned idle_rounds = 0;
    int64_t progress_ms = clock_mono_ms();

    (void)arg;
    pthread_mutex_lock(&lt.lock);
    for (;;) {
        uint64_t asked = lt.flush_asked;
        bool stopping = lt.stop, progress = false;
        pthread_mutex_unlock(&lt.lock);

        atomic_store(&lt.is_hurried, false);
        pthread_mutex_lock(&lt.sink_lock);
        bool is_written = sources_write(&progress);
        pthread_mutex_unlock(&lt.sink_lock);
        log_sources_sweep();
        idle_rounds = is_written && !progress ? idle_rounds + 1 : 0;
        if (is_written || progress)
            progress_ms = clock_mono_ms();

        pthread_mutex_lock(&lt.lock);
        if (is_written && asked != lt.flush_done) {
            lt.flush_done = asked;
            pthread_cond_broadcast(&lt.done);
        }
        if (stopping && (is_written || clock_mono_ms() - progress_ms > STOP_MS))
            break;
        if (!is_written || (lt.flush_asked == asked && !lt.stop))
            round_wait(is_written, idle_rounds);
    }
    pthread_mutex_unlock(&lt.lock);
    return NULL;
}

void log_thread_notice(void)
{
    if (!atomic_load(&lt.is_asleep) || !atomic_exchange(&lt.is_asleep, false))
        return;
    pthread_mutex_lock(&lt.lock);
    pthread_cond_signal(&lt.wake);
    pthread_mutex_unlock(&lt.lock);
}

/* With the lock: it cannot look at is_hurried before and miss the signal. */
void log_thread_hurry(void)
{
    if (atomic_load(&lt.is_hurried) || atomic_exchange(&lt.is_hurried, true))
        return;
    pthread_mutex_lock(&lt.lock);
    pthread_cond_signal(&lt.wake);
    pthread_mutex_unlock(&lt.lock);
}

/* ---- start and stop ---- */

unsigned log_thread_sink(struct log_sink *sink)
{
    unsigned lost = 0;

    pthread_mutex_lock(&lt.sink_lock);
    log_sink_close(&lt.sink);
    lt.sink = *sink;
    /* The rest of a line that began in the old place is nothing to begin the new one with. */
    if (lt.unfinished) {
        log_ring_skip_line(&lt.unfinished->ring);
        lt.unfinished = NULL;
        lost = 1;
    }
    pthread_mutex_unlock(&lt.sink_lock);
    return lost;
}

int log_thread_start(struct err *e)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    int rc;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&lt.wake, &attr);
    pthread_cond_init(&lt.done, &attr);
    pthread_condattr_destroy(&attr);
    lt.stop = false;
    /* No signal is this thread's business, not even the SIGPIPE of its own writes. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&lt.thread, NULL, thread_run, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return err_set(e, MG_E_IO, "log thread: %s", strerror(rc));
    pthread_setname_np(lt.thread, "log");
    return 0;
}

size_t log_thread_stop(void)
{
    struct log_sink standard_error = { .fd = STDERR_FILENO };
    size_t lost = 0;

    pthread_mutex_lock(&lt.lock);
    lt.stop = true;
    pthread_cond_signal(&lt.wake);
    pthread_mutex_unlock(&lt.lock);
    pthread_join(lt.thread, NULL);
    for (struct log_source *src = log_source_first(); src; src = src->next)
        lost += log_ring_drop(&src->ring);
    lt.unfinished = NULL;
    log_thread_sink(&standard_error);
    pthread_cond_destroy(&lt.wake);
    pthread_cond_destroy(&lt.done);
    log_sources_sweep();
    return lost;
}

void log_thread_flush(void)
{
    struct timespec until = mono_after(FLUSH_MS);

    pthread_mutex_lock(&lt.lock);
    uint64_t mine = ++lt.flush_asked;
    pthread_cond_signal(&lt.wake);
    while (lt.flush_done < mine && !lt.stop)
        if (pthread_cond_timedwait(&lt.done, &lt.lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&lt.lock);
}
