#include "vm/testing.h"

#include <lauxlib.h>

#include "vm/state.h"

const struct vm_testing *testing_of(lua_State *L) { return strand_of(L)->vm->o.testing; }

bool testing_is_here(lua_State *L) { return strand_of(L)->vm->is_test; }

void testing_keep(lua_State *L, int fn)
{
    struct vm *vm = strand_of(L)->vm;
    fn = lua_absindex(L, fn);
    if (vm->cases == LUA_NOREF) {
        lua_newtable(L);
        vm->cases = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->cases);
    lua_pushvalue(L, fn);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

/* The case's function lies in the list: reading it raises nothing. */
struct task *vm_start_case(struct vm *vm, size_t i, const struct task_info *info,
                           const struct task_ops *ops, void *arg)
{
    struct task *t = task_new(vm, TASK_START, NULL, (int64_t)info->memory_bytes);
    struct strand *s = t ? task_main(t, function_body) : NULL;
    if (!s)
        return NULL;
    t->info = info;
    t->ops = ops;
    t->ops_arg = arg;
    lua_rawgeti(s->L, LUA_REGISTRYINDEX, vm->cases);
    lua_rawgeti(s->L, -1, (lua_Integer)i + 1);
    lua_remove(s->L, -2);
    s->nargs = 1;
    strand_ready(s);
    return t;
}
