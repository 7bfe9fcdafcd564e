/* fetch.h - HTTP requests of tools on a worker's loop: connections are pooled, every hop's URL and
 * every address that is connected to is judged, everything is bounded in bytes and time.
 * libcurl is set to work with the first request and put away when there was none for a minute.
 * At most FETCH_RUNNING requests of a worker run at once, FETCH_RUNNING_EACH of one owner; more
 * wait, and their time counts from fetch_start(). HTTP/1.1, so that no answer holds up another.
 * Lifetime: a fetch lives from fetch_start() until fetch_drop(), which may come at any time outside
 *           of done(). Threads: the loop's.   Environment: none; no proxy, no .netrc, no cookies.
 */
#ifndef MG_FETCH_H
#define MG_FETCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "io/loop.h"

#define FETCH_RUNNING 64
#define FETCH_RUNNING_EACH 48
#define FETCH_DESCRIPTORS \
    (3 * FETCH_RUNNING) /* at most: a connection, a pair while a name is looked up */
#define FETCH_QUEUED 1000
#define FETCH_CONNECT_MS 10000               /* to have a connection, name and TLS included */
#define FETCH_HEADERS_MAX ((size_t)64 << 10) /* bytes of an answer's header */
#define FETCH_HEADER_COUNT_MAX 200           /* fields of an answer's header */
#define FETCH_HELD_MAX ((size_t)64 << 20)    /* bytes of all bodies that a worker holds */
#define FETCH_REDIRECTS_MAX 20

struct fetcher; /* one a worker */
/* Costs a few hundred bytes. NULL: no memory. metrics may be NULL. */
struct fetcher *fetcher_new(struct loop *l, struct metrics_slot *metrics);
void fetcher_free(struct fetcher *f); /* every fetch was dropped before; NULL is legal */

struct fetch_header {
    const char *name, *value; /* valid, see api/http_options.c */
};

struct fetch_options { /* copied, but what `hosts` and `owner` point to, which live as long as it */
    const char *method; /* "GET" */
    const char *url;
    const struct fetch_header *headers;
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_len;
    int64_t timeout_ms;       /* in all, at least 1 */
    size_t max_bytes;         /* of the decoded body, over all of it */
    unsigned redirects;       /* followed; 0: an answer of 3xx is the answer */
    const char *const *hosts; /* granted: see fetch_url.h */
    bool allow_private;       /* also addresses of this machine and of private networks */
    const void *owner;        /* whose requests it counts among */
    const char *tool, *call;  /* for the log and for messages; may be NULL */
};

struct fetch_answer {
    /* NULL: all went well. Else the upper-case word of what went wrong: DENIED, TIMEOUT, TOO_LARGE,
     * DNS, TLS, CLOSED, ECONNREFUSED, ..., PROTOCOL. */
    const char *word;
    char error[320]; /* its text; no value of a header, no path and no query is in it */
    int status;
    struct buf headers; /* "name\0value\0" each, names in lower case, in order of coming */
    unsigned header_count;
    struct buf body;
};

struct fetch;
/* NULL with the reason: MG_E_INVALID (the URL), MG_E_DENIED (its host is not granted, its scheme is
 * none of http's), MG_E_LIMIT, MG_E_NOMEM. done() is called once, from loop_poll(), unless dropped
 * before. */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_options *o, void (*done)(void *arg),
                          void *arg, struct err *e);
/* Would it be sent, as far as the URL's text goes? 0, or as fetch_start() would fail. */
int fetch_may(const struct fetch_options *o, struct err *e) MG_NODISCARD;
struct fetch_answer *fetch_answer(struct fetch *t); /* whole when done() was called; t's */
/* Ends it at once, whatever it does; frees it. NULL is legal. */
void fetch_drop(struct fetch *t);

#endif
