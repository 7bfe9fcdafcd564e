/* request.h - one message on its way through the checks, and the ways to answer it. Private to mcp.
 * Every check that returns bool returns false when it has written the answer: the way ends there.
 * Lifetime: one mcp_handle() call, on its stack. */
#ifndef MG_MCP_REQUEST_H
#define MG_MCP_REQUEST_H
#include <stdbool.h>

#include "mcp/mcp.h"
#include "mcp/message.h"
#include "mcp/text.h"

struct request {
    const struct mcp_server *server;
    const struct mcp_in *in;
    struct mcp_out *out;
    struct span version, method, name; /* headers, trimmed; absent on stdio */
    struct message message;
    bool is_modern; /* the era; before it is decided: what the header says */
    bool has_session;
    struct mcp_session session; /* when has_session */
};

/* ---- era.c, envelope.c, headers.c, session.c: the checks, in this order ---- */
bool era_decide(struct request *rq); /* sets is_modern */
/* Is _meta a whole modern envelope? Names what is not in order: fault may be NULL. */
bool envelope_is_whole(const struct message *m);
bool envelope_check(struct request *rq);
bool headers_agree(struct request *rq); /* those that are there, with the body */
bool version_check(struct request *rq);
bool headers_complete(struct request *rq); /* those that must be there, and Mcp-Name */
bool session_check(struct request *rq);    /* legacy */
bool meta_check(struct request *rq);       /* optional members of _meta, for requests */

/* ---- the methods; each answers ---- */
void initialize_serve(struct request *rq);
void initialized_serve(struct request *rq);
void ping_serve(struct request *rq);
void cancelled_serve(struct request *rq);
void set_level_serve(struct request *rq);
void discover_serve(struct request *rq);
void tools_list_serve(struct request *rq);
void tools_call_serve(struct request *rq);

/* ---- reply.c ---- */
void reply_accepted(struct request *rq);  /* 202 without a body */
void reply_no_memory(struct request *rq); /* 500 without a body */
void reply_error(struct request *rq, int status, int code, const char *fmt, ...) MG_PRINTF(4, 5);
/* The same in two steps: members of the error object may be written in between. */
struct buf *reply_error_begin(struct request *rq, int status, int code, const char *fmt, ...)
    MG_PRINTF(4, 5);
void reply_error_end(struct request *rq);
/* Status 200; members of the result are written in between. */
struct buf *reply_result_begin(struct request *rq);
void reply_result_end(struct request *rq);
/* {"name":...,"version":...}, with a title where the revision has one. */
void reply_server_info(const struct mcp_server *s, enum mcp_revision r, struct buf *out);

/* Does the client want this answer as an event stream? */
static inline bool request_wants_stream(const struct request *rq)
{
    return rq->in->accepts_sse && (rq->in->prefers_sse || !rq->in->accepts_json);
}
#endif
