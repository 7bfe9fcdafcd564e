/* The Mcp-* headers of modern requests: they let intermediaries route without reading bodies, so
 * they must say what the body says. Legacy requests may carry them too and are never judged by
 * them. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_write.h"
#include "mcp/request.h"
#include "tools/headerparams.h"

#define MAX_SAFE (INT64_C(1) << 53) /* what JavaScript tells apart is below it */

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

enum verdict { AGREES, DIFFERS, IS_NOT_BASE64, HAS_NO_MEMORY };
typedef bool says_fn(struct span value, struct json_text body);

/* Does the header, which may be encoded, say what the body says? */
static enum verdict value_judge(struct span value, struct json_text body, says_fn *says)
{
    struct span inner;
    struct buf decoded = { 0 };
    int rc = 0;

    if (is_encoded(value, &inner)) {
        rc = base64_decode(&decoded, inner.p, inner.len, false);
        value = (struct span){ decoded.len ? decoded.data : "", decoded.len };
    }
    bool agrees = rc == 0 && says(value, body);
    buf_fini(&decoded);
    if (rc != 0)
        return rc == MG_E_NOMEM ? HAS_NO_MEMORY : IS_NOT_BASE64;
    return agrees ? AGREES : DIFFERS;
}

/* Is the header there, and does it say what the body says? Bytes that are no UTF-8 never do. */
static bool value_check(struct request *rq, const char *header, struct span value,
                        struct json_text body, says_fn *says)
{
    if (!value.p)
        return mismatch(rq, header, "is missing");
    if (!is_printable(value))
        return mismatch(rq, header, "holds a character that no header may hold");
    switch (value_judge(value, body, says)) {
    case AGREES: return true;
    case DIFFERS: return mismatch(rq, header, "says something else than the body");
    case IS_NOT_BASE64: return mismatch(rq, header, "is not Base64");
    case HAS_NO_MEMORY: reply_no_memory(rq); return false;
    }
    return false;
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
        return value_check(rq, "Mcp-Name", rq->name, source, span_eq_json);
    }
    return true;
}

/* An integer as a header may write it: digits, and perhaps a fraction, but no exponent. */
static bool span_integer(struct span s, int64_t *out)
{
    size_t i = s.len > 0 && s.p[0] == '-', digits = i;
    while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    if (i == digits)
        return false;
    if (i < s.len) {
        size_t point = i++;
        while (s.p[point] == '.' && i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        if (i < s.len || i == point + 1)
            return false;
    }
    struct json_text number = { s.p, s.len, JSON_NUMBER };
    return json_integer(number, out) && llabs(*out) < MAX_SAFE;
}

/* Integers are compared as such: 42 is 42.0. */
static bool span_says(struct span value, struct json_text body)
{
    int64_t there, here;
    switch (body.type) {
    case JSON_STRING: return span_eq_json(value, body);
    case JSON_TRUE: return span_is(value, "true");
    case JSON_FALSE: return span_is(value, "false");
    case JSON_NUMBER:
        return json_integer(body, &here) && span_integer(value, &there) && here == there;
    default: return false;
    }
}

bool headers_repeat(struct request *rq, const struct tool *t, struct json_text arguments)
{
    if (!rq->is_modern || !rq->in->is_http)
        return true;
    for (const struct headerparam *h = t->headers; h; h = h->next) {
        struct json_text body = headerparam_value(h, arguments);
        /* What is no single value is for the schema to refuse, whatever a header says. */
        if (text_is_absent(body) || body.type == JSON_OBJECT || body.type == JSON_ARRAY)
            continue;
        const char *value = rq->in->header ? rq->in->header(rq->in->header_arg, h->header) : NULL;
        if (!value_check(rq, h->header, span_trim(value), body, span_says))
            return false;
    }
    return true;
}
