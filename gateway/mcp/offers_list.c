/* prompts/list, resources/list, resources/templates/list: what this caller may use, by name. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/content.h"
#include "mcp/cursor.h"
#include "mcp/request.h"

#define BEFORE_ALL "!" /* sorts before every name */

/* A method of what nobody declares is none, as the capabilities say. */
static bool are_there(struct request *rq, bool some)
{
    if (some)
        return true;
    reply_error(rq, rq->is_modern ? 404 : 200, MCP_METHOD_NOT_FOUND, "Method not found: %s",
                rq->out->method);
    return false;
}

bool offers_are_there(struct request *rq, enum tool_kind kind, enum tool_kind other)
{
    const struct toolset *tools = rq->in->tools;
    return are_there(rq, toolset_offers(tools, kind) || toolset_offers(tools, other));
}

bool resources_are_in(const struct toolset *tools)
{
    return toolset_offers(tools, TOOL_RESOURCE) || toolset_offers(tools, TOOL_TEMPLATE) ||
           toolset_offers(tools, TOOL_SKILL);
}

bool resources_are_there(struct request *rq)
{
    return are_there(rq, resources_are_in(rq->in->tools));
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
    if (t->arguments) {
        json_key(b, "arguments");
        objects_write(t->arguments, strlen(t->arguments), r, b);
    }
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

/* Writes what fits on the page; returns the last entry on it when more follow. */
static const struct tool *page_write(const struct request *rq, enum tool_kind kind,
                                     const char *after, size_t *written, struct buf *b)
{
    const struct tool *last = NULL;

    for (size_t i = 0; i < toolset_offers(rq->in->tools, kind); i++) {
        const struct tool *t = toolset_offer_at(rq->in->tools, kind, i);
        if (strcmp(tool_wire_name(t), after) <= 0 || !offer_is_visible(rq, t))
            continue;
        if (rq->server->page_size && *written == rq->server->page_size)
            return last;
        entry_write(t, rq->out->revision, b);
        (*written)++;
        last = t;
    }
    return NULL;
}

static void list_serve(struct request *rq, const char *key, const char *list, enum tool_kind kind)
{
    char after[CURSOR_NAME_SIZE] = "";
    size_t written = 0;

    if (!page_begin(rq, list, after))
        return;
    const struct tool *last = page_write(rq, kind, after, &written, page_open(rq, key));
    page_end(rq, list, last ? tool_wire_name(last) : NULL, rq->server->lists_are_public);
}

void prompts_list_serve(struct request *rq)
{
    if (offers_are_there(rq, TOOL_PROMPT, TOOL_PROMPT))
        list_serve(rq, "prompts", "prompts", TOOL_PROMPT);
}

void templates_list_serve(struct request *rq)
{
    if (resources_are_there(rq))
        list_serve(rq, "resourceTemplates", "templates", TOOL_TEMPLATE);
}

/* ---- resources/list: what is declared, the text of each skill, and then a page from each template
 * that lists its own ---- */

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

/* In this order; each has cursors of its own. */
static const struct part {
    enum tool_kind kind;
    const char *cursor;
} parts[] = { { TOOL_RESOURCE, "resources" }, { TOOL_SKILL, "skilltexts" } };
#define PARTS (sizeof parts / sizeof parts[0])

/* Where the page begins, in the part `first`: `after`. *is_listed: behind all parts. False: it is
 * no cursor of ours, which is answered. */
static bool resources_begin(struct request *rq, size_t *first, bool *is_listed,
                            char after[CURSOR_NAME_SIZE])
{
    struct json_text cursor = rq->message.params[PARAM_CURSOR];

    *first = 0;
    *is_listed = !text_is_absent(cursor) && cursor_read(cursor, "listed", after) == 0 && after[0];
    if (*is_listed)
        return true;
    if (!text_is_absent(cursor) && cursor_read(cursor, parts[1].cursor, after) == 0 && after[0]) {
        *first = 1;
        return true;
    }
    after[0] = '\0';
    return page_begin(rq, parts[0].cursor, after);
}

void resources_list_serve(struct request *rq)
{
    char after[CURSOR_NAME_SIZE] = "";
    const struct tool *last = NULL;
    size_t part = 0, written = 0;
    bool is_listed = false;

    if (!resources_are_there(rq) || !resources_begin(rq, &part, &is_listed, after))
        return;
    bool has_listers = next_visible(rq, TOOL_LISTER, "") != NULL, has_some = false;
    for (size_t i = part; i < PARTS && !is_listed; i++)
        has_some |= next_visible(rq, parts[i].kind, i == part ? after : "") != NULL;
    if (is_listed || (has_listers && !has_some)) {
        listed_serve(rq, is_listed ? after : BEFORE_ALL);
        return;
    }
    struct buf *b = page_open(rq, "resources");
    const char *list = "listed", *next = NULL;
    for (; part < PARTS && !next; part++) {
        bool is_full = rq->server->page_size && written == rq->server->page_size;
        if (is_full && next_visible(rq, parts[part].kind, after)) {
            list = parts[part].cursor;
            next = BEFORE_ALL;
            break;
        }
        last = page_write(rq, parts[part].kind, after, &written, b);
        list = last ? parts[part].cursor : "listed";
        next = last ? tool_wire_name(last) : NULL;
        after[0] = '\0';
    }
    /* What a lister says may depend on who asks, and all pages are of one scope. */
    page_end(rq, list, next || !has_listers ? next : BEFORE_ALL,
             rq->server->lists_are_public && !toolset_offers(rq->in->tools, TOOL_LISTER));
}
