/* call.h - the life of one tools/call: gates, task, stream or reply, log line. Exactly one answer,
 * or none to a client that is gone. A tool that does not wait is answered in the turn of the loop
 * in which its request came, without having been suspended. Threads: the worker's. */
#ifndef MG_CALL_H
#define MG_CALL_H
#include "http/exchange.h"
#include "mcp/mcp.h"
#include "worker/access.h"

struct worker;
struct principal;
struct call;

struct call_queue {
    struct call *first, **last;
};
void call_queue_init(struct call_queue *q);

/* Where a call's answer goes: HTTP's is the one of call_begin(). All are called on the worker's
 * thread, `to` is what call_begin_to() was given. */
struct call_sink {
    /* The call waits: notice from now on when its client is lost. */
    void (*watch)(struct call *c);
    /* One line of JSON before the answer. must: a request, which is never left out. */
    void (*note)(struct call *c, struct buf *json, bool must);
    /* Can requests be put to its client, and answers come? The way to it is open then. */
    bool (*can_ask)(struct call *c);
    /* The answer, where somebody is there to read it; the log line; then `to` is given back. */
    void (*end)(struct call *c);
    /* The worker ends: without an answer and a line. */
    void (*drop)(struct call *c);
    /* What tells clients without sessions apart: address_peer(), or 0 where there is but one. */
    uint64_t (*peer)(const struct call *c);
};

/* Takes over mcp and is true; false: no memory, nothing was done. */
bool call_begin_to(struct worker *w, const struct call_sink *sink, void *to, struct mcp_call *mcp,
                   const struct principal *p, const struct access *a) MG_NODISCARD;

/* A sink's client will say no more: what the call asked it is answered by an error. */
void call_unask(struct call *c, const char *why);

/* A sink's client is lost: as over HTTP it is cancelled, or only not answered. */
void call_lose(struct call *c);

/* Takes over mcp; x gets its answer now or later. */
void call_begin(struct worker *w, struct exchange *x, struct mcp_call *mcp,
                const struct principal *p, const struct access *a);

/* notifications/cancelled and its like: the key under which a waiting legacy call is known. Returns
 * its length (cut to size). session NULL: a stateless client, known by its principal's number and
 * by address_peer(), so that clients of one key, or of none, do not cancel each other's calls. */
size_t call_inflight_key(char *out, size_t size, const char *session, uint64_t principal,
                         uint64_t peer, const char *request_id, size_t len);

/* Calls that call_begin() has taken over are started together, and then answered those that are
 * over: once all requests that were there have been taken, or earlier. */
void call_run_fresh(struct worker *w);
/* Another serving takes the place of the worker's: calls of this turn hold on to theirs. */
void call_hold_turn(struct worker *w);

/* Once per turn of the loop: starts calls whose first slice had to wait, for a bounded time. */
void call_run_late(struct worker *w);

/* Nothing is left for which a drain waits; an end that the state cannot keep is none. */
bool calls_are_over(const struct worker *w);
/* After the worker's thread and its machines are gone: connections close without an answer. */
void call_drop_all(struct worker *w);
void call_pool_free(struct worker *w);

#endif
