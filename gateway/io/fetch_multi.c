/* libcurl on the loop: its sockets are watches, its timer is one of the loop's. */
#include "io/fetch_struct.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"

/* Connections kept, those in use among them: with fewer, none would be used again under load. */
#define POOLED ((long)FETCH_RUNNING)
#define TURN_MAX_US 5000 /* what is ready beyond waits for the next turn of the loop */

struct fetch_socket {
    struct fetcher *fetcher;
    struct fetch_socket *next, **prev;
    curl_socket_t fd;
    const CURL *easy;   /* the transfer that it is watched for */
    loop_watch_t watch; /* 0: none */
};

static void socket_free(struct fetch_socket *s)
{
    loop_unwatch(s->fetcher->loop, s->watch);
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    free(s);
}

/* ---- running it ---- */

static void take_messages(struct fetcher *f)
{
    int left;
    for (CURLMsg *m; f->multi && (m = curl_multi_info_read(f->multi, &left)) != NULL;) {
        struct fetch_hop *h = NULL;
        CURLcode code = m->data.result;
        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&h) == CURLE_OK && h)
            fetch_hop_ended(h, code);
    }
}

/* It says so only of a fault of its own or for want of memory. */
static void fail_all(struct fetcher *f, CURLMcode code)
{
    log_printf(LOG_ERROR, "http requests: %s", curl_multi_strerror(code));
    while (f->running) {
        struct fetch *t = f->running->fetch;
        if (!t) {
            fetch_hop_free(f->running);
            continue;
        }
        fetch_fail(t, code == CURLM_OUT_OF_MEMORY ? "NOMEM" : "IO", "%s",
                   curl_multi_strerror(code));
        fetch_end(t);
    }
    fetch_multi_close(f);
}

static void run(struct fetcher *f, curl_socket_t fd, int events)
{
    int running;
    int64_t begin = clock_mono_us();
    CURLMcode code = curl_multi_socket_action(f->multi, fd, events, &running);
    take_messages(f);
    if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
        fail_all(f, code);
    f->turn_us += clock_mono_us() - begin;
}

static void on_ready(void *arg, uint32_t events)
{
    struct fetch_socket *s = arg;
    struct fetcher *f = s->fetcher;
    if (f->turn_ms != loop_now(f->loop)) {
        f->turn_ms = loop_now(f->loop);
        f->turn_us = 0;
    }
    /* It is told again in the next turn: others come in between. Opening one TLS connection alone
     * reads all certificates of the system, some 10 ms. */
    if (f->turn_us > TURN_MAX_US)
        return;
    int ready = 0;
    if (events & (EPOLLIN | EPOLLHUP))
        ready |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        ready |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        ready |= CURL_CSELECT_ERR;
    run(f, s->fd, ready);
}

static void on_timer(void *arg)
{
    struct fetcher *f = arg;
    if (f->multi)
        run(f, CURL_SOCKET_TIMEOUT, 0);
}

static int timer_changed(CURLM *multi, long timeout_ms, void *arg)
{
    struct fetcher *f = arg;
    (void)multi;
    if (timeout_ms < 0)
        timer_stop(f->loop, &f->curl_timer);
    else
        timer_start(f->loop, &f->curl_timer, timeout_ms, on_timer, f);
    return 0;
}

/* ---- sockets ---- */

static void no_watch(CURL *easy)
{
    struct fetch_hop *h = NULL;
    /* An error told to libcurl would end all requests. This one ends by its timer, at once. */
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&h) != CURLE_OK || !h || !h->fetch)
        return;
    struct fetch *t = h->fetch;
    t->lacks_memory = true;
    timer_start(t->fetcher->loop, &t->timer, 0, t->timer.fn, t);
}

static struct fetch_socket *socket_new(struct fetcher *f, curl_socket_t fd)
{
    struct fetch_socket *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fetcher = f;
    s->fd = fd;
    s->next = f->sockets;
    s->prev = &f->sockets;
    if (s->next)
        s->next->prev = &s->next;
    f->sockets = s;
    (void)curl_multi_assign(f->multi, fd, s);
    return s;
}

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct fetcher *f = arg;
    struct fetch_socket *s = socket;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            socket_free(s);
        return 0;
    }
    uint32_t events = what == CURL_POLL_IN    ? EPOLLIN
                      : what == CURL_POLL_OUT ? EPOLLOUT
                                              : EPOLLIN | EPOLLOUT;
    if (!s)
        s = socket_new(f, fd);
    if (!s) {
        no_watch(easy);
        return 0;
    }
    s->easy = easy;
    int code = s->watch ? loop_rewatch(f->loop, s->watch, events)
                        : loop_watch(f->loop, fd, events, on_ready, s, &s->watch);
    if (code != 0)
        no_watch(easy);
    return 0;
}

void fetch_multi_forget(struct fetcher *f, const CURL *easy)
{
    for (struct fetch_socket *s = f->sockets; s; s = s->next)
        if (s->easy == easy) {
            loop_unwatch(f->loop, s->watch);
            s->watch = 0;
        }
}

/* ---- life ---- */

/* There is no request but of a URL that was parsed: the library is there. */
int fetch_multi_open(struct fetcher *f)
{
    if (f->multi)
        return 0;
    f->multi = curl_multi_init();
    if (!f->multi)
        return MG_E_NOMEM;
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, POOLED);
    curl_multi_setopt(f->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return 0;
}

void fetch_multi_close(struct fetcher *f)
{
    if (!f->multi)
        return;
    /* Before their descriptors are closed. libcurl then tells of some of them that they are gone,
     * and of others not. */
    for (struct fetch_socket *s = f->sockets; s; s = s->next) {
        loop_unwatch(f->loop, s->watch);
        s->watch = 0;
    }
    curl_multi_cleanup(f->multi);
    f->multi = NULL;
    for (struct fetch_socket *s = f->sockets, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    f->sockets = NULL;
    timer_stop(f->loop, &f->curl_timer);
}
