/* The table functions on plain tables: no metamethod is called here, so that a bound on elements is
 * a bound on time. A table whose metatable has __index, __newindex or __len goes to the version in
 * Lua (lua/lib/std/table.lua), where its metamethods may wait and are preempted; so does sort with
 * a comparator or of many elements. */
#include "vm/strlib.h"

#include <lauxlib.h>

#include "vm/module.h"
#include "vm/slice.h"

#include <stdbool.h>
#include <string.h>

#define MOVE_MAX 500000 /* elements that one call moves */
#define UNPACK_MAX 100000
#define SORT_DIRECT_MAX 20000 /* elements that are sorted without giving way */
#define SORT_DIRECT_BYTES ((size_t)1 << 20)
#define CONCAT_LOOK 4096 /* elements between two looks at the clock */

static bool has_field(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, -2);
    bool has = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return has;
}

static bool is_plain(lua_State *L, int index)
{
    if (!lua_istable(L, index))
        return false;
    if (!lua_getmetatable(L, index))
        return true;
    bool plain = !has_field(L, "__index") && !has_field(L, "__newindex") && !has_field(L, "__len");
    lua_pop(L, 1);
    return plain;
}

static int returned(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    return lua_gettop(L);
}

/* Goes on in the version in Lua, upvalue 1, with the same arguments. */
static int in_lua(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, returned);
    return returned(L, LUA_OK, 0);
}

static void need_moves(lua_State *L, lua_Integer n, const char *what)
{
    if (n > MOVE_MAX)
        luaL_error(L, "%s: %I elements to move; at most %d at once", what, (LUAI_UACINT)n,
                   MOVE_MAX);
}

/* table.insert(list, [pos,] value) */
static int l_insert(lua_State *L)
{
    if (!is_plain(L, 1))
        return in_lua(L);
    lua_Integer end = (lua_Integer)lua_rawlen(L, 1) + 1, pos = end;
    int n = lua_gettop(L);
    if (n != 2 && n != 3)
        return luaL_error(L, "wrong number of arguments to 'insert'");
    if (n == 3) {
        pos = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)pos - 1u < (lua_Unsigned)end, 2, "position out of bounds");
        need_moves(L, end - pos, "table.insert");
        for (lua_Integer i = end; i > pos; i--) {
            lua_rawgeti(L, 1, i - 1);
            lua_rawseti(L, 1, i);
        }
    }
    lua_rawseti(L, 1, pos);
    return 0;
}

/* table.remove(list [, pos]) */
static int l_remove(lua_State *L)
{
    if (!is_plain(L, 1))
        return in_lua(L);
    lua_Integer size = (lua_Integer)lua_rawlen(L, 1), pos = luaL_optinteger(L, 2, size);
    if (pos != size)
        luaL_argcheck(L, (lua_Unsigned)pos - 1u <= (lua_Unsigned)size, 2, "position out of bounds");
    need_moves(L, size - pos, "table.remove");
    lua_rawgeti(L, 1, pos);
    for (; pos < size; pos++) {
        lua_rawgeti(L, 1, pos + 1);
        lua_rawseti(L, 1, pos);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, pos);
    return 1;
}

/* table.move(a1, f, e, t [, a2]) */
static int l_move(lua_State *L)
{
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    if (!is_plain(L, 1) || !is_plain(L, to))
        return in_lua(L);
    lua_Integer f = luaL_checkinteger(L, 2), e = luaL_checkinteger(L, 3),
                t = luaL_checkinteger(L, 4);
    if (e >= f) {
        luaL_argcheck(L, f > 0 || e < LUA_MAXINTEGER + f, 3, "too many elements to move");
        lua_Integer n = e - f + 1;
        luaL_argcheck(L, t <= LUA_MAXINTEGER - n + 1, 4, "destination wrap around");
        need_moves(L, n, "table.move");
        bool forwards = t > e || t <= f || !lua_rawequal(L, 1, to);
        for (lua_Integer k = 0; k < n; k++) {
            lua_Integer i = forwards ? k : n - 1 - k;
            lua_rawgeti(L, 1, f + i);
            lua_rawseti(L, to, t + i);
        }
    }
    lua_pushvalue(L, to);
    return 1;
}

