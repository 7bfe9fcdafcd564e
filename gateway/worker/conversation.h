/* conversation.h - what was said between a client and the gateway that serves it, as far as another
 * gateway must know it to go on: the legacy handshake and log level, what is subscribed to, what
 * has no answer yet. A client does not notice then that it is served by another one, but for an
 * error to each request that had no answer, and for changes that it may have missed, which it is
 * told of.
 * Texts are lines of JSON-RPC; what is none goes by unseen. Bounded by what a gateway accepts: a
 * request that it refuses is forgotten with its answer, and never noted where that has no id.
 * Threads: one owner. */
#ifndef MG_CONVERSATION_H
#define MG_CONVERSATION_H
#include <stdbool.h>
#include <stddef.h>

struct conversation_ops { /* a line for either end; text is borrowed */
    void (*to_client)(void *arg, const char *text, size_t len);
    void (*to_gateway)(void *arg, const char *text, size_t len);
};

struct mcp_server;
struct conversation;
/* self: as a gateway of this configuration introduces itself, and what it takes; borrowed.
 * NULL: no memory. */
struct conversation *conversation_new(const struct mcp_server *self,
                                      const struct conversation_ops *ops, void *arg);
void conversation_free(struct conversation *c); /* NULL is legal */

/* The client said this; it goes to the gateway. */
void conversation_client(struct conversation *c, const char *text, size_t len);
/* The gateway said this. False: it is not for the client. */
bool conversation_gateway(struct conversation *c, const char *text, size_t len);
/* Does a request have no answer yet? A subscription that is acknowledged has one. */
bool conversation_is_open(const struct conversation *c);

/* The gateway is gone: tells the client what will not be answered. What only asks (the handshake, a
 * subscription) can be answered by the next one. */
void conversation_break(struct conversation *c);
/* Likewise, and there is no next one: nothing stays open, subscriptions neither. */
void conversation_end(struct conversation *c);
/* Another one is there: tells it what it must know. */
void conversation_resume(struct conversation *c);
/* It has answered, and serves: false from a break on, and at first. */
bool conversation_is_resumed(const struct conversation *c);

#endif
