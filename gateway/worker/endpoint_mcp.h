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

/* mcp_handle() is called next for a message that came to this worker; x, a: by HTTP; else NULL. */
void endpoint_mcp_at(struct worker *w, const struct exchange *x, const struct access *a);

/* Makes the reply that out says, and its log line; takes out's body. */
void endpoint_mcp_answer(struct worker *w, struct exchange *x, struct access *a,
                         struct mcp_out *out);

#endif
