#include "api/helped.h"

#include "vm/module.h"
#include "vm/op.h"

struct helped_op {
    struct op op;
    struct helped *work; /* NULL: refused, or left behind */
    const char *code, *text;
    bool is_done;
};

static void work_done(struct offload_job *job)
{
    struct helped *h = (struct helped *)job;
    if (!h->op) {
        h->type->free(h);
        return;
    }
    h->op->is_done = true;
    op_complete(&h->op->op);
}

static void work_do(struct offload_job *job)
{
    struct helped *h = (struct helped *)job;
    h->type->work(h);
}

static void op_abandon(struct op *op)
{
    struct helped_op *o = (struct helped_op *)op;
    if (!o->work || o->is_done)
        return;
    if (o->work->type->abandoned)
        o->work->type->abandoned(o->work);
    o->work->op = NULL;
    o->work = NULL;
}

static void op_free(struct op *op)
{
    struct helped_op *o = (struct helped_op *)op;
    op_abandon(op);
    if (o->work)
        o->work->type->free(o->work);
    o->work = NULL;
}

static int op_results(lua_State *L, struct op *op)
{
    struct helped_op *o = (struct helped_op *)op;
    return o->code ? api_fail(L, o->code, "%s", o->text) : o->work->type->push(L, o->work);
}

static const struct op_type type = {
    .name = "helper thread",
    .size = sizeof(struct helped_op),
    .cancel = op_abandon,
    .release = op_free,
    .results = op_results,
};

struct helped_op *helped_push(lua_State *L) { return (struct helped_op *)op_push(L, &type); }

int helped_refuse(lua_State *L, struct helped_op *op, const char *code, const char *text)
{
    op->code = code;
    op->text = text;
    op_complete(&op->op);
    return op_wait(L, &op->op);
}

int helped_run(lua_State *L, struct helped_op *op, struct helped *h)
{
    const struct vm_services *services = vm_services_of(L);
    h->job.work = work_do;
    h->job.done = work_done;
    h->op = op;
    op->work = h;
    if (offload_submit(services->offload, services->loop, &h->job) == 0)
        return op_wait(L, &op->op);
    op->is_done = true; /* never begun: the operation frees it */
    return helped_refuse(L, op, "LIMIT", "the helper threads have too much to do; try again");
}
