/* chunked.h - private to gateway/http: bodies that come in chunks, while they come. A chunk's line
 * that does not fit the connection's memory leaves libmicrohttpd 0.9.75 without room to read and
 * without an error: it asks to be run again and again, whether its client is still there or not. So
 * the server looks here when it was run often without an event. A connection that has something to
 * read, or its end, and was not read from since the last look is refused with 400 and closed; one
 * whose client is silent is suspended until it is not: either it goes on then, or it is found at
 * the next look. Threads: the worker's. */
#ifndef MG_HTTP_CHUNKED_H
#define MG_HTTP_CHUNKED_H
#include "http/conn.h"

/* The head says that chunks follow. conn_leave() ends it. */
void chunked_begin(struct conn *c);
void chunked_look(struct http_server *s);

#endif
