/* Options tables of the API: unknown names raise, durations and sizes are numbers or texts. */
#include <lauxlib.h>

#include "base/parse.h"
#include "vm/module.h"
#include "vm/report.h"

#include <inttypes.h>
#include <string.h>

void opts_check(lua_State *L, int index, const char *const *names)
{
    char hint[80];
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    index = lua_absindex(L, index);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "unknown option: a %s", luaL_typename(L, -2));
        const char *name = lua_tostring(L, -2);
        const char *const *n = names;
        while (*n && strcmp(*n, name) != 0)
            n++;
        if (!*n)
            luaL_error(L, "unknown option \"%s\"%s", name,
                       report_nearest(name, names, hint, sizeof hint));
    }
}

/* Pushes the option, or nothing when there is none. */
static bool push_option(lua_State *L, int index, const char *name)
{
    if (!lua_istable(L, index))
        return false;
    if (lua_getfield(L, index, name) != LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

int64_t opts_duration(lua_State *L, int index, const char *name, int64_t fallback_ms,
                      int64_t max_ms)
{
    int64_t ms = -1;
    if (!push_option(L, index, name))
        return fallback_ms;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        lua_Number n = lua_tonumber(L, -1);
        if (n >= 0 && n < 1e12)
            ms = (int64_t)(n * 1000);
    } else if (lua_type(L, -1) != LUA_TSTRING || parse_duration(lua_tostring(L, -1), &ms) != 0) {
        ms = -1;
    }
    if (ms < 0)
        luaL_error(L, "%s: expected seconds, or a text such as \"5s\"", name);
    if (ms > max_ms)
        luaL_error(L, "%s: at most %d seconds", name, (int)(max_ms / 1000));
    lua_pop(L, 1);
    return ms;
}

uint64_t opts_size(lua_State *L, int index, const char *name, uint64_t fallback, uint64_t max)
{
    uint64_t bytes = 0;
    bool ok = false;
    if (!push_option(L, index, name))
        return fallback;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        ok = lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 0;
        bytes = ok ? (uint64_t)lua_tointeger(L, -1) : 0;
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        ok = parse_size(lua_tostring(L, -1), &bytes) == 0;
    }
    if (!ok)
        luaL_error(L, "%s: expected bytes, or a text such as \"8M\"", name);
    if (bytes > max)
        luaL_error(L, "%s: at most %I bytes", name, (LUAI_UACINT)max);
    lua_pop(L, 1);
    return bytes;
}
