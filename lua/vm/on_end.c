/* What a call leaves to be done when it has ended, whatever ended it: each function is a task of
 * its own, with the same grants, one second and a fresh budget; the last one given runs first. */
#include <lauxlib.h>

#include "vm/state.h"

#define ON_END_MAX 16

void task_on_end(lua_State *L, struct task *t, int fn)
{
    luaL_checktype(L, fn, LUA_TFUNCTION);
    fn = lua_absindex(L, fn);
    if (t->is_ended)
        luaL_error(L, "on_end: the call has ended");
    if (t->on_end_count == ON_END_MAX)
        luaL_error(L, "on_end: at most %d functions", ON_END_MAX);
    if (!t->identity && t->info && task_keep_info(t, NULL) != 0)
        luaL_error(L, "not enough memory");
    if (t->on_end == LUA_NOREF) {
        lua_createtable(L, 1, 0);
        t->on_end = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->on_end);
    lua_pushvalue(L, fn);
    lua_rawseti(L, -2, t->on_end_count + 1);
    t->on_end_count++;
    lua_pop(L, 1);
}

static int ended(lua_State *L, int status, lua_KContext ctx)
{
    (void)L, (void)status, (void)ctx;
    return 0;
}

static int on_end_body(lua_State *L)
{
    lua_pushstring(L, outcome_word(strand_of(L)->task->outcome));
    lua_callk(L, 1, 0, 0, ended);
    return 0;
}

bool on_end_next(struct task *t)
{
    struct vm *vm = t->vm;
    if (t->on_end_count == 0 || vm->is_closing)
        return false;
    int64_t account = memory_open(&vm->memory, vm->memory.accounts[t->account].budget);
    if (account < 0)
        return false;
    gc_expect(vm, vm->memory.accounts[t->account].used);
    memory_close(&vm->memory, t->account);
    t->account = (uint32_t)account;
    t->is_stopping = t->is_killed = false;
    task_set_timeout(t, ON_END_MS);
    struct strand *s = strand_new(vm, t);
    if (!s)
        return false;
    t->main = s;
    lua_State *L = s->L;
    lua_pushcfunction(L, on_end_body);
    /* Reads only: nothing here can raise. */
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->on_end);
    lua_rawgeti(L, -1, t->on_end_count--);
    lua_remove(L, -2);
    s->nargs = 1;
    strand_ready(s);
    task_arm(t);
    return true;
}
