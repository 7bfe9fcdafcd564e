/* compiled.h - what was compiled for a Lua state, kept by the text that it was made of: a bounded
 * number of things and bytes of each kind, the least recently used go first.
 * Lifetime: kept until there is no place for it, or the state is closed; then drop() is called.
 * Threads:  the state's. */
#ifndef MG_COMPILED_H
#define MG_COMPILED_H
#include <lua.h>
#include <stddef.h>

#include "base/err.h"

struct compiled_kind { /* static: a state knows it by its address */
    size_t max_count, max_bytes;
    void (*drop)(void *value);
};

/* Borrowed: the next compiled_keep() may drop it. NULL: it is not kept. May raise for want of
 * memory. */
void *compiled_find(lua_State *L, const struct compiled_kind *kind, const void *key, size_t len);
/* After compiled_find() did not find it; does not raise. bytes: what it counts for. MG_E_NOMEM:
 * value stays the caller's. */
int compiled_keep(lua_State *L, const struct compiled_kind *kind, const void *key, size_t len,
                  void *value, size_t bytes) MG_NODISCARD;
/* What is kept now, for tests. */
size_t compiled_bytes(lua_State *L, const struct compiled_kind *kind, size_t *count);

#endif
