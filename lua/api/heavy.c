#include "api/heavy.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/helped.h"
#include "api/scratch.h"
#include "vm/module.h"

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

struct heavy_job {
    struct helped helped;
    const struct heavy_type *type;
    struct heavy heavy;
    char input[]; /* data, then key */
};

static void job_free(struct helped *h)
{
    struct heavy_job *j = (struct heavy_job *)h;
    buf_fini(&j->heavy.out);
    free(j);
}

static void job_work(struct helped *h)
{
    struct heavy_job *j = (struct heavy_job *)h;
    j->type->work(&j->heavy);
}

static int job_push(lua_State *L, struct helped *h)
{
    struct heavy_job *j = (struct heavy_job *)h;
    return j->type->push(L, &j->heavy);
}

static int run_offloaded(lua_State *L, const struct heavy_type *type, const struct heavy *input)
{
    static const struct helped_type helped = { job_work, NULL, job_push, job_free };
    struct helped_op *op = helped_push(L);
    if (!op)
        return 3;
    struct heavy_job *j = calloc(1, sizeof *j + input->len + input->key_len);
    if (!j)
        return helped_refuse(L, op, "NOMEM", "no memory for a copy of the input");
    j->helped.type = &helped;
    j->type = type;
    j->heavy = *input;
    j->heavy.data = memcpy(j->input, input->data, input->len);
    if (input->key)
        j->heavy.key = memcpy(j->input + input->len, input->key, input->key_len);
    return helped_run(L, op, &j->helped);
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
