#include "io/loop.h"

#include "base/clock.h"
#include "io/timers.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_POLL 128
#define NO_SLOT UINT32_MAX
#define WAKE_HANDLE 0 /* what the eventfd carries; no watch has it */

struct watch {
    void (*fn)(void *arg, uint32_t events); /* NULL: the slot is free */
    void *arg;
    int fd;
    uint32_t generation; /* never 0, so that no handle is 0 */
    uint32_t next_free;
};

struct loop {
    int epoll_fd, wake_fd;
    int64_t now_ms;
    struct loop_timer *timers; /* root of the heap; NULL when none is armed */
    size_t n_timers;
    struct watch *watches;
    uint32_t n_watches, free_watch;
    struct mailbox mail;
    struct mail wake; /* the message of loop_wake(), posted at most once at a time */
    atomic_bool wake_posted;
    struct loop_closer *closers;
};

static struct loop *loop_of_wake(struct mail *m)
{
    return (struct loop *)(void *)((char *)m - offsetof(struct loop, wake));
}

static void wake_run(struct mail *m) { atomic_store(&loop_of_wake(m)->wake_posted, false); }

struct loop *loop_new(struct err *e)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(e, MG_E_NOMEM, "no memory for an event loop");
        return NULL;
    }
    l->free_watch = NO_SLOT;
    l->wake.run = wake_run;
    mailbox_init(&l->mail);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    /* Edge-triggered: every write is an event of its own, so the counter need never be read back.
     */
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = WAKE_HANDLE };
    if (l->wake_fd < 0 || l->epoll_fd < 0 ||
        epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) != 0) {
        err_set(e, MG_E_IO, "cannot make an event loop: %s", strerror(errno));
        loop_free(l);
        return NULL;
    }
    l->now_ms = clock_mono_ms();
    return l;
}

static void run_messages(struct loop *l)
{
    struct mail *m = mailbox_take_all(&l->mail);
    while (m) {
        struct mail *next = m->next; /* run() may free or post m again */
        m->run(m);
        m = next;
    }
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    /* A message may post another; none is lost, because each may own something. */
    while (!mailbox_sleep(&l->mail))
        run_messages(l);
    while (l->closers) {
        struct loop_closer *c = l->closers;
        loop_closer_remove(c);
        c->fn(c);
    }
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l->watches);
    free(l);
}

int64_t loop_now(const struct loop *l) { return l->now_ms; }

int64_t loop_next_due(const struct loop *l) { return l->timers ? l->timers->due_ms : INT64_MAX; }

void loop_closer_add(struct loop *l, struct loop_closer *c, void (*fn)(struct loop_closer *c))
{
    c->fn = fn;
    c->next = l->closers;
    c->link = &l->closers;
    if (c->next)
        c->next->link = &c->next;
    l->closers = c;
}

void loop_closer_remove(struct loop_closer *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
}

/* ---- waiting ---- */

