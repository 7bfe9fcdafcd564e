/* endpoint_mcp.h - the MCP endpoint: POST of a message, DELETE of a session, GET of an event
 * stream. Threads: the worker's. */
#ifndef MG_ENDPOINT_MCP_H
#define MG_ENDPOINT_MCP_H
#include "http/exchange.h"
#include "mcp/mcp.h"
#include "worker/access.h"

struct worker;
struct gateway;

void endpoint_mcp(struct worker *w, struct exchange *x, struct access *a);

/* The protocol's way back into the gateway; lives as long as g. */
void endpoint_mcp_host(struct gateway *g, struct mcp_host *out);

/* Messages that did not come by HTTP: mcp_handle() is called for this worker next. */
void endpoint_mcp_at(struct worker *w);

#endif
