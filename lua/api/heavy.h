/* heavy.h - work on one string that may be large: done at once while it is small, by a helper
 * thread beyond. Lifetime: a struct heavy lives from heavy_run() until push() returned. A call that
 * ends while a helper works on its copy of the input leaves that copy behind; the helper's answer
 * frees it. Threads:  work() runs on the state's thread or a helper's, push() on the state's. */
#ifndef MG_HEAVY_H
#define MG_HEAVY_H
#include <lua.h>
#include <stddef.h>

#include "base/buf.h"

#define HEAVY_INLINE ((size_t)256 << 10) /* bytes of input that are worked on at once */

struct heavy {
    const char *data, *key; /* input: borrowed from the stack, or the copy; key may be NULL */
    size_t len, key_len;
    struct buf out; /* what work() made, or the reason why it could not */
    int code;       /* 0 or an enum mg_err, set by work() */
};

struct heavy_type {
    const char *name;                           /* for messages: "sha256" */
    void (*work)(struct heavy *h);              /* no Lua */
    int (*push)(lua_State *L, struct heavy *h); /* pushes the results, returns their number; may
                                                   raise */
};

/* Works on the string at index data, with the string at index key if that is not 0.
 * `return heavy_run(L, ...)`. Raises for input over SCRATCH_MAX bytes and where large work cannot
 * wait. */
int heavy_run(lua_State *L, const struct heavy_type *type, int data, int key);

#endif
