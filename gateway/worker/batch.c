#include "worker/batch.h"

#include <stdlib.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/log.h"
#include "worker/admit.h"
#include "worker/call_struct.h"
#include "worker/worker.h"

struct batch_call {
    struct batch_call *next, **prev;
    struct batch *batch;
    struct call *call; /* once it waits */
};

struct batch {
    struct worker *worker;
    struct exchange *x;
    struct serving *serving; /* a reference: `access` borrows from it */
    struct access access;
    struct batch_call *calls;
    size_t open;     /* calls without an answer, and one while messages are read */
    struct buf text; /* the answers so far */
    bool is_stream;  /* the client takes nothing but an event stream */
    bool is_watched, is_lost, is_dropped;
};

/* ---- the answer ---- */

static void reply(struct batch *b)
{
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = 202, .fields = fields };
    admit_cors(b->worker, b->x, false, fields, &r.field_count);
    if (b->text.len > 0 || !buf_ok(&b->text)) {
        buf_putc(&b->text, ']');
        r.status = buf_ok(&b->text) ? 200 : 500;
    }
    if (r.status == 200 && b->is_stream) {
        struct buf frame = { 0 };
        mcp_sse(&frame, b->text.data, b->text.len);
        bool is_sent = buf_ok(&frame) && exchange_stream(b->x, &r) == 0;
        if (is_sent)
            exchange_send(b->x, frame.data, frame.len); /* a failure has closed the stream */
        buf_fini(&frame);
        access_log(b->worker, &b->access, b->x, 200, exchange_bytes(b->x));
        if (is_sent)
            exchange_finish(b->x);
        else
            exchange_drop(b->x);
        return;
    }
    if (r.status == 200) {
        r.content_type = "application/json";
        r.body = b->text;
        b->text = (struct buf){ 0 };
    }
    access_reply(b->worker, &b->access, b->x, &r);
}

static void leave(struct batch *b)
{
    if (--b->open > 0)
        return;
    exchange_on_gone(b->x, NULL, NULL);
    if (b->is_dropped) {
        exchange_drop(b->x);
    } else if (b->is_lost) {
        access_log(b->worker, &b->access, b->x, 499, 0);
        exchange_drop(b->x);
    } else {
        reply(b);
    }
    buf_fini(&b->text);
    serving_unref(b->serving);
    free(b);
}

static void answer_add(struct batch *b, const struct buf *json)
{
    buf_putc(&b->text, b->text.len > 0 ? ',' : '[');
    if (buf_ok(json))
        buf_append(&b->text, json->data, json->len);
    else
        b->text.failed = true;
}

/* ---- its calls ---- */

static void batch_gone(void *arg, enum gone how)
{
    struct batch *b = arg;
    if (how != GONE_LOST) /* it will say no more, and may still read */
        return;
    b->is_lost = true;
    for (struct batch_call *to = b->calls, *next; to; to = next) {
        next = to->next;
        if (to->call)
            call_lose(to->call);
    }
}

static void batch_watch(struct call *c)
{
    struct batch_call *to = c->to;
    to->call = c;
    if (!to->batch->is_watched)
        exchange_on_gone(to->batch->x, batch_gone, to->batch);
    to->batch->is_watched = true;
}

/* There is one answer and nothing before it. */
static void batch_note(struct call *c, struct buf *json) { (void)c, (void)json; }

static void call_let_go(struct batch_call *to)
{
    struct batch *b = to->batch;
    *to->prev = to->next;
    if (to->next)
        to->next->prev = to->prev;
    free(to);
    leave(b);
}

static void batch_end(struct call *c)
{
    struct batch_call *to = c->to;
    struct buf json = { 0 };
    if (call_is_reachable(c)) {
        call_encode(c, &json);
        answer_add(to->batch, &json);
    }
    access_log_line(c->worker, &c->access, "batch", c->started_us, json.len);
    buf_fini(&json);
    call_let_go(to);
}

static void batch_drop(struct call *c)
{
    struct batch_call *to = c->to;
    to->batch->is_dropped = true;
    call_let_go(to);
}

