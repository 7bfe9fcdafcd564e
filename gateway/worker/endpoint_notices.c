#include "worker/endpoint_notices.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hub/notices.h"
#include "worker/admit.h"
#include "worker/endpoint_tasks.h"
#include "worker/eventstream.h"
#include "worker/worker.h"

struct notice_stream {
    struct eventstream base;
    struct notice_feed *feed;
    struct mcp_listen *listen; /* NULL: of a session */
    char session[SESSION_ID_SIZE];
};

/* ---- life ---- */

static void notice_free(struct eventstream *base)
{
    struct notice_stream *s = (struct notice_stream *)base;
    notices_close(s->feed);
    if (!s->listen)
        sessions_release(base->worker->gateway->sessions, s->session, base->principal,
                         clock_mono_ms());
    free(s->listen);
    free(s);
}

/* A subscription that the server ends is answered; a session's stream just ends. */
static void notice_farewell(struct eventstream *base)
{
    struct notice_stream *s = (struct notice_stream *)base;
    struct buf json = { 0 }, frame = { 0 };
    if (!s->listen)
        return;
    mcp_encode_listen_end(&base->worker->serving->mcp, s->listen->id, &json);
    mcp_sse(&frame, json.data, json.len);
    if (buf_ok(&json) && buf_ok(&frame))
        exchange_send_whole(base->x, frame.data, frame.len);
    buf_fini(&json);
    buf_fini(&frame);
}

static const struct eventstream_ops stream_ops = { .farewell = notice_farewell,
                                                   .free = notice_free };

/* ---- telling ---- */

static bool is_for(const struct worker *w, const struct principal *p, const struct notice *n)
{
    return p && mcp_may_read(&w->serving->mcp, w->serving->generation->tools, p, n->uri, n->len);
}

/* As tasks/get would answer now; nothing of a task that is gone. */
static void task_encode(struct worker *w, const struct principal *p, const struct notice *n,
                        struct json_text subscription, struct buf *json)
{
    struct buf members = { 0 };
    if (p && endpoint_task_get(w->gateway, p, n->uri, n->len, &members) == 0)
        mcp_encode_task_told(members.data, members.len, subscription, json);
    buf_fini(&members);
}

void notice_encode(struct worker *w, uint64_t principal, const struct notice *n,
                   struct json_text subscription, struct buf *json)
{
    const struct principal *p = keyring_numbered(w->serving->keyring, principal);
    if (n->kind == NOTICE_UPDATED && is_for(w, p, n))
        mcp_encode_updated(n->uri, n->len, subscription, json);
    else if (n->kind == NOTICE_TASK && subscription.type != JSON_NONE)
        task_encode(w, p, n, subscription, json);
    else if (n->kind < NOTICE_LISTS)
        mcp_encode_list_changed((unsigned)n->kind, subscription, json);
}

/* False: the stream is being closed, and gone() will tell. */
static bool tell(struct notice_stream *s, const struct notice *n)
{
    struct buf json = { 0 }, *frame = &s->base.worker->scratch;
    struct json_text none = { NULL, 0, JSON_NONE };
    char id[EVENT_ID_SIZE];
    notice_encode(s->base.worker, s->base.principal, n, s->listen ? s->listen->id : none, &json);
    if (json.len == 0 && buf_ok(&json))
        return true;
    buf_clear(frame);
    if (!s->listen) {
        notices_event_id(s->feed, n->number, id);
        buf_printf(frame, "id: %s\n", id);
    }
    mcp_sse(frame, json.data, json.len);
    bool is_whole = buf_ok(&json) && buf_ok(frame);
    buf_fini(&json);
    if (!is_whole) {
        eventstream_drop(&s->base);
        return false;
    }
    return eventstream_send_whole(&s->base, frame->data, frame->len);
}

/* What its client has not taken yet waits in the table, where the next change takes the place of
 * the last one. So no notice, which may be as long as what a task has to tell, is too long. */
static void stream_due(void *arg)
{
    struct notice_stream *s = arg;
    struct notice n;
    while (exchange_queued(s->base.x) == 0 && notices_next(s->feed, &n))
        if (!tell(s, &n))
            return;
    if (exchange_queued(s->base.x) > 0)
        exchange_on_taken(s->base.x, stream_due, s);
}

static void stream_closed(void *arg, int code)
{
    (void)code; /* its session has ended, or goes on in another stream */
    eventstream_end(arg);
}

static const struct notice_feed_ops feed_ops = { .due = stream_due, .closed = stream_closed };

/* ---- opening ---- */

