/* mcp.h - the protocol as functions on JSON: no sockets, no threads, no Lua.
 * One message goes in with what its transport knows; out comes a reply, or a call that the host is
 * to run and whose progress and result are encoded here again. Both eras: legacy (2024-11-05 to
 * 2025-11-25) and modern (2026-07-28). docs/protocol.md tells what was decided and why.
 * Threads: reentrant; a struct mcp_server is immutable. */
#ifndef MG_MCP_H
#define MG_MCP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_scan.h"
#include "base/seal.h"
#include "tools/result.h"
#include "tools/toolset.h"

enum mcp_revision {
    MCP_2024_11_05,
    MCP_2025_03_26,
    MCP_2025_06_18,
    MCP_2025_11_25,
    MCP_2026_07_28,
    MCP_REVISIONS
};
const char *mcp_revision_text(enum mcp_revision r);
/* What initialize answers to that protocolVersion. */
enum mcp_revision mcp_revision_agreed(struct json_text version);
static inline bool mcp_is_modern(enum mcp_revision r) { return r >= MCP_2026_07_28; }

enum mcp_log_level {
    MCP_LOG_NONE = -1,
    MCP_LOG_DEBUG,
    MCP_LOG_INFO,
    MCP_LOG_NOTICE,
    MCP_LOG_WARNING,
    MCP_LOG_ERROR,
    MCP_LOG_CRITICAL,
    MCP_LOG_ALERT,
    MCP_LOG_EMERGENCY
};
const char *mcp_log_level_text(enum mcp_log_level l);              /* NULL for MCP_LOG_NONE */
enum mcp_log_level mcp_log_level_parse(const char *s, size_t len); /* MCP_LOG_NONE: unknown */

/* JSON-RPC's codes and the protocol's; -32000 to -32019 are for legacy clients only. */
enum mcp_code {
    MCP_PARSE_ERROR = -32700,
    MCP_INVALID_REQUEST = -32600,
    MCP_METHOD_NOT_FOUND = -32601,
    MCP_INVALID_PARAMS = -32602,
    MCP_INTERNAL_ERROR = -32603,
    MCP_HEADER_MISMATCH = -32020,
    MCP_MISSING_CAPABILITY = -32021,
    MCP_UNSUPPORTED_VERSION = -32022,
    MCP_BAD_REQUEST = -32000,       /* session and transport trouble */
    MCP_SESSION_NOT_FOUND = -32001, /* likewise */
    MCP_RESOURCE_NOT_FOUND = -32002 /* for legacy clients */
};
/* The code as a client may be sent it. */
static inline int mcp_code_for(bool is_modern, int code)
{
    return is_modern && code <= -32000 && code >= -32019 ? MCP_INVALID_REQUEST : code;
}

struct principal;    /* opaque here */
struct mcp_session { /* what a legacy session remembers */
    char id[33];
    enum mcp_revision revision;
    enum mcp_log_level log_level;             /* MCP_LOG_NONE until logging/setLevel */
    char client_name[64], client_version[32]; /* cut at whole UTF-8 sequences */
    uint8_t asks; /* what its client declared to be asked for; mcp/ask.c knows the bits */
    bool is_open, is_initialized; /* of a stdio client's own: the handshake's two steps */
};

/* A response to a request of ours. */
struct mcp_answer {
    char id[40];             /* of the request, decoded */
    struct json_text result; /* JSON_NONE: error says why there is none */
    const char *error;
};

/* The host: sessions, authorization, cancelling. Every function gets host's arg first. A session of
 * another principal does not exist: MG_E_NOTFOUND. All functions must be there. */
