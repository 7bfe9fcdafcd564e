/* message_listen.h - a subscription (subscriptions/listen) of a client that speaks in lines: what
 * it is told comes between its answers, under the id of its request. It ends by
 * notifications/cancelled, with its client, or by the gateway, which then answers the request.
 * Lifetime: on the heap, its client's messages have it. Threads: the worker's. */
#ifndef MG_MESSAGE_LISTEN_H
#define MG_MESSAGE_LISTEN_H
#include "mcp/mcp.h"

struct messages;

/* in: the request; out: what mcp_handle() made of it. Takes out->listen over, and leaves the first
 * message in out->body: that it is open, or why it is not. */
void message_listen_open(struct messages *m, const struct mcp_in *in, struct mcp_out *out);
void message_listens_tell(struct messages *m);  /* its client takes more again */
void message_listens_end(struct messages *m);   /* the gateway ends them all */
void message_listens_close(struct messages *m); /* the client is gone, and is told nothing */

#endif
