/* batch.h - the changes that a strand collects inside state.batch(), to be written as one record.
 * Lifetime: from batch_push() until it is closed; the changes then belong to whoever took them.
 * Found by the running Lua thread, so a strand that the batch's function spawns is not in it.
 * Threads:  the state's. */
#ifndef MG_BATCH_H
#define MG_BATCH_H
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

#define BATCH_MAX_CHANGES 1000
#define BATCH_MAX_BYTES ((size_t)4 << 20)

struct batch {
    bool is_open;
    struct store_change *changes; /* texts are the batch's own; see changes_free() */
    size_t count, cap;
    size_t bytes;
    bool is_refused; /* one of its changes was: none is written; why is in its user values */
};

/* Pushes a new batch and makes it the running strand's. Raises when the strand has one. */
struct batch *batch_push(lua_State *L);
/* The running strand's, or NULL. */
struct batch *batch_current(lua_State *L);
struct batch *batch_check(lua_State *L, int index);
/* A change was refused, for the reason at `message` and the word above it: the first one counts.
 * Nothing happens outside of a batch. */
void batch_refuse(lua_State *L, int message);
/* Pushes nil, message, code of the first refusal. */
int batch_push_refusal(lua_State *L, int index);
/* The strand collects no more; dropped changes are freed. */
void batch_close(lua_State *L, struct batch *b);
/* What the batch already says of this object, or NULL. */
const struct store_change *batch_find(const struct batch *b, const char *collection,
                                      const char *key, size_t len);
/* Adds or replaces a change; copies. A replaced one keeps its precondition. MG_E_LIMIT, MG_E_NOMEM.
 */
int batch_add(struct batch *b, const struct store_change *change) MG_NODISCARD;

void changes_free(struct store_change *changes, size_t count);

#endif
