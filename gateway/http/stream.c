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

/* ---- signs of life ---- */

/* An idle stream's client hears of us once per sse_keepalive. Each ping is a resume, and to resume
 * any libmicrohttpd walks all suspended ones, so those that are due soon are done together; but
 * thousands that were opened together are not due together for ever: calls wait meanwhile. */
#define PING_TURN_MS 100
#define PINGS_OF_A_TURN 256

static int64_t ping_turn_ms(const struct http_server *s)
{
    int64_t part = s->options.sse_keepalive_ms / 16;
    return part < 1 ? 1 : part < PING_TURN_MS ? part : PING_TURN_MS;
}

static void streams_ping(void *server);

void streams_ping_start(struct http_server *s)
{
    const struct conn *oldest = s->streams.first;
    if (s->options.sse_keepalive_ms == 0 || !oldest) {
        timer_stop(s->loop, &s->ping);
        return;
    }
    int64_t wait = oldest->pinged_ms + s->options.sse_keepalive_ms - loop_now(s->loop);
    int64_t turn = ping_turn_ms(s);
    timer_start(s->loop, &s->ping, wait > turn ? wait : turn, streams_ping, s);
}

static void stream_enter(struct conn *c)
{
    struct http_server *s = c->server;
    c->pinged_ms = loop_now(s->loop);
    conn_enter(c, &s->streams);
    if (s->streams.n == 1)
        streams_ping_start(s);
}

/* A stream whose client has not taken what is queued needs no sign of life from us. */
static void stream_ping(struct conn *c)
{
    static const char comment[] = ":\n\n";
    conn_leave(c);
    c->pinged_ms = loop_now(c->server->loop);
    conn_enter(c, &c->server->streams);
    if (queued(&c->x) == 0 && !c->x.is_finished && !c->is_closing)
        (void)enqueue(&c->x, comment, sizeof comment - 1);
}

static void streams_ping(void *server)
{
    struct http_server *s = server;
    int64_t interval = s->options.sse_keepalive_ms;
    int64_t due = loop_now(s->loop) - interval;
    /* twice as many as are needed to get round in time */
    size_t most = PINGS_OF_A_TURN + 2 * s->streams.n * (size_t)ping_turn_ms(s) / (size_t)interval;
    while (most-- > 0 && s->streams.first && s->streams.first->pinged_ms <= due)
        stream_ping(s->streams.first);
    streams_ping_start(s);
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
    stream_enter(c);
    conn_resume(c);
    return 0;
}
