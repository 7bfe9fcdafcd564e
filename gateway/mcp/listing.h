/* listing.h - a page of resources/list that templates fill: the declared resources on it, and then
 * what each of the templates that list has to say, one call of Lua after the other. One that fails
 * is left out; the others follow. Private to mcp.
 * Lifetime: its call's, which owns it. Threads: one owner. */
#ifndef MG_MCP_LISTING_H
#define MG_MCP_LISTING_H
#include "mcp/mcp.h"

struct mcp_listing {
    struct buf entries; /* those that stand on the page already, with commas between */
    size_t count;       /* of them */
    bool is_full;       /* what was listed last is for the next page */
    bool has_gap;       /* somebody was left out */
    size_t at, n;       /* whose turn it is, of how many */
    const struct tool *listers[];
};

/* Room for that many; NULL: no memory. */
struct mcp_listing *listing_new(size_t listers);
void listing_free(struct mcp_listing *l); /* NULL is legal */
/* The members of c's result: r is what the one whose turn it is has ended with. */
void listing_write(const struct mcp_call *c, const struct tool_result *r, struct buf *out);
/* May what a client keeps of it be kept? Not where somebody is missing. */
bool listing_is_whole(const struct mcp_listing *l, const struct tool_result *r);

/* Where a page begins that no lister stands on yet. */
#define LISTED "listed"
#define BEFORE_ALL "!" /* sorts before every name */

#endif
