/* resources/read: which resource or template a URI belongs to, and the call that reads it. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/request.h"
#include "tools/uritemplate.h"

int resource_code(enum mcp_revision r)
{
    return mcp_is_modern(r) ? MCP_INVALID_PARAMS : MCP_RESOURCE_NOT_FOUND;
}

void resource_unknown(struct request *rq, struct json_text uri)
{
    char text[256];
    text_cut(uri, text, sizeof text);
    struct buf *b = reply_error_begin(rq, 200, resource_code(rq->out->revision),
                                      "Resource not found: %s", text);

    json_key(b, "data");
    json_open(b, '{');
    json_key(b, "uri");
    json_raw_text(b, uri);
    json_close(b, '}');
    reply_error_end(rq);
}

const struct tool *resource_find(const struct request *rq, const char *uri, size_t len,
                                 struct buf *values)
{
    const struct toolset *tools = rq->in->tools;

    for (size_t i = 0; i < toolset_offers(tools, TOOL_RESOURCE); i++) {
        const struct tool *t = toolset_offer_at(tools, TOOL_RESOURCE, i);
        if (strlen(t->uri) == len && memcmp(t->uri, uri, len) == 0 && offer_is_visible(rq, t)) {
            buf_str(values, "{}");
            return t;
        }
    }
    for (size_t i = 0; i < toolset_offers(tools, TOOL_TEMPLATE); i++) {
        const struct tool *t = toolset_offer_at(tools, TOOL_TEMPLATE, i);
        int code = offer_is_visible(rq, t) ? uritemplate_match(t->pattern, uri, len, values) : 0;
        if (code != 0) /* also without memory, which the buffer tells */
            return t;
    }
    return NULL;
}

const char *resource_uri_read(struct request *rq, struct buf *text)
{
    struct json_text uri = rq->message.params[PARAM_URI];

    if (uri.type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: uri must be a string");
        return NULL;
    }
    json_string_decode(uri, text);
    const char *p = buf_cstr(text);
    if (!p)
        reply_no_memory(rq);
    return p;
}

void resources_read_serve(struct request *rq)
{
    struct json_text uri = rq->message.params[PARAM_URI];
    struct buf text = { 0 }, values = { 0 }, arguments = { 0 };

    if (!resources_are_there(rq))
        return;
    const char *p = resource_uri_read(rq, &text);
    const struct tool *t = NULL;
    const struct skill_file *file = p ? skill_file_find(rq, p, text.len, &t) : NULL;
    if (p && !file)
        t = resource_find(rq, p, text.len, &values);
    if (!p) {
        ; /* answered */
    } else if (file) {
        skill_file_serve(rq, file);
    } else if (!buf_ok(&values)) {
        reply_no_memory(rq);
    } else if (!t) {
        resource_unknown(rq, uri);
    } else {
        json_open(&arguments, '{');
        json_key(&arguments, "uri");
        json_raw_text(&arguments, uri);
        json_key(&arguments, "vars");
        json_raw(&arguments, values.data, values.len);
        json_close(&arguments, '}');
        request_call(rq, t, &arguments);
    }
    buf_fini(&text);
    buf_fini(&values);
}
