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

/* ---- for whoever tells of changes, by whatever way ---- */

/* What that caller is told of it, one line; nothing, when he may not know: as resources/read and
 * tasks/get would decide now, of a key that may have changed since. subscription: JSON_NONE for a
 * session, which is told nothing of tasks. */
void notice_encode(struct worker *w, uint64_t principal, const struct notice *n,
                   struct json_text subscription, struct buf *json);
/* Opens the feed of a subscription: as notices_open_subscription(), and MG_E_DENIED when it is for
 * more than one may be. */
int notice_listen(struct worker *w, const struct principal *p, const struct mcp_listen *l,
                  const struct notice_feed_ops *ops, void *arg,
                  struct notice_feed **out) MG_NODISCARD;
/* Why there is no feed. */
struct notice_refusal {
    int code, status, rpc;
    const char *text;
};
const struct notice_refusal *notice_refusal(int code);

#endif
