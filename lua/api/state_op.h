/* state_op.h - one operation of the store that a strand waits for. The local store completes it at
 * once, a remote one later; then it cannot be stopped, and what it holds stays until the answer
 * comes. Lifetime: as every op: released once, whatever ended it. Threads:  the state's. */
#ifndef MG_STATE_OP_H
#define MG_STATE_OP_H
#include <lua.h>

#include "api/batch.h"
#include "api/collection.h"
#include "base/buf.h"
#include "store/store.h"
#include "vm/op.h"

#define STATE_ONLY_MAX 16 /* names of members that a reader asks for */

struct state_op;
typedef int (*state_results_fn)(lua_State *L, struct state_op *s);

struct state_op {
    struct op op;
    state_results_fn results;
    struct store_op req;
    struct store_change change; /* of a single write */
    struct buf bytes;           /* own copies: the collection's name and its NUL, the id, a value */
    struct buf only;            /* likewise: names of members, each with its NUL; none: all */
    struct store_change *batch; /* of a whole batch; freed with the op */
};

/* What the operations give back; each says nil, message, code on failure. */
int state_results_get(lua_State *L, struct state_op *s);     /* object or nil */
int state_results_version(lua_State *L, struct state_op *s); /* object, version; or nil, 0 */
int state_results_write(lua_State *L, struct state_op *s);   /* true */
int state_results_delete(lua_State *L, struct state_op *s);  /* was it there? */
int state_results_list(lua_State *L, struct state_op *s);    /* array, id to go on behind or nil */
int state_results_each(lua_State *L, struct state_op *s);    /* iterator */
int state_results_count(lua_State *L, struct state_op *s);   /* number */

/* A read. id may be NULL. The caller may set req.limit, req.newest and only before state_op_run().
 * NULL: the task is being cancelled and three results are pushed. */
struct state_op *state_op_read(lua_State *L, state_results_fn results, enum store_kind kind,
                               const struct collection *c, const char *id, size_t len);
/* A single write. bytes (from scratch_push) holds the collection's name with its NUL, the id of len
 * bytes, a colon and, unless is_delete, the value; they are taken over. Otherwise as
 * state_op_read(). */
struct state_op *state_op_write(lua_State *L, state_results_fn results, struct buf *bytes,
                                size_t len, bool is_delete, store_seq expect, int64_t ttl_ms);
/* All changes of a batch, which are taken over. Otherwise as state_op_read(). */
struct state_op *state_op_batch(lua_State *L, struct batch *b);

/* `return state_op_run(L, s)` */
int state_op_run(lua_State *L, struct state_op *s);

#endif
