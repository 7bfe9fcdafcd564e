/* The results of what is no tool: messages of a prompt, contents of a resource, a page of
 * resources, completions. A failure is an error of the protocol: these results cannot tell one. But
 * for a page of resources, which has what the others list. */
#include "base/json_write.h"
#include "mcp/content.h"
#include "mcp/listing.h"
#include "mcp/request.h"

/* The text of the one block that tells a failure. */
static void failure_text(const struct tool_result *r, struct buf *out)
{
    static const char *const names[] = { "text" };
    struct json_iter it =
        json_iter((struct json_text){ r->content.data, r->content.len, JSON_ARRAY });
    struct json_text block, text = { NULL, 0, JSON_NONE };

    if (json_next_item(&it, &block))
        json_find(block, names, &text, 1);
    if (text.type == JSON_STRING)
        json_string_decode(text, out);
}

/* The word with which offer.lua says whose fault it is. */
static bool failure_is(const struct tool_result *r, const char *word)
{
    const struct buf *data = &r->structured;
    struct json_text said = { data->data, data->len, JSON_NONE };

    if (data->len > 0)
        said.type = json_type_of(data->data[0]);
    return text_is(json_get(said, "code"), word);
}

/* A resource that is no template's takes nothing that could be wrong. */
static bool is_clients_fault(const struct mcp_call *c, const struct tool_result *r)
{
    return c->tool->kind != TOOL_RESOURCE && failure_is(r, "INVALID");
}

static void failure_encode(const struct mcp_call *c, const struct tool_result *r, struct buf *out)
{
    bool is_missing = c->tool->kind != TOOL_PROMPT && failure_is(r, "NOT_FOUND");
    int code = is_clients_fault(c, r) ? MCP_INVALID_PARAMS : MCP_INTERNAL_ERROR;
    struct buf text = { 0 };

    if (is_missing)
        code = resource_code(c->revision);
    failure_text(r, &text);
    const char *message = buf_cstr(&text);
    reply_error_open(out, c->id, mcp_is_modern(c->revision), code, message ? message : "");
    if (is_missing) {
        json_key(out, "data");
        json_open(out, '{');
        json_key(out, "uri");
        json_raw_text(out, json_get(c->arguments, "uri"));
        json_close(out, '}');
    }
    buf_str(out, "}}");
    out->failed |= text.failed;
    buf_fini(&text);
}

static void completion_write(const struct tool_result *r, struct buf *out)
{
    json_key(out, "completion");
    buf_str(out, "{\"values\":");
    buf_append(out, r->content.data, r->content.len);
    if (r->structured.len > 2) { /* its members: total and hasMore */
        buf_putc(out, ',');
        buf_append(out, r->structured.data + 1, r->structured.len - 1);
    } else {
        buf_putc(out, '}');
    }
}

static void messages_encode(const struct mcp_call *c, const struct tool_result *r, struct buf *out)
{
    if (c->tool->description) {
        json_key(out, "description");
        json_str(out, c->tool->description);
    }
    json_key(out, "messages");
    messages_write(r->content.data, r->content.len, c->revision, out);
}

static void contents_encode(const struct mcp_server *s, const struct mcp_call *c,
                            const struct tool_result *r, struct buf *out)
{
    json_key(out, "contents");
    objects_write(r->content.data, r->content.len, c->revision, out);
    if (!mcp_is_modern(c->revision))
        return;
    /* What is read in rounds depends on the answers of who reads. */
    bool is_plain = !c->has_state && c->responses.type == JSON_NONE;
    reply_cache_hints(out, is_plain ? c->tool->cache_ttl_ms : 0,
                      is_plain && c->tool->cache_is_public && s->lists_are_public);
}

/* What a lister says may depend on who asks. */
static void page_encode(const struct mcp_call *c, const struct tool_result *r, struct buf *out)
{
    listing_write(c, r, out);
    if (mcp_is_modern(c->revision))
        reply_cache_hints(out, listing_is_whole(c->listing, r) ? LIST_TTL_MS : 0, false);
}

void offer_encode_result(const struct mcp_server *s, const struct mcp_call *c,
                         const struct tool_result *r, struct buf *out)
{
    bool is_modern = mcp_is_modern(c->revision);

    if (r->is_error && (!c->listing || r->outcome == OUT_CANCELLED)) {
        failure_encode(c, r, out);
        return;
    }
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    buf_append(out, c->id.p, c->id.len);
    buf_str(out, ",\"result\":{");
    if (is_modern)
        buf_str(out, "\"resultType\":\"complete\"");
    if (c->tool->kind == TOOL_PROMPT)
        messages_encode(c, r, out);
    else if (c->tool->kind == TOOL_COMPLETER)
        completion_write(r, out);
    else if (c->listing)
        page_encode(c, r, out);
    else
        contents_encode(s, c, r, out);
    if (is_modern) {
        json_key(out, "_meta");
        reply_own_meta(s, out);
    }
    buf_str(out, "}}");
}
