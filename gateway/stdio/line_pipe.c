#include "stdio/line_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

struct line_pipe {
    struct loop *loop;
    const struct line_pipe_ops *ops;
    void *arg;
    int in, out;
    bool in_is_socket, out_is_socket;
    bool is_one; /* both are ends of the same connection */
    loop_watch_t in_watch, out_watch;
    struct loop_timer turn; /* the next read of what epoll does not take; or the end, told later */
    struct line_reader reader;
    struct buf queue;
    size_t sent; /* bytes of queue that have left */
    size_t max_queue;
    bool drops_torn;
    bool is_held, is_full, is_unwatchable, is_finishing;
    bool is_at_end, is_lost, is_told; /* told: ended() was called */
    char chunk[CHUNK];
};

static void in_ready(void *arg, uint32_t events);
static void turn_due(void *arg);

/* ---- descriptors ---- */

/* A description of our own, where there can be one: O_NONBLOCK belongs to the description, and the
 * one we were given may be our parent's terminal. Files never block. */
static int own_description(int fd, int flags, bool *is_socket)
{
    char path[40];
    struct stat st;
    *is_socket = false;
    if (fstat(fd, &st) != 0)
        return fd;
    *is_socket = S_ISSOCK(st.st_mode);
    if (*is_socket || S_ISREG(st.st_mode))
        return fd;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own < 0) {
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        return fd;
    }
    close(fd);
    return own;
}

/* A connection has one inode, whatever descriptors it has. */
static bool is_same(int a, int b)
{
    struct stat of_a, of_b;
    return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* ---- reading ---- */

static void reading_stop(struct line_pipe *p)
{
    loop_unwatch(p->loop, p->in_watch);
    p->in_watch = 0;
    if (p->is_unwatchable)
        timer_stop(p->loop, &p->turn);
}

static void reading_start(struct line_pipe *p)
{
    if (p->in_watch || p->turn.armed || p->is_at_end)
        return;
    if (!p->is_unwatchable && loop_watch(p->loop, p->in, EPOLLIN, in_ready, p, &p->in_watch) != 0) {
        p->in_watch = 0;
        p->is_unwatchable = true; /* a file, or /dev/null: there is always something to read */
    }
    if (p->is_unwatchable)
        timer_start(p->loop, &p->turn, 0, turn_due, p);
}

static void reading_judge(struct line_pipe *p)
{
    if (p->is_held || p->is_full || p->is_at_end)
        reading_stop(p);
    else
        reading_start(p);
}

static void end_tell(struct line_pipe *p)
{
    reading_stop(p);
    timer_stop(p->loop, &p->turn);
    if (p->is_told)
        return;
    p->is_told = true;
    p->ops->ended(p->arg, p->is_lost);
}

static void in_ready(void *arg, uint32_t events)
{
    struct line_pipe *p = arg;
    (void)events;
    ssize_t n = p->in_is_socket ? recv(p->in, p->chunk, sizeof p->chunk, MSG_DONTWAIT)
                                : read(p->in, p->chunk, sizeof p->chunk);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        line_reader_feed(&p->reader, p->chunk, (size_t)n, &p->ops->lines, p->arg);
        return; /* lost meanwhile: turn_due() goes on */
    }
    if (!p->drops_torn)
        line_reader_end(&p->reader, &p->ops->lines, p->arg);
    p->is_at_end = true;
    end_tell(p);
}

/* The other end of a connection that cannot be written to is closed: what it said before, and its
 * end, are still there to be read. */