static uint64_t batch_peer(const struct call *c)
{
    const struct batch_call *to = c->to;
    return address_peer(c->access.ip, exchange_headers(to->batch->x)->user_agent);
}

static const struct call_sink batch_sink = { .watch = batch_watch,
                                             .note = batch_note,
                                             .end = batch_end,
                                             .drop = batch_drop,
                                             .peer = batch_peer };

/* Takes over mcp. */
static void call_take(struct batch *b, struct mcp_call *mcp, const struct principal *p,
                      struct access *a)
{
    struct batch_call *to = calloc(1, sizeof *to);
    if (to) {
        *to = (struct batch_call){ .next = b->calls, .prev = &b->calls, .batch = b };
        if (to->next)
            to->next->prev = &to->next;
        b->calls = to;
        b->open++;
        a->rpc = mcp_call_method(mcp);
        if (call_begin_to(b->worker, &batch_sink, to, mcp, p, a))
            return;
        call_let_go(to);
    }
    struct buf json = { 0 };
    mcp_encode_error(mcp, MCP_INTERNAL_ERROR, "Internal error: out of memory", &json);
    answer_add(b, &json);
    buf_fini(&json);
    mcp_call_free(mcp);
}

static void message_take(struct batch *b, const struct mcp_in *whole, struct json_text item)
{
    struct mcp_in in = *whole;
    struct mcp_out out;
    struct access a = b->access;
    int64_t started_us = clock_mono_us();
    in.body = item.p;
    in.len = item.len;
    in.accepts_json = true;
    in.accepts_sse = in.prefers_sse = in.names_both = false;
    mcp_handle(&b->worker->serving->mcp, &in, &out);
    a.protocol = mcp_revision_text(out.revision);
    if (out.call) {
        struct mcp_call *call = out.call;
        out.call = NULL;
        call_take(b, call, in.principal, &a);
    } else {
        a.rpc = out.method[0] ? out.method : NULL;
        a.rpc_error = out.error_code;
        access_log_line(b->worker, &a, "batch", started_us, out.body.len);
        if (out.body.len > 0)
            answer_add(b, &out.body);
        else if (out.status == 500)
            b->text.failed = true;
    }
    mcp_out_fini(&out);
}

/* ---- the whole ---- */

static struct batch *batch_new(struct worker *w, struct exchange *x, const struct mcp_in *in,
                               const struct access *a)
{
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->worker = w;
    b->x = x;
    b->serving = serving_ref(w->serving);
    b->access = *a;
    b->is_stream = !in->accepts_json;
    b->open = 1;
    return b;
}

static void refuse(struct worker *w, struct exchange *x, struct access *a, struct mcp_out *out)
{
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = out->status, .fields = fields, .body = out->body };
    out->body = (struct buf){ 0 };
    a->rpc_error = out->error_code;
    if (r.body.len > 0)
        r.content_type = "application/json";
    admit_cors(w, x, false, fields, &r.field_count);
    access_reply(w, a, x, &r);
}

void batch_begin(struct worker *w, struct exchange *x, const struct mcp_in *in, struct access *a,
                 void (*at)(struct worker *w, const struct exchange *x, const struct access *a))
{
    struct json_text items, item;
    struct mcp_out out;
    size_t n = 0;
    at(w, x, a);
    bool is_taken = mcp_batch(&w->serving->mcp, in, &items, &n, &out);
    a->rpc = "batch";
    a->protocol = mcp_revision_text(out.revision);
    struct batch *b = NULL;
    if (!is_taken) {
        refuse(w, x, a, &out);
    } else if (!admit_more(w, x, a, in->principal, n - 1)) {
        /* answered */
    } else if (!(b = batch_new(w, x, in, a))) {
        out.status = 500;
        refuse(w, x, a, &out);
    }
    mcp_out_fini(&out);
    if (!b)
        return;
    for (struct json_iter it = json_iter(items); json_next_item(&it, &item);) {
        at(w, x, &b->access);
        message_take(b, in, item);
    }
    leave(b);
}
