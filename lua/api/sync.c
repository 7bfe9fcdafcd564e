#include "api/sync.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "store/store.h"
#include "vm/module.h"
#include "vm/op.h"

/* The store's promise to answer cannot be taken back: a strand that ends first leaves the waiter
 * behind. */
struct sync_op;
struct sync_waiter {
    struct store_wait wait;
    struct sync_op *op; /* NULL: nobody waits any more */
};
struct sync_op {
    struct op op;
    struct sync_waiter *waiter; /* NULL: answered, or not started */
    int code;
};

static void waiter_done(struct store_wait *w, int code)
{
    struct sync_waiter *waiter = (struct sync_waiter *)w;
    struct sync_op *s = waiter->op;

    free(waiter);
    if (!s)
        return;
    s->waiter = NULL;
    s->code = code;
    op_complete(&s->op);
}

static void sync_abandon(struct op *op)
{
    struct sync_op *s = (struct sync_op *)op;
    if (s->waiter)
        s->waiter->op = NULL;
    s->waiter = NULL;
}

static int sync_results(lua_State *L, struct op *op)
{
    struct sync_op *s = (struct sync_op *)op;
    if (s->code != 0)
        return api_fail(L, err_word(s->code), "the change may or may not survive");
    lua_pushboolean(L, 1);
    return 1;
}

static const struct op_type sync_type = {
    .name = "state.sync",
    .size = sizeof(struct sync_op),
    .cancel = sync_abandon,
    .release = sync_abandon,
    .results = sync_results,
};

/* mcp.state.sync() -> true, or nil, message, code (w). Waits until everything that this call has
 * read and written is durable. A reply waits for that by itself: sync is for what a tool tells
 * somebody else. */
int l_state_sync(lua_State *L)
{
    const struct vm_services *services = vm_services_of(L);
    struct task *t = task_of(L);

    if (!t || !services || !services->store)
        return luaL_error(L, "state: there is no store while a file is loaded");
    struct sync_op *s = (struct sync_op *)op_push(L, &sync_type);
    if (!s)
        return 3;
    if (store_is_durable(services->store, task_wait_seq(t))) {
        op_complete(&s->op);
        return op_wait(L, &s->op);
    }
    s->waiter = calloc(1, sizeof *s->waiter);
    if (!s->waiter) {
        s->code = MG_E_NOMEM;
        op_complete(&s->op);
        return op_wait(L, &s->op);
    }
    s->waiter->op = s;
    s->waiter->wait.loop = services->loop;
    s->waiter->wait.seq = task_wait_seq(t);
    s->waiter->wait.done = waiter_done;
    store_wait(services->store, &s->waiter->wait);
    return op_wait(L, &s->op);
}