static bool has_last_words(const struct line_pipe *p)
{
    char byte;
    return p->is_lost && p->is_one && !p->is_at_end &&
           recv(p->in, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void turn_due(void *arg)
{
    struct line_pipe *p = arg;
    if (p->is_at_end || (p->is_lost && !has_last_words(p))) {
        p->is_at_end = true;
        end_tell(p);
        return;
    }
    timer_start(p->loop, &p->turn, 0, turn_due, p);
    in_ready(p, EPOLLIN);
}

/* ---- writing ---- */

static void lose(struct line_pipe *p)
{
    if (p->is_lost)
        return;
    p->is_lost = true;
    buf_fini(&p->queue);
    p->sent = 0;
    loop_unwatch(p->loop, p->out_watch);
    p->out_watch = 0;
    p->is_full = false;
    if (!p->is_told)
        timer_start(p->loop, &p->turn, 0, turn_due, p); /* not from inside a send */
}

static void out_ready(void *arg, uint32_t events);

/* Writes what it can; the rest waits for the descriptor. */
static void queue_write(struct line_pipe *p)
{
    while (p->sent < p->queue.len) {
        const char *at = p->queue.data + p->sent;
        size_t len = p->queue.len - p->sent;
        ssize_t n = p->out_is_socket ? send(p->out, at, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                     : write(p->out, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            if (!p->out_watch &&
                loop_watch(p->loop, p->out, EPOLLOUT, out_ready, p, &p->out_watch) != 0) {
                p->out_watch = 0;
                lose(p);
            }
            return;
        }
        if (n < 0) {
            lose(p);
            return;
        }
        p->sent += (size_t)n;
    }
    loop_unwatch(p->loop, p->out_watch);
    p->out_watch = 0;
    p->sent = 0;
    if (p->queue.cap > CHUNK)
        buf_fini(&p->queue);
    else
        buf_clear(&p->queue);
    if (p->is_finishing && p->out_is_socket)
        shutdown(p->out, SHUT_WR);
}

static void out_ready(void *arg, uint32_t events)
{
    struct line_pipe *p = arg;
    (void)events;
    queue_write(p);
    p->is_full = line_pipe_queued(p) > p->max_queue / 2;
    if (line_pipe_queued(p) == 0 && !p->is_lost)
        p->ops->flushed(p->arg);
    if (!p->is_lost)
        reading_judge(p);
}

bool line_pipe_send(struct line_pipe *p, const char *text, size_t len)
{
    if (p->is_lost)
        return false;
    if (p->sent > CHUNK && p->sent > p->queue.len / 2) {
        buf_consume(&p->queue, p->sent);
        p->sent = 0;
    }
    buf_append(&p->queue, text, len);
    buf_putc(&p->queue, '\n');
    if (!buf_ok(&p->queue)) {
        lose(p);
        return false;
    }
    if (!p->out_watch)
        queue_write(p);
    if (line_pipe_queued(p) > p->max_queue) {
        p->is_full = true;
        reading_judge(p);
    }
    return !p->is_lost;
}

size_t line_pipe_queued(const struct line_pipe *p) { return p->queue.len - p->sent; }

void line_pipe_finish(struct line_pipe *p)
{
    p->is_finishing = true;
    if (!p->is_lost)
        queue_write(p);
}

void line_pipe_hold(struct line_pipe *p, bool hold)
{
    p->is_held = hold;
    if (!p->is_lost)
        reading_judge(p);
}

struct line_pipe *line_pipe_new(struct loop *l, const struct line_pipe_options *o,
                                const struct line_pipe_ops *ops, void *arg, struct err *e)
{
    struct line_pipe *p = calloc(1, sizeof *p);
    if (!p) {
        close(o->in_fd);
        close(o->out_fd);
        err_set(e, MG_E_NOMEM, "no memory for a connection");
        return NULL;
    }
    p->loop = l;
    p->ops = ops;
    p->arg = arg;
    p->reader.max = o->max_line;
    p->max_queue = o->max_queue;
    p->drops_torn = o->drops_torn;
    p->in = own_description(o->in_fd, O_RDONLY, &p->in_is_socket);
    p->out = own_description(o->out_fd, O_WRONLY, &p->out_is_socket);
    p->is_one = p->in_is_socket && p->out_is_socket && is_same(p->in, p->out);
    reading_start(p);
    return p;
}

void line_pipe_free(struct line_pipe *p)
{
    if (!p)
        return;
    loop_unwatch(p->loop, p->in_watch);
    loop_unwatch(p->loop, p->out_watch);
    timer_stop(p->loop, &p->turn);
    line_reader_fini(&p->reader);
    buf_fini(&p->queue);
    close(p->in);
    close(p->out);
    free(p);
}
