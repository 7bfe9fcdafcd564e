#include "worker/batch.h"

#include <stddef.h>
#include <stdlib.h>

#include "worker/admit.h"
#include "worker/endpoint_mcp.h"
#include "worker/messages.h"
#include "worker/worker.h"

struct batch {
    struct messages messages;
    struct answers answers;
    struct exchange *x;
    struct serving *serving; /* a reference: what the log tells borrows from it */
    bool is_stream;          /* the client takes nothing but an event stream */
    bool is_lost;
};

static struct batch *batch_of(struct messages *m)
{
    return (struct batch *)((char *)m - offsetof(struct batch, messages));
}

static void reply(struct batch *b)
{
    struct mcp_out out = { .status = b->answers.text.len > 0 ? 200 : 202,
                           .as_stream = b->is_stream,
                           .body = b->answers.text };
    b->answers.text = (struct buf){ 0 };
    if (!buf_ok(&out.body)) {
        buf_fini(&out.body);
        out.status = 500;
        out.error_code = MCP_INTERNAL_ERROR;
    }
    endpoint_mcp_answer(b->messages.worker, b->x, &b->messages.access, &out);
    mcp_out_fini(&out);
}

static void complete(struct messages *m, struct answers *as)
{
    struct batch *b = batch_of(m);
    exchange_on_gone(b->x, NULL, NULL);
    if (!m->is_dropped && !b->is_lost) {
        reply(b);
    } else {
        if (!m->is_dropped)
            access_log(m->worker, &m->access, b->x, 499, 0);
        exchange_drop(b->x);
    }
    buf_fini(&as->text);
    serving_unref(b->serving);
    free(b);
}

/* There is one answer and nothing before it. */
static const struct messages_ops ops = { .complete = complete };

static void gone(void *arg, enum gone how)
{
    struct batch *b = arg;
    if (how != GONE_LOST) /* it will say no more, and may still read */
        return;
    b->is_lost = true;
    messages_lose(&b->messages);
}

static struct batch *batch_new(struct worker *w, struct exchange *x, const struct mcp_in *in,
                               const struct access *a)
{
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->messages =
        (struct messages){ .ops = &ops, .worker = w, .x = x, .access = *a, .transport = "batch" };
    b->x = x;
    b->serving = serving_ref(w->serving);
    b->is_stream = !in->accepts_json;
    return b;
}

void batch_begin(struct worker *w, struct exchange *x, const struct mcp_in *in, struct access *a)
{
    struct json_text items;
    struct mcp_out out;
    size_t n = 0;
    endpoint_mcp_at(w, x, a);
    bool is_taken = mcp_batch(&w->serving->mcp, in, &items, &n, &out);
    a->rpc = "batch";
    a->protocol = mcp_revision_text(out.revision);
    struct batch *b = NULL;
    if (!is_taken) {
        endpoint_mcp_answer(w, x, a, &out);
    } else if (!admit_more(w, x, a, in->principal, n - 1)) {
        /* answered */
    } else if (!(b = batch_new(w, x, in, a))) {
        out.status = 500;
        endpoint_mcp_answer(w, x, a, &out);
    }
    mcp_out_fini(&out);
    if (!b)
        return;
    struct mcp_in each = *in;
    each.accepts_json = true;
    each.accepts_sse = each.prefers_sse = each.names_both = false;
    exchange_on_gone(x, gone, b);
    messages_take_batch(&b->messages, &b->answers, &each, items);
}
