/* What a peer says: one message, or a batch of them; and the answers. */
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/json_scan.h"
#include "worker/call_struct.h"
#include "worker/endpoint_mcp.h"
#include "worker/peer_struct.h"

/* Who starts the gateway may do with its tools what the gateway may: the environment's credential.
 */
static const struct principal environment = { .name = "stdio", .scopes = "" };

/* ---- answers ---- */

static void batch_leave(struct peer *p, struct peer_batch *b)
{
    if (--b->open > 0)
        return;
    if (b->text.len > 0) {
        buf_putc(&b->text, ']');
        if (buf_ok(&b->text))
            line_pipe_send(p->pipe, b->text.data, b->text.len);
    }
    buf_fini(&b->text);
    free(b);
}

static void answer(struct peer *p, struct peer_batch *b, const struct buf *json)
{
    static const char failed[] = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":"
                                 "\"Internal error: out of memory\"}}";
    const char *text = buf_ok(json) && json->len > 0 ? json->data : failed;
    size_t len = text == failed ? sizeof failed - 1 : json->len;
    if (!b) {
        line_pipe_send(p->pipe, text, len);
        return;
    }
    buf_putc(&b->text, b->text.len > 0 ? ',' : '[');
    buf_append(&b->text, text, len);
}

static void refuse(struct peer *p, int code, const char *message)
{
    struct buf json = { 0 };
    mcp_refusal(&json, code, message, true);
    answer(p, NULL, &json);
    buf_fini(&json);
}

void peer_fault(void *arg, enum line_fault fault)
{
    struct peer *p = arg;
    if (fault == LINE_NO_MEMORY)
        refuse(p, MCP_INTERNAL_ERROR, "Internal error: out of memory");
    else
        refuse(p, MCP_PARSE_ERROR, "Parse error: a line is longer than [server] max_body");
}

/* ---- calls ---- */

static void call_let_go(struct peer_call *to)
{
    struct peer *p = to->peer;
    *to->prev = to->next;
    if (to->next)
        to->next->prev = to->prev;
    p->call_count--;
    if (to->batch)
        batch_leave(p, to->batch);
    free(to);
    peer_judge(p);
}

static void peer_watch(struct call *c)
{
    struct peer_call *to = c->to;
    to->call = c;
}

/* Who does not read misses some of what is said on the way, never an answer. */
static void peer_note(struct call *c, struct buf *json)
{
    struct peer *p = ((struct peer_call *)c->to)->peer;
    if (!buf_ok(json) || line_pipe_queued(p->pipe) + json->len >
                             c->worker->serving->config->server.max_stream_queue_bytes)
        return;
    if (line_pipe_send(p->pipe, json->data, json->len))
        metrics_add(c->worker->metrics, M_STREAM_EVENTS, 1);
}

static void peer_end(struct call *c)
{
    struct peer_call *to = c->to;
    struct buf json = { 0 };
    if (call_is_reachable(c)) {
        call_encode(c, &json);
        answer(to->peer, to->batch, &json);
    }
    access_log_line(c->worker, &c->access, "stdio", c->started_us, json.len);
    buf_fini(&json);
    call_let_go(to);
}

static void peer_drop(struct call *c) { call_let_go(c->to); }

static uint64_t peer_number(const struct call *c)
{
    (void)c;
    return 0; /* each has a session of its own */
}

static const struct call_sink peer_sink = {
    .watch = peer_watch, .note = peer_note, .end = peer_end, .drop = peer_drop, .peer = peer_number
};

/* Takes over mcp. */
static void call_take(struct peer *p, struct peer_batch *b, struct mcp_call *mcp, struct access *a)
{
    struct peer_call *to = calloc(1, sizeof *to);
    if (to) {
        *to = (struct peer_call){ .next = p->calls, .prev = &p->calls, .peer = p, .batch = b };
        if (to->next)
            to->next->prev = &to->next;
        p->calls = to;
        p->call_count++;
        if (b)
            b->open++;
        a->rpc = "tools/call";
        if (call_begin_to(p->worker, &peer_sink, to, mcp, &environment, a))
            return;
        call_let_go(to);
    }
    struct buf json = { 0 };
    mcp_encode_error(mcp, MCP_INTERNAL_ERROR, "Internal error: out of memory", &json);
    answer(p, b, &json);
    buf_fini(&json);
    mcp_call_free(mcp);
}

/* ---- messages ---- */

static struct mcp_in in_of(struct peer *p, const char *text, size_t len)
{
    return (struct mcp_in){ .body = text,
                            .len = len,
                            .session = &p->session,
                            .accepts_json = true,
                            .accepts_sse = true,
                            .principal = &environment,
                            .tools = p->worker->serving->generation->tools };
}

static void message_take(struct peer *p, struct peer_batch *b, const char *text, size_t len)
{
    struct worker *w = p->worker;
    struct access a;
    struct mcp_in in = in_of(p, text, len);
    struct mcp_out out;
    int64_t started_us = clock_mono_us();
    access_init(&a);
    a.key = environment.name;
    endpoint_mcp_at(w);
    mcp_handle(&w->serving->mcp, &in, &out);
    a.protocol = mcp_revision_text(out.revision);
    if (out.call) {
        struct mcp_call *call = out.call;
        out.call = NULL;
        call_take(p, b, call, &a);
    } else {
        a.rpc = out.method[0] ? out.method : NULL;
        a.rpc_error = out.error_code;
        access_log_line(w, &a, "stdio", started_us, out.body.len);
        if (out.body.len > 0 || out.status == 500)
            answer(p, b, &out.body);
    }
    mcp_out_fini(&out);
}

static void batch_take(struct peer *p, const char *text, size_t len)
{
    struct mcp_in in = in_of(p, text, len);
    struct mcp_out out;
    struct json_text items, item;
    size_t n;
    endpoint_mcp_at(p->worker);
    if (!mcp_batch(&p->worker->serving->mcp, &in, &items, &n, &out)) {
        answer(p, NULL, &out.body);
        mcp_out_fini(&out);
        return;
    }
    mcp_out_fini(&out);
    struct peer_batch *b = calloc(1, sizeof *b);
    if (!b) {
        refuse(p, MCP_INTERNAL_ERROR, "Internal error: out of memory");
        return;
    }
    b->open = 1;
    for (struct json_iter it = json_iter(items); json_next_item(&it, &item);)
        message_take(p, b, item.p, item.len);
    batch_leave(p, b);
}

void peer_line(void *arg, const char *text, size_t len)
{
    struct peer *p = arg;
    if (mcp_is_batch(text, len))
        batch_take(p, text, len);
    else
        message_take(p, NULL, text, len);
    p->worker->turn_us = clock_mono_us();
    call_run_fresh(p->worker);
    peer_judge(p);
}
