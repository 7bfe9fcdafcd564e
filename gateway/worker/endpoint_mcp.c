#include "worker/endpoint_mcp.h"

#include <string.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "http/guard.h"
#include "tools/headerparams.h"
#include "worker/content_type.h"
#include "worker/admit.h"
#include "worker/batch.h"
#include "worker/call.h"
#include "worker/call_stream.h"
#include "worker/endpoint_notices.h"
#include "worker/endpoint_tasks.h"
#include "worker/endpoint_topics.h"
#include "worker/worker.h"

/* ---- the host's side ---- */

static bool host_may(void *arg, const struct principal *p, const char *tool)
{
    (void)arg;
    return principal_may(p, tool);
}

static void session_to_mcp(const struct session_info *info, struct mcp_session *s)
{
    memcpy(s->id, info->id, sizeof s->id);
    s->revision = MCP_2025_11_25;
    for (int r = MCP_2024_11_05; r < MCP_2026_07_28; r++)
        if (strcmp(info->protocol, mcp_revision_text((enum mcp_revision)r)) == 0)
            s->revision = (enum mcp_revision)r;
    s->log_level = (enum mcp_log_level)info->log_level;
    s->asks = info->asks;
    memcpy(s->client_name, info->client_name, sizeof s->client_name);
    memcpy(s->client_version, info->client_version, sizeof s->client_version);
}

static int host_session_create(void *arg, const struct principal *p, struct mcp_session *s)
{
    struct gateway *g = arg;
    struct session_info info = { .principal = p->number,
                                 .log_level = (int8_t)s->log_level,
                                 .asks = s->asks };
    strncpy(info.protocol, mcp_revision_text(s->revision), sizeof info.protocol - 1);
    memcpy(info.client_name, s->client_name, sizeof info.client_name);
    memcpy(info.client_version, s->client_version, sizeof info.client_version);
    int code = sessions_create(g->sessions, &info, clock_mono_ms());
    memcpy(s->id, info.id, sizeof s->id);
    return code;
}

static int host_session_find(void *arg, const struct principal *p, const char *id,
                             struct mcp_session *out)
{
    struct gateway *g = arg;
    struct session_info info;
    int code = sessions_find(g->sessions, id, p->number, clock_mono_ms(), &info);
    if (code == 0)
        session_to_mcp(&info, out);
    return code;
}

static int host_session_initialized(void *arg, const struct principal *p, const char *id)
{
    struct gateway *g = arg;
    return sessions_set_initialized(g->sessions, id, p->number, clock_mono_ms());
}

static int host_session_log_level(void *arg, const struct principal *p, const char *id,
                                  enum mcp_log_level level)
{
    struct gateway *g = arg;
    return sessions_set_log_level(g->sessions, id, p->number, clock_mono_ms(), (int8_t)level);
}

struct subscribing {
    struct gateway *gateway;
    const char *session, *uri;
    uint64_t principal;
    size_t len;
    bool on;
};

/* While the session cannot end. */
static int subscribe(void *arg)
{
    const struct subscribing *s = arg;
    if (s->on)
        return notices_subscribe(s->gateway->notices, s->session, s->principal, s->uri, s->len);
    notices_unsubscribe(s->gateway->notices, s->session, s->uri, s->len);
    return 0;
}

static int host_session_subscribe(void *arg, const struct principal *p, const char *id,
                                  const char *uri, size_t len, bool on)
{
    struct gateway *g = arg;
    struct subscribing s = { g, id, uri, p->number, len, on };
    return sessions_enter(g->sessions, id, p->number, clock_mono_ms(), false, subscribe, &s);
}

static int host_session_remove(void *arg, const struct principal *p, const char *id)
{
    struct gateway *g = arg;
    return sessions_remove(g->sessions, id, p->number);
}

/* The request that mcp_handle() is at. */
static _Thread_local struct {
    struct worker *worker;
    const struct exchange *exchange;
    const struct access *access;
} here;

