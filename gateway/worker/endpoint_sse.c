#include "worker/endpoint_sse.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/inboxes.h"
#include "worker/admit.h"
#include "worker/content_type.h"
#include "worker/endpoint_mcp.h"
#include "worker/eventstream.h"
#include "worker/message_listen.h"
#include "worker/message_session.h"
#include "worker/messages.h"
#include "worker/worker.h"

#define SSE_CALLS 1000 /* in flight; above, nothing more is taken */

struct sse_client {
    struct eventstream base;
    struct sse_client *next, **prev; /* worker's */
    struct messages messages;
    struct message_session session;
    struct inbox *inbox; /* NULL: it is closed, and goes when its calls are over */
    bool is_busy;        /* it is being used: it does not go */
    bool is_lost; /* its stream is dropped in this turn of the loop: who sends is in the middle */
    struct loop_timer losing;
};

static struct sse_client *client_of(struct messages *m)
{
    return (struct sse_client *)((char *)m - offsetof(struct sse_client, messages));
}

/* ---- life ---- */

static void client_settle(struct sse_client *c)
{
    if (c->inbox || c->is_busy || c->messages.count > 0)
        return;
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c);
}

/* The stream has ended, and with it the session; calls go on, and nobody is there for their
 * answers.
 */
static void stream_free(struct eventstream *base)
{
    struct sse_client *c = (struct sse_client *)base;
    bool was_busy = c->is_busy;
    timer_stop(base->worker->loop, &c->losing);
    inbox_close(c->inbox);
    c->inbox = NULL;
    c->is_busy = true;
    messages_lose(&c->messages);
    c->is_busy = was_busy;
    message_session_close(&c->session);
    client_settle(c);
}

/* What was accepted before the drain is answered: its client has a 202 for it. */
static bool is_done(struct sse_client *c)
{
    return c->base.worker->is_draining && inbox_shut(c->inbox) == 0 && c->messages.count == 0 &&
           !c->is_busy;
}

static void judge(struct sse_client *c)
{
    if (!c->inbox)
        client_settle(c);
    else if (is_done(c))
        eventstream_end(&c->base);
    else
        inbox_hold(c->inbox, c->messages.count >= SSE_CALLS);
}

static void stream_drain(struct eventstream *base)
{
    struct sse_client *c = (struct sse_client *)base;
    message_listens_end(&c->messages);
    judge(c);
}

static const struct eventstream_ops stream_ops = { .free = stream_free, .drain = stream_drain };

/* ---- what is told ---- */

static void losing(void *arg)
{
    struct sse_client *c = arg;
    eventstream_drop(&c->base);
}

static void lose(struct sse_client *c)
{
    c->is_lost = true;
    timer_start(c->base.worker->loop, &c->losing, 0, losing, c);
}

/* A client that lets answers lie is not given more. */
static void send(struct sse_client *c, const char *json, size_t len, bool must)
{
    struct buf frame = { 0 };
    if (!c->inbox || c->is_lost)
        return;
    mcp_sse(&frame, json, len);
    if (!buf_ok(&frame) ||
        (must && exchange_queued(c->base.x) >
                     c->base.worker->serving->config->server.max_stream_queue_bytes))
        lose(c);
    else if (must)
        exchange_send_whole(c->base.x, frame.data, frame.len);
    else
        eventstream_send(&c->base, frame.data, frame.len);
    buf_fini(&frame);
}

static void client_answer(struct messages *m, const char *json, size_t len)
{
    send(client_of(m), json, len, true);
}

static void client_note(struct messages *m, struct buf *json, bool must)
{
    if (buf_ok(json))
        send(client_of(m), json->data, json->len, must);
}

static void client_left(struct messages *m) { judge(client_of(m)); }

static void taken(void *arg)
{
    struct sse_client *c = arg;
    c->is_busy = true;
    message_session_tell(&c->session);
    message_listens_tell(&c->messages);
    c->is_busy = false;
    judge(c);
}

static bool client_is_slow(struct messages *m)
{
    struct sse_client *c = client_of(m);
    if (!c->inbox || exchange_queued(c->base.x) == 0)
        return false;
    exchange_on_taken(c->base.x, taken, c);
    return true;
}

static const struct messages_ops messages_ops = {
    .answer = client_answer, .note = client_note, .left = client_left, .is_slow = client_is_slow
};

static void feed_due(void *arg)
{
    struct sse_client *c = arg;
    c->is_busy = true;
    message_session_tell(&c->session);
    c->is_busy = false;
    judge(c);
}

static void feed_closed(void *arg, int code)
{
    struct sse_client *c = arg;
    (void)code; /* its session was ended, by DELETE of the MCP endpoint */
    eventstream_end(&c->base);
}

static const struct notice_feed_ops feed_ops = { .due = feed_due, .closed = feed_closed };

/* ---- what is said ---- */

