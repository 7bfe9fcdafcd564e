/* prompts/list, resources/list, resources/templates/list: what this caller may use, by name. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/content.h"
#include "mcp/cursor.h"
#include "mcp/listing.h"
#include "mcp/request.h"

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

/* ---- resources/list: what is declared, the text of each skill, and then what each template lists
 * that lists its own ---- */

/* The parts of what is declared, in this order; each has cursors of its own. */
static const struct part {
    enum tool_kind kind;
    const char *cursor;
} parts[] = { { TOOL_RESOURCE, "resources" }, { TOOL_SKILL, "skilltexts" } };
#define PARTS (sizeof parts / sizeof parts[0])

/* Behind which name of which part a page begins; part PARTS: of the listers. */
struct place {
    size_t part;
    const char *after; /* NULL: nothing follows */
};

/* False: it is no cursor of ours, which is answered. */
static bool resources_begin(struct request *rq, struct place *begin, char after[CURSOR_NAME_SIZE])
{
    struct json_text cursor = rq->message.params[PARAM_CURSOR];

    *begin = (struct place){ PARTS, after };
    if (!text_is_absent(cursor) && cursor_read(cursor, LISTED, after) == 0 && after[0])
        return true;
    begin->part = 1;
    if (!text_is_absent(cursor) && cursor_read(cursor, parts[1].cursor, after) == 0 && after[0])
        return true;
    begin->part = 0;
    after[0] = '\0';
    return page_begin(rq, parts[0].cursor, after);
}

static bool page_is_full(const struct request *rq, size_t written)
{
    return rq->server->page_size && written >= rq->server->page_size;
}

/* Writes what is declared; returns where the next page begins, which may be at the listers. */
static struct place declared_write(const struct request *rq, struct place begin, size_t *written,
                                   struct buf *b)
{
    for (; begin.part < PARTS; begin = (struct place){ begin.part + 1, "" }) {
        enum tool_kind kind = parts[begin.part].kind;
        if (page_is_full(rq, *written) && next_visible(rq, kind, begin.after))
            return (struct place){ begin.part, BEFORE_ALL };
        const struct tool *last = page_write(rq, kind, begin.after, written, b);
        if (last)
            return (struct place){ begin.part, tool_wire_name(last) };
    }
    return begin;
}

/* The listers behind that name are asked in turn. Takes entries over. */
static void listers_ask(struct request *rq, const char *after, struct buf *entries, size_t count)
{
    struct mcp_listing *l = listing_new(toolset_offers(rq->in->tools, TOOL_LISTER));
    struct buf arguments = { 0 };

    if (!l || !buf_ok(entries)) {
        listing_free(l);
        buf_fini(entries);
        reply_no_memory(rq);
        return;
    }
    l->entries = *entries;
    l->count = count;
    for (const struct tool *t; (t = next_visible(rq, TOOL_LISTER, after)) != NULL;) {
        l->listers[l->n++] = t;
        after = tool_wire_name(t);
    }
    buf_str(&arguments, "{}");
    request_call(rq, l->listers[0], &arguments);
    if (rq->out->call)
        rq->out->call->listing = l;
    else
        listing_free(l);
}

void resources_list_serve(struct request *rq)
{
    char after[CURSOR_NAME_SIZE] = "";
    struct buf entries = { 0 };
    struct place next;
    size_t written = 0;

    if (!resources_are_there(rq) || !resources_begin(rq, &next, after))
        return;
    next = declared_write(rq, next, &written, &entries);
    if (next.part == PARTS && !next_visible(rq, TOOL_LISTER, next.after)) {
        next.after = NULL;
    } else if (next.part == PARTS && !page_is_full(rq, written)) {
        listers_ask(rq, next.after, &entries, written);
        return;
    } else if (next.part == PARTS) {
        next.after = BEFORE_ALL;
    }
    struct buf *b = page_open(rq, "resources");
    buf_append(b, entries.data, entries.len);
    b->failed |= entries.failed;
    buf_fini(&entries);
    /* What a lister says may depend on who asks, and all pages are of one scope. */
    page_end(rq, next.part < PARTS ? parts[next.part].cursor : LISTED, next.after,
             rq->server->lists_are_public && !toolset_offers(rq->in->tools, TOOL_LISTER));
}
