/* params._meta: the envelope that every modern request carries, and the members any request may. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/request.h"
#include "mcp/revision.h"

static const struct {
    enum message_meta member;
    enum json_type type;
} required[] = {
    { META_PROTOCOL_VERSION, JSON_STRING },
    { META_CAPABILITIES, JSON_OBJECT },
};
#define REQUIRED_COUNT (sizeof required / sizeof required[0])

bool envelope_is_whole(const struct message *m)
{
    for (size_t i = 0; i < REQUIRED_COUNT; i++)
        if (m->meta[required[i].member].type != required[i].type)
            return false;
    return true;
}

/* The names of the required members that are missing, or there with a wrong type. */
static void list_faults(const struct message *m, bool missing, struct buf *out)
{
    json_key(out, missing ? "missing" : "invalid");
    json_open(out, '[');
    for (size_t i = 0; i < REQUIRED_COUNT; i++) {
        enum json_type type = m->meta[required[i].member].type;
        if (type != required[i].type && (type == JSON_NONE) == missing)
            json_str(out, message_meta_name(required[i].member));
    }
    json_close(out, ']');
}

/* The only -32602 with status 400: clients take it as the sign of a modern server. */
bool envelope_check(struct request *rq)
{
    const struct message *m = &rq->message;
    enum json_type type = m->params[PARAM_META].type;

    if (m->kind == MESSAGE_NOTIFICATION) {
        /* Notifications need no envelope; what they claim must still be a version. */
        if (m->meta[META_PROTOCOL_VERSION].type == JSON_NONE ||
            m->meta[META_PROTOCOL_VERSION].type == JSON_STRING)
            return true;
    } else if (envelope_is_whole(m)) {
        return true;
    }
    struct buf *b = reply_error_begin(rq, 400, MCP_INVALID_PARAMS, "Invalid params: %s",
                                      type == JSON_OBJECT ? "_meta lacks what every request of "
                                                            "this revision carries"
                                      : type == JSON_NONE ? "_meta is missing"
                                                          : "_meta must be an object");
    json_key(b, "data");
    json_open(b, '{');
    list_faults(m, true, b);
    list_faults(m, false, b);
    json_close(b, '}');
    reply_error_end(rq);
    return false;
}

bool version_check(struct request *rq)
{
    const struct message *m = &rq->message;
    struct json_text claim = m->meta[META_PROTOCOL_VERSION];
    const char *modern = mcp_revision_text(MCP_2026_07_28);

    if (claim.type == JSON_STRING ? text_is(claim, modern) : span_is(rq->version, modern))
        return true;
    struct buf *b =
        reply_error_begin(rq, 400, MCP_UNSUPPORTED_VERSION, "Unsupported protocol version");
    json_key(b, "data");
    json_open(b, '{');
    json_key(b, "supported");
    json_open(b, '[');
    json_str(b, modern);
    json_close(b, ']');
    json_key(b, "requested");
    if (claim.type == JSON_STRING)
        json_raw_text(b, claim);
    else
        json_str_n(b, rq->version.p, rq->version.len);
    json_close(b, '}');
    reply_error_end(rq);
    return false;
}

/* These are ordinary parameters: their errors are answered in band. */
bool meta_check(struct request *rq)
{
    const struct message *m = &rq->message;
    struct json_text meta = m->params[PARAM_META], token = m->meta[META_PROGRESS_TOKEN];
    struct json_text level = m->meta[META_LOG_LEVEL];
    char name[16];

    if (!text_is_absent(meta) && meta.type != JSON_OBJECT) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: _meta must be an object");
        return false;
    }
    if (!text_is_absent(token) && !mcp_is_id(token)) {
        reply_error(rq, 200, MCP_INVALID_PARAMS,
                    "Invalid params: progressToken must be a string or an integer of at most "
                    "%d bytes",
                    MESSAGE_ID_MAX);
        return false;
    }
    if (!rq->is_modern || text_is_absent(level))
        return true;
    if (level.type != JSON_STRING || !text_cut(level, name, sizeof name) ||
        mcp_log_level_parse(name, strlen(name)) == MCP_LOG_NONE) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: unknown log level");
        return false;
    }
    return true;
}
