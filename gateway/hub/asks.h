/* asks.h - requests to legacy clients that have no answer yet: who asks, and who may answer.
 * An id is made here, unique over all of them and not to be guessed; the answer comes on any
 * connection to any worker and counts once, if it comes from the session, under the key, that was
 * asked. Bounded: ASKS_PER_SESSION, ASKS_MAX, and of those each key has its share (hub/shares.h).
 * Threads: any; add and remove: the asking loop's, where answered() runs. One lock. */
#ifndef MG_ASKS_H
#define MG_ASKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

#define ASK_ID_SIZE 17 /* "ask_", 12 base-36 characters, NUL */
#define ASKS_PER_SESSION 100
#define ASKS_MAX 10000

struct asks;
struct asks *asks_new(void); /* NULL: no memory */
void asks_free(struct asks *a);

struct ask; /* one request */
/* Once, unless it was removed before; then it is gone. result: JSON; NULL: error says why there is
 * none. Both borrowed. */
typedef void (*ask_answered_fn)(void *arg, const char *result, size_t len, const char *error);

/* MG_E_LIMIT, MG_E_NOMEM. *out is valid until answered() is called or it is removed. */
int asks_add(struct asks *a, const char *session, uint64_t principal, struct loop *l,
             ask_answered_fn answered, void *arg, struct ask **out) MG_NODISCARD;
const char *ask_id(const struct ask *one);
void asks_remove(struct ask *one); /* nobody waits any more; NULL is legal */

/* result as above, or NULL and error. False: it answers nothing that is open there. */
bool asks_answer(struct asks *a, const char *session, uint64_t principal, const char *id,
                 const char *result, size_t len, const char *error);
/* The session has ended: all of its requests are answered by an error. */
void asks_forget(struct asks *a, const char *session);
void asks_metrics(void *asks, struct buf *out); /* a metrics_source */

#endif
