/* call_stream.h - the event stream of a legacy session's call: what is said on it is kept by the
 * hub, so that a client that lost its connection, or was sent away, goes on with another one. From
 * call_stream_begin() on the call does not know of connections: closing one cancels nothing.
 * Threads: the worker's. */
#ifndef MG_CALL_STREAM_H
#define MG_CALL_STREAM_H
#include "http/exchange.h"
#include "worker/access.h"

struct call;
struct call_stream;
struct worker;
struct principal;

/* Can its stream be resumed? A call of a legacy session, by an exchange of its own. */
bool call_stream_fits(const struct call *c);
/* Turns its exchange into such a stream; c->sink is another one then. False: it cannot be kept now
 * (no room, no memory, the session has ended), nothing was done. */
bool call_stream_begin(struct call *c) MG_NODISCARD;
/* Ends the connection, if there is one, and has the client come back. False: this client would not.
 */
bool call_stream_pause(struct call *c, int64_t retry_ms);

/* GET with Last-Event-ID, if that is an event of a call's stream of the session: true, x is taken.
 */
bool call_stream_resume(struct worker *w, struct exchange *x, struct access *a,
                        const struct principal *p, const char *session);

#endif
