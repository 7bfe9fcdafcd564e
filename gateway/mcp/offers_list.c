/* prompts/list, resources/list, resources/templates/list: what this caller may use, by name. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/cursor.h"
#include "mcp/request.h"

#define BEFORE_ALL "!" /* sorts before every name */

/* A method of what nobody declares is none, as the capabilities say. */
bool offers_are_there(struct request *rq, enum tool_kind kind, enum tool_kind other)
{
    if (toolset_offers(rq->in->tools, kind) || toolset_offers(rq->in->tools, other))
        return true;
    reply_error(rq, rq->is_modern ? 404 : 200, MCP_METHOD_NOT_FOUND, "Method not found: %s",
                rq->out->method);
    return false;
}

bool offer_is_visible(const struct request *rq, const struct tool *t)
{
    const struct mcp_host *host = rq->server->host;
    return host->may(host->arg, rq->in->principal, t->name);
}

/* What a revision lacks is left out for its clients. */
static void entry_write(const struct tool *t, enum mcp_revision r, struct buf *b)
{
    json_open(b, '{');
    json_member_str(b, t->kind == TOOL_TEMPLATE ? "uriTemplate" : "uri", t->uri);
    json_member_str(b, "name", tool_wire_name(t));
    if (r >= MCP_2025_06_18)
        json_member_str(b, "title", t->title);
    json_member_str(b, "description", t->description);
    json_member_str(b, "mimeType", t->mime_type);
    if (r >= MCP_2025_11_25)
        json_member_raw(b, "icons", t->icons);
    json_member_raw(b, "arguments", t->arguments);
    json_member_raw(b, "annotations", t->annotations);
    if (t->size >= 0) {
        json_key(b, "size");
        json_int(b, t->size);
    }
    if (r >= MCP_2025_06_18)
        json_member_raw(b, "_meta", t->meta);
    json_close(b, '}');
}

/* The first of kind behind the name that this caller may use; NULL: there is none. */
static const struct tool *next_visible(const struct request *rq, enum tool_kind kind,
                                       const char *after)
{
    for (size_t i = 0; i < toolset_offers(rq->in->tools, kind); i++) {
        const struct tool *t = toolset_offer_at(rq->in->tools, kind, i);
        if (strcmp(tool_wire_name(t), after) > 0 && offer_is_visible(rq, t))
            return t;
    }
    return NULL;
}

/* Writes one page; returns the last entry on it when more follow. */
static const struct tool *page_write(const struct request *rq, enum tool_kind kind,
                                     const char *after, struct buf *b)
{
    const struct tool *last = NULL;
    size_t written = 0;

    for (size_t i = 0; i < toolset_offers(rq->in->tools, kind); i++) {
        const struct tool *t = toolset_offer_at(rq->in->tools, kind, i);
        if (strcmp(tool_wire_name(t), after) <= 0 || !offer_is_visible(rq, t))
            continue;
        if (rq->server->page_size && written == rq->server->page_size)
            return last;
        entry_write(t, rq->out->revision, b);
        written++;
        last = t;
    }
    return NULL;
}

static void list_serve(struct request *rq, const char *key, const char *list, enum tool_kind kind)
{
    char after[CURSOR_NAME_SIZE] = "";

    if (!page_begin(rq, list, after))
        return;
    const struct tool *last = page_write(rq, kind, after, page_open(rq, key));
    page_end(rq, list, last ? tool_wire_name(last) : NULL, rq->server->lists_are_public);
}

void prompts_list_serve(struct request *rq)
{
    if (offers_are_there(rq, TOOL_PROMPT, TOOL_PROMPT))
        list_serve(rq, "prompts", "prompts", TOOL_PROMPT);
}

void templates_list_serve(struct request *rq)
{
    if (offers_are_there(rq, TOOL_RESOURCE, TOOL_TEMPLATE))
        list_serve(rq, "resourceTemplates", "templates", TOOL_TEMPLATE);
}

/* ---- resources/list: what is declared, then a page from each template that lists its own ---- */

/* The lister is asked for the page; what it does not know is the page behind it. */
static void listed_serve(struct request *rq, const char *after)
{
    const struct tool *lister = next_visible(rq, TOOL_LISTER, after);
    struct buf arguments = { 0 };

    if (!lister) {
        page_open(rq, "resources");
        page_end(rq, "", NULL, false);
        return;
    }
    json_open(&arguments, '{');
    if (next_visible(rq, TOOL_LISTER, tool_wire_name(lister))) {
        json_key(&arguments, "nextCursor");
        cursor_write(&arguments, "listed", tool_wire_name(lister));
    }
    json_close(&arguments, '}');
    request_call(rq, lister, &arguments);
}

void resources_list_serve(struct request *rq)
{
    struct json_text cursor = rq->message.params[PARAM_CURSOR];
    char after[CURSOR_NAME_SIZE] = "";

    if (!offers_are_there(rq, TOOL_RESOURCE, TOOL_TEMPLATE))
        return;
    if (!text_is_absent(cursor) && cursor_read(cursor, "listed", after) == 0 && after[0]) {
        listed_serve(rq, after);
        return;
    }
    if (!page_begin(rq, "resources", after))
        return;
    bool has_listers = next_visible(rq, TOOL_LISTER, "") != NULL;
    if (has_listers && !next_visible(rq, TOOL_RESOURCE, after)) {
        listed_serve(rq, BEFORE_ALL);
        return;
    }
    const struct tool *last = page_write(rq, TOOL_RESOURCE, after, page_open(rq, "resources"));
    const char *next = last ? tool_wire_name(last) : has_listers ? BEFORE_ALL : NULL;
    /* What a lister says may depend on who asks, and all pages are of one scope. */
    page_end(rq, last ? "resources" : "listed", next,
             rq->server->lists_are_public && !toolset_offers(rq->in->tools, TOOL_LISTER));
}
