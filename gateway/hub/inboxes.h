/* inboxes.h - messages on their way to the worker that holds a client's stream: clients of the
 * 2024-11-05 transport post them on any connection.
 * Bounded: what waits in one inbox, in bytes and number, and in all, where each key has its share
 * (hub/shares.h). Threads: inbox_put() any; the
 * rest: the inbox's loop. One lock. */
#ifndef MG_INBOXES_H
#define MG_INBOXES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

#define INBOX_MAX 1000                       /* messages that wait */
#define INBOXES_MAX_BYTES ((size_t)64 << 20) /* of those in all of them */

struct inboxes;
struct inboxes *inboxes_new(void);      /* NULL: no memory */
void inboxes_free(struct inboxes *all); /* after all of them are closed */

struct inbox;
/* take() gets each message, on l, in the order in which they came; the text is followed by a NUL
 * and valid during the call, in which the inbox may be closed. max_bytes: that wait, but for one
 * message alone. MG_E_NOMEM. */
int inbox_open(struct inboxes *all, const char *session, uint64_t principal, struct loop *l,
               size_t max_bytes, void (*take)(void *arg, const char *text, size_t len), void *arg,
               struct inbox **out) MG_NODISCARD;
void inbox_hold(struct inbox *in, bool is_held); /* what comes waits, until it is full */
/* Nothing more is put (MG_E_CLOSED). How many messages wait: they are taken still. */
size_t inbox_shut(struct inbox *in);
void inbox_close(struct inbox *in); /* NULL is legal */

struct buf;
void inboxes_metrics(void *inboxes, struct buf *out); /* a metrics_source */

/* MG_E_NOTFOUND: there is none of that session and principal. MG_E_CLOSED: it is shut. MG_E_LIMIT,
 * MG_E_NOMEM. */
int inbox_put(struct inboxes *all, const char *session, uint64_t principal, const char *text,
              size_t len) MG_NODISCARD;

#endif
