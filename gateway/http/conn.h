/* conn.h - private to gateway/http: one connection and, inside it, the one request that it is at.
 * Lifetime: from accept until libmicrohttpd has closed it and no handler owes an answer any more;
 * so an exchange outlives the connection that was lost under it. When the server goes first,
 * `server` becomes NULL. One function suspends and one resumes, as libmicrohttpd loses count
 * otherwise: a resume before its suspend swallows the next suspend. Resumes are collected and
 * issued once per loop by conns_resume(). Threads: the worker's. */
#ifndef MG_HTTP_CONN_H
#define MG_HTTP_CONN_H
#include <microhttpd.h>

#include "http/address.h"
#include "http/exchange.h"
#include "http/guard.h"
#include "http/server.h"
#include "http/shared.h"

#define URL_SIZE 160    /* of a URL in the log; a longer one is cut */
#define REPLY_ROOM 1024 /* of a connection's memory, for the head of the reply */
#define FIELD_ROOM 64   /* what libmicrohttpd spends on each header and argument, beside its text */

enum step {
    STEP_LINE,    /* between requests, or inside the head of one */
    STEP_BODY,    /* the head was accepted, the body comes */
    STEP_DISCARD, /* more than may be: thrown away until its end, then answered */
    STEP_LINGER,  /* answered by ourselves; what still comes is thrown away, then it is closed */
    STEP_SERVE,   /* with the handler */
    STEP_SEND,    /* a whole reply is on its way */
    STEP_STREAM,
};

struct exchange {
    enum step step;
    enum http_method method;
    bool is_owned; /* the handler has it and owes an answer */
    bool is_lost;  /* the client or the connection is gone: what is sent is ignored */
    bool is_half;  /* the client sends no more */
    bool told_lost, told_half;
    bool is_taken; /* all that was queued, which taken() is to be told */
    bool is_stream, is_finished, is_dropped;
    bool is_old; /* HTTP/1.0: a stream ends with the connection */
    int status;
    struct MHD_Response *response; /* made, not yet queued */
    const char *method_text, *path;
    const char *bad_target; /* reason of guard_target() */
    struct http_headers headers;
    struct buf texts; /* lists that came in several lines; all texts, once the connection is gone */
    int64_t started_us;
    struct buf body;
    uint64_t discarded; /* bytes of a body that is too large */
    int refusal;        /* 413, or 503 without room for it, when a discarded body ends */
    size_t counted;     /* bytes of the body's memory that http_shared has counted */
    struct buf out;     /* of a stream: queued and not yet taken */
    size_t out_taken;
    uint64_t bytes;
    void *user;
    void (*gone)(void *arg, enum gone how);
    void *gone_arg;
    void (*taken)(void *arg);
    void *taken_arg;
    char url[URL_SIZE];
};

struct conn_group { /* in the order in which they came; {0} is empty */
    struct conn *first, **end;
    size_t n;
};

struct conn {
    struct exchange x; /* first, so that one is the other */
    struct http_server *server;
    struct MHD_Connection *mhd; /* NULL before and after */
    struct conn *next, **link;  /* all of a server, open or only owned */
    struct conn_group *group; /* running streams, or bodies that come in chunks; NULL: in neither */
    struct conn *group_next, **group_link;
    int64_t pinged_ms; /* a stream: since when its client has waited for a sign of life */
    struct conn *todo_next, *batch_next;
    bool in_todo;
    bool is_suspended;
    bool has_waited; /* for its answer, see answer_or_wait() */
    bool is_closing; /* shut down; libmicrohttpd will close it */
    bool has_line;   /* a request line was read since the last reply */
    bool has_looked; /* for the client's end, since the last reply */
    bool is_used;    /* not the first request */
    bool by_address; /* counted by address */
    int fd;          /* libmicrohttpd's; valid while mhd is */
    loop_watch_t watch;
    struct loop_timer timer;
    int64_t deadline_ms; /* of the request that is being received */
    int64_t heard_ms;    /* accepted, or the last request was complete */
    uint64_t read_bytes; /* of a body in chunks: see chunked.c */
    bool has_unread;     /* likewise */
    bool local_is_loopback;
    uint16_t local_port;
    struct peer_key key;
    char peer[ADDRESS_TEXT];
};

static inline struct conn *conn_of(const struct exchange *x) { return (struct conn *)(void *)x; }

/* NULL: no memory. peer and local are the two ends of fd, which stays the caller's. */
struct conn *conn_new(struct http_server *s, int fd, const struct sockaddr_storage *peer,
                      const struct sockaddr_storage *local);
void conn_opened(struct conn *c, struct MHD_Connection *mhd); /* libmicrohttpd has taken it */
void conn_closed(struct conn *c);  /* and closes it now; c may be freed */
void conn_release(struct conn *c); /* frees c when neither side needs it any more */

void conn_suspend(struct conn *c);
void conn_resume(struct conn *c);
/* Shuts the socket down, so that libmicrohttpd closes it whatever it is doing. */
void conn_abort(struct conn *c);
/* From now on the client's end is watched. */
void conn_watch(struct conn *c);
void conn_unwatch(struct conn *c);
/* Puts c into one of its server's lists, and takes it out of the one it is in, if any. */
void conn_enter(struct conn *c, struct conn_group *g);
void conn_leave(struct conn *c);
/* Tells the owner what has happened and has not been told. */
void conn_tell(struct conn *c);
void conn_tell_later(struct conn *c);

void conn_await_request(struct conn *c); /* starts request_timeout */
void conn_await_client(struct conn *c, int64_t ms, enum step step);

/* Issues what conn_resume() has collected; with many suspended ones at most once per millisecond.
 */
void conns_resume(struct http_server *s);
int64_t conns_wait(const struct http_server *s); /* ms until it has to be called; -1: nothing is
                                                    collected */

#endif
