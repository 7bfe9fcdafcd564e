/* reply.h - private to gateway/http: replies as libmicrohttpd wants them, and the parts that
 * exchange.c and stream.c share. */
#ifndef MG_HTTP_REPLY_H
#define MG_HTTP_REPLY_H
#include "http/conn.h"

/* All: NULL without memory, or when a field cannot stand in a reply. */
struct MHD_Response *reply_make(struct http_reply *r); /* takes r->body over if it succeeds */
struct MHD_Response *reply_text(const char *text);     /* one line; copied */
struct MHD_Response *reply_stream(struct conn *c, const struct http_reply *r);

/* Has to be called when libmicrohttpd is about to forget the request while the handler still has
 * it. */
void exchange_keep_texts(struct exchange *x);
/* The handler is done with x. Then conn_release(). */
void exchange_give_back(struct exchange *x);

ssize_t stream_read(void *conn, uint64_t pos, char *out, size_t max);
void streams_ping_start(struct http_server *s); /* once per sse_keepalive; 0 = never. Also after it
                                                 * has changed. */

#endif
