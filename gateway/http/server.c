#include "http/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/chunked.h"
#include "http/handler.h"
#include "http/raw.h"
#include "http/reply.h"
#include "http/server_struct.h"

#define CONNECTIONS_MAX (1U << 20) /* libmicrohttpd's own limit; ours is http_shared's */
#define TURNS_AT_END 8
#define TURNS_ALONE 100 /* then libmicrohttpd is taken to turn on the spot, and waits */
#define TURNS_PER_LOOK 64
#define SECONDS_MAX (7 * 24 * 3600) /* of an idle timeout */

void server_refused(struct http_server *s, const struct exchange *x, int status, const char *reason)
{
    s->handler.refused(s->arg, x, status, reason);
}

/* ---- new connections ---- */

/* What the client has sent already is read first: to close with unread bytes would take the answer
 * back. */
static void turn_away(struct http_server *s, int fd)
{
    char waste[4096];
    metrics_add(s->metrics, M_CONNECTIONS_REFUSED, 1);
    (void)recv(fd, waste, sizeof waste, MSG_DONTWAIT);
    raw_reply(fd, MHD_HTTP_SERVICE_UNAVAILABLE, "too many connections");
    (void)shutdown(fd, SHUT_WR);
    close(fd);
}

static void accepted(void *arg, int fd, const struct sockaddr_storage *peer,
                     const struct sockaddr_storage *local)
{
    struct http_server *s = arg;
    struct conn *c = conn_new(s, fd, peer, local);
    if (!c || !shared_enter(s->shared, &s->options, &c->key, &c->by_address)) {
        turn_away(s, fd);
        free(c);
        return;
    }
    s->joining = c;
    /* Closes fd if it fails; `joining` is still there when it never became a connection. */
    (void)MHD_add_connection(s->mhd, fd, (const struct sockaddr *)peer, sizeof *peer);
    s->is_ready = true; /* its request is likely to be there: one poll less */
    if (!s->joining)
        return;
    s->joining = NULL;
    metrics_add(s->metrics, M_CONNECTIONS_REFUSED, 1);
    shared_leave(s->shared, &c->key, c->by_address);
    free(c);
}

/* ---- start and stop ---- */

static void mhd_ready(void *arg, uint32_t events)
{
    struct http_server *s = arg;
    (void)events;
    s->is_ready = true;
}

static unsigned idle_seconds(const struct http_options *o)
{
    int64_t seconds = (o->idle_timeout_ms + 999) / 1000;
    return seconds > SECONDS_MAX ? SECONDS_MAX : (unsigned)seconds;
}

static int start_mhd(struct http_server *s, struct err *e)
{
    s->mhd =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                             MHD_USE_ERROR_LOG,
                         0, NULL, NULL, handler_request, s, MHD_OPTION_EXTERNAL_LOGGER, handler_log,
                         s, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_CONNECTION_LIMIT,
                         CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)s->options.max_headers + REPLY_ROOM, MHD_OPTION_CONNECTION_TIMEOUT,
                         idle_seconds(&s->options), MHD_OPTION_URI_LOG_CALLBACK, handler_line, s,
                         MHD_OPTION_NOTIFY_COMPLETED, handler_completed, s,
                         MHD_OPTION_NOTIFY_CONNECTION, handler_connection, s, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        s->mhd ? MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info)
        return err_set(e, MG_E_IO, "cannot start libmicrohttpd: %s", strerror(errno));
    int code = loop_watch(s->loop, info->epoll_fd, EPOLLIN, mhd_ready, s, &s->mhd_watch);
    return code == 0 ? 0 : err_set(e, code, "cannot watch libmicrohttpd: %s", err_word(code));
}

struct http_server *http_server_new(struct loop *l, struct http_shared *shared,
                                    const struct http_options *o,
                                    const struct http_address *addresses, size_t n,
                                    const struct http_handler *h, void *arg,
                                    struct metrics_slot *metrics, struct err *e)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, MG_E_NOMEM, "no memory for an HTTP server");
        return NULL;
    }
    s->loop = l;
    s->shared = shared;
    s->options = *o;
    s->handler = *h;
    s->arg = arg;
    s->metrics = metrics;
    s->due_ms = INT64_MAX;
    s->unknown.server = s;
    struct listeners_options lo = { l, addresses, n, accepted, s };
    if (start_mhd(s, e) != 0 || !(s->listeners = listeners_new(&lo, e))) {
        http_server_free(s);
        return NULL;
    }
    streams_ping_start(s);
    return s;
}

