#include "worker/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/principal.h"
#include "base/log.h"
#include "stdio/door.h"
#include "worker/endpoint_notices.h"
#include "worker/message_listen.h"
#include "worker/peer_struct.h"
#include "worker/worker.h"

static void peer_free(struct peer *p)
{
    *p->prev = p->next;
    if (p->next)
        p->next->prev = p->prev;
    timer_stop(p->messages.worker->loop, &p->reap);
    message_listens_close(&p->messages);
    message_session_close(&p->session);
    line_pipe_free(p->pipe);
    free(p);
}

static bool is_over(const struct peer *p)
{
    return p->messages.count == 0 && line_pipe_queued(p->pipe) == 0;
}

static void reap_due(void *arg)
{
    struct peer *p = arg;
    if (is_over(p)) /* before a drain held it, it may have said more */
        peer_free(p);
}

/* Over is a peer that says no more, whose calls are over and whose output has left. One that ends
 * the process stays for worker_free(); the others go as soon as a drain lets them: they look for
 * another gateway then. */
void peer_judge(struct peer *p)
{
    struct worker *w = p->messages.worker;
    bool hold = w->is_draining || p->messages.count > (p->is_held ? PEER_CALLS / 2 : PEER_CALLS);
    if (!p->is_ended && hold != p->is_held) {
        p->is_held = hold;
        line_pipe_hold(p->pipe, hold);
    }
    if (!p->ended && is_over(p) && (p->is_ended || w->is_draining))
        timer_start(w->loop, &p->reap, 0, reap_due, p);
}

static void pipe_ended(void *arg, bool is_lost)
{
    struct peer *p = arg;
    p->is_ended = true;
    if (is_lost)
        messages_lose(&p->messages);
    else
        messages_unask(&p->messages);
    message_session_close(&p->session);
    if (p->ended) {
        log_printf(LOG_INFO, is_lost ? "standard output is closed: draining"
                                     : "end of standard input: draining");
        loop_post(p->ended_loop, p->ended);
    }
    peer_judge(p);
}

static void pipe_flushed(void *arg)
{
    struct peer *p = arg;
    message_session_tell(&p->session);
    message_listens_tell(&p->messages);
    peer_judge(p);
}

static const struct line_pipe_ops pipe_ops = { .lines = { .line = peer_line, .fault = peer_fault },
                                               .ended = pipe_ended,
                                               .flushed = pipe_flushed };

/* ---- what it is told of changes ---- */

static void feed_due(void *arg)
{
    struct peer *p = arg;
    message_session_tell(&p->session);
}

/* The table was full, and its session the one that had been used least. Its client comes again by
 * itself, and is another one then; a client of its own is alone in a process, where no table is
 * full. */
static void feed_closed(void *arg, int code)
{
    struct peer *p = arg;
    (void)code;
    message_session_close(&p->session);
    if (p->ended)
        return;
    p->is_ended = true;
    messages_unask(&p->messages);
    line_pipe_hold(p->pipe, true);
    peer_judge(p);
}

static const struct notice_feed_ops feed_ops = { .due = feed_due, .closed = feed_closed };

/* ---- opening ---- */

int peer_open(struct worker *w, const struct peer_options *o, struct err *e)
{
    const struct config *c = w->serving->config;
    struct line_pipe_options pipe = { .in_fd = o->in_fd,
                                      .out_fd = o->out_fd,
                                      .max_line = c->server.max_body_bytes,
                                      .max_queue = c->server.max_stream_queue_bytes };
    struct peer *p = calloc(1, sizeof *p);
    if (!p) {
        close(o->in_fd);
        close(o->out_fd);
        return err_set(e, MG_E_NOMEM, "no memory for a client");
    }
    peer_messages_init(p, w);
    p->ended_loop = o->ended_loop;
    p->ended = o->ended;
    p->pipe = line_pipe_new(w->loop, &pipe, &pipe_ops, p, e);
    if (!p->pipe) {
        free(p);
        return e->code;
    }
    int code =
        message_session_open(&p->session, &p->messages, principal_local.number, &feed_ops, p);
    if (code != 0) {
        line_pipe_free(p->pipe);
        free(p);
        return err_set(e, code, "no place for a client: %s", notice_refusal(code)->text);
    }
    p->next = w->peers;
    p->prev = &w->peers;
    if (p->next)
        p->next->prev = &p->next;
    w->peers = p;
    return 0;
}

/* ---- the door ---- */

#define DOOR_PAUSE_MS 1000 /* when there is no descriptor for who stands there */

static void door_ready(void *arg, uint32_t events);

static void door_watch(void *arg)
{
    struct worker *w = arg;
    if (loop_watch(w->loop, w->door, EPOLLIN, door_ready, w, &w->door_watch) != 0)
        log_printf(LOG_ERROR, "no memory to listen for other processes");
}

static void door_ready(void *arg, uint32_t events)
{
    struct worker *w = arg;
    struct err e = { 0 };
    (void)events;
    int fd = accept4(w->door, NULL, NULL, SOCK_CLOEXEC);
    int out = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (out < 0) {
        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
            return;
        log_printf(LOG_ERROR, "cannot take in another process: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        loop_unwatch(w->loop, w->door_watch);
        w->door_watch = 0;
        timer_start(w->loop, &w->door_pause, DOOR_PAUSE_MS, door_watch, w);
        return;
    }
    if (!door_is_ours(fd)) {
        log_printf(LOG_WARN, "a process of another user was turned away");
        close(fd);
        close(out);
        return;
    }
    struct peer_options o = { .in_fd = fd, .out_fd = out };
    if (peer_open(w, &o, &e) != 0)
        log_printf(LOG_ERROR, "%s", e.text);
}

int peers_listen(struct worker *w, int door, struct err *e)
{
    w->door = door;
    if (loop_watch(w->loop, w->door, EPOLLIN, door_ready, w, &w->door_watch) == 0)
        return 0;
    close(door);
    w->door = -1;
    return err_set(e, MG_E_NOMEM, "no memory to listen for other processes");
}

static void door_close(struct worker *w)
{
    if (w->door < 0)
        return;
    timer_stop(w->loop, &w->door_pause);
    loop_unwatch(w->loop, w->door_watch);
    close(w->door);
    w->door = -1;
}

void peers_hold(struct worker *w)
{
    door_close(w);
    for (struct peer *p = w->peers; p; p = p->next) {
        message_listens_end(&p->messages);
        peer_judge(p);
    }
}

bool peers_are_quiet(const struct worker *w)
{
    for (const struct peer *p = w->peers; p; p = p->next)
        if (!is_over(p) || p->reap.armed)
            return false;
    return true;
}

void peers_free(struct worker *w)
{
    if (w->loop)
        door_close(w);
    for (struct peer *p = w->peers, *next; p; p = next) {
        next = p->next;
        peer_free(p);
    }
}
