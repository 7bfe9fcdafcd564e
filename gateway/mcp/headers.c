/* The Mcp-* headers of modern requests: they let intermediaries route without reading bodies, so
 * they must say what the body says. Legacy requests may carry them too and are never judged by
 * them. */
#include <string.h>

#include "base/hash.h"
#include "base/json_write.h"
#include "mcp/request.h"

/* Which parameter Mcp-Name repeats. */
static const struct {
    const char *method;
    enum message_param source;
} name_sources[] = {
    { "tools/call", PARAM_NAME },      { "prompts/get", PARAM_NAME },
    { "resources/read", PARAM_URI },   { "tasks/get", PARAM_TASK_ID },
    { "tasks/update", PARAM_TASK_ID }, { "tasks/cancel", PARAM_TASK_ID },
};

static bool mismatch(struct request *rq, const char *header, const char *what)
{
    struct buf *b =
        reply_error_begin(rq, 400, MCP_HEADER_MISMATCH, "Header mismatch: %s %s", header, what);

    json_key(b, "data");
    json_open(b, '{');
    json_key(b, "header");
    json_str(b, header);
    json_close(b, '}');
    reply_error_end(rq);
    return false;
}

bool headers_agree(struct request *rq)
{
    const struct message *m = &rq->message;
    struct json_text claim = m->meta[META_PROTOCOL_VERSION];

    if (!rq->in->is_http)
        return true;
    if (rq->version.p && claim.type == JSON_STRING && !span_eq_json(rq->version, claim))
        return mismatch(rq, "MCP-Protocol-Version", "names another version than the body");
    if (rq->method.p && !span_eq_json(rq->method, m->method))
        return mismatch(rq, "Mcp-Method", "names another method than the body");
    return true;
}

/* The bytes between "=?base64?" and "?=". Without both the value is literal. */
static bool is_encoded(struct span value, struct span *inner)
{
    static const char open[] = "=?base64?", end[] = "?=";
    const size_t open_len = sizeof open - 1, end_len = sizeof end - 1;

    if (value.len < open_len + end_len || memcmp(value.p, open, open_len) != 0 ||
        memcmp(value.p + value.len - end_len, end, end_len) != 0)
        return false;
    *inner = (struct span){ value.p + open_len, value.len - open_len - end_len };
    return true;
}

static bool is_printable(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] > '~')
            return false;
    return true;
}

/* Does Mcp-Name say what the body's member says? Bytes that are no UTF-8 never do. */
static bool name_agrees(struct request *rq, struct json_text body)
{
    struct span inner, value = rq->name;
    struct buf decoded = { 0 };
    int rc = 0;

    if (!is_printable(value))
        return mismatch(rq, "Mcp-Name", "holds a character that no header may hold");
    if (is_encoded(value, &inner)) {
        rc = base64_decode(&decoded, inner.p, inner.len, false);
        value = (struct span){ decoded.len ? decoded.data : "", decoded.len };
    }
    bool agrees = rc == 0 && span_eq_json(value, body);
    buf_fini(&decoded);
    if (rc == MG_E_NOMEM)
        reply_no_memory(rq);
    else if (rc < 0)
        mismatch(rq, "Mcp-Name", "is not Base64");
    else if (!agrees)
        mismatch(rq, "Mcp-Name", "names something else than the body");
    return agrees;
}

bool headers_complete(struct request *rq)
{
    const struct message *m = &rq->message;

    /* Which headers a notification carries is laid down nowhere: those it has were compared. */
    if (!rq->in->is_http || m->kind == MESSAGE_NOTIFICATION)
        return true;
    if (!rq->version.p)
        return mismatch(rq, "MCP-Protocol-Version", "is missing");
    if (!rq->method.p)
        return mismatch(rq, "Mcp-Method", "is missing");
    for (size_t i = 0; i < sizeof name_sources / sizeof name_sources[0]; i++) {
        if (!text_is(m->method, name_sources[i].method))
            continue;
        struct json_text source = m->params[name_sources[i].source];
        if (source.type != JSON_STRING)
            return true; /* the method itself says so */
        if (!rq->name.p)
            return mismatch(rq, "Mcp-Name", "is missing");
        return name_agrees(rq, source);
    }
    return true;
}