static void take(void *arg, const char *text, size_t len)
{
    struct sse_client *c = arg;
    struct worker *w = c->base.worker;
    worker_catch_up(w);
    const struct principal *p = keyring_numbered(w->serving->keyring, c->base.principal);
    struct mcp_in in = { .body = text,
                         .len = len,
                         .session = &c->session.mcp,
                         .accepts_json = true,
                         .accepts_sse = true,
                         .principal = p,
                         .tools = w->serving->generation->tools };
    if (!p)
        return; /* the stream is about to end */
    c->is_busy = true;
    c->messages.access.key = p->name;
    messages_take_text(&c->messages, &in);
    c->is_busy = false;
    judge(c);
}

/* ---- opening ---- */

bool endpoint_sse_is_meant(const struct exchange *x)
{
    struct mcp_in in = { 0 };
    mcp_accept(&in, exchange_headers(x)->accept);
    return in.accepts_sse && (in.names_both || in.prefers_sse);
}

static int client_enter(struct sse_client *c)
{
    struct worker *w = c->base.worker;
    int code = message_session_open(&c->session, &c->messages, c->base.principal, &feed_ops, c);
    if (code == 0)
        code = inbox_open(w->gateway->inboxes, c->session.mcp.id, c->base.principal, w->loop,
                          w->serving->config->server.max_body_bytes, take, c, &c->inbox);
    if (code != 0)
        message_session_close(&c->session);
    return code;
}

static struct sse_client *client_new(struct worker *w, struct exchange *x, const struct access *a,
                                     const struct principal *p)
{
    struct sse_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    eventstream_init(&c->base, w, x, p, &stream_ops);
    c->messages =
        (struct messages){ .ops = &messages_ops, .worker = w, .access = *a, .transport = "sse" };
    return c;
}

void endpoint_sse_open(struct worker *w, struct exchange *x, struct access *a,
                       const struct principal *p)
{
    char first[120];
    struct sse_client *c = w->is_draining ? NULL : client_new(w, x, a, p);
    int code = c ? client_enter(c) : MG_E_NOMEM;
    if (code != 0) {
        free(c);
        admit_text(w, x, a, 503,
                   w->is_draining ? "the gateway is shutting down"
                   : code == MG_E_LIMIT
                       ? "too many streams of this key, or of all ([server] max_streams)"
                       : "out of memory");
        return;
    }
    c->next = w->sse_clients;
    c->prev = &w->sse_clients;
    if (c->next)
        c->next->prev = &c->next;
    w->sse_clients = c;
    int n =
        snprintf(first, sizeof first, "event: endpoint\ndata: " SSE_POST_PATH "?sessionId=%s\n\n",
                 c->session.mcp.id);
    eventstream_open(&c->base, a, first, (size_t)n);
}

void endpoint_sse_free(struct worker *w)
{
    while (w->sse_clients) {
        struct sse_client *c = w->sse_clients;
        w->sse_clients = c->next;
        free(c);
    }
}

/* ---- posting ---- */

static void post_refuse(struct worker *w, struct exchange *x, const struct access *a, int status,
                        int code, const char *message)
{
    admit_error(w, x, a, status, code, (struct json_text){ NULL, 0, JSON_NONE }, message);
}

/* A batch costs as much as its messages. */
static bool post_admit(struct worker *w, struct exchange *x, const struct access *a,
                       const struct principal *p, struct json_text root)
{
    struct json_text item;
    size_t n = 0;
    for (struct json_iter it = json_iter(root);
         root.type == JSON_ARRAY && n < MCP_BATCH_MAX && json_next_item(&it, &item);)
        n++;
    return n < 2 || admit_more(w, x, a, p, n - 1);
}

void endpoint_sse_post(struct worker *w, struct exchange *x, struct access *a)
{
    struct json_text root;
    struct err e = { 0 };
    size_t len;
    const struct principal *p = admit(w, x, a, ADMIT_JSON);
    if (!p)
        return;
    const char *body = exchange_body(x, &len), *session = exchange_query(x, "sessionId", 0);
    if (!content_type_is(exchange_headers(x)->content_type, "application/json")) {
        post_refuse(w, x, a, 415, MCP_INVALID_REQUEST,
                    "Unsupported content type: send application/json");
    } else if (json_scan(body, len, &w->serving->mcp.limits, &root, &e) != 0) {
        post_refuse(w, x, a, 400, MCP_PARSE_ERROR, "Parse error: the body is no JSON");
    } else if (post_admit(w, x, a, p, root)) {
        int code = w->is_draining ? MG_E_CLOSED
                   : session      ? inbox_put(w->gateway->inboxes, session, p->number, body, len)
                                  : MG_E_NOTFOUND;
        if (code == 0)
            admit_text(w, x, a, 202, "Accepted");
        else if (code == MG_E_NOTFOUND)
            post_refuse(w, x, a, 404, MCP_SESSION_NOT_FOUND, "Session not found");
        else
            post_refuse(w, x, a, 503, MCP_INTERNAL_ERROR,
                        code == MG_E_LIMIT    ? "too many messages wait for this session"
                        : code == MG_E_CLOSED ? "the gateway is shutting down"
                                              : "out of memory");
    }
}
