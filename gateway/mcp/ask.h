/* ask.h - what a client declares to be asked for. Private to mcp.
 * Pure. */
#ifndef MG_MCP_ASK_H
#define MG_MCP_ASK_H
#include "mcp/mcp.h"

enum { /* bits */
       ASKS_ROOTS = 1,
       ASKS_SAMPLE = 2,
       ASKS_TOOLS = 4,
       ASKS_CONTEXT = 8, /* these two: with sampling */
       ASKS_FORM = 16,
       ASKS_URL = 32
};
/* Of its capabilities, as far as the revision knows them; for mcp_session, too. */
unsigned asks_declared(struct json_text capabilities, enum mcp_revision r);
/* The same as an object in the terms of the newest revision, for mcp_may_ask(). It lies in out. */
#define ASKS_TEXT_SIZE 160
struct json_text asks_text(unsigned declared, char out[static ASKS_TEXT_SIZE]);

#endif
