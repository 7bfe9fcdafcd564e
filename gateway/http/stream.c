#include <string.h>

#include "http/reply.h"
#include "http/server_struct.h"

static size_t queued(const struct exchange *x) { return x->out.len - x->out_taken; }

size_t exchange_queued(const struct exchange *x) { return queued(x); }

/* Ends the stream by a write that fails. libmicrohttpd forgets to clean up a connection that its
 * reader has ended (but for the end of chunks): it would lie there until everything older has timed
 * out. */
static ssize_t end_hard(struct conn *c, char *out)
{
    conn_abort(c);
    out[0] = '\n'; /* goes nowhere: the socket is shut down */
    return 1;
}

void exchange_on_taken(struct exchange *x, void (*fn)(void *arg), void *arg)
{
    x->taken = fn;
    x->taken_arg = arg;
    x->is_taken = false;
}

/* libmicrohttpd wants bytes. It asks again and again while there are none, so it is suspended until
 * there are. */
ssize_t stream_read(void *conn, uint64_t pos, char *out, size_t max)
{
    struct conn *c = conn;
    struct exchange *x = &c->x;
    size_t n = queued(x);
    (void)pos;
    c->server->n_alone = 0;
    if (x->is_dropped || x->is_lost || c->is_closing)
        return end_hard(c, out);
    if (n == 0) {
        if (x->is_finished)
            return x->is_old ? end_hard(c, out) : MHD_CONTENT_READER_END_OF_STREAM;
        conn_watch(c);
        conn_suspend(c);
        if (x->taken) {
            x->is_taken = true;
            conn_tell_later(c);
        }
        return 0;
    }
    if (n > max)
        n = max;
    memcpy(out, x->out.data + x->out_taken, n);
    x->out_taken += n;
    if (queued(x) == 0) {
        buf_fini(&x->out); /* an idle stream holds nothing: there may be ten thousand */
        x->out_taken = 0;
    }
    return (ssize_t)n;
}

int exchange_stream(struct exchange *x, const struct http_reply *r)
{
    struct conn *c = conn_of(x);
    if (x->is_lost || !c->mhd)
        return MG_E_CLOSED;
    x->response = reply_stream(c, r);
    if (!x->response)
        return MG_E_NOMEM;
    x->status = MHD_HTTP_OK;
    x->is_stream = true;
    conn_enter(c, &c->server->streams);
    conn_resume(c);
    return 0;
}

static int enqueue(struct exchange *x, const void *data, size_t len)
{
    struct conn *c = conn_of(x);
    if (x->out_taken > 0) {
        buf_consume(&x->out, x->out_taken);
        x->out_taken = 0;
    }
    buf_append(&x->out, data, len);
    if (!buf_ok(&x->out))
        return MG_E_NOMEM;
    conn_resume(c);
    return 0;
}

static int send_bounded(struct exchange *x, const void *data, size_t len, uint64_t max)
{
    struct conn *c = conn_of(x);
    if (!x->is_stream || x->is_lost || !c->mhd || c->is_closing)
        return MG_E_CLOSED;
    int code = MG_E_LIMIT;
    if (queued(x) + len > max)
        metrics_add(c->server->metrics, M_STREAMS_OVERFLOWED_CONNECTION, 1);
    else
        code = enqueue(x, data, len);
    if (code == 0)
        x->bytes += len;
    else
        conn_abort(c);
    return code;
}

/* A client that does not read holds no more than this. gone() follows when libmicrohttpd has closed
 * it. */
int exchange_send(struct exchange *x, const void *data, size_t len)
{
    const struct http_server *s = conn_of(x)->server;
    return send_bounded(x, data, len, s ? s->options.max_stream_queue : 0);
}

int exchange_send_whole(struct exchange *x, const void *data, size_t len)
{
    return send_bounded(x, data, len, UINT64_MAX);
}

void exchange_finish(struct exchange *x)
{
    if (!x->is_stream) {
        exchange_drop(x);
        return;
    }
    x->is_finished = true;
    exchange_give_back(x);
}

static void streams_ping(void *server);

void streams_ping_start(struct http_server *s)
{
    if (s->options.sse_keepalive_ms > 0)
        timer_start(s->loop, &s->ping, s->options.sse_keepalive_ms, streams_ping, s);
    else
        timer_stop(s->loop, &s->ping);
}

/* Once per sse_keepalive, all in one batch: each resume makes libmicrohttpd walk the suspended
 * ones. A stream whose client has not taken what is queued needs no sign of life from us. */
static void streams_ping(void *server)
{
    static const char comment[] = ":\n\n";
    struct http_server *s = server;
    streams_ping_start(s);
    for (struct conn *c = s->streams, *next; c; c = next) {
        next = c->group_next;
        if (queued(&c->x) == 0 && !c->x.is_finished && !c->is_closing)
            (void)enqueue(&c->x, comment, sizeof comment - 1);
    }
}
