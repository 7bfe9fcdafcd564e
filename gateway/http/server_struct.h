/* server_struct.h - private to gateway/http: one worker's HTTP side. */
#ifndef MG_HTTP_SERVER_STRUCT_H
#define MG_HTTP_SERVER_STRUCT_H
#include "base/buf.h"
#include "http/conn.h"
#include "http/listeners.h"

struct http_server {
    struct loop *loop;
    struct http_shared *shared;
    struct http_options options;
    struct http_handler handler;
    void *arg;
    struct metrics_slot *metrics;
    struct listeners *listeners;
    struct MHD_Daemon *mhd;
    loop_watch_t mhd_watch;
    int64_t round_us; /* when this run of libmicrohttpd began: requests that it reads start then */
    int64_t read_us;  /* when it ended: its requests are served from then on */
    bool is_ready;    /* libmicrohttpd has something to do */
    int64_t due_ms;   /* when it wants to run at the latest; INT64_MAX: never */
    struct conn *conns; /* open ones, and lost ones whose handler still owes an answer */
    size_t n_open;
    size_t n_suspended;
    struct conn *batch, **batch_end; /* whole requests that the handler has not seen yet */
    struct conn *todo;               /* to be resumed, or told */
    int64_t resumed_us;
    struct conn_group streams; /* the one that was pinged longest ago first */
    struct conn_group chunked; /* whose bodies come in chunks, see chunked.h */
    unsigned n_alone; /* runs in a row that libmicrohttpd asked for and that moved nothing */
    unsigned n_asked; /* runs that no event asked for, since the last look at `chunked` */
    struct loop_timer ping;
    struct conn *joining; /* inside MHD_add_connection() */
    struct buf spare;     /* the memory of a body, for the next one */
    struct conn unknown;  /* stands for a request that libmicrohttpd refused by itself */
    bool is_draining, is_closed;
};

/* The handler gets c's request when libmicrohttpd has read all that is there: see
 * http_server_run().
 */
void server_batch(struct http_server *s, struct conn *c);
/* The layer above hears of a request that this one refused. */
void server_refused(struct http_server *s, const struct exchange *x, int status,
                    const char *reason);

#endif
