/* server.h - one worker's HTTP side: own listening sockets, one libmicrohttpd daemon in external
 * mode. Driven by its worker: loop_poll() (descriptors call back into this), then http_server_run()
 * once, with http_server_wait() telling how long the next poll may wait. Threads: everything on the
 * worker's thread but what says otherwise. */
#ifndef MG_HTTP_SERVER_H
#define MG_HTTP_SERVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"
#include "http/exchange.h"
#include "io/loop.h"

struct http_options { /* plain values; reloadable ones may change by http_server_reconfigure() */
    /* Bytes; over it 413. What all bodies take that have come or are coming, and are larger than 16
     * KB, is bounded by 64 times as much, at least 256 MB: over that 503. */
    uint64_t max_body;
    uint32_t max_headers;      /* bytes of a request's head, and 64 for each header, query
                                * argument and cookie (and its text again); over it 431. Not
                                * reloadable. */
    uint64_t max_stream_queue; /* bytes queued to one stream; over it the stream is closed */
    /* From accept, or the last reply, to the body's last byte. A request that begins on a
     * connection which has idled for so long may take twice as long. */
    int64_t request_timeout_ms;
    int64_t idle_timeout_ms;         /* in whole seconds, rounded up; 0 = none. Not reloadable. */
    int64_t sse_keepalive_ms;        /* 0 = never */
    uint32_t max_connections;        /* process-wide */
    uint32_t max_connections_per_ip; /* 0 = no limit; a /64 of IPv6 counts as one */
};

/* What all workers share: counts of connections, in all and by address, and of bytes of bodies. */
struct http_shared;
struct http_shared *http_shared_new(void);
void http_shared_free(struct http_shared *s);

/* Addresses to listen on, resolved once in main: "127.0.0.1" and "::1" for loopback, both with one
 * port. */
struct http_address {
    char text[64];               /* for messages: "127.0.0.1:8766", "[::1]:8766" */
    unsigned char sockaddr[128]; /* a struct sockaddr_storage */
    uint32_t len;
    int guard; /* a descriptor that holds the port, or -1 */
};
/* host: a name or address; loopback ("127.0.0.1", "::1", "localhost") gives both families where
 * they exist. Probes that no live server holds the port (MG_E_CONFLICT) and, for port 0, picks one
 * that is free on all. */
int http_addresses(const char *host, uint16_t port, struct http_address *out, size_t max, size_t *n,
                   uint16_t *picked, struct err *e) MG_NODISCARD;
/* Nobody else gets the port until http_addresses_release(), before which the servers listen: their
 * sockets would share it with another process's. Where that cannot be had nothing is held. */
void http_addresses_hold(struct http_address *a, size_t n);
void http_addresses_release(struct http_address *a, size_t n); /* as often as one likes */

struct http_handler {
    /* A whole request has come and passed the guard. The handler replies now or later, exactly
     * once. */
    void (*request)(void *arg, struct exchange *x);
    /* All requests that were there have been handed over; what is answered by now goes out
     * together. NULL is legal. */
    void (*served)(void *arg);
    /* This layer refused it itself (400, 408, 413, 431, 503): for the log and the counters. x as
     * far as it is known: without texts when libmicrohttpd refused it, which does not say whose it
     * was. */
    void (*refused)(void *arg, const struct exchange *x, int status, const char *reason);
};

struct http_server;
struct http_server *http_server_new(struct loop *l, struct http_shared *shared,
                                    const struct http_options *o,
                                    const struct http_address *addresses, size_t n,
                                    const struct http_handler *h, void *arg,
                                    struct metrics_slot *metrics, struct err *e);
/* All but max_headers and idle_timeout_ms, which libmicrohttpd was started with. */
void http_server_reconfigure(struct http_server *s, const struct http_options *o);
void http_server_run(struct http_server *s); /* collected resumes, then MHD_run() when there is work
                                              */
int64_t http_server_wait(struct http_server *s); /* ms; -1 = until something happens */

/* Any thread: takes this server's listening sockets out of their groups while its worker is stuck,
 * and gives the connections that it has not accepted to another's; the worker itself opens them
 * again at its next http_server_run(). The other's loop is polled once more before it is freed. */
void http_server_bypass(struct http_server *s, struct http_server *to);

/* Drain: no new connections; keep-alive ends with the next reply. Idle connections close at once.
 */
void http_server_drain(struct http_server *s);
size_t http_server_open(const struct http_server *s); /* connections still open */
void http_server_close_all(struct http_server *s);    /* drain_timeout is over: every stream ends,
                                                         every call is gone */
void http_server_free(struct http_server *s); /* legal only after close_all() and one more run();
                                                 stops the daemon */

#endif
