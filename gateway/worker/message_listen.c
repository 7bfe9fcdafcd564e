#include "worker/message_listen.h"

#include <stdlib.h>

#include "auth/principal.h"
#include "hub/inflight.h"
#include "hub/notices.h"
#include "worker/call.h"
#include "worker/endpoint_notices.h"
#include "worker/messages.h"
#include "worker/worker.h"

struct message_listen {
    struct message_listen *next, **prev;
    struct messages *messages;
    uint64_t principal;
    struct mcp_listen *listen;
    struct notice_feed *feed;
    struct inflight_entry *entry; /* it can be cancelled */
};

/* ---- life ---- */

static void listen_free(struct message_listen *l)
{
    *l->prev = l->next;
    if (l->next)
        l->next->prev = l->prev;
    inflight_remove(l->messages->worker->gateway->calls, l->entry);
    notices_close(l->feed);
    free(l->listen);
    free(l);
}

static void cancelled(void *arg) { listen_free(arg); }

static void due(void *arg)
{
    struct message_listen *l = arg;
    struct messages *m = l->messages;
    struct notice n;
    while (!messages_are_slow(m) && notices_next(l->feed, &n)) {
        struct buf json = { 0 };
        notice_encode(m->worker, l->principal, &n, l->listen->id, &json);
        messages_tell(m, &json);
        buf_fini(&json);
    }
}

/* A subscription's listener goes with its feed and not before. */
static void closed(void *arg, int code) { (void)arg, (void)code; }

static const struct notice_feed_ops feed_ops = { .due = due, .closed = closed };

void message_listens_tell(struct messages *m)
{
    for (struct message_listen *l = m->listens; l; l = l->next)
        due(l);
}

void message_listens_close(struct messages *m)
{
    for (struct message_listen *l = m->listens, *next; l; l = next) {
        next = l->next;
        listen_free(l);
    }
}

/* No stream ends here by itself, so there is also a message that says it: behind the result, for
 * those who take that one for the end. */
static void farewell(struct message_listen *l)
{
    struct messages *m = l->messages;
    struct buf end = { 0 }, cancel = { 0 };
    mcp_encode_listen_end(&m->worker->serving->mcp, l->listen->id, &end);
    mcp_encode_cancelled(l->listen->id, "the gateway is shutting down", &cancel);
    if (buf_ok(&end) && buf_ok(&cancel)) {
        m->ops->answer(m, end.data, end.len);
        m->ops->note(m, &cancel, true);
    }
    buf_fini(&end);
    buf_fini(&cancel);
}

void message_listens_end(struct messages *m)
{
    for (struct message_listen *l = m->listens; l; l = l->next)
        farewell(l);
    message_listens_close(m);
}

/* ---- opening ---- */

static struct message_listen *listen_new(struct messages *m, uint64_t principal)
{
    struct message_listen *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    *l = (struct message_listen){
        .next = m->listens, .prev = &m->listens, .messages = m, .principal = principal
    };
    if (l->next)
        l->next->prev = &l->next;
    m->listens = l;
    return l;
}

/* Under its id, as a call that waits: what a client cancels is one of the two. MG_E_CONFLICT: that
 * id is another's. */
static int listen_enter(struct message_listen *l, const struct mcp_in *in, struct json_text id)
{
    struct worker *w = l->messages->worker;
    char key[512];
    size_t n = call_inflight_key(key, sizeof key, in->session->id, l->principal, 0, id.p, id.len);
    return inflight_add(w->gateway->calls, key, n, w->loop, cancelled, l, &l->entry);
}

static void refuse(struct mcp_out *out, int code)
{
    const struct notice_refusal *why = notice_refusal(code);
    bool is_twice = code == MG_E_CONFLICT;
    out->error_code = is_twice ? MCP_INVALID_REQUEST : why->rpc;
    buf_fini(&out->body);
    mcp_error(&out->body, out->listen->id, false, out->error_code,
              is_twice ? "Invalid Request: a request of this id is open" : why->text);
}

void message_listen_open(struct messages *m, const struct mcp_in *in, struct mcp_out *out)
{
    struct message_listen *l = listen_new(m, in->principal->number);
    int code = l ? listen_enter(l, in, out->listen->id) : MG_E_NOMEM;
    if (code == 0)
        code = notice_listen(m->worker, in->principal, out->listen, &feed_ops, l, &l->feed);
    if (code == 0 && !buf_ok(&out->body))
        code = MG_E_NOMEM;
    if (code == 0) {
        l->listen = out->listen;
        out->listen = NULL;
        return;
    }
    if (l)
        listen_free(l);
    refuse(out, code);
}
