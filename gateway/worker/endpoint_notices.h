/* endpoint_notices.h - the streams on which clients are told of changes: of a legacy session (GET
 * of the MCP endpoint), and of subscriptions/listen. Threads: the worker's. */
#ifndef MG_ENDPOINT_NOTICES_H
#define MG_ENDPOINT_NOTICES_H
#include "http/exchange.h"
#include "hub/notices.h"
#include "mcp/mcp.h"
#include "worker/access.h"

struct worker;
struct principal;

/* Each answers x: with the stream, or with why there is none. */
void endpoint_notices_session(struct worker *w, struct exchange *x, struct access *a,
                              const struct principal *p, const char *session);
/* Takes out->listen over. */
void endpoint_notices_listen(struct worker *w, struct exchange *x, struct access *a,
                             const struct principal *p, struct mcp_out *out);

/* May that caller be told of it? As resources/read would decide now, of a key that may have changed
 * since. */
bool notice_is_for(const struct worker *w, uint64_t principal, const struct notice *n);
void notice_encode(const struct notice *n, struct json_text subscription, struct buf *json);

#endif
