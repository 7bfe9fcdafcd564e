#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

#define META "mg.config"

/* mcp.config.KEY -> value: the running tool's setting from its section of mcp.ini, as its
 * declaration says, else the declared default. Read-only; a key that the tool does not declare
 * raises. Not known while the file is loaded. */
static int l_index(lua_State *L)
{
    const char *key = luaL_checkstring(L, 2);
    if (!tool_of(L))
        return luaL_error(L, "mcp.config.%s: settings are known only while a tool runs", key);
    setting_push(L, key);
    return 1;
}

static int l_newindex(lua_State *L)
{
    return luaL_error(L, "mcp.config is read-only: settings stand in mcp.ini");
}

int mgl_open_config(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    if (luaL_newmetatable(L, META)) {
        static const luaL_Reg meta[] = { { "__index", l_index },
                                         { "__newindex", l_newindex },
                                         { NULL, NULL } };
        luaL_setfuncs(L, meta, 0);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    return 1;
}

static bool list_has(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* mcp.env(name) -> string, or nil, message, code. A variable of the gateway's environment; `env =
 * NAME` of the tool's section in mcp.ini grants it. DENIED: not granted; ENOENT: not set. */
static int l_env(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (!list_has(policy_of(L)->env, name))
        return api_fail(L, "DENIED",
                        "the environment variable %.100s is not granted; in mcp.ini: [tool %s] env "
                        "= %.100s",
                        name, tool_of(L) ? tool_of(L)->name : "NAME", name);
    const char *value = getenv(name);
    if (!value)
        return api_fail(L, "ENOENT", "the environment variable %s is not set", name);
    lua_pushstring(L, value);
    return 1;
}

int mgl_open_env(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_env);
    lua_setfield(L, -2, "env");
    return 1;
}
