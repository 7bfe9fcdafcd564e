#include "http/body.h"

#include <sys/socket.h>

#include "http/raw.h"
#include "http/server_struct.h"

#define DISCARD_BYTES (8U << 20)
#define DISCARD_MS 2000
#define LINGER_MS 2000
/* Of a body: believed of a Content-Length before the bytes are there, kept for the next one, and
 * not counted, as a connection takes as much anyway. So most requests touch nothing that workers
 * share.
 */
#define SMALL_BYTES (16U << 10)

void body_drop(struct conn *c)
{
    struct exchange *x = &c->x;
    buf_fini(&x->body);
    if (x->counted > 0 && c->server)
        shared_give_bytes(c->server->shared, x->counted);
    x->counted = 0;
}

/* False: all bodies together would take too much. */
static bool count_memory(struct conn *c)
{
    struct exchange *x = &c->x;
    struct http_server *s = c->server;
    if (x->body.cap <= SMALL_BYTES || x->body.cap == x->counted)
        return true;
    if (!shared_take_bytes(s->shared, &s->options, x->body.cap - x->counted))
        return false;
    x->counted = x->body.cap;
    return true;
}

static void discard(struct conn *c, int refusal, uint64_t already)
{
    body_drop(c);
    c->x.refusal = refusal;
    c->x.discarded = already;
    conn_await_client(c, DISCARD_MS, STEP_DISCARD);
}

void body_refuse_raw(struct conn *c, int status, const char *reason)
{
    server_refused(c->server, &c->x, status, reason);
    raw_reply(c->fd, status, reason);
    (void)shutdown(c->fd, SHUT_WR);
    body_drop(c);
    conn_await_client(c, LINGER_MS, STEP_LINGER);
}

int body_begin(struct conn *c, const struct guard *g)
{
    struct http_server *s = c->server;
    uint64_t max = s->options.max_body;
    if (g->length > max) {
        if (g->expects_continue) /* it waits for our word before it sends anything */
            return MHD_HTTP_CONTENT_TOO_LARGE;
        if (g->length - max > DISCARD_BYTES)
            body_refuse_raw(c, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
        else
            discard(c, MHD_HTTP_CONTENT_TOO_LARGE, 0);
        return 0;
    }
    c->x.step = STEP_BODY;
    if (g->length == 0 && !g->is_chunked)
        return 0;
    c->x.body = s->spare;
    s->spare = (struct buf){ 0 };
    buf_reserve(&c->x.body, g->length < SMALL_BYTES ? (size_t)g->length : SMALL_BYTES);
    return 0;
}

void body_take(struct conn *c, const char *data, size_t len)
{
    struct exchange *x = &c->x;
    if (x->step == STEP_BODY) {
        if (len > c->server->options.max_body - x->body.len) {
            discard(c, MHD_HTTP_CONTENT_TOO_LARGE, len);
            return;
        }
        buf_append(&x->body, data, len);
        if (!buf_ok(&x->body) || !count_memory(c))
            discard(c, MHD_HTTP_SERVICE_UNAVAILABLE, len);
    } else if (x->step == STEP_DISCARD) {
        x->discarded += len;
        if (x->discarded > c->server->options.max_body + DISCARD_BYTES)
            body_refuse_raw(c, x->refusal, "the body is too large");
    }
}

void body_end(struct conn *c)
{
    struct buf *spare = &c->server->spare, *body = &c->x.body;
    if (body->cap > spare->cap && body->cap <= SMALL_BYTES) {
        buf_fini(spare);
        *spare = *body;
        *body = (struct buf){ 0 };
        buf_clear(spare);
    } else {
        body_drop(c);
    }
}
