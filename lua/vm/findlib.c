/* string.find, match, gmatch and gsub over vm/pattern.c. Between two positions of the subject they
 * give way when the slice is over, so that a long text is no reason to fail; within one attempt the
 * matcher counts. */
#include "vm/strlib.h"

#include <lauxlib.h>

#include "vm/pattern.h"
#include "vm/slice.h"
#include "vm/state.h"

#include <ctype.h>
#include <string.h>

#define LOOK_STEPS 100000 /* steps of several attempts between two looks at the clock */

struct search {
    struct match m;
    struct pattern p;
    int64_t spent; /* since the last look */
    int first;     /* pattern_first_byte() */
    bool is_anchored;
};

static size_t position(lua_Integer pos, size_t len)
{
    if (pos > 0)
        return (size_t)pos;
    if (pos == 0 || pos < -(lua_Integer)len)
        return 1;
    return (size_t)((lua_Integer)len + pos + 1);
}

/* Subject at index 1, pattern at 2. Returns how many values it pushed. */
static int search_open(lua_State *L, struct search *q, bool has_anchor)
{
    size_t ls, lp;
    const char *s = luaL_checklstring(L, 1, &ls), *p = luaL_checklstring(L, 2, &lp);
    q->is_anchored = has_anchor && *p == '^';
    int pushed = pattern_compile(L, &q->p, p + q->is_anchored, lp - q->is_anchored);
    q->m.L = L;
    q->m.pattern = &q->p;
    q->m.src = s;
    q->m.end = s + ls;
    q->spent = 0;
    q->first = pattern_first_byte(&q->p);
    return pushed;
}

enum found { FOUND, NOT_FOUND, SLICE_OVER };

/* Looks from *at on; FOUND: *at and *to are the match. SLICE_OVER: go on from *at later. */
static enum found search_next(struct search *q, const char **at, const char **to,
                              const char *not_to)
{
    struct match *m = &q->m;
    for (const char *s = *at; s <= m->end; s++) {
        if (q->first >= 0 && !q->is_anchored) {
            const char *next = s < m->end ? memchr(s, q->first, (size_t)(m->end - s)) : NULL;
            if (!next)
                return NOT_FOUND;
            s = next;
        }
        *to = pattern_match(m, s);
        *at = s;
        if (*to && *to != not_to)
            return FOUND;
        if (q->is_anchored)
            return NOT_FOUND;
        q->spent += PATTERN_STEPS - m->steps + 1;
        if (q->spent >= LOOK_STEPS) {
            q->spent = 0;
            if (slice_is_over(m->L)) {
                *at = s + 1;
                return SLICE_OVER;
            }
        }
    }
    return NOT_FOUND;
}

/* Where it cannot give way it fails: a metamethod that C code called is not the place for a long
 * search. */
static void need_yieldable(lua_State *L, const char *name)
{
    if (!lua_isyieldable(L))
        luaL_error(L, "string.%s: this takes too long inside a metamethod that a C function calls",
                   name);
}

/* ---- find, match ---- */

static bool is_special(char c)
{
    switch (c) {
    case '^':
    case '$':
    case '*':
    case '+':
    case '?':
    case '.':
    case '(':
    case '[':
    case '%':
    case '-': return true;
    default: return false;
    }
}

static bool is_plain(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (is_special(p[i]))
            return false;
    return true;
}

/* memmem is linear in both lengths; a window at a time, so that the time can be looked at in
 * between. */
#define WINDOW ((size_t)1 << 20)
#define PLAIN_MAX ((size_t)1 << 20) /* bytes to look for */

/* ctx: offset to go on from. */
static int find_plain(lua_State *L, int status, lua_KContext ctx)
{
    size_t ls, lp;
    (void)status;
    const char *s = lua_tolstring(L, 1, &ls), *p = lua_tolstring(L, 2, &lp);
    for (size_t from = (size_t)ctx; ls - from >= lp; from += WINDOW) {
        size_t window = ls - from < WINDOW + lp ? ls - from : WINDOW + lp;
        const char *at = lp ? memmem(s + from, window, p, lp) : s + from;
        if (at) {
            lua_pushinteger(L, at - s + 1);
            lua_pushinteger(L, at - s + (lua_Integer)lp);
            return 2;
        }
        if (ls - from <= WINDOW)
            break;
        if (slice_is_over(L) && lua_isyieldable(L))
            return slice_yield(L, (lua_KContext)(from + WINDOW), find_plain);
    }
    lua_pushnil(L);
    return 1;
}

