/* outbox.h - what tells of a change leaves after the change is durable: events and log lines of a
 * worker's tasks. One queue per worker, first in, first out, so that events of one job never
 * overtake each other. A task that changed nothing, or whose changes are on disk already, sends at
 * once when the queue is empty. When the disk fails, what is unsure stays until the state has made
 * it durable after all, and is dropped only if the state closes before; what does not depend on it
 * goes on. Lifetime: made by the worker before its first task, freed when it is empty, before the
 * loop and the store. Threads:  the worker's. */
#ifndef MG_OUTBOX_H
#define MG_OUTBOX_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "io/loop.h"
#include "store/store.h"

#define OUTBOX_MAX_BYTES ((size_t)16 << 20) /* waiting, of one worker */

struct topics;
struct notices;
struct outbox;

/* Is this principal shown what the template of that full name ("resource:job") lists? May be asked
 * under the lock of the notices. */
typedef bool outbox_shows(void *arg, uint64_t principal, const char *name);

/* NULL: no memory. shows NULL: nobody is shown any lists of templates. */
struct outbox *outbox_new(struct loop *l, struct store *s, struct topics *t, struct notices *n,
                          outbox_shows *shows, void *arg);
/* The wait that is pending, if any, has been posted: what it says holds for all that waits. */
void outbox_store_closed(struct outbox *o); /* NULL is legal */
bool outbox_is_empty(const struct outbox *o);
/* Nothing waits but for the end of trouble with the disk, for which a drain does not wait. */
bool outbox_is_settled(const struct outbox *o);
void outbox_free(struct outbox *o); /* NULL is legal; only when empty */

/* Publishes data (one line of JSON) once record seq is durable. Copies. MG_E_LIMIT: too much waits
 * already; MG_E_NOMEM. */
int outbox_publish(struct outbox *o, store_seq seq, const char *topic, const char *event,
                   const char *data, size_t len) MG_NODISCARD;
/* Tells those who subscribed to the resource, likewise. */
int outbox_updated(struct outbox *o, store_seq seq, const char *uri, size_t len) MG_NODISCARD;
/* Tells those who are shown what the template of that full name lists, likewise. */
int outbox_listed(struct outbox *o, store_seq seq, const char *name) MG_NODISCARD;
/* Ends the line once record seq is durable, or known to be unsure. What cannot be kept is logged at
 * once. */
void outbox_log(struct outbox *o, store_seq seq, struct log_line *line);

#endif
