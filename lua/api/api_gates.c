#include <lauxlib.h>

#include "api/api.h"

/* mcp.gates.order() -> array, strict: the gates a model passes, in order ([gates] of mcp.ini;
 * empty: any name is a gate), and whether each needs its predecessor. */
static int l_order(lua_State *L)
{
    const struct vm_sections *s = vm_options_of(L)->config;
    lua_Integer n = 0;

    lua_newtable(L);
    for (const char *const *gate = s ? s->gates : NULL; gate && *gate; gate++) {
        lua_pushstring(L, *gate);
        lua_rawseti(L, -2, ++n);
    }
    value_mark_array(L, -1);
    lua_pushboolean(L, s && s->gates_strict);
    return 2;
}

int mgl_open_gates(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_order);
    lua_setfield(L, -2, "order");
    return 1;
}
