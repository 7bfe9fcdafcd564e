/* tools/list: what this caller may call, in wire order, encoded straight from the stored texts. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/cursor.h"
#include "mcp/request.h"

/* Wire order: "search", "fetch", then by name. */
static int order(const char *a, const char *b)
{
    static const char *const first[] = { "search", "fetch" };

    for (size_t i = 0; i < 2; i++) {
        bool is_a = strcmp(a, first[i]) == 0, is_b = strcmp(b, first[i]) == 0;
        if (is_a || is_b)
            return is_b - is_a;
    }
    return strcmp(a, b);
}

static void member(struct buf *b, const char *key, const char *json)
{
    if (json) {
        json_key(b, key);
        json_raw(b, json, strlen(json));
    }
}

static void member_str(struct buf *b, const char *key, const char *text)
{
    if (text) {
        json_key(b, key);
        json_str(b, text);
    }
}

/* Legacy clients check that an output schema describes an object, and fail on the whole list. */
static bool describes_object(const char *schema)
{
    static const char *const names[] = { "type" };
    struct json_text root = { schema, strlen(schema), schema[0] == '{' ? JSON_OBJECT : JSON_TRUE };
    struct json_text type;

    json_find(root, names, &type, 1);
    return text_is(type, "object");
}

/* What a revision lacks is left out for its clients. */
void mcp_encode_tool(const struct tool *t, enum mcp_revision r, struct buf *out)
{
    json_open(out, '{');
    member_str(out, "name", t->name);
    if (r >= MCP_2025_06_18)
        member_str(out, "title", t->title);
    member_str(out, "description", t->description);
    if (r >= MCP_2025_11_25)
        member(out, "icons", t->icons);
    member(out, "inputSchema", t->input_schema);
    if (t->output_schema &&
        (mcp_is_modern(r) || (r >= MCP_2025_06_18 && describes_object(t->output_schema))))
        member(out, "outputSchema", t->output_schema);
    if (r >= MCP_2025_03_26)
        member(out, "annotations", t->annotations);
    if (r >= MCP_2025_06_18)
        member(out, "_meta", t->meta);
    json_close(out, '}');
}

/* Writes one page of what comes after the name; returns the last tool on it when more follow. */
static const struct tool *page_write(const struct request *rq, const char *after, struct buf *b)
{
    const struct mcp_host *host = rq->server->host;
    const struct toolset *tools = rq->in->tools;
    const struct tool *last = NULL;
    size_t written = 0;

    for (size_t i = 0; i < toolset_count(tools); i++) {
        const struct tool *t = toolset_at(tools, i);
        if (after[0] && order(t->name, after) <= 0)
            continue;
        if (!host->may(host->arg, rq->in->principal, t->name))
            continue;
        if (rq->server->page_size && written == rq->server->page_size)
            return last;
        mcp_encode_tool(t, rq->out->revision, b);
        written++;
        last = t;
    }
    return NULL;
}

void tools_list_serve(struct request *rq)
{
    struct json_text cursor = rq->message.params[PARAM_CURSOR];
    char after[CURSOR_NAME_SIZE] = "";

    int rc = text_is_absent(cursor) ? 0 : cursor_read(cursor, "tools", after);
    if (rc == MG_E_NOMEM) {
        reply_no_memory(rq);
        return;
    }
    if (rc < 0) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: unknown cursor");
        return;
    }
    struct buf *b = reply_result_begin(rq);
    json_key(b, "tools");
    json_open(b, '[');
    const struct tool *last = page_write(rq, after, b);
    json_close(b, ']');
    if (last) {
        json_key(b, "nextCursor");
        cursor_write(b, "tools", last->name);
    }
    if (rq->is_modern)
        reply_cache_hints(b, LIST_TTL_MS, rq->server->lists_are_public);
    reply_result_end(rq);
}
