/* body.h - private to gateway/http: collects the body of a request, or gets rid of one that is too
 * large. libmicrohttpd takes no reply while a body comes. So of what is too large, up to 8 MB more
 * are thrown away for at most 2 s, and 413 is the reply at the end; beyond that the 413 is written
 * past libmicrohttpd, the connection is shut down for writing, and what comes is thrown away for 2
 * s, as an early close would destroy the answer. What bodies take together, over all workers, is
 * bounded too (server.h); over that a body is thrown away likewise, and answered with 503. */
#ifndef MG_HTTP_BODY_H
#define MG_HTTP_BODY_H
#include "http/conn.h"

#define BODY_NO_ROOM "no room for the body now"

/* The head was accepted. 0, or the status to refuse the request with before its body comes. */
int body_begin(struct conn *c, const struct guard *g);
void body_take(struct conn *c, const char *data, size_t len);
/* The request is over: its memory serves the next one. */
void body_end(struct conn *c);
/* Nothing of it is wanted any more. Also when the server is gone. */
void body_drop(struct conn *c);

/* Answers at once, past libmicrohttpd, and closes in a while. */
void body_refuse_raw(struct conn *c, int status, const char *reason);

#endif
