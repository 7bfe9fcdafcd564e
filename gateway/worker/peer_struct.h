/* peer_struct.h - the inside of a peer, shared by the files that serve it. */
#ifndef MG_PEER_STRUCT_H
#define MG_PEER_STRUCT_H
#include "mcp/mcp.h"
#include "stdio/line_pipe.h"
#include "worker/message_session.h"
#include "worker/messages.h"
#include "worker/peer.h"

#define PEER_CALLS 1000 /* in flight; above, nothing is read */

struct peer {
    struct peer *next, **prev; /* worker's */
    struct messages messages;
    struct line_pipe *pipe;
    struct message_session session;
    struct loop *ended_loop;
    struct mail *ended;
    struct loop_timer reap;
    bool is_ended, is_held;
};

/* peer.c */
void peer_judge(struct peer *p); /* a call or its output is over: read on, or go */

/* peer_message.c */
void peer_messages_init(struct peer *p, struct worker *w);
/* arg: the peer */
void peer_line(void *arg, const char *text, size_t len);
void peer_fault(void *arg, enum line_fault fault);

#endif
