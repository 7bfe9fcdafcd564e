/* Regular expressions, by PCRE2. Its just-in-time compiler stays off: it takes memory that is both
 * writable and executable, which a process that runs other people's patterns should not have. It
 * would be 3 to 35 times faster on texts of 1 MB (36 ms instead of 1 for all of key=value, 59
 * instead of 20 for all words); at the size of a line the difference is below what a call costs. */
#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/re_search.h"
#include "base/utf8.h"

static const char checked_key; /* in the registry: the string that was found to be UTF-8 last */

/* Is the string at index s (at most RE_INLINE_BYTES) UTF-8? The last one is remembered: a loop of
 * find() over a text would look through all of it at each step. */
static bool is_utf8(lua_State *L, int s, size_t *bad)
{
    size_t len;
    const char *text = lua_tolstring(L, s, &len);
    bool is_known = len > 256 && lua_rawgetp(L, LUA_REGISTRYINDEX, &checked_key) == LUA_TSTRING &&
                    lua_tostring(L, -1) == text;

    if (len > 256)
        lua_pop(L, 1);
    if (is_known)
        return true;
    *bad = utf8_valid(text, len);
    if (*bad < len)
        return false;
    if (len > 256) {
        lua_pushvalue(L, s);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &checked_key);
    }
    return true;
}

static int fail_utf8(lua_State *L, size_t bad)
{
    return api_fail(L, "INVALID",
                    "byte %zu of the subject is not UTF-8; the flag b takes bytes as they are",
                    bad + 1);
}

/* Where to begin, from 0; Lua's rules for init. */
static size_t check_init(lua_State *L, int options, size_t len)
{
    lua_Integer init = 1;
    if (lua_istable(L, options) && lua_getfield(L, options, "init") != LUA_TNIL) {
        int is_integer;
        init = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer)
            luaL_error(L, "init: expected an integer");
    }
    if (init < 0)
        init = init < -(lua_Integer)len ? 1 : (lua_Integer)len + init + 1;
    return init > 0 ? (size_t)init - 1 : 0;
}

/* Subject, pattern, options -> results. Stack below: exactly these three. */
static int search(lua_State *L, enum re_results results)
{
    static const char *const names[] = { "init", "flags", NULL };
    size_t len, bad = 0;
    const char *s = luaL_checklstring(L, 1, &len);

    luaL_checkstring(L, 2);
    lua_settop(L, 3);
    luaL_argcheck(L, len <= RE_SUBJECT_MAX, 1, "a string of at most 16 MB");
    opts_check(L, 3, names);
    size_t at = check_init(L, 3, len);
    lua_settop(L, 3);
    if (lua_istable(L, 3))
        lua_getfield(L, 3, "flags");
    else
        lua_pushnil(L);
    struct re_code *re = re_code_check(L, 2, 4);
    bool is_checked = !re->is_utf;
    if (re->is_utf && len <= RE_INLINE_BYTES) {
        if (!is_utf8(L, 1, &bad))
            return fail_utf8(L, bad);
        if (at < len && ((unsigned char)s[at] & 0xC0) == 0x80)
            return luaL_error(L, "re: init is inside a character");
        is_checked = true;
    }
    return re_search(L, re, 1, at, is_checked, true, results);
}

/* mcp.re.match(s, pattern [, {init=, flags=}]) -> captures, or the whole match when the pattern has
 * none; nil when nothing matches; nil, message, code (w). A capture that took no part is false.
 * When groups have names, (?<year>\d+), a table of those comes after the captures. Patterns are
 * PCRE2's, of at most 8 KB and 99 captures; a bad one raises. s is UTF-8 (else code INVALID) and .
 * is a character; positions are bytes. flags: i (either case), m (^ and $ at every line), s (. is a
 * newline, too), x (blanks and comments in the pattern), u (\w, \d, \s and \b by Unicode), b (s is
 * bytes, not UTF-8). init is where the search begins; ^ is the begin of s all the same, \G is init.
 * A search that is not over after 5 ms begins anew on a helper thread, as does one in more than 1
 * MB; after 0.5 s of computing, or 16 MB of ways back, its code is LIMIT. s has at most 16 MB. */
static int l_match(lua_State *L) { return search(L, RE_MATCH); }

/* mcp.re.find(s, pattern [, {init=, flags=}]) -> first and last byte of the match, captures; nil
 * when nothing matches; nil, message, code (w). As match. */
static int l_find(lua_State *L) { return search(L, RE_FIND); }

/* ---- for lua/lib/mcp/re.lua ---- */

/* s, pattern, flags or nil -> number of captures, table of the names or false; or nil, message,
 * code. Checks all that next() takes for granted. */
static int l_open(lua_State *L)
{
    size_t len, bad = 0;
    luaL_checklstring(L, 1, &len);
    lua_settop(L, 3);
    if (len > RE_INLINE_BYTES)
        return luaL_error(L, "re: a string of at most %d bytes; take it apart first, by lines say",
                          (int)RE_INLINE_BYTES);
    const struct re_code *re = re_code_check(L, 2, 3);
    if (re->is_utf && !is_utf8(L, 1, &bad))
        return fail_utf8(L, bad);
    lua_pushinteger(L, re->captures);
    if (re->name_count == 0) {
        lua_pushboolean(L, 0);
        return 2;
    }
    lua_createtable(L, 0, (int)re->name_count);
    for (uint32_t i = 0; i < re->name_count; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, re->names + (size_t)i * re->name_size + 2);
    }
    return 2;
}

/* s, pattern, flags or nil, position, may_be_empty -> begin, position behind the end, what match
 * gives; nil; nil, message, code. */
static int l_next(lua_State *L)
{
    lua_settop(L, 5);
    struct re_code *re = re_code_check(L, 2, 3);
    size_t at = (size_t)lua_tointeger(L, 4) - 1;
    return re_search(L, re, 1, at, true, lua_toboolean(L, 5), RE_NEXT);
}

int mgl_open_re(lua_State *L)
{
    static const luaL_Reg functions[] = { { "match", l_match },
                                          { "find", l_find },
                                          { NULL, NULL } };
    static const luaL_Reg primitives[] = { { "open", l_open }, { "next", l_next }, { NULL, NULL } };

    luaL_newlib(L, functions);
    lua_pushvalue(L, -1);
    luaL_newlib(L, primitives);
    lib_run(L, "mcp/re.lua", 2, 0);
    return 1;
}
