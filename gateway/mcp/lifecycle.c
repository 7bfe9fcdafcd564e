/* The legacy handshake and what belongs to it: initialize, initialized, ping, cancelling, log
 * level. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/ask.h"
#include "mcp/request.h"
#include "mcp/revision.h"

/* A client that knows sessions accepts both types, and says so, or names its version already here;
 * one that merely accepts anything would not send the id back. */
static bool wants_session(const struct request *rq)
{
    if (!rq->in->is_http)
        return rq->in->session != NULL;
    return (rq->in->names_both || rq->version.p) && rq->out->revision >= MCP_2025_03_26;
}

static bool session_open(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;

    rq->session.revision = rq->out->revision;
    rq->session.log_level = MCP_LOG_NONE;
    rq->session.asks =
        (uint8_t)asks_declared(rq->message.params[PARAM_CAPABILITIES], rq->out->revision);
    message_client_info(rq->message.params[PARAM_CLIENT_INFO], rq->session.client_name,
                        rq->session.client_version);
    if (rq->in->session) { /* the client's own: initialize opens it, also once more */
        memcpy(rq->session.id, rq->in->session->id, sizeof rq->session.id);
        rq->session.is_open = true;
        *rq->in->session = rq->session;
        rq->has_session = true;
        return true;
    }
    if (host->session_create(host->arg, rq->in->principal, &rq->session) < 0) {
        reply_no_memory(rq);
        return false;
    }
    rq->has_session = true;
    memcpy(rq->out->session_id, rq->session.id, sizeof rq->out->session_id);
    return true;
}

enum mcp_revision mcp_revision_agreed(struct json_text version)
{
    enum mcp_revision r = MCP_NEWEST_LEGACY;
    char name[16];

    if (version.type == JSON_STRING && text_cut(version, name, sizeof name))
        revision_parse_legacy(span_trim(name), &r);
    return r;
}

void initialize_serve(struct request *rq)
{
    const struct mcp_server *s = rq->server;
    struct json_text version = rq->message.params[PARAM_PROTOCOL_VERSION];

    if (!text_is_absent(version) && version.type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS,
                    "Invalid params: protocolVersion must be a string");
        return;
    }
    enum mcp_revision r = mcp_revision_agreed(version);
    rq->out->revision = r;
    if (wants_session(rq) && !session_open(rq))
        return;

    struct buf *b = reply_result_begin(rq);
    json_key(b, "protocolVersion");
    json_str(b, mcp_revision_text(r));
    /* Over HTTP nobody reads what is not asked for, and without a session nothing remembers a log
     * level. */
    capabilities_write(rq, b, rq->has_session || rq->in->session, rq->has_session);
    json_key(b, "serverInfo");
    reply_server_info(s, r, b);
    if (s->instructions) {
        json_key(b, "instructions");
        json_str(b, s->instructions);
    }
    reply_result_end(rq);
}

void initialized_serve(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;

    /* A session that ended since it was found: the next request will be told. */
    if (rq->in->session)
        rq->in->session->is_initialized = rq->in->session->is_open;
    else if (rq->has_session)
        (void)host->session_initialized(host->arg, rq->in->principal, rq->session.id);
    reply_accepted(rq);
}

void ping_serve(struct request *rq)
{
    reply_result_begin(rq);
    reply_result_end(rq);
}

/* Unknown and finished ids are nothing to complain about: the answer may have crossed this. */
void cancelled_serve(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;
    struct json_text id = rq->message.params[PARAM_REQUEST_ID];

    const char *session = rq->in->session   ? rq->in->session->id
                          : rq->has_session ? rq->session.id
                                            : NULL;

    /* Over HTTP a modern client cancels by closing. */
    if (id.type != JSON_NONE && mcp_is_id(id) && !(rq->is_modern && rq->in->is_http))
        host->cancel(host->arg, rq->in->principal, session, id.p, id.len);
    reply_accepted(rq);
}

void set_level_serve(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;
    struct json_text text = rq->message.params[PARAM_LEVEL];
    enum mcp_log_level level = MCP_LOG_NONE;
    char name[16];

    if (!rq->has_session) {
        reply_error(rq, 200, MCP_METHOD_NOT_FOUND,
                    "Method not found: logging/setLevel needs a session");
        return;
    }
    if (text.type == JSON_STRING && text_cut(text, name, sizeof name))
        level = mcp_log_level_parse(name, strlen(name));
    if (level == MCP_LOG_NONE) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: unknown log level");
        return;
    }
    int rc = 0;
    if (rq->in->session)
        rq->in->session->log_level = level;
    else
        rc = host->session_log_level(host->arg, rq->in->principal, rq->session.id, level);
    if (rc == MG_E_NOTFOUND) {
        reply_error(rq, 404, MCP_SESSION_NOT_FOUND, "Session not found");
    } else if (rc < 0) {
        reply_no_memory(rq);
    } else {
        reply_result_begin(rq);
        reply_result_end(rq);
    }
}
