/* revision.h - the names of the protocol's revisions. Private to mcp; the rest stands in mcp.h.
 * Pure. */
#ifndef MG_MCP_REVISION_H
#define MG_MCP_REVISION_H
#include <stdbool.h>
#include <stddef.h>

#include "mcp/mcp.h"
#include "mcp/text.h"

#define MCP_NEWEST_LEGACY MCP_2025_11_25
/* What a client speaks that names no revision: the rule of the revisions with the header. */
#define MCP_ASSUMED MCP_2025_03_26

/* False: not the name of a legacy revision. */
bool revision_parse_legacy(struct span name, enum mcp_revision *out);
/* Is it the first modern revision or later? Compared as plain text, so "v999" is modern too. */
bool revision_names_modern(struct span name);
/* Is it one, or a later one, of those that leave the id of an error out where it is not known? */
bool revision_omits_id(struct span name);

#endif
