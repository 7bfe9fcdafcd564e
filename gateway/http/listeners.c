#include "http/listeners.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/address.h"

#define ACCEPTS_PER_EVENT 64
#define ACCEPTS_AT_CLOSE 1024
#define BACKLOG 4096
#define PAUSE_MS 100           /* without descriptors or memory */
#define RETRY_MS 1000          /* to listen again */
#define USER_TIMEOUT_MS 30000U /* a peer that acknowledges nothing for so long is gone */

struct listener {
    struct listeners *all;
    struct sockaddr_storage address;
    socklen_t len;
    bool is_any; /* the local address differs from connection to connection */
    char text[64];
    int fd;       /* under the lock; -1: closed */
    bool is_shut; /* likewise; by a bypass */
    loop_watch_t watch;
};

struct listeners {
    struct listeners_options o;
    pthread_mutex_t lock; /* for the descriptors, which another thread may shut down */
    atomic_bool is_bypassed;
    bool is_paused;
    struct loop_timer pause, retry;
    size_t n;
    struct listener items[];
};

/* ---- accepting ---- */

static void await(struct listeners *l, uint32_t events)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].watch && loop_rewatch(l->o.loop, l->items[i].watch, events) != 0)
            log_printf(LOG_ERROR, "cannot watch %s", l->items[i].text);
}

static void pause_is_over(void *arg)
{
    struct listeners *l = arg;
    l->is_paused = false;
    await(l, EPOLLIN);
}

/* A level-triggered descriptor would spin while there is nothing to accept with. */
static void pause_all(struct listeners *l)
{
    if (l->is_paused)
        return;
    l->is_paused = true;
    await(l, 0);
    timer_start(l->o.loop, &l->pause, PAUSE_MS, pause_is_over, l);
}

struct accepted {
    int fd;
    struct sockaddr_storage peer, local;
};

/* Any thread. Negative, and errno, where there is none. */
static int accept_from(const struct listener *l, struct accepted *a)
{
    socklen_t len = sizeof a->peer, local_len = sizeof a->local;
    memset(&a->peer, 0, sizeof a->peer);
    a->local = l->address;
    a->fd = accept4(l->fd, (struct sockaddr *)&a->peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (a->fd >= 0 && l->is_any &&
        getsockname(a->fd, (struct sockaddr *)&a->local, &local_len) != 0) {
        close(a->fd);
        errno = ECONNABORTED;
        a->fd = -1;
    }
    return a->fd;
}

/* Without descriptors or memory there is nothing to accept with. */
static bool is_short(int why)
{
    return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

/* Of the backlog. Any other error is the end of one connection. */
static bool is_end(int why) { return why == EAGAIN || why == EINVAL; }

/* False: nothing more to accept now. */
static bool accept_one(struct listener *l)
{
    struct accepted a;
    if (accept_from(l, &a) < 0) {
        int why = errno;
        if (is_short(why))
            pause_all(l->all);
        return !is_end(why) && !l->all->is_paused;
    }
    l->all->o.accepted(l->all->o.arg, a.fd, &a.peer, &a.local);
    return true;
}

static void listener_ready(void *arg, uint32_t events)
{
    struct listener *l = arg;
    if (events & (EPOLLHUP | EPOLLERR)) { /* shut down by a bypass: listeners_restore() follows */
        loop_unwatch(l->all->o.loop, l->watch);
        l->watch = 0;
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_EVENT && accept_one(l); i++)
        ;
}

/* ---- opening and closing ---- */

static void listener_close(struct listener *l)
{
    loop_unwatch(l->all->o.loop, l->watch);
    l->watch = 0;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->is_shut = false;
}

static int set(int fd, int level, int name, unsigned value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* What is set here is inherited by every connection, without a system call for each. */
static int set_options(int fd, const struct listener *l)
{
    int rc = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0)
        rc = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (rc == 0 && l->address.ss_family == AF_INET6)
        rc = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !l->is_any);
    if (rc == 0)
        rc = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (rc == 0)
        rc = set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    return rc;
}

static int listener_open(struct listener *l, struct err *e)
{
    l->fd = socket(l->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || set_options(l->fd, l) != 0 ||
        bind(l->fd, (const struct sockaddr *)&l->address, l->len) != 0 ||
        listen(l->fd, BACKLOG) != 0) {
        err_set(e, errno == EADDRINUSE ? MG_E_CONFLICT : MG_E_IO, "cannot listen on %s: %s",
                l->text, strerror(errno));
        listener_close(l);
        return e->code;
    }
    int code = loop_watch(l->all->o.loop, l->fd, EPOLLIN, listener_ready, l, &l->watch);
    if (code != 0) {
        listener_close(l);
        return err_set(e, code, "cannot watch %s: %s", l->text, err_word(code));
    }
    return 0;
}

/* Those that are closed. */
static int open_all(struct listeners *l, struct err *e)
{
    int code = 0;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; code == 0 && i < l->n; i++)
        if (l->items[i].fd < 0)
            code = listener_open(&l->items[i], e);
    pthread_mutex_unlock(&l->lock);
    return code;
}

