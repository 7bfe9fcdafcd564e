#include "mcp/listing.h"

#include <stdlib.h>

#include "base/json_write.h"
#include "mcp/content.h"
#include "mcp/cursor.h"

struct mcp_listing *listing_new(size_t listers)
{
    return calloc(1, sizeof(struct mcp_listing) + listers * sizeof(const struct tool *));
}

void listing_free(struct mcp_listing *l)
{
    if (l)
        buf_fini(&l->entries);
    free(l);
}

bool mcp_list_goes_on(const struct mcp_server *s, struct mcp_call *c, const struct tool_result *r,
                      size_t max)
{
    struct mcp_listing *l = c->listing;

    if (!l || r->outcome == OUT_CANCELLED)
        return false;
    /* Alone it may be as large as any result; what stands there already goes first, then. */
    l->is_full = !r->is_error && l->at > 0 && l->entries.len + r->content.len > max;
    if (l->is_full || l->at + 1 == l->n)
        return false;
    size_t more =
        r->is_error ? 0 : entries_write(r->content.data, r->content.len, c->revision, &l->entries);
    l->count += more;
    l->has_gap |= r->is_error;
    l->at++;
    l->is_full = !buf_ok(&l->entries) || (s->page_size > 0 && l->count >= s->page_size);
    if (!l->is_full)
        c->tool = l->listers[l->at];
    return !l->is_full;
}

bool listing_is_whole(const struct mcp_listing *l, const struct tool_result *r)
{
    return !l->has_gap && (l->is_full || !r->is_error);
}

void listing_write(const struct mcp_call *c, const struct tool_result *r, struct buf *out)
{
    const struct mcp_listing *l = c->listing;
    size_t done = l->is_full ? l->at : l->at + 1;

    json_key(out, "resources");
    json_open(out, '[');
    buf_append(out, l->entries.data, l->entries.len);
    if (!l->is_full && !r->is_error)
        entries_write(r->content.data, r->content.len, c->revision, out);
    json_close(out, ']');
    if (done < l->n) {
        json_key(out, "nextCursor");
        cursor_write(out, LISTED, tool_wire_name(l->listers[done - 1]));
    }
    out->failed |= l->entries.failed;
}