void http_server_reconfigure(struct http_server *s, const struct http_options *o)
{
    /* These two shape what libmicrohttpd was started with. */
    uint32_t max_headers = s->options.max_headers;
    int64_t idle_timeout_ms = s->options.idle_timeout_ms;
    s->options = *o;
    s->options.max_headers = max_headers;
    s->options.idle_timeout_ms = idle_timeout_ms;
    streams_ping_start(s);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    listeners_free(s->listeners);
    if (s->mhd) {
        loop_unwatch(s->loop, s->mhd_watch);
        MHD_stop_daemon(s->mhd);
    }
    while (s->todo) {
        struct conn *c = s->todo;
        s->todo = c->todo_next;
        c->in_todo = false;
        conn_release(c);
    }
    /* What a handler still has is freed when it gives it back. */
    for (struct conn *c = s->conns; c; c = c->next)
        c->server = NULL;
    if (s->conns)
        s->conns->link = NULL;
    timer_stop(s->loop, &s->ping);
    buf_fini(&s->spare);
    free(s);
}

/* ---- running ---- */

static void update_due(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG wait;
    s->due_ms = INT64_MAX;
    if (MHD_get_timeout(s->mhd, &wait) == MHD_YES && wait < (MHD_UNSIGNED_LONG_LONG)INT32_MAX)
        s->due_ms = loop_now(s->loop) + (int64_t)wait;
}

/* Libmicrohttpd may ask for the next run at once although nothing comes of it: see chunked.h for
 * what is known to do so. */
static void count_run(struct http_server *s)
{
    if (s->is_ready) {
        s->n_alone = 0;
        return;
    }
    if (s->n_alone < TURNS_ALONE)
        s->n_alone++;
    if (++s->n_asked < TURNS_PER_LOOK)
        return;
    s->n_asked = 0;
    chunked_look(s);
}

void server_batch(struct http_server *s, struct conn *c)
{
    if (!s->batch)
        s->batch_end = &s->batch;
    c->batch_next = NULL;
    *s->batch_end = c;
    s->batch_end = &c->batch_next;
}

/* Reads what is there, then lets the handler answer all of it. One request at a time the code of
 * each side would push that of the other out of the processor's caches, and every answer would wake
 * a client that sleeps: together they are about a fifth faster. True: there are answers to
 * be sent by the next round. The batch is empty outside of this function. */
static bool run_round(struct http_server *s)
{
    s->round_us = clock_mono_us();
    MHD_run(s->mhd);
    bool has_served = s->batch != NULL;
    if (has_served)
        s->read_us = clock_mono_us();
    for (struct conn *c; (c = s->batch) != NULL;) {
        s->batch = c->batch_next;
        s->handler.request(s->arg, &c->x); /* may free c, if its client is gone */
    }
    if (has_served && s->handler.served)
        s->handler.served(s->arg);
    return has_served;
}

void http_server_run(struct http_server *s)
{
    listeners_restore(s->listeners);
    conns_resume(s);
    if (!s->is_ready && loop_now(s->loop) < s->due_ms)
        return;
    count_run(s);
    s->is_ready = false;
    if (run_round(s)) /* what came meanwhile is answered in the next turn */
        s->is_ready |= run_round(s);
    update_due(s);
    /* A stream takes one turn to find that it is over and one to fail at writing. */
    for (int i = 0; i < TURNS_AT_END && s->is_closed && loop_now(s->loop) >= s->due_ms; i++) {
        (void)run_round(s);
        update_due(s);
    }
}

int64_t http_server_wait(struct http_server *s)
{
    int64_t resume = conns_wait(s);
    int64_t now = loop_now(s->loop);
    if (s->is_ready || resume == 0)
        return 0;
    if (now >= s->due_ms)
        return s->n_alone < TURNS_ALONE ? 0 : 1;
    int64_t wait = s->due_ms - now;
    if (resume > 0 && resume < wait)
        wait = resume;
    return wait > INT32_MAX ? -1 : wait;
}

void http_server_bypass(struct http_server *s, struct http_server *to)
{
    listeners_bypass(s->listeners, to->listeners);
}

size_t http_server_open(const struct http_server *s) { return s->n_open; }

/* ---- the end ---- */

/* No more is read, so what has come is still served, and then libmicrohttpd finds the end. */
void http_server_drain(struct http_server *s)
{
    s->is_draining = true;
    listeners_close(s->listeners);
    for (struct conn *c = s->conns; c; c = c->next)
        if (c->mhd && c->x.step == STEP_LINE)
            (void)shutdown(c->fd, SHUT_RD);
}

void http_server_close_all(struct http_server *s)
{
    s->is_draining = s->is_closed = true;
    listeners_close(s->listeners);
    for (struct conn *c = s->conns; c; c = c->next)
        conn_abort(c);
    s->resumed_us = 0; /* at once, however many */
    s->is_ready = true;
}
