/* utf8 and os: the library's own functions behind checks of what they would have to work on. */
#include "vm/strlib.h"

#include <lauxlib.h>

#include "vm/slice.h"

#define VALUES_MAX 100000
#define DATE_FORMAT_MAX 256

static int call_original(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static size_t check_subject(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    slice_whole(L, len, SLOW_WHOLE_MAX, lua_tostring(L, lua_upvalueindex(2)));
    return len;
}

/* utf8.len, utf8.offset, utf8.codes */
static int l_on_string(lua_State *L)
{
    check_subject(L);
    return call_original(L);
}

/* utf8.codepoint(s [, i [, j [, lax]]]) */
static int l_codepoint(lua_State *L)
{
    lua_Integer len = (lua_Integer)check_subject(L);
    lua_Integer i = luaL_optinteger(L, 2, 1), j = luaL_optinteger(L, 3, i);
    lua_Integer from = i < 0 ? len + i + 1 : i, to = j < 0 ? len + j + 1 : j;
    if (to - from >= VALUES_MAX)
        return luaL_error(L, "utf8.codepoint: at most %d bytes at once", VALUES_MAX);
    return call_original(L);
}

static void wrap(lua_State *L, int index, const char *name, const char *full, lua_CFunction f)
{
    lua_getfield(L, index, name);
    lua_pushstring(L, full);
    lua_pushcclosure(L, f, 2);
    lua_setfield(L, index, name);
}

void utf8lib_open(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    wrap(L, index, "len", "utf8.len", l_on_string);
    wrap(L, index, "offset", "utf8.offset", l_on_string);
    wrap(L, index, "codes", "utf8.codes", l_on_string);
    wrap(L, index, "codepoint", "utf8.codepoint", l_codepoint);
}

/* os.date([format [, time]]) */
static int l_date(lua_State *L)
{
    size_t len;
    luaL_optlstring(L, 1, "%c", &len);
    if (len > DATE_FORMAT_MAX)
        return luaL_error(L, "os.date: a format of more than %d bytes", DATE_FORMAT_MAX);
    return call_original(L);
}

void oslib_open(lua_State *L, int index)
{
    wrap(L, lua_absindex(L, index), "date", "os.date", l_date);
}
