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
    return host->may_offer(host->arg, rq->in->principal, t->name);
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

/* What a revision lacks is left out for its clients. */
static void entry_write(const struct tool *t, enum mcp_revision r, struct buf *b)
{
    json_open(b, '{');
    member_str(b, t->kind == TOOL_TEMPLATE ? "uriTemplate" : "uri", t->uri);
    member_str(b, "name", tool_wire_name(t));
    if (r >= MCP_2025_06_18)
        member_str(b, "title", t->title);
    member_str(b, "description", t->description);
    member_str(b, "mimeType", t->mime_type);
    if (r >= MCP_2025_11_25)
        member(b, "icons", t->icons);
    member(b, "arguments", t->arguments);
    member(b, "annotations", t->annotations);
    if (t->size >= 0) {
        json_key(b, "size");
        json_int(b, t->size);
    }
    if (r >= MCP_2025_06_18)
        member(b, "_meta", t->meta);
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

static void cursor_refuse(struct request *rq, int code)
{
    if (code == MG_E_NOMEM)
        reply_no_memory(rq);
    else
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: unknown cursor");
}

/* Where a page begins; false: answered. */
static bool cursor_take(struct request *rq, const char *list, char after[CURSOR_NAME_SIZE])
{
    struct json_text cursor = rq->message.params[PARAM_CURSOR];
    int code = text_is_absent(cursor) ? 0 : cursor_read(cursor, list, after);

    if (code < 0)
        cursor_refuse(rq, code);
    return code == 0;
}

static struct buf *list_begin(struct request *rq, const char *key)
{
    struct buf *b = reply_result_begin(rq);
    json_key(b, key);
    json_open(b, '[');
    return b;
}

/* next: what the following page begins behind, of the list of that name; NULL: it is the last. */
static void list_end(struct request *rq, const char *list, const char *next, bool is_public)
{
    struct buf *b = &rq->out->body;
    json_close(b, ']');
    if (next) {
        json_key(b, "nextCursor");
        cursor_write(b, list, next);
    }
    if (rq->is_modern)
        reply_cache_hints(b, LIST_TTL_MS, is_public);
    reply_result_end(rq);
}

static void list_serve(struct request *rq, const char *key, const char *list, enum tool_kind kind)
{
    char after[CURSOR_NAME_SIZE] = "";

    if (!cursor_take(rq, list, after))
        return;
    const struct tool *last = page_write(rq, kind, after, list_begin(rq, key));
    list_end(rq, list, last ? tool_wire_name(last) : NULL, rq->server->lists_are_public);
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
        list_begin(rq, "resources");
        list_end(rq, "", NULL, false);
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
    if (!cursor_take(rq, "resources", after))
        return;
    bool has_listers = next_visible(rq, TOOL_LISTER, "") != NULL;
    if (has_listers && !next_visible(rq, TOOL_RESOURCE, after)) {
        listed_serve(rq, BEFORE_ALL);
        return;
    }
    const struct tool *last = page_write(rq, TOOL_RESOURCE, after, list_begin(rq, "resources"));
    const char *next = last ? tool_wire_name(last) : has_listers ? BEFORE_ALL : NULL;
    /* What a lister says may depend on who asks, and all pages are of one scope. */
    list_end(rq, last ? "resources" : "listed", next,
             rq->server->lists_are_public && !toolset_offers(rq->in->tools, TOOL_LISTER));
}
