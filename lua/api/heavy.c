#include "api/heavy.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/scratch.h"
#include "io/offload.h"
#include "vm/module.h"
#include "vm/op.h"

#define META "mg.heavy"

/* ---- at once ---- */

static int l_gc(lua_State *L)
{
    struct heavy *h = lua_touserdata(L, 1);
    buf_fini(&h->out);
    return 0;
}

static int run_inline(lua_State *L, const struct heavy_type *type, const struct heavy *input)
{
    struct heavy *h = lua_newuserdatauv(L, sizeof *h, 0);
    *h = *input;
    if (luaL_newmetatable(L, META)) {
        lua_pushcfunction(L, l_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);

    type->work(h);
    int results = type->push(L, h);
    buf_fini(&h->out);
    return results;
}

/* ---- on a helper thread ---- */

struct heavy_op;
struct heavy_job { /* outlives the operation when that ends first */
    struct offload_job job;
    const struct heavy_type *type;
    struct heavy heavy;
    struct heavy_op *op; /* NULL: nobody waits any more */
    char input[];        /* data, then key */
};
struct heavy_op {
    struct op op;
    struct heavy_job *job; /* NULL: there was none */
    bool is_done;
};

static void job_free(struct heavy_job *j)
{
    buf_fini(&j->heavy.out);
    free(j);
}

static void job_work(struct offload_job *job)
{
    struct heavy_job *j = (struct heavy_job *)job;
    j->type->work(&j->heavy);
}

static void job_done(struct offload_job *job)
{
    struct heavy_job *j = (struct heavy_job *)job;
    if (!j->op) {
        job_free(j);
        return;
    }
    j->op->is_done = true;
    op_complete(&j->op->op);
}

static void op_abandon(struct op *op)
{
    struct heavy_op *h = (struct heavy_op *)op;
    if (h->job && !h->is_done) {
        h->job->op = NULL;
        h->job = NULL;
    }
}

static void op_free(struct op *op)
{
    struct heavy_op *h = (struct heavy_op *)op;
    op_abandon(op);
    if (h->job)
        job_free(h->job);
    h->job = NULL;
}

static int op_results(lua_State *L, struct op *op)
{
    struct heavy_op *h = (struct heavy_op *)op;
    if (!h->job)
        return api_fail(L, "NOMEM", "no memory for a copy of the input");
    if (!h->is_done)
        return api_fail(L, "LIMIT", "the helper threads have too much to do");
    return h->job->type->push(L, &h->job->heavy);
}

static const struct op_type heavy_op_type = {
    .name = "heavy",
    .size = sizeof(struct heavy_op),
    .cancel = op_abandon,
    .release = op_free,
    .results = op_results,
};

static struct heavy_job *job_new(const struct heavy_type *type, const struct heavy *input)
{
    struct heavy_job *j = calloc(1, sizeof *j + input->len + input->key_len);
    if (!j)
        return NULL;
    j->job.work = job_work;
    j->job.done = job_done;
    j->type = type;
    j->heavy = *input;
    j->heavy.data = memcpy(j->input, input->data, input->len);
    if (input->key)
        j->heavy.key = memcpy(j->input + input->len, input->key, input->key_len);
    return j;
}

static int run_offloaded(lua_State *L, const struct heavy_type *type, const struct heavy *input)
{
    const struct vm_services *services = vm_services_of(L);
    struct heavy_op *h = (struct heavy_op *)op_push(L, &heavy_op_type);
    if (!h)
        return 3;
    h->job = job_new(type, input);
    if (!h->job) {
        op_complete(&h->op);
        return op_wait(L, &h->op);
    }
    h->job->op = h;
    if (offload_submit(services->offload, services->loop, &h->job->job) != 0) {
        /* Stays with the operation, which frees it. */
        h->job->op = NULL;
        op_complete(&h->op);
    }
    return op_wait(L, &h->op);
}

int heavy_run(lua_State *L, const struct heavy_type *type, int data, int key)
{
    struct heavy input = { .out.max = SCRATCH_MAX };
    input.data = luaL_checklstring(L, data, &input.len);
    if (key)
        input.key = luaL_checklstring(L, key, &input.key_len);
    if (input.len > SCRATCH_MAX || input.key_len > SCRATCH_MAX)
        return luaL_error(L, "%s: the input is larger than %d bytes", type->name, (int)SCRATCH_MAX);

    const struct vm_services *services = vm_services_of(L);
    if (input.len <= HEAVY_INLINE || !services || !services->offload)
        return run_inline(L, type, &input);
    return run_offloaded(L, type, &input);
}
