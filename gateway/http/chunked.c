#include "http/chunked.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "http/raw.h"
#include "http/server_struct.h"
#include "http/sockinfo.h"

#define WASTE_READS 16

void chunked_begin(struct conn *c)
{
    c->read_bytes = 0;
    c->has_unread = false;
    conn_enter(c, &c->server->chunked);
}

/* What has come is read first, as far as it is bounded: to close with unread bytes would take the
 * answer back. Nothing lingers, as that would go on turning. */
static void refuse(struct conn *c)
{
    static const char reason[] = "a chunk without end of its line";
    char waste[4096];
    if (c->x.step != STEP_LINGER) { /* else it has its answer */
        for (int i = 0; i < WASTE_READS; i++)
            if (recv(c->fd, waste, sizeof waste, MSG_DONTWAIT) <= 0)
                break;
        server_refused(c->server, &c->x, MHD_HTTP_BAD_REQUEST, reason);
        raw_reply(c->fd, MHD_HTTP_BAD_REQUEST, reason);
    }
    conn_abort(c);
}

static void moved(void *arg, uint32_t events)
{
    struct conn *c = arg;
    (void)events;
    conn_unwatch(c);
    conn_resume(c);
}

static void suspend_until_moved(struct conn *c)
{
    if (c->watch || loop_watch(c->server->loop, c->fd, EPOLLIN, moved, c, &c->watch) != 0)
        return; /* without memory for it, the server's waits have to do */
    conn_suspend(c);
}

/* Bytes that libmicrohttpd has read, and whether there is more: data, an end or an error. False:
 * not known. */
static bool ask(const struct conn *c, uint64_t *read_bytes, bool *has_unread)
{
    uint64_t came;
    int64_t ago_ms;
    int unread;
    char byte;
    if (!sockinfo(c->fd, &came, &ago_ms) || ioctl(c->fd, FIONREAD, &unread) != 0)
        return false;
    *read_bytes = came - (uint64_t)unread;
    *has_unread = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
    return true;
}

static void look(struct conn *c)
{
    uint64_t read_bytes;
    bool has_unread;
    if (c->is_closing) {
        /* Stuck after it was suspended, its socket is not watched by libmicrohttpd any more: only
         * time ends it. */
        (void)MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
        return;
    }
    if (c->is_suspended || !ask(c, &read_bytes, &has_unread))
        return;
    bool is_same = read_bytes == c->read_bytes && has_unread == c->has_unread;
    c->read_bytes = read_bytes;
    c->has_unread = has_unread;
    if (!is_same)
        return;
    if (has_unread)
        refuse(c);
    else
        suspend_until_moved(c);
}

void chunked_look(struct http_server *s)
{
    for (struct conn *c = s->chunked.first, *next; c; c = next) {
        next = c->group_next;
        look(c);
    }
}
