/* exchange.h - one HTTP request and its one reply: a body, or a stream of events.
 * Lifetime: from the handler's call until the reply is made. exchange_reply(), exchange_finish()
 * and exchange_drop() give it back: it must not be touched afterwards. When the client is lost,
 * gone() tells so once, and the exchange stays valid (all sends are ignored) until one of the three
 * is called. All texts are borrowed from the request and live as long as the exchange; but of a
 * lost one exchange_header() and exchange_query() give NULL, as only the known headers are kept.
 * Threads: the worker's. */
#ifndef MG_EXCHANGE_H
#define MG_EXCHANGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };

/* Nothing but texts. NULL when absent; the guard has refused repeated ones, and joined lists. */
struct http_headers {
    const char *host, *origin, *authorization, *x_api_key, *content_type, *accept, *user_agent;
    const char *mcp_session_id, *mcp_protocol_version, *mcp_method, *mcp_name, *last_event_id;
    const char *x_forwarded_for, *x_forwarded_host, *traceparent;
    const char *access_control_request_method, *access_control_request_headers;
};

struct exchange;
enum http_method exchange_method(const struct exchange *x);
const char *exchange_method_text(const struct exchange *x);
const char *exchange_path(const struct exchange *x); /* without the query, percent-decoded by
                                                        libmicrohttpd */
const char *exchange_url(const struct exchange *x);  /* path and query as sent, with the value of
                                                        ?key= masked; for the log */
const struct http_headers *exchange_headers(const struct exchange *x);
const char *exchange_header(const struct exchange *x, const char *name); /* any other header, or
                                                                            NULL */
/* Query arguments, percent-decoded: the i-th value of `name`, or NULL. */
const char *exchange_query(const struct exchange *x, const char *name, size_t i);
const char *exchange_body(const struct exchange *x, size_t *len); /* NUL-terminated behind len */
const char *exchange_peer(const struct exchange *x); /* "127.0.0.1", "::1"; IPv4-mapped ones as IPv4
                                                      */
bool exchange_local_is_loopback(const struct exchange *x); /* judged by the connection's own local
                                                              address */
uint16_t exchange_local_port(const struct exchange *x);
int64_t exchange_started_us(const struct exchange *x);  /* when the request's first line was read */
int64_t exchange_read_us(const struct exchange *x);     /* and was whole, within handler.request */
void exchange_set_user(struct exchange *x, void *user); /* one pointer for the layer above */
void *exchange_user(const struct exchange *x);

struct http_field {
    const char *name, *value;
};
struct http_reply {
    int status;
    const char *content_type;        /* NULL: none */
    const struct http_field *fields; /* copied */
    size_t field_count;
    struct buf body;         /* taken over (emptied), freed when sent */
    const char *static_body; /* instead of body: lives for ever */
    size_t static_len;
    bool close; /* end the connection after it */
};
/* Makes the reply; body and, on failure to make it, a bare 500 or a closed connection. Never fails
 * for the caller. For HEAD the body is left out and its length kept. */
void exchange_reply(struct exchange *x, struct http_reply *r);

/* An event stream: status 200, text/event-stream, no-cache, X-Accel-Buffering: no, plus r's fields.
 */
int exchange_stream(struct exchange *x, const struct http_reply *r) MG_NODISCARD;
/* Queues bytes; copies. MG_E_LIMIT: the client reads too slowly and the stream has been closed
 * (gone() follows); MG_E_CLOSED: it is gone already. Callers that have nothing to add may ignore
 * both: gone() tells. */
int exchange_send(struct exchange *x, const void *data, size_t len);
/* The same without the bound: an answer, which would be held as one reply as well. */
int exchange_send_whole(struct exchange *x, const void *data, size_t len);
size_t exchange_queued(const struct exchange *x); /* bytes that the client has not taken */
/* Calls fn once, when the client of a stream has taken all that is queued: from the loop, where it
 * may send more or give the exchange back. NULL: not any more. */
void exchange_on_taken(struct exchange *x, void (*fn)(void *arg), void *arg);
void exchange_finish(struct exchange *x); /* the queue is sent, then the stream ends */
void exchange_drop(struct exchange *x);   /* no reply: the connection is closed */
bool exchange_is_stream(const struct exchange *x);
uint64_t exchange_bytes(const struct exchange *x); /* body bytes sent so far, or of the reply */

/* The client's end of the connection: watched once the exchange waits over 50 ms, or streams. */
enum gone {
    GONE_HALF_CLOSED, /* it will send no more; it may still read */
    GONE_LOST,        /* reset, closed, or closed by us: too slow, or at the end of a drain */
};
/* Each is told once, never from inside a call of this header; also what happened before the asking.
 * gone may give the exchange back. NULL: not any more. */
void exchange_on_gone(struct exchange *x, void (*gone)(void *arg, enum gone how), void *arg);

#endif
