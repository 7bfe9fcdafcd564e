#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "worker/call_struct.h"

void call_encode(struct call *c, struct buf *out)
{
    if (c->tasked && !c->is_over)
        call_task_answer(c, out);
    else
        mcp_encode_result(&c->worker->serving->mcp, c->mcp, &c->result, out);
    if (buf_ok(out))
        return;
    buf_fini(out);
    mcp_encode_error(c->mcp, MCP_INTERNAL_ERROR, "Internal error: out of memory", out);
}

void call_finish(struct call *c)
{
    struct worker *w = c->worker;
    inflight_remove(w->gateway->calls, c->entry);
    c->entry = NULL;
    c->access.outcome = (int)c->result.outcome;
    c->access.protocol = mcp_revision_text(c->mcp->revision);
    if (mcp_lacks_capability(c->mcp, &c->result))
        c->access.rpc_error = MCP_MISSING_CAPABILITY;
    c->access.now_us = clock_mono_us();
    metrics_call(w->metrics, c->mcp->tool->metric, c->result.outcome,
                 c->access.now_us - c->tool_us);
    c->sink->end(c);
    call_release(c);
}

/* A client's context is not the place for a larger one. */
void call_bound_result(struct call *c)
{
    uint64_t max = c->worker->serving->config->server.max_result_bytes;
    const struct tool_asks *asks = c->result.asks;
    size_t len = c->result.content.len + c->result.structured.len + c->result.meta.len +
                 (asks ? asks->requests.len + asks->memory.len : 0);
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

/* A client that is told of a change must be able to rely on it. */
static void result_unsure(struct tool_result *r)
{
    static const char text[] =
        "the change could not be made durable and may or may not survive a restart; "
        "the state is read-only until its disk works again";
    tool_result_fini(r);
    tool_result_text(r, OUT_TOOL_ERROR, true, text, sizeof text - 1);
}

static void call_durable(struct store_wait *wait, int code)
{
    struct call *c = (struct call *)((char *)wait - offsetof(struct call, durable));
    bool is_closed = !c->worker->gateway->store; /* nobody is told of anything any more */
    c->is_waiting = false;
    if (code != 0 || is_closed)
        call_drop_notes(c, is_closed ? UINT64_MAX : wait->seq);
    if (code != 0 && !is_closed)
        call_unask(c, "the change before the question could not be made durable");
    if (c->is_over && code != 0 && wait->seq >= c->seq) {
        result_unsure(&c->result);
        call_finish(c);
    } else if (call_task_is_saved(c) && code != 0 && wait->seq >= c->seq) {
        call_task_refuse(c, code);
    } else if (!is_closed) {
        call_advance(c);
    } else if (c->is_over) {
        call_finish(c);
    }
}

void call_advance(struct call *c)
{
    struct store *store = c->worker->gateway->store;
    if (c->is_waiting)
        return;
    while (c->notes && store_is_durable(store, c->notes->seq))
        call_send_note(c);
    if (!c->notes && !c->is_over && !call_task_is_saved(c))
        return;
    uint64_t seq = c->notes ? c->notes->seq : c->seq;
    if (store_is_durable(store, seq)) {
        if (c->is_over)
            call_finish(c);
        else
            call_task_begin(c);
        return;
    }
    call_list(c);
    c->is_waiting = true;
    c->durable.loop = c->worker->loop;
    c->durable.seq = seq;
    c->durable.done = call_durable;
    store_wait(store, &c->durable);
}

void call_answer(struct call *c)
{
    call_bound_result(c);
    call_advance(c);
}

void call_refuse(struct call *c, enum outcome o, const char *text)
{
    if (c->mcp->has_state) /* what its client was asked before is worth another try */
        spent_remove(c->worker->gateway->spent, c->mcp->state_id, clock_wall_ms());
    tool_result_text(&c->result, o, true, text, strlen(text));
    call_finish(c);
}
