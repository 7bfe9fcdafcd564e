#include "worker/messages.h"

#include <stdlib.h>

#include "base/json_scan.h"
#include "worker/call_struct.h"
#include "worker/endpoint_mcp.h"
#include "worker/message_listen.h"

struct message_call {
    struct message_call *next, **prev;
    struct messages *messages;
    struct answers *answers; /* NULL: it came alone */
    struct call *call;       /* once it waits */
};

/* ---- answers ---- */

static void answers_add(struct messages *m, struct answers *as, const char *json, size_t len,
                        struct json_text id)
{
    struct buf instead = { 0 };
    if (as->text.len > 0 &&
        as->text.len + len > m->worker->serving->config->server.max_result_bytes) {
        mcp_error(&instead, id, false, MCP_INTERNAL_ERROR,
                  "Internal error: the answers to this batch are larger than [server] max_result");
        as->text.failed |= !buf_ok(&instead);
        json = instead.data;
        len = instead.len;
    }
    buf_putc(&as->text, as->text.len > 0 ? ',' : '[');
    buf_append(&as->text, json, len);
    buf_fini(&instead);
}

static void answers_leave(struct messages *m, struct answers *as)
{
    if (--as->open > 0)
        return;
    if (as->text.len > 0)
        buf_putc(&as->text, ']');
    if (m->ops->complete) {
        m->ops->complete(m, as);
        return;
    }
    if (m->is_dropped)
        ; /* nobody is told anything any more */
    else if (!buf_ok(&as->text))
        m->ops->answer(m, MESSAGES_NO_MEMORY, sizeof MESSAGES_NO_MEMORY - 1);
    else if (as->text.len > 0)
        m->ops->answer(m, as->text.data, as->text.len);
    buf_fini(&as->text);
    free(as);
}

static void answer(struct messages *m, struct answers *as, const struct buf *json,
                   struct json_text id)
{
    bool is_whole = buf_ok(json) && json->len > 0;
    const char *text = is_whole ? json->data : MESSAGES_NO_MEMORY;
    size_t len = is_whole ? json->len : sizeof MESSAGES_NO_MEMORY - 1;
    if (as)
        answers_add(m, as, text, len, id);
    else
        m->ops->answer(m, text, len);
}

/* ---- calls ---- */

static void call_let_go(struct message_call *to)
{
    struct messages *m = to->messages;
    struct answers *as = to->answers;
    void (*left)(struct messages * m) = m->ops->left;
    *to->prev = to->next;
    if (to->next)
        to->next->prev = to->prev;
    free(to);
    if (!left)
        m->count--;
    if (as)
        answers_leave(m, as); /* m may be gone now, if it has no left() */
    if (!left)
        return;
    m->count--;
    left(m);
}

static void message_watch(struct call *c)
{
    struct message_call *to = c->to;
    to->call = c;
}

static void message_note(struct call *c, struct buf *json, bool must)
{
    struct message_call *to = c->to;
    if (to->messages->ops->note && (must || !to->answers))
        to->messages->ops->note(to->messages, json, must);
}

static bool message_can_ask(struct call *c)
{
    const struct message_call *to = c->to;
    return to->messages->ops->note && !to->messages->is_mute && !c->is_gone;
}

static void message_end(struct call *c)
{
    struct message_call *to = c->to;
    struct buf json = { 0 };
    if (call_is_reachable(c)) {
        call_encode(c, &json);
        answer(to->messages, to->answers, &json, c->mcp->id);
    }
    access_log_line(c->worker, &c->access, to->messages->transport, c->started_us, json.len);
    buf_fini(&json);
    call_let_go(to);
}

static void message_drop(struct call *c)
{
    struct message_call *to = c->to;
    to->messages->is_dropped = true;
    call_let_go(to);
}

static uint64_t message_peer(const struct call *c)
{
    const struct exchange *x = ((const struct message_call *)c->to)->messages->x;
    return x ? address_peer(c->access.ip, exchange_headers(x)->user_agent) : 0;
}

static const struct call_sink message_sink = { .watch = message_watch,
                                               .note = message_note,
                                               .can_ask = message_can_ask,
                                               .end = message_end,
                                               .drop = message_drop,
                                               .peer = message_peer };

