/* content.h - what tools, prompts and resources say, in the terms of a revision. Private to mcp.
 * Pure. */
#ifndef MG_MCP_CONTENT_H
#define MG_MCP_CONTENT_H
#include "mcp/mcp.h"

/* Appends the content array (JSON text of our own encoders) as it is, but for blocks of a type that
 * the revision does not know: they become text, since strict clients refuse the whole result. */
void content_write(const char *content, size_t len, enum mcp_revision r, struct buf *out);

/* Likewise the messages of a prompt, each of which holds one block. */
void messages_write(const char *messages, size_t len, enum mcp_revision r, struct buf *out);

/* Likewise entries of lists, contents of resources, arguments of prompts: what the revision does
 * not know of title, icons and _meta is left out. */
void objects_write(const char *objects, size_t len, enum mcp_revision r, struct buf *out);
/* The same without the brackets; how many there are. */
size_t entries_write(const char *objects, size_t len, enum mcp_revision r, struct buf *out);

#endif
