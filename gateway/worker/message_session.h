/* message_session.h - the legacy session of a client that speaks in lines (stdio, the transport of
 * 2024-11-05): it is there from the start, a handshake opens it, and it ends with its client. In
 * the gateway's table it stands for what it subscribes to; nobody else finds it there by its id,
 * but for the same caller. Lifetime: embedded; zeroed is one that is closed. Threads: the worker's.
 */
#ifndef MG_MESSAGE_SESSION_H
#define MG_MESSAGE_SESSION_H
#include "hub/notices.h"
#include "mcp/mcp.h"

struct messages;

struct message_session {
    struct messages *messages;
    uint64_t principal;
    struct mcp_session mcp;
    struct notice_feed *feed; /* of changes; NULL: closed */
};

/* ops, arg: of the feed, when that is due message_session_tell() is called. As
 * notices_open_session(). */
int message_session_open(struct message_session *s, struct messages *m, uint64_t principal,
                         const struct notice_feed_ops *ops, void *arg) MG_NODISCARD;
/* Tells what has changed, as far as its client takes it. */
void message_session_tell(struct message_session *s);
void message_session_close(struct message_session *s);

#endif
