/* messages.h - messages that have no HTTP exchange each: the lines of a stdio client, the items of
 * a batch. Each goes through mcp_handle(), its call runs, its answer comes by itself or goes into
 * the array of its batch. Lifetime: embedded in what they come from, which stays while calls are
 * open. Threads: the worker's. */
#ifndef MG_MESSAGES_H
#define MG_MESSAGES_H
#include "base/buf.h"
#include "mcp/mcp.h"
#include "worker/access.h"

struct worker;
struct messages;
struct message_call;
struct message_listen;

/* The answers to a batch, in the order in which they are there. Together they are bounded by
 * [server] max_result: what would exceed it is an error instead. */
struct answers {
    size_t open;     /* messages without an answer, and one while they are read */
    struct buf text; /* "[", answers, "]"; empty: nothing was asked */
};

/* What is said where there is no memory to say what is wrong. */
#define MESSAGES_NO_MEMORY                                                                  \
    "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":\"Internal error: out of " \
    "memory\"}}"

struct messages_ops {
    /* To a message that came alone. */
    void (*answer)(struct messages *m, const char *json, size_t len);
    /* An array is whole, or failed for want of memory; *as goes back to whom it belongs. m is
     * dropped: the worker ends, nobody is told anything. NULL: *as is messages_take_text()'s, and
     * answer() gets it. */
    void (*complete)(struct messages *m, struct answers *as);
    /* One line of a call before its answer, of a batch's only what must be told: a request. NULL:
     * dropped, and nobody can be asked. */
    void (*note)(struct messages *m, struct buf *json, bool must);
    /* One call less is open, and what it had to say is said. NULL: complete() may free m. */
    void (*left)(struct messages *m);
    /* Does so much wait to be read that what can wait shall wait? Whoever says so calls
     * message_session_tell() and message_listens_tell() once it is otherwise. NULL: nothing can. */
    bool (*is_slow)(struct messages *m);
};

struct messages { /* filled in by its owner, but for the last five */
    const struct messages_ops *ops;
    struct worker *worker;
    const struct exchange *x; /* they came by it; NULL: by none */
    struct access access;     /* what the log tells of all of them */
    const char *transport;    /* for the log */
    struct message_call *calls;
    size_t count;                   /* calls that are open */
    struct message_listen *listens; /* subscriptions that are */
    bool is_dropped;
    bool is_mute; /* its client says no more */
};

/* One message. as NULL: it came alone. The caller runs fresh calls (call_run_fresh()). */
void messages_take(struct messages *m, struct answers *as, const struct mcp_in *in);
/* All of a batch that mcp_batch() has taken; in: of the whole. *as is zeroed, and may be gone when
 * this returns. */
void messages_take_batch(struct messages *m, struct answers *as, const struct mcp_in *in,
                         struct json_text items);
/* A text as it came: one message or a batch of them. Its calls have begun when this returns. */
void messages_take_text(struct messages *m, const struct mcp_in *in);
static inline bool messages_are_slow(struct messages *m)
{
    return m->ops->is_slow && m->ops->is_slow(m);
}
/* A notice, which is not told again: their client gets it however long it is, or hears that there
 * was no memory for something. */
void messages_tell(struct messages *m, struct buf *json);
/* Their client will say no more: it cannot answer, and hears of no changes. */
void messages_unask(struct messages *m);
/* Their client is lost: as over HTTP their calls are cancelled, or only not answered. */
void messages_lose(struct messages *m);

#endif
