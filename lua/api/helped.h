/* helped.h - work that a helper thread does while a strand waits for it.
 * The pattern: helped_push() (the last call that can raise); make the work, with copies of all that
 * it needs; `return helped_run(L, op, work)`, or helped_refuse() where it cannot be made.
 * Lifetime: a work belongs to helped_run() from then on and is freed when its results were pushed.
 *           A call that ends before leaves it behind: then the helper's answer frees it.
 * Threads:  work() on a helper's, the others on the state's. */
#ifndef MG_HELPED_H
#define MG_HELPED_H
#include <lua.h>

#include "io/offload.h"

struct helped;
struct helped_type {
    void (*work)(struct helped *h);      /* no Lua */
    void (*abandoned)(struct helped *h); /* nobody waits for it any more; NULL: never mind */
    int (*push)(lua_State *L, struct helped *h); /* the results; may raise */
    void (*free)(struct helped *h);
};

struct helped_op;
struct helped { /* first member of a work's struct; private but type, which its maker sets */
    struct offload_job job;
    const struct helped_type *type;
    struct helped_op *op; /* NULL: nobody waits any more */
};

/* NULL: `return 3`. Raises where the running code cannot wait. */
struct helped_op *helped_push(lua_State *L);
int helped_run(lua_State *L, struct helped_op *op, struct helped *h);
/* nil, text, code; both constant. */
int helped_refuse(lua_State *L, struct helped_op *op, const char *code, const char *text);

#endif
