#include "http/body.h"

#include <sys/socket.h>

#include "http/raw.h"
#include "http/server_struct.h"

#define DISCARD_BYTES (8U << 20)
#define DISCARD_MS 2000
#define LINGER_MS 2000
#define RESERVE_BYTES (64U << 10) /* believed of a Content-Length before the bytes are there */
#define SPARE_BYTES (64U << 10)

static void discard(struct conn *c, int refusal, uint64_t already)
{
    buf_fini(&c->x.body);
    c->x.refusal = refusal;
    c->x.discarded = already;
    conn_await_client(c, DISCARD_MS, STEP_DISCARD);
}

void body_refuse_raw(struct conn *c, int status, const char *reason)
{
    server_refused(c->server, &c->x, status, reason);
    raw_reply(c->fd, status, reason);
    (void)shutdown(c->fd, SHUT_WR);
    buf_fini(&c->x.body);
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
    buf_reserve(&c->x.body, g->length < RESERVE_BYTES ? (size_t)g->length : RESERVE_BYTES);
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
        if (!buf_ok(&x->body))
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
    if (body->cap > spare->cap && body->cap <= SPARE_BYTES) {
        buf_fini(spare);
        *spare = *body;
        *body = (struct buf){ 0 };
        buf_clear(spare);
    } else {
        buf_fini(body);
    }
}
