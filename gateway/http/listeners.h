/* listeners.h - private to gateway/http: one server's listening sockets and what comes in through
 * them. Threads: the worker's; listeners_bypass() any. */
#ifndef MG_HTTP_LISTENERS_H
#define MG_HTTP_LISTENERS_H
#include "http/server.h"

struct listeners;
struct sockaddr_storage;

struct listeners_options {
    struct loop *loop;
    const struct http_address *addresses;
    size_t n;
    /* A new connection; fd is the callee's, non-blocking and closed on exec. */
    void (*accepted)(void *arg, int fd, const struct sockaddr_storage *peer,
                     const struct sockaddr_storage *local);
    void *arg;
};

struct listeners *listeners_new(const struct listeners_options *o, struct err *e);
void listeners_free(struct listeners *l); /* closes; NULL is legal */
/* Shuts l's sockets and posts the connections of their backlog to the loop of `to`, which is polled
 * once more before `to` is freed. */
void listeners_bypass(struct listeners *l, struct listeners *to);
void listeners_restore(struct listeners *l); /* listens again after a bypass; cheap when there was
                                                none */
void listeners_close(struct listeners *l);   /* takes what waits in the backlog first */

#endif
