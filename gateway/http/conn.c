#include "http/conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/body.h"
#include "http/server_struct.h"
#include "http/sockinfo.h"

#define MANY_SUSPENDED 1000 /* libmicrohttpd walks all of them whenever one is resumed */
#define RESUME_EVERY_US 1000
#define LOOK_AFTER_MS 1000
#define HEARD_SLACK_MS 20 /* of the kernel's clock for the last data */

/* ---- lifetime ---- */

struct conn *conn_new(struct http_server *s, int fd, const struct sockaddr_storage *peer,
                      const struct sockaddr_storage *local)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->server = s;
    c->fd = fd;
    c->heard_ms = loop_now(s->loop);
    c->local_is_loopback = address_is_loopback(local);
    c->local_port = address_port(local);
    address_key(peer, &c->key);
    address_text(peer, c->peer);
    return c;
}

void conn_opened(struct conn *c, struct MHD_Connection *mhd)
{
    struct http_server *s = c->server;
    c->mhd = mhd;
    c->next = s->conns;
    c->link = &s->conns;
    if (c->next)
        c->next->link = &c->next;
    s->conns = c;
    s->n_open++;
    metrics_add(s->metrics, M_CONNECTIONS_ACCEPTED, 1);
    metrics_add(s->metrics, M_CONNECTIONS_OPEN, 1);
    conn_await_request(c);
}

void conn_closed(struct conn *c)
{
    struct http_server *s = c->server;
    conn_unwatch(c);
    timer_stop(s->loop, &c->timer);
    c->mhd = NULL;
    c->is_suspended = false;
    s->n_open--;
    metrics_add(s->metrics, M_CONNECTIONS_OPEN, -1);
    shared_leave(s->shared, &c->key, c->by_address);
    conn_release(c);
}

void conn_release(struct conn *c)
{
    if (c->mhd || c->x.is_owned || c->in_todo)
        return;
    if (c->link)
        *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (c->x.response)
        MHD_destroy_response(c->x.response);
    buf_fini(&c->x.texts);
    body_drop(c);
    buf_fini(&c->x.out);
    free(c);
}

void conn_enter(struct conn *c, struct conn_group *g)
{
    if (!g->first)
        g->end = &g->first;
    c->group = g;
    c->group_next = NULL;
    c->group_link = g->end;
    *g->end = c;
    g->end = &c->group_next;
    g->n++;
}

void conn_leave(struct conn *c)
{
    struct conn_group *g = c->group;
    if (!g)
        return;
    *c->group_link = c->group_next;
    if (c->group_next)
        c->group_next->group_link = c->group_link;
    else
        g->end = c->group_link;
    g->n--;
    c->group = NULL;
}

/* ---- suspending and resuming ---- */

void conn_suspend(struct conn *c)
{
    if (c->is_suspended)
        return;
    c->is_suspended = true;
    c->server->n_suspended++;
    MHD_suspend_connection(c->mhd);
}

static void add_todo(struct conn *c)
{
    if (c->in_todo || !c->server)
        return;
    c->in_todo = true;
    c->todo_next = c->server->todo;
    c->server->todo = c;
}

/* One that is not suspended is asked again anyway, see answer_or_wait(). */
void conn_resume(struct conn *c)
{
    if (c->is_suspended)
        add_todo(c);
}

static bool has_to_tell_gone(const struct exchange *x)
{
    return x->gone &&
           ((x->is_lost && !x->told_lost) || (x->is_half && !x->told_half && !x->told_lost));
}

static bool has_to_tell(const struct exchange *x)
{
    return x->is_owned && (has_to_tell_gone(x) || (x->taken && x->is_taken));
}

static void tell_taken(struct exchange *x)
{
    void (*taken)(void *arg) = x->taken;
    x->taken = NULL;
    x->is_taken = false;
    taken(x->taken_arg);
}

/* The callback may give the exchange back and so free the connection, or change the callback. */
void conn_tell(struct conn *c)
{
    struct exchange *x = &c->x;
    if (!has_to_tell(x))
        return;
    if (!has_to_tell_gone(x)) {
        tell_taken(x);
        return;
    }
    enum gone how = x->is_lost ? GONE_LOST : GONE_HALF_CLOSED;
    x->told_half = true;
    x->told_lost = how == GONE_LOST;
    x->gone(x->gone_arg, how);
}

void conn_tell_later(struct conn *c)
{
    if (has_to_tell(&c->x))
        add_todo(c);
}

int64_t conns_wait(const struct http_server *s)
{
    return !s->todo ? -1 : s->n_suspended > MANY_SUSPENDED ? 1 : 0;
}

