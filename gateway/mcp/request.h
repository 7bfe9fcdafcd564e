/* request.h - one message on its way through the checks, and the ways to answer it. Private to mcp.
 * Every check that returns bool returns false when it has written the answer: the way ends there.
 * Lifetime: one mcp_handle() call, on its stack. */
#ifndef MG_MCP_REQUEST_H
#define MG_MCP_REQUEST_H
#include <stdbool.h>

#include "mcp/mcp.h"
#include "mcp/message.h"
#include "mcp/request_state.h"
#include "mcp/text.h"

struct skill_file;

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
/* Do the Mcp-Param-* headers of a modern call say what its arguments say? */
bool headers_repeat(struct request *rq, const struct tool *t, struct json_text arguments);
bool session_check(struct request *rq); /* legacy */
bool meta_check(struct request *rq);    /* optional members of _meta, for requests */

/* ---- the methods; each answers ---- */
void initialize_serve(struct request *rq);
void initialized_serve(struct request *rq);
void ping_serve(struct request *rq);
void cancelled_serve(struct request *rq);
void set_level_serve(struct request *rq);
void discover_serve(struct request *rq);
void tools_list_serve(struct request *rq);
void tools_call_serve(struct request *rq);
void prompts_list_serve(struct request *rq);
void prompts_get_serve(struct request *rq);
void resources_list_serve(struct request *rq);
void templates_list_serve(struct request *rq);
void resources_read_serve(struct request *rq);
void complete_serve(struct request *rq);
void subscribe_serve(struct request *rq);
void unsubscribe_serve(struct request *rq);
void listen_serve(struct request *rq);
void response_serve(struct request *rq);
void task_get_serve(struct request *rq);
void task_update_serve(struct request *rq);
void task_cancel_serve(struct request *rq);
void skills_list_serve(struct request *rq);
void skills_get_serve(struct request *rq);
void directory_read_serve(struct request *rq);

/* ---- tasks.c ---- */
#define TASKS_EXTENSION META_PREFIX "tasks"
/* Does the client of this request know tasks? */
bool tasks_are_known(const struct request *rq);
/* No: answered, with what is missing. */
bool tasks_must_be_known(struct request *rq);
/* Has this caller a task of that id? Nothing is answered. */
bool task_is_there(const struct request *rq, const char *id, size_t len);

/* ---- what is no tool ---- */
/* Is anything of either kind declared? No: answered, there is no such method. */
bool offers_are_there(struct request *rq, enum tool_kind kind, enum tool_kind other);
/* The same of resources, of whatever makes some. */
bool resources_are_there(struct request *rq);
bool resources_are_in(const struct toolset *tools);
bool offer_is_visible(const struct request *rq, const struct tool *t);
/* What kind ("prompt:") and name make, if this caller may use it; else NULL. text gets the name,
 * cut. */
const struct tool *offer_find(const struct request *rq, const char *kind, enum tool_kind of,
                              struct json_text name, char *text, size_t size);
/* The file of a skill that this caller may read, and whose it is; NULL: there is none. */
const struct skill_file *skill_file_find(const struct request *rq, const char *uri, size_t len,
                                         const struct tool **of);
void skill_file_serve(struct request *rq, const struct skill_file *f);
/* What reads the URI, for this caller; *values gets the variables as an object. NULL: nothing. A
 * skill reads nothing, its file is there. */
const struct tool *resource_find(const struct request *rq, const char *uri, size_t len,
                                 struct buf *values);
/* params.uri, decoded into *text. NULL: answered. */
const char *resource_uri_read(struct request *rq, struct buf *text);
void resource_unknown(struct request *rq, struct json_text uri);
int resource_code(enum mcp_revision r); /* the error of a resource that is not there */
/* Makes the call; frees *arguments, an object, or answers without memory. */
void request_call(struct request *rq, const struct tool *t, struct buf *arguments);
void capabilities_write(const struct request *rq, struct buf *b, bool is_told, bool has_logging);
/* Of a call in several rounds: what is answered now, and what an earlier one has left. */
struct round {
    struct json_text responses; /* or JSON_NONE */
    struct request_state state; /* its memory is to be freed */
};
/* *r is {0}. False: answered. */
bool round_read(struct request *rq, const struct tool *t, struct json_text arguments,
                struct round *r);
/* When nothing else can go wrong. False: answered. c: the round's. */
bool round_begin(struct request *rq, const struct round *r, struct mcp_call *c);
void input_required_encode(const struct mcp_server *s, const struct mcp_call *c,
                           const struct tool_asks *asks, struct buf *out);
void missing_capability_encode(const struct mcp_call *c, struct buf *out);
void offer_encode_result(const struct mcp_server *s, const struct mcp_call *c,
                         const struct tool_result *r, struct buf *out);

/* ---- page.c ---- */
/* Which name of the list the page begins behind, "" at first; false: answered. after has
 * CURSOR_NAME_SIZE bytes. */
bool page_begin(struct request *rq, const char *list, char *after);
struct buf *page_open(struct request *rq, const char *key); /* entries follow */
/* next: what the following page begins behind, of the list of that name; NULL: it is the last. */
void page_end(struct request *rq, const char *list, const char *next, bool is_public);

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
/* What a modern client may keep, and for how long. */
#define LIST_TTL_MS 60000 /* lists: not every client listens for changes */
void reply_cache_hints(struct buf *out, int64_t ttl_ms, bool is_public);
/* The beginning of an error's message; members of the error object may follow, and "}}" must. */
void reply_error_open(struct buf *b, struct json_text id, bool omits_id, int code,
                      const char *message);
void reply_own_meta(const struct mcp_server *s, struct buf *out); /* the object of a result's _meta
                                                                   */
/* {"name":...,"version":...}, with a title where the revision has one. */
void reply_server_info(const struct mcp_server *s, enum mcp_revision r, struct buf *out);

/* Does the client want this answer as an event stream? */
static inline bool request_wants_stream(const struct request *rq)
{
    return rq->in->accepts_sse && (rq->in->prefers_sse || !rq->in->accepts_json);
}
#endif