static void host_cancel(void *arg, const struct principal *p, const char *session,
                        const char *request_id, size_t len)
{
    struct gateway *g = arg;
    char key[512];
    /* What came before this message has begun before it is cancelled. */
    call_run_fresh(here.worker);
    uint64_t peer = here.exchange
                        ? address_peer(here.access->ip, exchange_headers(here.exchange)->user_agent)
                        : 0;
    size_t n = call_inflight_key(key, sizeof key, session, p->number, peer, request_id, len);
    (void)inflight_cancel(g->calls, key, n); /* unknown or ended: nothing to do, as the protocol
                                                says */
}

static void host_answer(void *arg, const struct principal *p, const char *session,
                        const struct mcp_answer *a)
{
    struct gateway *g = arg;
    (void)asks_answer(g->asks, session, p->number, a->id, a->result.p, a->result.len, a->error);
}

static const char *host_caller(void *arg, const struct principal *p, uint64_t *number)
{
    (void)arg;
    *number = p->number;
    return p->name;
}

static bool host_spend(void *arg, const uint8_t id[SEAL_ID_SIZE], int64_t expires_ms)
{
    struct gateway *g = arg;
    return spent_add(g->spent, id, expires_ms, clock_wall_ms());
}

void endpoint_mcp_at(struct worker *w, const struct exchange *x, const struct access *a)
{
    here.worker = w;
    here.exchange = x;
    here.access = a;
}

void endpoint_mcp_host(struct gateway *g, struct mcp_host *out)
{
    *out = (struct mcp_host){ .arg = g,
                              .may = host_may,
                              .session_create = host_session_create,
                              .session_find = host_session_find,
                              .session_initialized = host_session_initialized,
                              .session_log_level = host_session_log_level,
                              .session_subscribe = host_session_subscribe,
                              .session_remove = host_session_remove,
                              .cancel = host_cancel,
                              .answer = host_answer,
                              .task_get = endpoint_task_get,
                              .task_update = endpoint_task_update,
                              .task_cancel = endpoint_task_cancel,
                              .caller = host_caller,
                              .spend = host_spend };
}

/* ---- HTTP's side ---- */

_Static_assert(HEADERPARAMS_MAX <= GUARD_OTHERS, "a tool may want more headers than are let in");

static void refuse(struct worker *w, struct exchange *x, const struct access *a, int status,
                   int code, const char *message)
{
    admit_error(w, x, a, status, code, (struct json_text){ NULL, 0, JSON_NONE }, message);
}

/* application/json; and what curl sends by itself, from a caller who shows a key and is no browser.
 */
static bool content_type_is_welcome(const struct http_headers *h, const struct principal *p)
{
    if (content_type_is(h->content_type, "application/json"))
        return true;
    bool is_curl =
        !h->content_type || content_type_is(h->content_type, "application/x-www-form-urlencoded");
    return is_curl && p->number != 0 && !h->origin;
}

static const char *header(void *exchange, const char *name)
{
    return exchange_header(exchange, name);
}

static void fill_in(struct worker *w, struct exchange *x, const struct principal *p,
                    struct mcp_in *in)
{
    const struct http_headers *h = exchange_headers(x);
    *in = (struct mcp_in){
        .is_http = true,
        .protocol_version = h->mcp_protocol_version,
        .session_id = h->mcp_session_id,
        .method = h->mcp_method,
        .name = h->mcp_name,
        .header = header,
        .header_arg = x,
        .principal = p,
        .tools = w->serving->generation->tools,
    };
    mcp_accept(in, h->accept);
    in->body = exchange_body(x, &in->len);
}

static void answer_as_stream(struct worker *w, struct exchange *x, struct access *a,
                             struct http_reply *r)
{
    struct http_reply head = { .status = 200, .fields = r->fields, .field_count = r->field_count };
    mcp_sse(&w->scratch, r->body.data, r->body.len);
    bool is_whole = buf_ok(&r->body) && buf_ok(&w->scratch);
    buf_fini(&r->body);
    if (is_whole && exchange_stream(x, &head) == 0)
        exchange_send_whole(x, w->scratch.data, w->scratch.len); /* a failure has closed it */
    access_log(w, a, x, 200, exchange_bytes(x));
    if (exchange_is_stream(x))
        exchange_finish(x);
    else
        exchange_drop(x);
}

