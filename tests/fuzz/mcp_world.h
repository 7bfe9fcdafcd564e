/* mcp_world.h - the world of fuzz_mcp.c: a server with something of everything that can be offered,
 * and a host that holds what it is told to what mcp.h promises. Lifetime: the process. */
#ifndef MG_TEST_MCP_WORLD_H
#define MG_TEST_MCP_WORLD_H
#include "mcp/mcp.h"

/* Sessions that are there, by revision. What has "secret" in its name is hidden from everybody. */
#define SESSION_03 "00000000000000000000000000000003"
#define SESSION_06 "00000000000000000000000000000006"
#define SESSION_11 "00000000000000000000000000000011"
/* A task that is there, and its members. */
#define TASK "t"
extern const char task_members[];

extern const struct mcp_server server;
extern const struct principal *const caller;
const struct toolset *world_tools(void); /* made at the first call */

/* Holds that the text is one JSON value, on one line. */
void world_hold_json(const char *text, size_t len, const char *what);

#endif