struct mcp_host {
    void *arg;
    /* A tool's name; of what is no tool the full one: "prompt:review". */
    bool (*may)(void *arg, const struct principal *p, const char *name);
    int (*session_create)(void *arg, const struct principal *p, struct mcp_session *s); /* id */
    int (*session_find)(void *arg, const struct principal *p, const char *id,
                        struct mcp_session *out);
    int (*session_initialized)(void *arg, const struct principal *p, const char *id);
    int (*session_log_level)(void *arg, const struct principal *p, const char *id,
                             enum mcp_log_level level);
    /* Of a resource that this caller may read; on: false ends it. MG_E_LIMIT, MG_E_NOMEM. */
    int (*session_subscribe)(void *arg, const struct principal *p, const char *id, const char *uri,
                             size_t len, bool on);
    int (*session_remove)(void *arg, const struct principal *p, const char *id);
    /* notifications/cancelled: session is NULL for stateless clients; request_id is the id's exact
     * JSON text. */
    void (*cancel)(void *arg, const struct principal *p, const char *session,
                   const char *request_id, size_t len);
    /* A response came; what it answers, if anything, the host knows. */
    void (*answer)(void *arg, const struct principal *p, const char *session,
                   const struct mcp_answer *a);
    /* Tasks. One of another principal, of a tool that this one may not call any more, or whose time
     * is over does not exist: MG_E_NOTFOUND. Appends the task's members, as mcp_encode_task() wrote
     * them. */
    int (*task_get)(void *arg, const struct principal *p, const char *id, size_t len,
                    struct buf *members);
    /* responses: an object, what the task asked for by key. MG_E_LIMIT, MG_E_NOMEM. */
    int (*task_update)(void *arg, const struct principal *p, const char *id, size_t len,
                       struct json_text responses);
    int (*task_cancel)(void *arg, const struct principal *p, const char *id, size_t len);
    /* Who that is, for what only he may bring back: a name, as long as p, and a number. */
    const char *(*caller)(void *arg, const struct principal *p, uint64_t *number);
    /* A requestState comes back. false: it did already. */
    bool (*spend)(void *arg, const uint8_t id[SEAL_ID_SIZE], int64_t expires_ms);
};

struct mcp_server {                                    /* borrowed everywhere below */
    const char *name, *title, *version, *instructions; /* title, instructions may be NULL */
    struct json_limits limits;
    size_t page_size;      /* entries on one page of a list; 0 = all */
    bool lists_are_public; /* every caller may see and read the same: caches may share */
    const struct mcp_host *host;
    const struct seal_key *seal; /* of requestState; NULL: none is taken or given */
    int64_t ask_timeout_ms;      /* how long one is good for */
};

struct mcp_in { /* one message, as its transport got it; borrowed */
    const char *body;
    size_t len;
    bool is_http; /* false: there are no headers to validate */
    /* stdio, and the transport of 2024-11-05: the client's own, with an id from the start;
     * initialize opens it. Calls of both eras are cancelled by its id. NULL on HTTP, and for a call
     * without a client. */
    struct mcp_session *session;
    const char *protocol_version, *session_id, *method, *name; /* header values or NULL */
    /* Any other header's value, or NULL; the function may be NULL: there are none. */
    const char *(*header)(void *arg, const char *name);
    void *header_arg;
    bool accepts_json, accepts_sse; /* set by mcp_accept() */
    bool prefers_sse;               /* SSE is named and stands before JSON, or above it by q */
    bool names_both;                /* both types stand there, not only a wildcard */
    const struct principal *principal;
    const struct toolset *tools;
};
/* Reads an Accept header; NULL (absent) accepts everything. */
void mcp_accept(struct mcp_in *in, const char *accept);

struct mcp_call { /* one tools/call, or another request that Lua answers; checked; heap */
    enum mcp_revision revision;
    const struct tool *tool;             /* of mcp_in's toolset: the host keeps that alive */
    struct json_text arguments;          /* a JSON object; JSON_NONE means {} */
    struct json_text meta;               /* params._meta or JSON_NONE */
    struct json_text id, progress_token; /* exact texts; progress_token may be JSON_NONE */
    enum mcp_log_level log_level;        /* MCP_LOG_NONE: the client wants no log messages */
    bool may_stream;                     /* an event stream may be used for the answer */
    bool must_stream;                    /* the client wants nothing else */
    /* Of a modern client: what it may be asked, an object; what it answers with this call, by key;
     * and what an earlier round has left, as tool_asks.memory. Or JSON_NONE. */
    struct json_text capabilities, responses, memory;
    const char *lacks; /* set by mcp_may_ask(): JSON of what it does not declare */
    bool has_state;    /* it came with a requestState, which is spent: state_id says which */
    uint8_t state_id[SEAL_ID_SIZE];
    const char *caller; /* mcp_host.caller */
    uint64_t caller_number;
    bool has_session;
    char session_id[33];
    char client_name[64], client_version[32];
    bool has_progress; /* these three: mcp_progress_due() */
    double last_progress;
    int64_t progress_pace_ms;
    struct mcp_listing *listing; /* of resources/list, which several templates fill; else NULL */
    char *text;                  /* what the extents point into; part of this block */
};
/* Does the client of this call declare what it takes to answer all this? Else *e says what is
 * missing. */