/* ctx: offset to go on from, times two, plus 1 for find. */
static int find_from(lua_State *L, int status, lua_KContext ctx)
{
    struct search q;
    (void)status;
    bool is_find = ctx & 1;
    lua_settop(L, 2);
    search_open(L, &q, true);
    const char *at = q.m.src + ctx / 2, *to;
    switch (search_next(&q, &at, &to, NULL)) {
    case FOUND:
        if (!is_find)
            return pattern_push_captures(&q.m, at, to);
        lua_pushinteger(L, at - q.m.src + 1);
        lua_pushinteger(L, to - q.m.src);
        return pattern_push_captures(&q.m, NULL, NULL) + 2;
    case SLICE_OVER:
        need_yieldable(L, is_find ? "find" : "match");
        return slice_yield(L, (at - q.m.src) * 2 + is_find, find_from);
    default: lua_pushnil(L); return 1;
    }
}

static int find_or_match(lua_State *L, bool is_find)
{
    size_t ls, lp;
    luaL_checklstring(L, 1, &ls);
    const char *p = luaL_checklstring(L, 2, &lp);
    size_t init = position(luaL_optinteger(L, 3, 1), ls) - 1;
    if (init > ls) {
        lua_pushnil(L);
        return 1;
    }
    if (is_find && (lua_toboolean(L, 4) || is_plain(p, lp))) {
        if (lp > PLAIN_MAX)
            return luaL_error(L, "string.find: at most %I bytes to look for",
                              (LUAI_UACINT)PLAIN_MAX);
        return find_plain(L, LUA_OK, (lua_KContext)init);
    }
    return find_from(L, LUA_OK, (lua_KContext)init * 2 + is_find);
}

/* string.find(s, pattern [, init [, plain]]) */
int l_find(lua_State *L) { return find_or_match(L, true); }

/* string.match(s, pattern [, init]) */
int l_match(lua_State *L) { return find_or_match(L, false); }

/* ---- gmatch ---- */

struct gmatch {
    struct search q;
    const char *at, *last;
};

static int gmatch_next(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct gmatch *g = lua_touserdata(L, lua_upvalueindex(3));
    const char *to;
    g->q.m.L = L;
    switch (search_next(&g->q, &g->at, &to, g->last)) {
    case FOUND: {
        const char *from = g->at;
        g->at = g->last = to;
        return pattern_push_captures(&g->q.m, from, to);
    }
    case SLICE_OVER: need_yieldable(L, "gmatch"); return slice_yield(L, 0, gmatch_next);
    default: g->at = g->q.m.end + 1; return 0;
    }
}

static int gmatch_step(lua_State *L) { return gmatch_next(L, LUA_OK, 0); }

/* string.gmatch(s, pattern [, init]) */
int l_gmatch(lua_State *L)
{
    size_t ls;
    luaL_checklstring(L, 1, &ls);
    luaL_checkstring(L, 2);
    size_t init = position(luaL_optinteger(L, 3, 1), ls) - 1;
    lua_settop(L, 2); /* both strings stay alive with the iterator */
    struct gmatch *g = lua_newuserdatauv(L, sizeof *g, 1);
    if (search_open(L, &g->q, false))
        lua_setiuservalue(L, 3, 1);
    g->at = g->q.m.src + (init > ls ? ls + 1 : init);
    g->last = NULL;
    lua_pushcclosure(L, gmatch_step, 3);
    return 1;
}

/* ---- gsub ---- */

/* One attempt for the version in Lua: next(s, pattern, init, not_to) -> from, to, captures | nil.
 * `to` is the position behind the match; an empty match that ends at not_to does not count. */
static int next_from(lua_State *L, int status, lua_KContext ctx)
{
    struct search q;
    (void)status;
    lua_settop(L, 4);
    search_open(L, &q, true);
    const char *at = q.m.src + ctx, *to;
    const char *not_to = lua_isinteger(L, 4) ? q.m.src + lua_tointeger(L, 4) - 1 : NULL;
    switch (search_next(&q, &at, &to, not_to)) {
    case FOUND:
        lua_pushinteger(L, at - q.m.src + 1);
        lua_pushinteger(L, to - q.m.src + 1);
        return pattern_push_captures(&q.m, at, to) + 2;
    case SLICE_OVER: need_yieldable(L, "gsub"); return slice_yield(L, at - q.m.src, next_from);
    default: lua_pushnil(L); return 1;
    }
}

int l_gsub_next(lua_State *L) { return next_from(L, LUA_OK, luaL_checkinteger(L, 3) - 1); }

