/* The answer of a call as HTTP: one JSON document, or an event stream. */
#include "base/log.h"
#include "worker/admit.h"
#include "worker/call_struct.h"

#define LATE_MS 1000

/* The first note turns the answer into a stream: where it can, into one that is resumed; then
 * c->sink is another. A client that reads too slowly is gone from then on. */
static bool stream_open(struct call *c)
{
    if (!call_is_reachable(c))
        return false;
    if (exchange_is_stream(c->x) || (call_stream_fits(c) && call_stream_begin(c)))
        return true;
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = 200, .fields = fields };
    admit_cors(c->worker, c->x, false, fields, &r.field_count);
    if (exchange_stream(c->x, &r) == 0)
        return true;
    c->is_gone = true;
    return false;
}

static void frame_send(struct call *c, const struct buf *json,
                       int (*send)(struct exchange *x, const void *data, size_t len))
{
    struct buf frame = { 0 };
    mcp_sse(&frame, json->data, json->len);
    if (!buf_ok(json) || !buf_ok(&frame) || send(c->x, frame.data, frame.len) != 0)
        c->is_gone = true;
    else
        metrics_add(c->worker->metrics, M_STREAM_EVENTS, 1);
    buf_fini(&frame);
}

static void http_note(struct call *c, struct buf *json, bool must)
{
    if (!stream_open(c))
        return;
    if (c->sink == &call_http)
        frame_send(c, json, exchange_send);
    else
        c->sink->note(c, json, must);
}

/* Answers come by a session alone. */
static bool http_can_ask(struct call *c)
{
    return call_stream_fits(c) && c->mcp->may_stream && stream_open(c);
}

/* Sends the answer and gives the exchange back. */
static void answer_send(struct call *c)
{
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = 200, .content_type = "application/json", .fields = fields };
    admit_cors(c->worker, c->x, false, fields, &r.field_count);
    call_encode(c, &r.body);
    if (mcp_lacks_capability(c->mcp, &c->result))
        r.status = 400;
    bool is_stream = c->mcp->must_stream || exchange_is_stream(c->x);
    if (is_stream && stream_open(c))
        frame_send(c, &r.body, exchange_send_whole);
    uint64_t bytes = is_stream ? exchange_bytes(c->x) : r.body.len;
    access_log(c->worker, &c->access, c->x, is_stream ? 200 : r.status, bytes);
    if (!is_stream) {
        exchange_reply(c->x, &r);
        return;
    }
    buf_fini(&r.body);
    if (c->is_gone)
        exchange_drop(c->x);
    else
        exchange_finish(c->x);
}

static void http_end(struct call *c)
{
    if (c->mcp->must_stream && !exchange_is_stream(c->x) && call_stream_fits(c) && stream_open(c) &&
        c->sink != &call_http) {
        c->sink->end(c);
        return;
    }
    exchange_on_gone(c->x, NULL, NULL);
    if (call_is_reachable(c)) {
        answer_send(c);
        return;
    }
    access_log(c->worker, &c->access, c->x, 499, exchange_bytes(c->x));
    if (c->is_cancelled && exchange_is_stream(c->x))
        exchange_finish(c->x); /* a stream without an answer, properly ended */
    else
        exchange_drop(c->x);
}

static void http_gone(void *arg, enum gone how)
{
    struct call *c = arg;
    if (mcp_is_modern(c->mcp->revision) || how == GONE_LOST)
        call_lose(c);
}

static void stream_late(void *arg)
{
    struct call *c = arg;
    if (c->sink == &call_http && !exchange_is_stream(c->x))
        (void)stream_open(c);
}

/* Who wants nothing but a stream gets one that it can come back to, before anything is said; who
 * takes one as well, when the call takes long: an answer that is lost with its connection is
 * lost. */
static void http_watch(struct call *c)
{
    exchange_on_gone(c->x, http_gone, c);
    if (!call_stream_fits(c))
        return;
    if (c->mcp->must_stream)
        (void)stream_open(c);
    else if (c->mcp->may_stream && c->mcp->revision >= MCP_2025_11_25)
        timer_start(c->worker->loop, &c->late, LATE_MS, stream_late, c);
}

static void http_drop(struct call *c)
{
    exchange_on_gone(c->x, NULL, NULL);
    exchange_drop(c->x);
}

static uint64_t http_peer(const struct call *c)
{
    return address_peer(c->access.ip, exchange_headers(c->x)->user_agent);
}

const struct call_sink call_http = { .watch = http_watch,
                                     .note = http_note,
                                     .can_ask = http_can_ask,
                                     .end = http_end,
                                     .drop = http_drop,
                                     .peer = http_peer };