bool mcp_may_ask(struct mcp_call *c, const struct tool_question *q, size_t n, struct err *e);
/* Does the result become the error MCP_MISSING_CAPABILITY, status 400? */
bool mcp_lacks_capability(const struct mcp_call *c, const struct tool_result *r);
/* What c->tool has ended with, when it is one of several that fill a list. True: c->tool is now the
 * next one, which is to be run for the same answer. False: r is what c's answer is encoded with.
 * max: bytes on one page, but that one alone may have more. */
bool mcp_list_goes_on(const struct mcp_server *s, struct mcp_call *c, const struct tool_result *r,
                      size_t max);
void mcp_call_free(struct mcp_call *c);                /* NULL is allowed */
const char *mcp_call_method(const struct mcp_call *c); /* "tools/call" */

/* What a modern client wants to be told of: subscriptions/listen; checked; heap, one block. */
struct mcp_listen {
    unsigned lists; /* bits: 1 tools, 2 prompts, 4 resources */
    struct json_text id;
    size_t uri_count;
    const char **uris; /* of resources that this caller may read */
    size_t *uri_lens;
    size_t task_count;
    const char **tasks; /* ids of tasks of this caller */
    size_t *task_lens;
};

struct mcp_out {               /* zeroed by mcp_handle(); mcp_out_fini() */
    struct mcp_call *call;     /* not NULL: run it; the rest but method, revision is empty */
    struct mcp_listen *listen; /* not NULL: open its stream; body is its first message */
    int status;                /* HTTP status of the reply */
    struct buf body;           /* empty with 202, 204 */
    char session_id[33];       /* to be sent as Mcp-Session-Id; "" = none */
    bool as_stream;            /* send the body as one SSE event */
    char method[64];           /* for the log, cut, printable ASCII */
    enum mcp_revision revision;
    int error_code; /* JSON-RPC code of the reply, 0 = a result */
};
void mcp_out_fini(struct mcp_out *o);

/* POST of one message. Fills *out; never fails otherwise (no memory: status 500, empty body). */
void mcp_handle(const struct mcp_server *s, const struct mcp_in *in, struct mcp_out *out);
/* Is the body an array, or meant as one? */
bool mcp_is_batch(const char *body, size_t len);
/* Such a body. True: *items is an array of *n messages, each for an mcp_handle() of its own; out
 * has nothing but method and revision. False: out is the answer to all of it. */
#define MCP_BATCH_MAX 100
bool mcp_batch(const struct mcp_server *s, const struct mcp_in *in, struct json_text *items,
               size_t *n, struct mcp_out *out);
/* DELETE of a session: status and body. */
void mcp_delete(const struct mcp_server *s, const struct mcp_in *in, struct mcp_out *out);
/* GET of the endpoint: 200 with as_stream and no body is the stream of the session in session_id,
 * or, without one, of keep-alive comments; with 405 goes the header Allow: MCP_ALLOW. Where the
 * client names a session, principal must be known. */
void mcp_get(const struct mcp_server *s, const struct mcp_in *in, struct mcp_out *out);
#define MCP_ALLOW "GET, HEAD, POST, DELETE, OPTIONS"

/* May this progress be told now? Not without a token, not without growth, not when it comes too
 * fast. True changes the call's record of what was told. */
bool mcp_progress_due(struct mcp_call *c, double progress, int64_t now_ms);
/* May a log message of this level be sent? */
static inline bool mcp_log_due(const struct mcp_call *c, enum mcp_log_level level)
{
    return c->may_stream && c->log_level != MCP_LOG_NONE && level >= c->log_level;
}

/* Encoders; each appends one line of JSON. A result that has a failed buffer fails *out. */
void mcp_encode_tool(const struct tool *t, enum mcp_revision r, struct buf *out);
void mcp_encode_result(const struct mcp_server *s, const struct mcp_call *c,
                       const struct tool_result *r, struct buf *out);
