/* The bodies of strands: C functions, so that arguments are made and results are read in protected
 * mode, on the task's own strand and at its own cost. */
#include <lauxlib.h>

#include "vm/outcome.h"
#include "vm/state.h"
#include "vm/value.h"

static int call_returned(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    outcome_of_return(L, strand_of(L)->task, lua_gettop(L));
    return 0;
}

int call_body(lua_State *L)
{
    struct task *t = strand_of(L)->task;
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->tool->run_ref);
    value_push_args(L, t->args);
    if (t->tool->takes_ctx)
        ctx_push(L, t);
    lua_callk(L, t->tool->takes_ctx ? 2 : 1, LUA_MULTRET, 0, call_returned);
    return call_returned(L, LUA_OK, 0);
}

static int function_returned(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct task *t = strand_of(L)->task;
    if (t->main && t->main->L == L)
        outcome_of_return(L, t, lua_gettop(L));
    return lua_gettop(L);
}

int function_body(lua_State *L)
{
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, function_returned);
    return function_returned(L, LUA_OK, 0);
}
