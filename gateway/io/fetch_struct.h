/* fetch_struct.h - what the files of fetch.h share.
 * fetch.c has the queue and the life of requests, fetch_multi.c libcurl on the loop, fetch_hop.c
 * one exchange with one server, fetch_answer.c what comes back, fetch_request.c what goes out. */
#ifndef MG_FETCH_STRUCT_H
#define MG_FETCH_STRUCT_H
#include "io/curl.h"
#include "io/fetch.h"
#include "io/fetch_url.h"

/* One exchange with one server, and its place among those that run. */
struct fetch_hop {
    struct fetcher *fetcher;
    /* NULL: nobody wants it any more, but a thread of libcurl still looks its name up, and taking
     * the handle away would wait for that. It keeps its place, so that such threads are bounded. */
    struct fetch *fetch;
    struct fetch_hop *next, **prev; /* in fetcher->running */
    const void *owner;
    CURL *easy;
    struct curl_slist *lines; /* the header that goes out */
    bool is_resolving;
    bool has_connection;
    size_t header_bytes;
    bool in_body;        /* header lines from now on are trailers */
    char *location;      /* of a redirect, or NULL */
    const char *refused; /* what the address was that was refused; NULL: none was */
    char error[CURL_ERROR_SIZE];
};

enum fetch_state { FETCH_WAITS, FETCH_RUNS, FETCH_ENDED };

struct fetch {
    struct fetcher *fetcher;
    struct fetch *next, **prev; /* in fetcher->queue */
    enum fetch_state state;
    void (*done)(void *arg);
    void *arg;
    const void *owner;
    const char *const *hosts;
    bool allow_private;
    bool lacks_memory;
    unsigned redirects, hops; /* allowed; followed */
    size_t max_bytes, held;   /* held: counted in fetcher->held */
    int64_t started_ms, timeout_ms;
    struct loop_timer timer, connect_timer;
    struct fetch_hop *hop; /* NULL: does not run */
    struct fetch_url url;
    const char *method;           /* texts and headers lie behind the struct */
    struct fetch_header *headers; /* a name that is NULL: dropped on the way */
    size_t header_count;
    char *body; /* NULL: none */
    size_t body_len;
    struct fetch_answer answer;
    char tool[64], call[64];
};

struct fetch_socket; /* fetch_multi.c */
struct fetcher {
    struct loop *loop;
    struct metrics_slot *metrics;
    CURLM *multi; /* NULL: not in use */
    struct loop_timer curl_timer, pump_timer, idle_timer;
    struct fetch_socket *sockets;
    struct fetch *queue, **queue_end;
    struct fetch_hop *running;
    unsigned queued, run;
    size_t held;
    /* What libcurl has cost in the turn of the loop that began at turn_ms. */
    int64_t turn_ms, turn_us;
};

/* ---- fetch.c ---- */
void fetch_fail(struct fetch *t, const char *word, const char *fmt, ...) MG_PRINTF(3, 4);
void fetch_end(struct fetch *t); /* the answer is filled, the hop stopped: tells it */
void fetch_pump_soon(struct fetcher *f);
/* Counts bytes more; false: more than a worker holds. */
bool fetch_hold(struct fetch *t, size_t bytes) MG_NODISCARD;
/* May t ask u? 0, or MG_E_DENIED with the line that grants it. */
int fetch_judge(const char *const *hosts, const char *tool, const struct fetch_url *u,
                struct err *e) MG_NODISCARD;

/* ---- fetch_request.c ---- */
/* A copy of the options, judged but not queued. NULL with the reason. */
struct fetch *fetch_request_new(const struct fetch_options *o, struct err *e);
void fetch_request_free(struct fetch *t);
/* Changes the request as a browser does for a redirect with this status to `to`, which is moved
 * into it. */
void fetch_request_redirect(struct fetch *t, int status, struct fetch_url *to);
/* Sets what goes out. 0 or MG_E_NOMEM. */
int fetch_request_apply(const struct fetch *t, struct fetch_hop *h) MG_NODISCARD;

/* ---- fetch_multi.c ---- */
int fetch_multi_open(struct fetcher *f) MG_NODISCARD; /* legal when it is open */
void fetch_multi_close(struct fetcher *f);            /* no handle is in it */
/* Before easy is taken away: a connection that is still being made is closed first, and told of
 * afterwards, when its descriptor may be another thread's. */
void fetch_multi_forget(struct fetcher *f, const CURL *easy);

/* ---- fetch_hop.c ---- */
int fetch_hop_start(struct fetch *t) MG_NODISCARD; /* MG_E_NOMEM */
void fetch_hop_stop(struct fetch *t);
void fetch_hop_free(struct fetch_hop *h); /* also of one that nobody wants any more */
void fetch_hop_ended(struct fetch_hop *h, CURLcode code);

/* ---- fetch_answer.c ---- */
size_t fetch_answer_header(char *data, size_t size, size_t n, void *hop); /* for libcurl */
size_t fetch_answer_body(char *data, size_t size, size_t n, void *hop);
void fetch_answer_clear(struct fetch *t); /* for the next hop */

#endif