const struct notice_refusal *notice_refusal(int code)
{
    static const struct notice_refusal all[] = {
        { MG_E_NOTFOUND, 404, MCP_SESSION_NOT_FOUND, "Session not found" },
        { MG_E_CONFLICT, 409, MCP_BAD_REQUEST,
          "Conflict: this session has an open stream; resume it with Last-Event-ID" },
        { MG_E_INVALID, 400, MCP_BAD_REQUEST,
          "Bad Request: Last-Event-ID names no event of this session's stream" },
        { MG_E_LIMIT, 503, MCP_INTERNAL_ERROR,
          "too many streams of this key, or of all ([server] max_streams), or too many "
          "subscriptions" },
        { MG_E_DENIED, 200, MCP_INVALID_PARAMS,
          "Invalid params: more resources and tasks than [server] max_subscriptions allows" },
        { MG_E_CLOSED, 503, MCP_INTERNAL_ERROR, "the gateway is shutting down" },
        { MG_E_NOMEM, 503, MCP_INTERNAL_ERROR, "out of memory" },
    };
    size_t i = 0;
    while (i + 1 < sizeof all / sizeof *all && all[i].code != code)
        i++;
    return &all[i];
}

/* id: of the request, JSON_NONE for a GET. */
static void refuse(struct worker *w, struct exchange *x, const struct access *a, int code,
                   struct json_text id)
{
    const struct notice_refusal *why = notice_refusal(code);
    admit_error(w, x, a, why->status, why->rpc, id, why->text);
}

static struct notice_stream *stream_new(struct worker *w, struct exchange *x,
                                        const struct principal *p)
{
    struct notice_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    eventstream_init(&s->base, w, x, p, &stream_ops);
    return s;
}

/* While the session cannot end. */
static int session_feed(void *arg)
{
    struct notice_stream *s = arg;
    struct worker *w = s->base.worker;
    return notices_open_session(w->gateway->notices, w->loop, s->session, s->base.principal,
                                exchange_headers(s->base.x)->last_event_id, &feed_ops, s, &s->feed);
}

void endpoint_notices_session(struct worker *w, struct exchange *x, struct access *a,
                              const struct principal *p, const char *session)
{
    struct session_info info;
    char id[EVENT_ID_SIZE], first[EVENTSTREAM_FIRST_SIZE];
    struct sessions *sessions = w->gateway->sessions;
    struct notice_stream *s = w->is_draining ? NULL : stream_new(w, x, p);
    int code = w->is_draining ? MG_E_CLOSED : MG_E_NOMEM;
    if (s) {
        int64_t now = clock_mono_ms();
        strncpy(s->session, session, sizeof s->session - 1);
        code = sessions_find(sessions, session, p->number, now, &info);
        if (code == 0)
            code = sessions_enter(sessions, session, p->number, now, true, session_feed, s);
    }
    if (code != 0) {
        free(s);
        refuse(w, x, a, code, (struct json_text){ NULL, 0, JSON_NONE });
        return;
    }
    notices_event_id(s->feed, 0, id);
    a->protocol = info.protocol;
    bool is_primed = strcmp(info.protocol, mcp_revision_text(MCP_2025_11_25)) == 0;
    eventstream_open(&s->base, a, first, eventstream_first(is_primed, id, first));
}

int notice_listen(struct worker *w, const struct principal *p, const struct mcp_listen *l,
                  const struct notice_feed_ops *ops, void *arg, struct notice_feed **out)
{
    struct notice_filter filter = { l->lists, l->uris,      l->uri_lens,  l->uri_count,
                                    l->tasks, l->task_lens, l->task_count };
    if (w->is_draining)
        return MG_E_CLOSED;
    if (l->uri_count + l->task_count > w->serving->config->server.max_subscriptions)
        return MG_E_DENIED;
    return notices_open_subscription(w->gateway->notices, w->loop, p->number, &filter, ops, arg,
                                     out);
}

void endpoint_notices_listen(struct worker *w, struct exchange *x, struct access *a,
                             const struct principal *p, struct mcp_out *out)
{
    struct notice_stream *s = stream_new(w, x, p);
    int code = s ? notice_listen(w, p, out->listen, &feed_ops, s, &s->feed) : MG_E_NOMEM;
    buf_clear(&w->scratch);
    mcp_sse(&w->scratch, out->body.data, out->body.len);
    if (code == 0 && !(buf_ok(&out->body) && buf_ok(&w->scratch))) {
        notices_close(s->feed);
        code = MG_E_NOMEM;
    }
    if (code != 0) {
        free(s);
        refuse(w, x, a, code, out->listen->id);
        return;
    }
    s->listen = out->listen;
    out->listen = NULL;
    eventstream_open(&s->base, a, w->scratch.data, w->scratch.len);
}