static int wait_ms(const struct loop *l, int64_t max_wait_ms)
{
    int64_t wait = max_wait_ms < 0 ? -1 : max_wait_ms;
    if (wait != 0 && l->timers) {
        int64_t due = l->timers->due_ms - clock_mono_ms();
        if (due < 0)
            due = 0;
        if (wait < 0 || due < wait)
            wait = due;
    }
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static void run_watch(struct loop *l, const struct epoll_event *ev)
{
    if (ev->data.u64 == WAKE_HANDLE)
        return;
    uint32_t slot = (uint32_t)ev->data.u64;
    uint32_t generation = (uint32_t)(ev->data.u64 >> 32);
    const struct watch *w = &l->watches[slot];
    if (w->fn && w->generation == generation) /* else removed since it was fetched */
        w->fn(w->arg, ev->events);
}

/* Bounded by the number of timers at its begin: one that restarts itself with no delay cannot hold
 * the loop. */
static void run_timers(struct loop *l)
{
    for (size_t left = l->n_timers; left > 0; left--) {
        struct loop_timer *t = l->timers;
        if (!t || t->due_ms > l->now_ms)
            return;
        timer_stop(l, t);
        t->fn(t->arg);
    }
}

void loop_poll(struct loop *l, int64_t max_wait_ms)
{
    struct epoll_event events[EVENTS_PER_POLL];
    int timeout = wait_ms(l, max_wait_ms);
    bool slept = timeout != 0 && mailbox_sleep(&l->mail);
    int n = epoll_wait(l->epoll_fd, events, EVENTS_PER_POLL, slept ? timeout : 0);
    if (slept)
        mailbox_awake(&l->mail);
    l->now_ms = clock_mono_ms();
    for (int i = 0; i < n; i++) /* n is -1 after a signal: there is nothing then */
        run_watch(l, &events[i]);
    run_timers(l);
    run_messages(l);
}

void loop_post(struct loop *l, struct mail *m)
{
    if (mailbox_post(&l->mail, m)) {
        uint64_t one = 1;
        /* It fails only if the counter is full, and then the event is there already. */
        ssize_t written = write(l->wake_fd, &one, sizeof one);
        (void)written;
    }
}

void loop_wake(struct loop *l)
{
    if (!atomic_exchange(&l->wake_posted, true))
        loop_post(l, &l->wake);
}

/* ---- timers ---- */

void timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, void (*fn)(void *arg),
                 void *arg)
{
    timer_stop(l, t);
    /* Not from now_ms: the owner may have computed for long since the last poll, and a delay is
     * never cut. */
    int64_t now = clock_mono_ms();
    if (delay_ms < 0)
        delay_ms = 0;
    t->due_ms = delay_ms > INT64_MAX - now ? INT64_MAX : now + delay_ms;
    t->fn = fn;
    t->arg = arg;
    t->armed = true;
    l->timers = timers_insert(l->timers, t);
    l->n_timers++;
}

void timer_stop(struct loop *l, struct loop_timer *t)
{
    if (!t->armed)
        return;
    l->timers = timers_remove(l->timers, t);
    l->n_timers--;
    t->armed = false;
}

/* ---- watches ---- */

static struct watch *watch_find(struct loop *l, loop_watch_t handle)
{
    uint32_t slot = (uint32_t)handle;
    if (slot >= l->n_watches)
        return NULL;
    struct watch *w = &l->watches[slot];
    return w->fn && w->generation == (uint32_t)(handle >> 32) ? w : NULL;
}

static int watches_grow(struct loop *l)
{
    uint32_t n = l->n_watches ? l->n_watches * 2 : 16;
    struct watch *grown = n < NO_SLOT / 2 ? realloc(l->watches, n * sizeof *grown) : NULL;
    if (!grown)
        return MG_E_NOMEM;
    for (uint32_t i = l->n_watches; i < n; i++)
        grown[i] = (struct watch){ .generation = 1, .next_free = i + 1 < n ? i + 1 : NO_SLOT };
    l->free_watch = l->n_watches;
    l->watches = grown;
    l->n_watches = n;
    return 0;
}

int loop_watch(struct loop *l, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events),
               void *arg, loop_watch_t *out)
{
    *out = 0;
    if (l->free_watch == NO_SLOT && watches_grow(l) != 0)
        return MG_E_NOMEM;
    uint32_t slot = l->free_watch;
    struct watch *w = &l->watches[slot];
    loop_watch_t handle = (loop_watch_t)w->generation << 32 | slot;
    struct epoll_event ev = { .events = events, .data.u64 = handle };
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
        return errno == ENOMEM ? MG_E_NOMEM : errno == ENOSPC ? MG_E_LIMIT : MG_E_IO;
    l->free_watch = w->next_free;
    w->fn = fn;
    w->arg = arg;
    w->fd = fd;
    *out = handle;
    return 0;
}

int loop_rewatch(struct loop *l, loop_watch_t handle, uint32_t events)
{
    const struct watch *w = watch_find(l, handle);
    if (!w)
        return MG_E_NOTFOUND;
    struct epoll_event ev = { .events = events, .data.u64 = handle };
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) == 0 ? 0 : MG_E_IO;
}

void loop_unwatch(struct loop *l, loop_watch_t handle)
{
    struct watch *w = watch_find(l, handle);
    if (!w)
        return;
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->fn = NULL;
    w->generation = w->generation == UINT32_MAX ? 1 : w->generation + 1;
    w->next_free = l->free_watch;
    l->free_watch = (uint32_t)handle;
}
