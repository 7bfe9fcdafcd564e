/* Legacy sessions: which requests need one, and what ends one.
 * Without a session and without a version header a request is served by itself: that is how the ops
 * kit's clients have always called. Who names a version keeps to the protocol and has a session. */
#include <string.h>

#include "mcp/request.h"
#include "mcp/revision.h"

static bool session_missing(struct request *rq)
{
    reply_error(rq, 400, MCP_BAD_REQUEST, "Bad Request: Mcp-Session-Id header is required");
    return false;
}

/* What the host says about a session, as an answer. */
static bool session_failed(struct request *rq, int rc)
{
    if (rc == MG_E_NOMEM)
        reply_no_memory(rq);
    else
        reply_error(rq, 404, MCP_SESSION_NOT_FOUND, "Session not found");
    return false;
}

static bool session_load(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;
    int rc = host->session_find(host->arg, rq->in->principal, rq->in->session_id, &rq->session);

    if (rc < 0)
        return session_failed(rq, rc);
    rq->has_session = true;
    rq->out->revision = rq->session.revision;
    return true;
}

bool session_check(struct request *rq)
{
    enum mcp_revision named;

    if (rq->in->session && rq->in->session->is_open) {
        rq->session = *rq->in->session;
        rq->has_session = true;
        rq->out->revision = rq->session.revision;
    }
    if (!rq->in->is_http ||
        (rq->message.kind == MESSAGE_REQUEST && text_is(rq->message.method, "initialize")))
        return true;
    /* A client may name another legacy revision than the one it agreed on: clients do. */
    if (rq->version.p && !revision_parse_legacy(rq->version, &named)) {
        reply_error(rq, 400, MCP_BAD_REQUEST,
                    "Bad Request: MCP-Protocol-Version names a version that is not supported");
        return false;
    }
    if (rq->in->session_id)
        return session_load(rq);
    return rq->version.p ? session_missing(rq) : true;
}

static void bodiless_init(struct request *rq, const struct mcp_server *s, const struct mcp_in *in,
                          struct mcp_out *out, const char *method)
{
    memset(out, 0, sizeof *out);
    memset(rq, 0, sizeof *rq);
    rq->server = s;
    rq->in = in;
    rq->out = out;
    out->revision = MCP_ASSUMED;
    memcpy(out->method, method, strlen(method) + 1);
    rq->version = span_trim(in->protocol_version);
    rq->is_modern = revision_names_modern(rq->version);
}

void mcp_delete(const struct mcp_server *s, const struct mcp_in *in, struct mcp_out *out)
{
    struct request rq;

    bodiless_init(&rq, s, in, out, "DELETE");
    rq.is_modern = false; /* whatever it says: only a session can be meant */
    if (!in->session_id) {
        session_missing(&rq);
    } else {
        int rc = s->host->session_remove(s->host->arg, in->principal, in->session_id);
        if (rc < 0)
            session_failed(&rq, rc);
        else
            out->status = 204;
    }
    if (!buf_ok(&out->body))
        reply_no_memory(&rq);
}

/* Its session's stream: true when it may be opened, else answered. */
static bool session_stream(struct request *rq)
{
    if (!rq->in->accepts_sse) {
        reply_error(rq, 406, MCP_BAD_REQUEST, "Not Acceptable: the stream is text/event-stream");
        return false;
    }
    if (!session_check(rq))
        return false;
    memcpy(rq->out->session_id, rq->session.id, sizeof rq->out->session_id);
    return true;
}

void mcp_get(const struct mcp_server *s, const struct mcp_in *in, struct mcp_out *out)
{
    struct request rq;
    bool is_open = false;

    bodiless_init(&rq, s, in, out, "GET");
    if (!rq.is_modern && in->session_id)
        is_open = session_stream(&rq);
    else if (in->accepts_sse && (in->names_both || in->prefers_sse) && !rq.is_modern)
        is_open = true;
    else
        reply_error(&rq, 405, MCP_BAD_REQUEST, "Method not allowed: messages are posted");
    if (is_open) {
        out->status = 200;
        out->as_stream = true;
    } else if (!buf_ok(&out->body)) {
        reply_no_memory(&rq);
    }
}
