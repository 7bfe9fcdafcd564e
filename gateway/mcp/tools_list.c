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

/* Legacy clients check that an output schema describes an object, and fail on the whole list. */
static bool describes_object(const char *schema)
{
    struct json_text root = { schema, strlen(schema), schema[0] == '{' ? JSON_OBJECT : JSON_TRUE };

    return text_is(json_get(root, "type"), "object");
}

static void schema_write(const char *key, const char *schema, const char *legacy,
                         enum mcp_revision r, struct buf *out)
{
    json_member_raw(out, key, legacy && !mcp_is_modern(r) ? legacy : schema);
}

/* What a revision lacks is left out for its clients. */
void mcp_encode_tool(const struct tool *t, enum mcp_revision r, struct buf *out)
{
    json_open(out, '{');
    json_member_str(out, "name", t->name);
    if (r >= MCP_2025_06_18)
        json_member_str(out, "title", t->title);
    json_member_str(out, "description", t->description);
    if (r >= MCP_2025_11_25)
        json_member_raw(out, "icons", t->icons);
    schema_write("inputSchema", t->input_schema, t->legacy_input, r, out);
    if (t->output_schema &&
        (mcp_is_modern(r) || (r >= MCP_2025_06_18 && describes_object(t->output_schema))))
        schema_write("outputSchema", t->output_schema, t->legacy_output, r, out);
    if (r >= MCP_2025_03_26)
        json_member_raw(out, "annotations", t->annotations);
    if (r >= MCP_2025_06_18)
        json_member_raw(out, "_meta", t->meta);
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
    char after[CURSOR_NAME_SIZE] = "";

    if (!page_begin(rq, "tools", after))
        return;
    const struct tool *last = page_write(rq, after, page_open(rq, "tools"));
    page_end(rq, "tools", last ? last->name : NULL, rq->server->lists_are_public);
}
