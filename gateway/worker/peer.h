/* peer.h - a client that speaks in lines (stdio): its session, its calls in flight, its batches.
 * Everything from JSON-RPC on is what HTTP has; keys do not apply, because who may start the
 * process, or reach its socket, is its user. Threads: the worker's; peer_open() also before it
 * starts. */
#ifndef MG_PEER_H
#define MG_PEER_H
#include <stdbool.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "io/loop.h"

struct worker;

struct peer_options {
    int in_fd, out_fd; /* taken over, also on failure */
    /* Where to post, once, when it ends; NULL: the peer goes by itself when its calls are over. */
    struct loop *ended_loop;
    struct mail *ended;
};
int peer_open(struct worker *w, const struct peer_options *o, struct err *e) MG_NODISCARD;

/* Takes over a door (stdio/door.h): who comes through it is a peer. */
int peers_listen(struct worker *w, int door, struct err *e) MG_NODISCARD;
void peers_hold(struct worker *w);            /* a drain begins: nothing more is read */
bool peers_are_quiet(const struct worker *w); /* all that was answered has left, and who may go */
void peers_free(struct worker *w);            /* after call_drop_all() */

#endif