/* table.unpack(list [, i [, j]]) */
static int l_unpack(lua_State *L)
{
    if (lua_istable(L, 1) && !is_plain(L, 1))
        return in_lua(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer i = luaL_optinteger(L, 2, 1);
    lua_Integer j = luaL_optinteger(L, 3, (lua_Integer)lua_rawlen(L, 1));
    if (i > j)
        return 0;
    lua_Unsigned n = (lua_Unsigned)j - (lua_Unsigned)i;
    if (n >= UNPACK_MAX)
        return luaL_error(L, "too many results to unpack: at most %d at once", UNPACK_MAX);
    luaL_checkstack(L, (int)n + 1, "too many results to unpack");
    for (lua_Unsigned k = 0; k <= n; k++)
        lua_rawgeti(L, 1, i + (lua_Integer)k);
    return (int)n + 1;
}

/* ---- concat ---- */

static void add_element(lua_State *L, luaL_Buffer *b, lua_Integer i)
{
    lua_rawgeti(L, 1, i);
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid value (at index %I) in table for 'concat'", (LUAI_UACINT)i);
    luaL_addvalue(b);
}

/* Stack: list, separator, last, list of what is made so far or nil. ctx: the element to go on with.
 */
static int concat_from(lua_State *L, int status, lua_KContext ctx)
{
    size_t len;
    luaL_Buffer b;
    (void)status;
    const char *sep = lua_tolstring(L, 2, &len);
    lua_Integer last = lua_tointeger(L, 3), i = (lua_Integer)ctx;
    luaL_buffinit(L, &b);
    for (; i <= last; i++) {
        add_element(L, &b, i);
        if (i == last)
            break;
        luaL_addlstring(&b, sep, len);
        if (i % CONCAT_LOOK == 0 && slice_is_over(L)) {
            if (!lua_isyieldable(L))
                return luaL_error(L, "table.concat: too long inside a metamethod that a C function "
                                     "calls");
            luaL_pushresult(&b);
            slice_keep(L, 4);
            lua_settop(L, 4);
            return slice_yield(L, (lua_KContext)i + 1, concat_from);
        }
    }
    luaL_pushresult(&b);
    if (lua_istable(L, 4)) {
        slice_keep(L, 4);
        slice_join(L, 4);
    }
    return 1;
}

/* table.concat(list [, sep [, i [, j]]]) */
static int l_concat(lua_State *L)
{
    if (lua_istable(L, 1) && !is_plain(L, 1))
        return in_lua(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_optstring(L, 2, "");
    lua_Integer i = luaL_optinteger(L, 3, 1);
    lua_Integer j = luaL_optinteger(L, 4, (lua_Integer)lua_rawlen(L, 1));
    if (i > j) {
        lua_pushliteral(L, "");
        return 1;
    }
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_pushliteral(L, "");
        lua_replace(L, 2);
    }
    lua_tostring(L, 2);
    lua_pushinteger(L, j);
    lua_pushnil(L);
    return concat_from(L, LUA_OK, (lua_KContext)i);
}

/* ---- sort ---- */

/* Comparing takes fifty times as long where there are zero bytes: Lua compares what lies between
 * two of them by itself. */
static bool has_zero(lua_State *L)
{
    size_t len;
    const char *s = lua_tolstring(L, -1, &len);
    return memchr(s, '\0', len) != NULL;
}

/* All numbers, or all strings that are short on the whole: then comparing calls nothing and takes
 * little. */
static bool is_uniform(lua_State *L, lua_Integer n)
{
    int type = LUA_TNONE;
    size_t bytes = 0;
    for (lua_Integer i = 1; i <= n; i++) {
        int t = lua_rawgeti(L, 1, i);
        bytes += t == LUA_TSTRING ? lua_rawlen(L, -1) : 0;
        bool is_slow = t == LUA_TSTRING && bytes <= SORT_DIRECT_BYTES && has_zero(L);
        lua_pop(L, 1);
        if (i == 1)
            type = t;
        if (is_slow || t != type || (t != LUA_TNUMBER && t != LUA_TSTRING) ||
            bytes > SORT_DIRECT_BYTES)
            return false;
    }
    return true;
}

/* table.sort(list [, less]): upvalue 2 is the library's own function. */
static int l_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
    if (!lua_isnil(L, 2) || !is_plain(L, 1) || n > SORT_DIRECT_MAX || !is_uniform(L, n))
        return in_lua(L);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, 1);
    lua_call(L, 1, 0);
    return 0;
}

void tablib_open(lua_State *L, int index)
{
    static const luaL_Reg own[] = { { "concat", l_concat }, { "insert", l_insert },
                                    { "move", l_move },     { "remove", l_remove },
                                    { "sort", l_sort },     { "unpack", l_unpack },
                                    { NULL, NULL } };
    index = lua_absindex(L, index);
    /* What the version in Lua calls are its own plain tables: these two never come back to it. */
    lua_pushcfunction(L, l_concat);
    lua_pushcfunction(L, l_unpack);
    lib_run(L, "std/table.lua", 2, 1);
    for (const luaL_Reg *f = own; f->name; f++) {
        lua_getfield(L, -1, f->name);
        lua_getfield(L, index, f->name);
        lua_pushcclosure(L, f->func, 2);
        lua_setfield(L, index, f->name);
    }
    lua_pop(L, 1);
}
