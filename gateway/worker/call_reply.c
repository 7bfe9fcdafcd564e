#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "worker/admit.h"
#include "worker/call_struct.h"

static bool call_is_reachable(const struct call *c)
{
    return !c->is_gone && !c->worker->is_stopped;
}

/* The first note turns the answer into a stream. A client that reads too slowly is gone from then
 * on. */
static bool call_open_stream(struct call *c)
{
    if (!call_is_reachable(c))
        return false;
    if (exchange_is_stream(c->x))
        return true;
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = 200, .fields = fields };
    admit_cors(c->worker, c->x, false, fields, &r.field_count);
    if (exchange_stream(c->x, &r) == 0)
        return true;
    c->is_gone = true;
    return false;
}

static void call_send_frame(struct call *c, struct buf *json)
{
    struct buf frame = { 0 };
    mcp_sse(&frame, json->data, json->len);
    if (!buf_ok(json) || !buf_ok(&frame) || exchange_send(c->x, frame.data, frame.len) != 0)
        c->is_gone = true;
    else
        metrics_add(c->worker->metrics, M_STREAM_EVENTS, 1);
    buf_fini(&frame);
}

void call_note_progress(void *arg, double done, double total, bool has_total, const char *message)
{
    struct call *c = arg;
    struct buf *json = &c->worker->scratch;
    if (!mcp_progress_due(c->mcp, done, loop_now(c->worker->loop)) || !call_open_stream(c))
        return;
    buf_clear(json);
    mcp_encode_progress(c->mcp, done, total, has_total, message, json);
    call_send_frame(c, json);
}

void call_note_log(void *arg, int level, const char *data_json, size_t len)
{
    struct call *c = arg;
    struct buf *json = &c->worker->scratch;
    if (!mcp_log_due(c->mcp, (enum mcp_log_level)level) || !call_open_stream(c))
        return;
    buf_clear(json);
    mcp_encode_log(c->mcp, (enum mcp_log_level)level, c->mcp->tool->name, data_json, len, json);
    call_send_frame(c, json);
}

/* Sends the answer and gives the exchange back. */
static void call_send(struct call *c)
{
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = 200, .content_type = "application/json", .fields = fields };
    admit_cors(c->worker, c->x, false, fields, &r.field_count);
    mcp_encode_result(&c->worker->serving->mcp, c->mcp, &c->result, &r.body);
    if (!buf_ok(&r.body)) {
        buf_fini(&r.body);
        mcp_encode_error(c->mcp, -32603, "Internal error: out of memory", &r.body);
    }
    bool is_stream = c->mcp->must_stream || exchange_is_stream(c->x);
    if (is_stream && call_open_stream(c))
        call_send_frame(c, &r.body);
    uint64_t bytes = is_stream ? exchange_bytes(c->x) : r.body.len;
    access_log(c->worker, &c->access, c->x, 200, bytes);
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

static void call_finish(struct call *c)
{
    struct worker *w = c->worker;
    inflight_remove(w->gateway->calls, c->entry);
    c->entry = NULL;
    exchange_on_gone(c->x, NULL, NULL);
    c->access.outcome = (int)c->result.outcome;
    c->access.protocol = mcp_revision_text(c->mcp->revision);
    c->access.now_us = clock_mono_us();
    metrics_call(w->metrics, c->mcp->tool->metric, c->result.outcome,
                 c->access.now_us - c->started_us);
    if (call_is_reachable(c)) {
        call_send(c);
    } else {
        access_log(w, &c->access, c->x, 499, exchange_bytes(c->x));
        if (c->is_cancelled && exchange_is_stream(c->x))
            exchange_finish(c->x); /* a stream without an answer, properly ended */
        else
            exchange_drop(c->x);
    }
    call_release(c);
}

/* The record is on the disk, or may not be: a client that is told of a change must be able to rely
 * on it. */
static void call_durable(struct store_wait *wait, int code)
{
    struct call *c = (struct call *)((char *)wait - offsetof(struct call, durable));
    if (code != 0) {
        static const char text[] =
            "the change could not be made durable and may or may not survive a restart; "
            "the state is read-only until its disk works again";
        tool_result_fini(&c->result);
        tool_result_text(&c->result, OUT_TOOL_ERROR, true, text, sizeof text - 1);
    }
    call_finish(c);
}

/* [server] max_result: a client's context is not the place for a larger one. */
static void bound_result(struct call *c)
{
    uint64_t max = c->worker->serving->config->server.max_result_bytes;
    size_t len = c->result.content.len + c->result.structured.len + c->result.meta.len;
    if (len <= max)
        return;
    char text[200];
    int n =
        snprintf(text, sizeof text,
                 "the result has %zu bytes, the limit is %llu ([server] max_result): ask for less",
                 len, (unsigned long long)max);
    tool_result_fini(&c->result);
    tool_result_text(&c->result, OUT_TOOL_ERROR, true, text, (size_t)n);
}

void call_answer(struct call *c)
{
    struct gateway *g = c->worker->gateway;
    bound_result(c);
    if (store_is_durable(g->store, c->seq)) {
        call_finish(c);
        return;
    }
    call_list(c);
    c->durable.loop = c->worker->loop;
    c->durable.seq = c->seq;
    c->durable.done = call_durable;
    store_wait(g->store, &c->durable);
}

void call_refuse(struct call *c, enum outcome o, const char *text)
{
    tool_result_text(&c->result, o, true, text, strlen(text));
    call_finish(c);
}
