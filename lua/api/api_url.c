#include "api/api.h"

static const char library_key;

/* mcp/url.lua runs once for each state. No tool can reach the table it gives: what one file did to
 * it would meet the others. */
static void push_library(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lib_run(L, "mcp/url.lua", 0, 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &library_key);
}

int mgl_open_url(lua_State *L)
{
    push_library(L);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_settable(L, -5);
    }
    lua_remove(L, -2);
    return 1;
}