/* All, or those that a bypass has shut down. */
static void close_all(struct listeners *l, bool only_shut)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n; i++)
        if (!only_shut || l->items[i].is_shut)
            listener_close(&l->items[i]);
    pthread_mutex_unlock(&l->lock);
}

static void close_for_good(struct listeners *l)
{
    close_all(l, false);
    timer_stop(l->o.loop, &l->pause);
    timer_stop(l->o.loop, &l->retry);
}

struct listeners *listeners_new(const struct listeners_options *o, struct err *e)
{
    struct listeners *l = calloc(1, sizeof *l + o->n * sizeof *l->items);
    if (!l) {
        err_set(e, MG_E_NOMEM, "no memory for listening sockets");
        return NULL;
    }
    l->o = *o;
    l->n = o->n;
    pthread_mutex_init(&l->lock, NULL);
    for (size_t i = 0; i < o->n; i++) {
        struct listener *item = &l->items[i];
        item->all = l;
        item->fd = -1;
        item->len = o->addresses[i].len;
        memcpy(&item->address, o->addresses[i].sockaddr, item->len);
        memcpy(item->text, o->addresses[i].text, sizeof item->text);
        item->is_any = address_is_any(&item->address);
    }
    if (open_all(l, e) == 0)
        return l;
    listeners_free(l);
    return NULL;
}

void listeners_free(struct listeners *l)
{
    if (!l)
        return;
    close_for_good(l);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- around a worker that is stuck ---- */

struct handed {
    struct mail mail;
    struct listeners *to;
    struct accepted a;
};

static void handed_run(struct mail *m)
{
    struct handed *h = (struct handed *)m;
    if (h->to->n > 0)
        h->to->o.accepted(h->to->o.arg, h->a.fd, &h->a.peer, &h->a.local);
    else /* closed for good */
        close(h->a.fd);
    free(h);
}

/* What the system has accepted for a socket that closes it resets. False: there is nothing to take
 * it with. */
static bool hand_over(const struct listener *l, struct listeners *to)
{
    struct accepted a;
    for (int n = 0; n < BACKLOG; n++) {
        struct handed *h = malloc(sizeof *h);
        if (!h)
            return false;
        if (accept_from(l, &a) >= 0) {
            *h = (struct handed){ .mail.run = handed_run, .to = to, .a = a };
            loop_post(to->o.loop, &h->mail);
            continue;
        }
        int why = errno;
        free(h);
        if (is_short(why) || is_end(why))
            return is_end(why);
    }
    return true;
}

void listeners_bypass(struct listeners *l, struct listeners *to)
{
    pthread_mutex_lock(&l->lock);
    atomic_store(&l->is_bypassed, true); /* before its worker can notice, which waits for the lock
                                          */
    for (size_t i = 0; i < l->n; i++) {
        struct listener *item = &l->items[i];
        if (item->fd < 0 || !hand_over(item, to))
            continue;
        item->is_shut = true;
        (void)shutdown(item->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&l->lock);
}

static void restore_again(void *arg)
{
    struct listeners *l = arg;
    atomic_store(&l->is_bypassed, true);
}

void listeners_restore(struct listeners *l)
{
    if (!atomic_load_explicit(&l->is_bypassed, memory_order_relaxed))
        return;
    struct err e;
    atomic_store(&l->is_bypassed, false);
    if (l->n == 0) /* closed for good */
        return;
    close_all(l, true);
    int code = open_all(l, &e);
    if (l->is_paused)
        await(l, 0);
    if (code == 0)
        return;
    log_printf(LOG_ERROR, "%s; trying again", e.text);
    timer_start(l->o.loop, &l->retry, RETRY_MS, restore_again, l);
}

void listeners_close(struct listeners *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct listener *item = &l->items[i];
        for (int n = 0; item->fd >= 0 && n < ACCEPTS_AT_CLOSE && accept_one(item); n++)
            ;
    }
    close_for_good(l);
    pthread_mutex_lock(&l->lock);
    l->n = 0;
    pthread_mutex_unlock(&l->lock);
}