void mcp_encode_error(const struct mcp_call *c, int code, const char *message, struct buf *out);
void mcp_encode_progress(const struct mcp_call *c, double progress, double total, bool has_total,
                         const char *message, struct buf *out);
/* logger may be NULL. data_json is any JSON value. */
void mcp_encode_log(const struct mcp_call *c, enum mcp_log_level level, const char *logger,
                    const char *data_json, size_t len, struct buf *out);
/* A request to a legacy client, and that nobody waits for its answer any more. call_id: letters,
 * digits and _; no other call's. True: it sends a person to a page. */
bool mcp_encode_ask(const struct mcp_call *c, const struct tool_question *q, const char *id,
                    const char *call_id, struct buf *out);
void mcp_encode_ask_end(const char *id, const char *reason, struct buf *out);
/* That what was to be done on that page is done. */
void mcp_encode_elicit_done(const char *call_id, const char *key, struct buf *out);

/* ---- a call that goes on as a task ---- */
enum mcp_task_status {
    MCP_TASK_WORKING,
    MCP_TASK_INPUT_REQUIRED,
    MCP_TASK_COMPLETED, /* these three are final */
    MCP_TASK_FAILED,
    MCP_TASK_CANCELLED
};
struct mcp_task { /* borrowed */
    const char *id;
    enum mcp_task_status status;
    const char *message;            /* UTF-8 for people, or NULL */
    int64_t created_ms, updated_ms; /* wall */
    int64_t ttl_ms, poll_ms;
    /* An object: what is asked for by key; the result; or the error. JSON_NONE: not there. */
    struct json_text inputs, result, error;
};
const char *mcp_task_status_text(enum mcp_task_status s);
/* May this call become a task: does its client know them? */
bool mcp_call_may_be_task(const struct mcp_call *c);
/* The members of a task's object, without the braces around them. */
void mcp_encode_task(const struct mcp_task *t, struct buf *out);
/* The same of members that were encoded before some of what is asked for was answered: n bytes of
 * answers, objects by key, each with its NUL. */
void mcp_encode_task_answered(const char *members, size_t len, const char *answers, size_t n,
                              struct buf *out);
/* The answer to the call: it has become the task of these members. */
void mcp_encode_task_created(const struct mcp_server *s, const struct mcp_call *c,
                             const char *members, size_t len, struct buf *out);
/* What the call's answer would have been, as an object that stands in its task. */
void mcp_encode_task_result(const struct tool_result *r, struct buf *out);
/* notifications/tasks */
void mcp_encode_task_told(const char *members, size_t len, struct json_text subscription,
                          struct buf *out);
/* What is told outside of a call. list: 0 tools, 1 prompts, 2 resources; subscription: the id of
 * the request that asked for it, JSON_NONE for a session. */
void mcp_encode_list_changed(unsigned list, struct json_text subscription, struct buf *out);
void mcp_encode_updated(const char *uri, size_t len, struct json_text subscription,
                        struct buf *out);
/* The end of a subscription by the server: the result of its request. */
void mcp_encode_listen_end(const struct mcp_server *s, struct json_text subscription,
                           struct buf *out);
/* Nobody waits for the request of that id any more. */
void mcp_encode_cancelled(struct json_text id, const char *reason, struct buf *out);
/* May this caller read what the URI names? As resources/read decides. */
bool mcp_may_read(const struct mcp_server *s, const struct toolset *tools,
                  const struct principal *p, const char *uri, size_t len);
/* A string or an integer, and not too long: what ids and progress tokens are. */
bool mcp_is_id(struct json_text t);
/* "event: message\ndata: " + json + "\n\n" */
void mcp_sse(struct buf *out, const char *json, size_t len);

/* An error about the request of that id. */
void mcp_error(struct buf *out, struct json_text id, bool omits_id, int code, const char *message);
/* Bodies for what is refused before a message is looked at: without an id, or with "id":null. */
void mcp_refusal(struct buf *out, int code, const char *message, bool omits_id);
/* Does the MCP-Protocol-Version header name a revision whose schema has no null for the id of an
 * error: 2025-11-25 or later? (plain string comparison, as clients do; NULL is no) */
bool mcp_header_omits_id(const char *protocol_version);
/* Does it name a modern one? Likewise. */
bool mcp_header_is_modern(const char *protocol_version);

#endif
