/* The result of a call, in the terms of the revision that asked. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/content.h"
#include "mcp/request.h"

#define SERVER_INFO META_PREFIX "serverInfo"

/* Legacy revisions know objects only, and none before 2025-06-18; the text block has it too. */
static bool sends_structured(const struct buf *structured, enum mcp_revision r)
{
    if (structured->len == 0 || r < MCP_2025_06_18)
        return false;
    return mcp_is_modern(r) || structured->data[0] == '{';
}

/* The tool's own members, then who we are: a tool cannot speak for the gateway. */
static void meta_write_modern(const struct mcp_server *s, const struct buf *meta, struct buf *out)
{
    struct json_text object = { meta->data, meta->len, meta->len ? JSON_OBJECT : JSON_NONE };
    struct json_iter it = json_iter(object);
    struct json_text key, value;

    json_key(out, "_meta");
    json_open(out, '{');
    while (meta->len && json_next_member(&it, &key, &value)) {
        if (text_is(key, SERVER_INFO))
            continue;
        json_member_text(out, key, value);
    }
    json_key(out, SERVER_INFO);
    reply_server_info(s, MCP_2026_07_28, out);
    json_close(out, '}');
}

static void result_write(const struct tool_result *r, enum mcp_revision revision, struct buf *out)
{
    buf_str(out, "\"content\":");
    if (r->is_text) /* which every revision knows */
        buf_append(out, r->content.data, r->content.len);
    else
        content_write(r->content.data, r->content.len, revision, out);
    if (sends_structured(&r->structured, revision)) {
        buf_str(out, ",\"structuredContent\":");
        buf_append(out, r->structured.data, r->structured.len);
    }
    if (r->is_error)
        buf_str(out, ",\"isError\":true");
}

/* Who we are stands in the message around it. */
void mcp_encode_task_result(const struct tool_result *r, struct buf *out)
{
    if (!buf_ok(&r->content) || !buf_ok(&r->structured) || !buf_ok(&r->meta)) {
        out->failed = true;
        return;
    }
    buf_str(out, "{\"resultType\":\"complete\",");
    result_write(r, MCP_2026_07_28, out);
    if (r->meta.len) {
        buf_str(out, ",\"_meta\":");
        buf_append(out, r->meta.data, r->meta.len);
    }
    buf_putc(out, '}');
}

void mcp_encode_result(const struct mcp_server *s, const struct mcp_call *c,
                       const struct tool_result *r, struct buf *out)
{
    bool is_modern = mcp_is_modern(c->revision);

    if (!buf_ok(&r->content) || !buf_ok(&r->structured) || !buf_ok(&r->meta)) {
        out->failed = true;
        return;
    }
    if (r->asks) {
        input_required_encode(s, c, r->asks, out);
        return;
    }
    if (mcp_lacks_capability(c, r)) {
        missing_capability_encode(c, out);
        return;
    }
    if (c->tool->kind != TOOL_TOOL) {
        offer_encode_result(s, c, r, out);
        return;
    }
    buf_reserve(out, c->id.len + r->content.len + r->structured.len + r->meta.len + 256);
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    buf_append(out, c->id.p, c->id.len);
    buf_str(out, is_modern ? ",\"result\":{\"resultType\":\"complete\"," : ",\"result\":{");
    result_write(r, c->revision, out);
    if (is_modern) {
        meta_write_modern(s, &r->meta, out);
    } else if (r->meta.len) {
        buf_str(out, ",\"_meta\":");
        buf_append(out, r->meta.data, r->meta.len);
    }
    buf_str(out, "}}");
}
