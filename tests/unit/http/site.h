/* site.h - for the tests: a server on a free loopback port, driven by the test's own thread, and
 * clients that send bytes as they are. Nothing waits but for an event or for the deadline that
 * turns a hang into a failure. */
#ifndef TEST_HTTP_SITE_H
#define TEST_HTTP_SITE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/server.h"

#define SITE_HELD 4096
#define H "HTTP/1.1\r\nHost: a\r\n" /* behind a method and a path */

struct site {
    struct loop *loop;
    struct http_shared *shared;
    struct http_server *server;
    struct http_options options;
    struct http_address addresses[4];
    size_t n_addresses;
    uint16_t port;
    int requests, refusals, refused_status;
    char refused_reason[128], refused_url[300];
    struct exchange *held[SITE_HELD]; /* of /hold and /stream; NULL once gone or answered */
    int n_held;
    int half, lost; /* what gone() told */
    bool drops_when_lost;
    bool replies_when_half;
};

void site_defaults(struct http_options *o);
void site_open(struct site *s, const struct http_options *o); /* NULL: defaults */
void site_open_at(struct site *s, const struct http_address *a, size_t n, uint16_t port);
void site_open_beside(struct site *s, const struct site *other); /* a second worker on the same port
                                                                  */
void site_close(struct site *s);
void site_pump(struct site *s); /* one turn of the loop */
void site_pump_for(struct site *s, int64_t ms);
void site_pump_until(struct site *s, const int *n, int want); /* fails after 10 s */
void site_pump_until_open(struct site *s, size_t connections);
int64_t site_cpu_us(void);

void site_reply(struct exchange *x, const char *body);
void site_ask(struct site *s, int i); /* held[i] wants to know when its client is gone */

struct client {
    struct site *site;
    int fd;
    struct buf in;  /* what has come and was not taken */
    bool is_closed; /* by the server */
    int error;      /* of the socket: ECONNRESET */
};

struct answer {
    int status;
    char head[4096];
    char *body; /* decoded; owned */
    size_t len;
};

void client_open(struct site *s, struct client *c);
void client_open_small(struct site *s, struct client *c); /* with a small receive buffer */
/* The two together: a site with one client. */
void site_visit(struct site *s, const struct http_options *o, struct client *c);
void site_leave(struct site *s, struct client *c);
void client_close(struct client *c);
void client_reset(struct client *c); /* closes so that the other side gets a reset */
void client_send(struct client *c, const char *text);
void client_send_bytes(struct client *c, const void *data, size_t len);
/* Sends as far as the other side takes it; false: it has closed or reset. */
bool client_offer(struct client *c, const void *data, size_t len);
void client_fill(struct client *c);                     /* reads what is there, without waiting */
bool client_answer(struct client *c, struct answer *a); /* false: closed before a whole reply */
/* The next answer has this status and, when not NULL, this body. */
void client_expect(struct client *c, int status, const char *body);
void client_check(struct client *c); /* GET /static works */
void client_until_closed(struct client *c);
void client_until_text(struct client *c, const char *text);
/* One request, one reply, its status; body into a when not NULL. */
int client_ask(struct client *c, const char *text, struct answer *a);
void answer_free(struct answer *a);

#endif