void endpoint_mcp_answer(struct worker *w, struct exchange *x, struct access *a,
                         struct mcp_out *out)
{
    struct http_field fields[1 + ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = out->status, .fields = fields, .body = out->body };
    out->body = (struct buf){ 0 };
    a->rpc_error = out->error_code;
    if (out->session_id[0])
        fields[r.field_count++] = (struct http_field){ "Mcp-Session-Id", out->session_id };
    if (out->status == 405)
        fields[r.field_count++] = (struct http_field){ "Allow", MCP_ALLOW };
    admit_cors(w, x, false, fields, &r.field_count);
    if (r.body.len > 0)
        r.content_type = "application/json";
    buf_clear(&w->scratch);
    if (out->as_stream && out->status == 200)
        answer_as_stream(w, x, a, &r);
    else
        access_reply(w, a, x, &r);
}

static void endpoint_post(struct worker *w, struct exchange *x, struct access *a,
                          const struct principal *p)
{
    const struct http_headers *h = exchange_headers(x);
    struct mcp_in in;
    struct mcp_out out;
    if (!content_type_is_welcome(h, p)) {
        refuse(w, x, a, 415, -32600, "Unsupported content type: send application/json");
        return;
    }
    fill_in(w, x, p, &in);
    if (mcp_is_batch(in.body, in.len)) {
        batch_begin(w, x, &in, a);
        return;
    }
    endpoint_mcp_at(w, x, a);
    mcp_handle(&w->serving->mcp, &in, &out);
    a->rpc = out.method[0] ? out.method : NULL;
    a->protocol = mcp_revision_text(out.revision);
    if (out.call) {
        struct mcp_call *call = out.call;
        out.call = NULL;
        a->rpc = mcp_call_method(call);
        call_begin(w, x, call, p, a);
    } else if (out.listen) {
        endpoint_notices_listen(w, x, a, p, &out);
    } else {
        endpoint_mcp_answer(w, x, a, &out);
    }
    mcp_out_fini(&out);
}

static void endpoint_delete(struct worker *w, struct exchange *x, struct access *a,
                            const struct principal *p)
{
    struct mcp_in in;
    struct mcp_out out;
    fill_in(w, x, p, &in);
    mcp_delete(&w->serving->mcp, &in, &out);
    endpoint_mcp_answer(w, x, a, &out);
    mcp_out_fini(&out);
}

/* The stream of a session; or of comments, for old connectors that open one: who may not have that
 * is told before a key is asked for. */
static void endpoint_get(struct worker *w, struct exchange *x, struct access *a)
{
    struct mcp_in in;
    struct mcp_out out;
    const struct principal *p = NULL;
    bool names_session = exchange_headers(x)->mcp_session_id != NULL;
    if (names_session && !(p = admit(w, x, a, ADMIT_STREAM)))
        return;
    fill_in(w, x, p, &in);
    mcp_get(&w->serving->mcp, &in, &out);
    if (out.status != 200)
        endpoint_mcp_answer(w, x, a, &out);
    else if (out.session_id[0] && call_stream_resume(w, x, a, p, out.session_id))
        ; /* of a call of that session */
    else if (out.session_id[0])
        endpoint_notices_session(w, x, a, p, out.session_id);
    else if ((p = admit(w, x, a, ADMIT_STREAM)) != NULL)
        endpoint_topics_idle(w, x, a, p);
    mcp_out_fini(&out);
}

void endpoint_mcp(struct worker *w, struct exchange *x, struct access *a)
{
    if (exchange_method(x) == HTTP_GET) {
        endpoint_get(w, x, a);
        return;
    }
    const struct principal *p = admit(w, x, a, ADMIT_JSON);
    if (!p)
        return;
    if (exchange_method(x) == HTTP_DELETE)
        endpoint_delete(w, x, a, p);
    else
        endpoint_post(w, x, a, p);
}