/* A replacement text: %0 to %9 are captures, %% is %. */
static void add_replacement(struct search *q, luaL_Buffer *b, const char *from, const char *to)
{
    lua_State *L = q->m.L;
    size_t len;
    const char *r = lua_tolstring(L, 3, &len), *end = r + len;
    while (r < end) {
        const char *esc = memchr(r, '%', (size_t)(end - r));
        luaL_addlstring(b, r, (size_t)((esc ? esc : end) - r));
        if (!esc)
            return;
        char c = esc[1];
        if (c == '%') {
            luaL_addchar(b, '%');
        } else if (c == '0') {
            luaL_addlstring(b, from, (size_t)(to - from));
        } else if (isdigit((unsigned char)c)) {
            pattern_push_capture(&q->m, c - '1', from, to);
            luaL_addvalue(b);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
        r = esc + 2;
    }
}

/* A table without metamethods: the first capture is the key. False: the text stays. */
static void add_from_table(struct search *q, luaL_Buffer *b, const char *from, const char *to)
{
    lua_State *L = q->m.L;
    pattern_push_capture(&q->m, 0, from, to);
    lua_rawget(L, 3);
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, from, (size_t)(to - from));
    } else if (lua_isstring(L, -1)) {
        luaL_addvalue(b);
    } else {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
}

/* Stack: s, pattern, replacement, max, count, last match's end or nil, list of what is made so far
 * or nil. ctx: offset in s. */
enum { AT_MAX = 4, AT_COUNT, AT_LAST, AT_MADE };

static int gsub_pause(lua_State *L, const struct search *q, luaL_Buffer *b, lua_Integer count,
                      const char *last, const char *at);

static int gsub_from(lua_State *L, int status, lua_KContext ctx)
{
    struct search q;
    luaL_Buffer b;
    (void)status;
    lua_Integer max = lua_tointeger(L, AT_MAX), count = lua_tointeger(L, AT_COUNT);
    bool is_table = lua_istable(L, 3);
    search_open(L, &q, true);
    const char *last = lua_isnil(L, AT_LAST) ? NULL : q.m.src + lua_tointeger(L, AT_LAST);
    const char *at = q.m.src + ctx, *to;
    luaL_buffinit(L, &b);
    while (count < max) {
        const char *from = at;
        enum found f = search_next(&q, &at, &to, last);
        if (f == NOT_FOUND)
            at = from;
        else
            luaL_addlstring(&b, from, (size_t)(at - from));
        if (f == SLICE_OVER)
            return gsub_pause(L, &q, &b, count, last, at);
        if (f == NOT_FOUND)
            break;
        count++;
        if (is_table)
            add_from_table(&q, &b, at, to);
        else
            add_replacement(&q, &b, at, to);
        at = last = to;
        q.spent += 8;
        if (q.is_anchored)
            break;
        if (q.spent >= LOOK_STEPS) {
            q.spent = 0;
            if (slice_is_over(L))
                return gsub_pause(L, &q, &b, count, last, at);
        }
    }
    luaL_addlstring(&b, at, (size_t)(q.m.end - at));
    luaL_pushresult(&b);
    if (lua_istable(L, AT_MADE)) {
        slice_keep(L, AT_MADE);
        slice_join(L, AT_MADE);
    }
    lua_pushinteger(L, count);
    return 2;
}

/* What is made so far becomes a string, so that it survives the yield. */
static int gsub_pause(lua_State *L, const struct search *q, luaL_Buffer *b, lua_Integer count,
                      const char *last, const char *at)
{
    need_yieldable(L, "gsub");
    luaL_pushresult(b);
    slice_keep(L, AT_MADE);
    lua_pushinteger(L, count);
    lua_replace(L, AT_COUNT);
    if (last)
        lua_pushinteger(L, last - q->m.src);
    else
        lua_pushnil(L);
    lua_replace(L, AT_LAST);
    lua_settop(L, AT_MADE);
    return slice_yield(L, at - q->m.src, gsub_from);
}

static int returned(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    return lua_gettop(L);
}

/* string.gsub(s, pattern, replacement [, n]): a function, or a table with __index, is called by the
 * version in Lua (upvalue 1), where it may wait. */
int l_gsub(lua_State *L)
{
    size_t ls;
    luaL_checklstring(L, 1, &ls);
    luaL_checkstring(L, 2);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)ls + 1);
    lua_settop(L, 3);
    lua_pushinteger(L, max);
    if (type == LUA_TFUNCTION || (type == LUA_TTABLE && luaL_getmetafield(L, 3, "__index"))) {
        lua_settop(L, 4);
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_callk(L, 4, LUA_MULTRET, 0, returned);
        return returned(L, LUA_OK, 0);
    }
    lua_tostring(L, 3); /* a number becomes its text */
    lua_pushinteger(L, 0);
    lua_settop(L, AT_MADE);
    return gsub_from(L, LUA_OK, 0);
}
