/* inflight.h - calls that wait and background jobs, so that any worker can cancel them.
 * A call enters only when it first waits. Calls are known by (scope, request id), where scope is
 * the session, or the principal and its peer for stateless legacy clients; jobs by their id.
 * Cancelling posts to the owner's loop: the entry's cancel() runs there, if it is still registered
 * then. Threads: add and remove by the owner's thread, cancel by any; sharded locks. */
#ifndef MG_INFLIGHT_H
#define MG_INFLIGHT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct inflight;
struct inflight *inflight_new(void);
void inflight_free(struct inflight *f);

struct inflight_entry; /* opaque; reference-counted inside */
/* key: any bytes (copied). MG_E_CONFLICT when it is taken. cancel runs on l. */
int inflight_add(struct inflight *f, const char *key, size_t len, struct loop *l,
                 void (*cancel)(void *arg), void *arg, struct inflight_entry **out) MG_NODISCARD;
/* owner's thread; after it cancel() is not called; NULL is legal */
void inflight_remove(struct inflight *f, struct inflight_entry *e);
/* Was it there? cancel() will run soon. */
bool inflight_cancel(struct inflight *f, const char *key, size_t len);
/* The key does not tell its owner from another one: from now on cancelling it does nothing, until
 * that entry is removed. */
void inflight_blur(struct inflight *f, const char *key, size_t len);
size_t inflight_count(struct inflight *f);
/* Calls fn with every key, in no order; under a lock: fn must not call back in here. */
void inflight_each(struct inflight *f, void (*fn)(void *arg, const char *key, size_t len),
                   void *arg);

#endif
