/* peer_struct.h - the inside of a peer, shared by the files that serve it. */
#ifndef MG_PEER_STRUCT_H
#define MG_PEER_STRUCT_H
#include "base/buf.h"
#include "mcp/mcp.h"
#include "stdio/line_pipe.h"
#include "worker/peer.h"

#define PEER_CALLS 1000 /* in flight; above, nothing is read */

/* Several messages in one array: their answers go out in one, too. */
struct peer_batch {
    size_t open;     /* messages without an answer, and one while it is read */
    struct buf text; /* the answers so far, with commas */
};

struct peer_call {
    struct peer_call *next, **prev;
    struct peer *peer;
    struct peer_batch *batch; /* NULL: by itself */
    struct call *call;        /* once it waits */
};

struct peer {
    struct peer *next, **prev; /* worker's */
    struct worker *worker;
    struct line_pipe *pipe;
    struct mcp_session session;
    struct peer_call *calls;
    size_t call_count;
    struct loop *ended_loop;
    struct mail *ended;
    struct loop_timer reap;
    bool is_ended, is_held;
};

/* peer.c */
void peer_judge(struct peer *p); /* a call or its output is over: read on, or go */

/* peer_message.c; arg: the peer */
void peer_line(void *arg, const char *text, size_t len);
void peer_fault(void *arg, enum line_fault fault);

#endif