static struct message_call *call_hold(struct messages *m, struct answers *as)
{
    struct message_call *to = calloc(1, sizeof *to);
    if (!to)
        return NULL;
    *to =
        (struct message_call){ .next = m->calls, .prev = &m->calls, .messages = m, .answers = as };
    if (to->next)
        to->next->prev = &to->next;
    m->calls = to;
    m->count++;
    if (as)
        as->open++;
    return to;
}

/* Takes over mcp. */
static void call_take(struct messages *m, struct answers *as, struct mcp_call *mcp,
                      const struct principal *p, struct access *a)
{
    struct message_call *to = call_hold(m, as);
    a->rpc = mcp_call_method(mcp);
    if (to && call_begin_to(m->worker, &message_sink, to, mcp, p, a))
        return;
    struct buf json = { 0 };
    mcp_encode_error(mcp, MCP_INTERNAL_ERROR, "Internal error: out of memory", &json);
    answer(m, as, &json, mcp->id);
    buf_fini(&json);
    mcp_call_free(mcp);
    if (to)
        call_let_go(to);
}

/* ---- messages ---- */

/* Of an item of a batch, which is a valid message. */
static struct json_text id_of(const struct mcp_in *in)
{
    return json_get((struct json_text){ in->body, in->len, JSON_OBJECT }, "id");
}

void messages_take(struct messages *m, struct answers *as, const struct mcp_in *in)
{
    struct worker *w = m->worker;
    struct access a = m->access;
    struct mcp_out out;
    int64_t started_us = clock_mono_us();
    endpoint_mcp_at(w, m->x, &a);
    mcp_handle(&w->serving->mcp, in, &out);
    a.protocol = mcp_revision_text(out.revision);
    if (out.call) {
        struct mcp_call *call = out.call;
        out.call = NULL;
        call_take(m, as, call, in->principal, &a);
    } else {
        if (out.listen)
            message_listen_open(m, in, &out);
        a.rpc = out.method[0] ? out.method : NULL;
        a.rpc_error = out.error_code;
        access_log_line(w, &a, m->transport, started_us, out.body.len);
        if (out.body.len > 0 || out.status == 500)
            answer(m, as, &out.body, as ? id_of(in) : (struct json_text){ 0 });
    }
    mcp_out_fini(&out);
}

void messages_take_batch(struct messages *m, struct answers *as, const struct mcp_in *in,
                         struct json_text items)
{
    struct mcp_in one = *in;
    struct json_text item;
    as->open = 1;
    for (struct json_iter it = json_iter(items); json_next_item(&it, &item);) {
        one.body = item.p;
        one.len = item.len;
        messages_take(m, as, &one);
    }
    answers_leave(m, as);
}

static void text_batch(struct messages *m, const struct mcp_in *in)
{
    struct worker *w = m->worker;
    struct mcp_out out;
    struct json_text items;
    size_t n;
    endpoint_mcp_at(w, m->x, NULL);
    bool is_taken = mcp_batch(&w->serving->mcp, in, &items, &n, &out);
    struct answers *as = is_taken ? calloc(1, sizeof *as) : NULL;
    if (as)
        messages_take_batch(m, as, in, items);
    else if (!is_taken && out.body.len > 0)
        m->ops->answer(m, out.body.data, out.body.len);
    else
        m->ops->answer(m, MESSAGES_NO_MEMORY, sizeof MESSAGES_NO_MEMORY - 1);
    mcp_out_fini(&out);
}

void messages_take_text(struct messages *m, const struct mcp_in *in)
{
    struct worker *w = m->worker;
    if (mcp_is_batch(in->body, in->len))
        text_batch(m, in);
    else
        messages_take(m, NULL, in);
    w->turn_us = clock_mono_us();
    call_run_fresh(w);
}

void messages_tell(struct messages *m, struct buf *json)
{
    if (!buf_ok(json))
        m->ops->answer(m, MESSAGES_NO_MEMORY, sizeof MESSAGES_NO_MEMORY - 1);
    else if (json->len > 0)
        m->ops->note(m, json, true);
}

void messages_unask(struct messages *m)
{
    m->is_mute = true;
    message_listens_close(m);
    for (struct message_call *to = m->calls, *next; to; to = next) {
        next = to->next;
        if (to->call)
            call_unask(to->call, "the client is gone");
    }
}

void messages_lose(struct messages *m)
{
    m->is_mute = true;
    message_listens_close(m);
    for (struct message_call *to = m->calls, *next; to; to = next) {
        next = to->next;
        if (to->call)
            call_lose(to->call);
    }
}