void conns_resume(struct http_server *s)
{
    if (!s->todo)
        return;
    if (s->n_suspended > MANY_SUSPENDED) {
        int64_t now_us = clock_mono_us();
        if (now_us - s->resumed_us < RESUME_EVERY_US)
            return;
        s->resumed_us = now_us;
    }
    struct conn *c = s->todo;
    s->todo = NULL;
    while (c) {
        struct conn *next = c->todo_next;
        c->in_todo = false;
        if (c->is_suspended) {
            c->is_suspended = false;
            s->n_suspended--;
            MHD_resume_connection(c->mhd);
            s->is_ready = true;
        }
        if (has_to_tell(&c->x))
            conn_tell(c);
        else
            conn_release(c);
        c = next;
    }
}

void conn_abort(struct conn *c)
{
    if (!c->mhd || c->is_closing)
        return;
    c->is_closing = true;
    (void)shutdown(c->fd, SHUT_RDWR);
    conn_resume(c);
}

/* ---- watching the client's end ---- */

static void client_moved(void *arg, uint32_t events)
{
    struct conn *c = arg;
    if (events & (EPOLLHUP | EPOLLERR)) {
        conn_unwatch(c);
        c->x.is_lost = true;
        conn_abort(c);
    } else {
        c->x.is_half = true;
        /* One shot and no events: its end, or an error, still comes. */
        if (loop_rewatch(c->server->loop, c->watch, EPOLLONESHOT) != 0)
            conn_unwatch(c);
    }
    conn_tell(c);
}

void conn_watch(struct conn *c)
{
    if (c->watch || !c->mhd || c->is_closing)
        return;
    if (loop_watch(c->server->loop, c->fd, EPOLLRDHUP | EPOLLONESHOT, client_moved, c, &c->watch))
        c->watch = 0; /* without memory for it, the loss of the client shows at the next write */
}

void conn_unwatch(struct conn *c)
{
    if (!c->watch)
        return;
    loop_unwatch(c->server->loop, c->watch);
    c->watch = 0;
}

/* ---- the timer: of the request, or of the client while the handler works ---- */

/* Has a byte of a request arrived that has not been answered? */
static bool has_begun(const struct conn *c)
{
    uint64_t bytes;
    int64_t ago_ms;
    if (c->has_line || c->x.step == STEP_BODY)
        return true;
    if (!sockinfo(c->fd, &bytes, &ago_ms))
        return !c->is_used;
    if (!c->is_used)
        return bytes > 0;
    return clock_mono_ms() - ago_ms > c->heard_ms + HEARD_SLACK_MS;
}

static void request_late(struct conn *c)
{
    if (!c->has_line)
        c->x.started_us = clock_mono_us(); /* for the log; its first byte came at an unknown time */
    if (has_begun(c))
        body_refuse_raw(c, 408, "the request took too long");
    else if (c->is_used)
        conn_await_request(c); /* idle between requests: idle_timeout is for that */
    else
        conn_abort(c);
}

/* libmicrohttpd misses the end of a client's sending half that came together with its request (an
 * edge it has consumed). So an idle connection is asked once; a client that waits for our close
 * would wait for idle_timeout. */
static void look_for_end(struct conn *c)
{
    char byte;
    c->has_looked = true;
    if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        conn_abort(c);
}

static void timer_fired(void *arg);

static void request_awaited(struct conn *c)
{
    int64_t now_ms = clock_mono_ms();
    int64_t left_ms = c->deadline_ms - now_ms;
    if (left_ms <= 0) {
        request_late(c);
        return;
    }
    if (!c->has_looked && now_ms - c->heard_ms >= LOOK_AFTER_MS)
        look_for_end(c);
    if (!c->has_looked && left_ms > LOOK_AFTER_MS)
        left_ms = LOOK_AFTER_MS;
    timer_start(c->server->loop, &c->timer, left_ms, timer_fired, c);
}

static void timer_fired(void *arg)
{
    struct conn *c = arg;
    switch (c->x.step) {
    case STEP_LINE:
    case STEP_BODY: request_awaited(c); break;
    case STEP_DISCARD: body_refuse_raw(c, c->x.refusal, "the body is too large"); break;
    case STEP_LINGER: conn_abort(c); break;
    case STEP_SERVE: conn_watch(c); break;
    case STEP_SEND:
    case STEP_STREAM: break;
    }
}

/* The timer is not moved at every request: when it fires early it goes on for what is left. */
void conn_await_request(struct conn *c)
{
    struct http_server *s = c->server;
    c->deadline_ms = loop_now(s->loop) + s->options.request_timeout_ms;
    c->has_looked = false;
    if (!c->timer.armed)
        timer_start(s->loop, &c->timer,
                    s->options.request_timeout_ms < LOOK_AFTER_MS ? s->options.request_timeout_ms
                                                                  : LOOK_AFTER_MS,
                    timer_fired, c);
}

void conn_await_client(struct conn *c, int64_t ms, enum step step)
{
    c->x.step = step;
    timer_start(c->server->loop, &c->timer, ms, timer_fired, c);
}
