/* ask.h - what a legacy session's client declares to be asked for. Private to mcp.
 * Pure. */
#ifndef MG_MCP_ASK_H
#define MG_MCP_ASK_H
#include "mcp/mcp.h"

/* Of the capabilities of initialize, as far as the revision knows them: bits, for mcp_session. */
unsigned asks_declared(struct json_text capabilities, enum mcp_revision r);
/* The same as an object in the terms of the newest revision, for mcp_may_ask(). It lies in out. */
#define ASKS_TEXT_SIZE 160
struct json_text asks_text(unsigned declared, char out[static ASKS_TEXT_SIZE]);

#endif
