/* The one place that calls lua_pcall: pcall and xpcall of the tools, and the vm's own protected
 * calls. A kill passes through all of them: nothing that a tool writes can catch it. */
#include <lauxlib.h>

#include "vm/protect.h"
#include "vm/state.h"

int vm_protect(struct vm *vm, lua_CFunction fn, void *arg, struct err *e)
{
    lua_State *L = vm->L;
    int top = lua_gettop(L);
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    int status = lua_pcall(L, 1, 0, 0);
    if (status == LUA_OK)
        return 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "error";
    int code = err_set(e, status == LUA_ERRMEM ? MG_E_NOMEM : MG_E_INVALID, "%s", text);
    lua_settop(L, top);
    return code;
}

static bool is_kill(lua_State *L)
{
    const struct strand *s = strand_of(L);
    return s->task && (s->task->is_killed || s->is_dropped);
}

static int pcall_ended(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L); /* true lies below the results */
    if (is_kill(L))
        return lua_error(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* pcall(f, ...) -> true, results | false, error */
int l_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_ended);
    return pcall_ended(L, status, 0);
}

static int handler_returned(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    if (status != LUA_OK && status != LUA_YIELD) {
        if (is_kill(L))
            return lua_error(L);
        lua_pushboolean(L, 0); /* the handler's own error */
        lua_insert(L, -2);
        return 2;
    }
    lua_pushboolean(L, 0);
    lua_replace(L, 1);
    return lua_gettop(L);
}

static int xpcall_ended(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    if (status == LUA_OK || status == LUA_YIELD) {
        lua_pushboolean(L, 1);
        lua_replace(L, 1);
        return lua_gettop(L);
    }
    if (is_kill(L))
        return lua_error(L);
    lua_pushvalue(L, 1);
    lua_insert(L, -2); /* handler, error */
    status = lua_pcallk(L, 1, LUA_MULTRET, 0, 0, handler_returned);
    return handler_returned(L, status, 0);
}

/* xpcall(f, handler, ...) -> true, results | false, what handler(error) returns. The handler runs
 * when f is left, as ordinary code: it may wait and is preempted. A message handler of Lua's own
 * could do neither. */
int l_xpcall(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_copy(L, 2, 1);
    lua_replace(L, 2); /* handler, f, ... */
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, xpcall_ended);
    return xpcall_ended(L, status, 0);
}
