/* The base library as tools have it: what it must not do, and what it must be able to be
 * interrupted in. */
#include <lauxlib.h>

#include "base/log.h"
#include "vm/protect.h"
#include "vm/sandbox.h"
#include "vm/state.h"
#include "vm/value.h"

#include <string.h>

/* No finalizers, for they run where nothing can interrupt them. No weak keys that keep their values
 * alive: the collector's search for what such keys reach is one step, whose length grows with the
 * square of the table's. */
static void check_metatable(lua_State *L, int index)
{
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, index) != LUA_TNIL)
        luaL_error(L, "__gc is not available: use ctx:on_end, or <close>");
    lua_pushliteral(L, "__mode");
    if (lua_rawget(L, index) == LUA_TSTRING) {
        const char *mode = lua_tostring(L, -1);
        if (strchr(mode, 'k') && !strchr(mode, 'v'))
            luaL_error(L, "__mode = \"k\" is not available: use \"kv\", or \"v\"");
    }
    lua_pop(L, 2);
}

/* setmetatable(t, mt) */
static int l_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    /* The marks of JSON lists and objects are no tool's own: they may be replaced. */
    if (value_mark(L, 1) == MARK_NONE && luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2))
        check_metatable(L, 2);
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int stringified(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    if (!lua_isstring(L, -1))
        return luaL_error(L, "'__tostring' must return a string");
    return 1;
}

/* tostring(v): calls __tostring as ordinary code, so that it may wait. */
static int l_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
        luaL_tolstring(L, 1, NULL);
        return 1;
    }
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 1, 0, stringified);
    return stringified(L, LUA_OK, 0);
}

#define PRINT_MAX 2000

static int print_line(lua_State *L, int n)
{
    const struct task *t = strand_of(L)->task;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        size_t len;
        const char *s = lua_tolstring(L, i, &len);
        if (i > 1)
            luaL_addchar(&b, '\t');
        luaL_addlstring(&b, s, len < PRINT_MAX ? len : PRINT_MAX);
    }
    luaL_pushresult(&b);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    struct log_line line;
    log_begin(&line, LOG_INFO, "print");
    log_str(&line, "tool", t && t->tool && t->tool->tool ? t->tool->tool->name : NULL);
    log_str(&line, "call_id", t && t->info ? t->info->call_id : NULL);
    log_str_n(&line, "text", text, len < PRINT_MAX ? len : PRINT_MAX);
    log_end(&line);
    return 0;
}

/* The arguments before ctx are texts already; one by one, since each __tostring may wait. */
static int print_from(lua_State *L, int status, lua_KContext ctx)
{
    int i = (int)ctx, n = lua_gettop(L);
    if (status == LUA_YIELD) {
        stringified(L, status, 0);
        lua_replace(L, i++);
        n--;
    }
    for (; i <= n; i++) {
        if (luaL_getmetafield(L, i, "__tostring") == LUA_TNIL) {
            luaL_tolstring(L, i, NULL);
        } else {
            lua_pushvalue(L, i);
            lua_callk(L, 1, 1, i, print_from);
            stringified(L, LUA_OK, 0);
        }
        lua_replace(L, i);
    }
    return print_line(L, n);
}

/* print(...): a line of the gateway's log, with tool and call. */
static int l_print(lua_State *L)
{
    luaL_checkstack(L, 8, NULL);
    return print_from(L, LUA_OK, 1);
}

/* collectgarbage("count") -> KB held by the running call. Garbage is collected by itself. */
static int l_collectgarbage(lua_State *L)
{
    const char *what = luaL_optstring(L, 1, "count");
    if (strcmp(what, "count") != 0)
        return luaL_error(L, "collectgarbage: only \"count\" is available");
    const struct memory *m = &strand_of(L)->vm->memory;
    lua_pushnumber(L, (lua_Number)m->accounts[m->current].used / 1024);
    return 1;
}

void safelib_open(lua_State *L, int index)
{
    static const luaL_Reg own[] = {
        { "collectgarbage", l_collectgarbage },
        { "pcall", l_pcall },
        { "print", l_print },
        { "setmetatable", l_setmetatable },
        { "tostring", l_tostring },
        { "xpcall", l_xpcall },
        { NULL, NULL },
    };
    lua_pushvalue(L, index);
    luaL_setfuncs(L, own, 0);
    lua_pop(L, 1);
}
