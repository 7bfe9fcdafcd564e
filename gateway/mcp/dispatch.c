/* mcp_handle(): the order of the checks, and the table of methods. */
#include <stdlib.h>
#include <string.h>

#include "mcp/request.h"
#include "mcp/revision.h"

enum { LEGACY = 1, MODERN = 2 };

/* Several rounds of one call are the business of tools_call.c. */
static const struct method {
    const char *name;
    unsigned eras;
    enum message_kind kind;
    void (*serve)(struct request *rq);
} methods[] = {
    { "tools/call", LEGACY | MODERN, MESSAGE_REQUEST, tools_call_serve },
    { "tools/list", LEGACY | MODERN, MESSAGE_REQUEST, tools_list_serve },
    { "prompts/list", LEGACY | MODERN, MESSAGE_REQUEST, prompts_list_serve },
    { "prompts/get", LEGACY | MODERN, MESSAGE_REQUEST, prompts_get_serve },
    { "resources/list", LEGACY | MODERN, MESSAGE_REQUEST, resources_list_serve },
    { "resources/templates/list", LEGACY | MODERN, MESSAGE_REQUEST, templates_list_serve },
    { "resources/read", LEGACY | MODERN, MESSAGE_REQUEST, resources_read_serve },
    { "resources/subscribe", LEGACY, MESSAGE_REQUEST, subscribe_serve },
    { "resources/unsubscribe", LEGACY, MESSAGE_REQUEST, unsubscribe_serve },
    { "subscriptions/listen", MODERN, MESSAGE_REQUEST, listen_serve },
    { "tasks/get", MODERN, MESSAGE_REQUEST, task_get_serve },
    { "tasks/update", MODERN, MESSAGE_REQUEST, task_update_serve },
    { "tasks/cancel", MODERN, MESSAGE_REQUEST, task_cancel_serve },
    { "skills/list", MODERN, MESSAGE_REQUEST, skills_list_serve },
    { "skills/get", MODERN, MESSAGE_REQUEST, skills_get_serve },
    { "resources/directory/read", MODERN, MESSAGE_REQUEST, directory_read_serve },
    { "completion/complete", LEGACY | MODERN, MESSAGE_REQUEST, complete_serve },
    { "server/discover", MODERN, MESSAGE_REQUEST, discover_serve },
    { "initialize", LEGACY, MESSAGE_REQUEST, initialize_serve },
    { "ping", LEGACY, MESSAGE_REQUEST, ping_serve },
    { "logging/setLevel", LEGACY, MESSAGE_REQUEST, set_level_serve },
    { "notifications/initialized", LEGACY, MESSAGE_NOTIFICATION, initialized_serve },
    { "notifications/cancelled", LEGACY | MODERN, MESSAGE_NOTIFICATION, cancelled_serve },
};

void mcp_out_fini(struct mcp_out *o)
{
    mcp_call_free(o->call);
    o->call = NULL;
    free(o->listen);
    o->listen = NULL;
    buf_fini(&o->body);
}

/* For the log, and for the table: no method of ours is longer or has other characters. */
static void method_note(struct json_text method, char out[static 64])
{
    if (method.type != JSON_STRING)
        return;
    text_cut(method, out, 64);
    for (char *p = out; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

static void dispatch(struct request *rq)
{
    unsigned era = rq->is_modern ? MODERN : LEGACY;
    const struct method *found = NULL;

    for (size_t i = 0; i < sizeof methods / sizeof methods[0] && !found; i++)
        if (methods[i].kind == rq->message.kind && (methods[i].eras & era) &&
            strcmp(methods[i].name, rq->out->method) == 0)
            found = &methods[i];
    if (found && (found->kind == MESSAGE_NOTIFICATION || meta_check(rq)))
        found->serve(rq);
    else if (found)
        return; /* meta_check() has answered */
    else if (rq->message.kind == MESSAGE_NOTIFICATION)
        reply_accepted(rq); /* nobody has to know every notification */
    else
        /* A legacy 404 would mean a dead session. */
        reply_error(rq, rq->is_modern ? 404 : 200, MCP_METHOD_NOT_FOUND, "Method not found: %s",
                    rq->out->method);
}

/* Responses answer requests of ours; they belong to a legacy session. */
static void response_take(struct request *rq)
{
    if (rq->in->is_http && (rq->is_modern || !rq->in->session_id))
        reply_error(rq, 400, MCP_INVALID_REQUEST,
                    "Invalid Request: a response without a session answers nothing");
    else if (session_check(rq))
        response_serve(rq);
}

static bool body_read(struct request *rq)
{
    struct json_outline text;
    struct err e;
    int rc = json_scan_outline(rq->in->body, rq->in->len, &rq->server->limits, &text, &e);

    if (rc == MG_E_NOMEM)
        reply_no_memory(rq);
    else if (rc == MG_E_LIMIT)
        reply_error(rq, 400, MCP_INVALID_REQUEST, "Invalid Request: %s", e.text);
    else if (rc < 0)
        reply_error(rq, 400, MCP_PARSE_ERROR, "Parse error: %s", e.text);
    if (rc < 0)
        return false;
    message_read(&rq->message, &text);
    method_note(rq->message.method, rq->out->method);
    if (rq->message.kind != MESSAGE_BAD)
        return true;
    rq->is_modern |= rq->message.meta[META_PROTOCOL_VERSION].type != JSON_NONE;
    reply_error(rq, 400, MCP_INVALID_REQUEST, "Invalid Request: %s", rq->message.fault);
    return false;
}

static void serve(struct request *rq)
{
    if (!rq->in->accepts_json && !rq->in->accepts_sse) {
        reply_error(rq, 406, MCP_BAD_REQUEST,
                    "Not Acceptable: answers are application/json or text/event-stream");
        return;
    }
    if (!body_read(rq))
        return;
    if (rq->message.kind == MESSAGE_RESPONSE) {
        response_take(rq);
        return;
    }
    if (!era_decide(rq))
        return;
    if (rq->is_modern
            ? envelope_check(rq) && headers_agree(rq) && version_check(rq) && headers_complete(rq)
            : session_check(rq))
        dispatch(rq);
}

void mcp_handle(const struct mcp_server *s, const struct mcp_in *in, struct mcp_out *out)
{
    struct request rq;

    memset(out, 0, sizeof *out);
    memset(&rq, 0, sizeof rq);
    rq.server = s;
    rq.in = in;
    rq.out = out;
    out->revision = MCP_ASSUMED;
    if (in->is_http) {
        rq.version = span_trim(in->protocol_version);
        rq.method = span_trim(in->method);
        rq.name = span_trim(in->name);
    }
    /* What cannot be read has no era of its own: then the header says how to answer. On stdio such
     * an answer has no id. */
    rq.is_modern = revision_names_modern(rq.version) || in->session;
    serve(&rq);
    if (!buf_ok(&out->body))
        reply_no_memory(&rq);
    if (out->body.len > 0)
        out->as_stream = in->is_http && out->status == 200 && request_wants_stream(&rq);
}
