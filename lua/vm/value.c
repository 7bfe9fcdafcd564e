/* JSON text to Lua values. The text has passed json_scan(): nothing is checked here again but its
 * end. */
#include "vm/value.h"

#include <lauxlib.h>

#include "vm/module.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define EXACT 9007199254740992.0 /* 2^53 */

static const char array_key, object_key; /* registry keys of the marks' metatables */

struct cursor {
    const char *p, *end;
};

static void push_any(lua_State *L, struct cursor *c);

void value_open(lua_State *L)
{
    const char *const keys[] = { &array_key, &object_key };
    for (int i = 0; i < 2; i++) {
        lua_createtable(L, 0, 1);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_rawsetp(L, LUA_REGISTRYINDEX, keys[i]);
    }
}

void value_push_null(lua_State *L) { lua_pushlightuserdata(L, NULL); }

int value_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL;
}

static void set_mark(lua_State *L, int index, const char *key)
{
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_setmetatable(L, index);
}

void value_mark_array(lua_State *L, int index) { set_mark(L, index, &array_key); }

void value_mark_object(lua_State *L, int index) { set_mark(L, index, &object_key); }

enum value_mark value_mark(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return MARK_NONE;
    enum value_mark m = MARK_NONE;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &object_key);
    if (lua_rawequal(L, -3, -2))
        m = MARK_ARRAY;
    else if (lua_rawequal(L, -3, -1))
        m = MARK_OBJECT;
    lua_pop(L, 3);
    return m;
}

static void skip_blank(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

/* ---- strings ---- */

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned ch = (unsigned char)p[i];
        v = v * 16 + (ch <= '9' ? ch - '0' : (ch | 32u) - 'a' + 10);
    }
    return v;
}

static void add_utf8(luaL_Buffer *b, unsigned cp)
{
    if (cp < 0x80) {
        luaL_addchar(b, (char)cp);
    } else if (cp < 0x800) {
        luaL_addchar(b, (char)(0xC0 | cp >> 6));
        luaL_addchar(b, (char)(0x80 | (cp & 63)));
    } else if (cp < 0x10000) {
        luaL_addchar(b, (char)(0xE0 | cp >> 12));
        luaL_addchar(b, (char)(0x80 | (cp >> 6 & 63)));
        luaL_addchar(b, (char)(0x80 | (cp & 63)));
    } else {
        luaL_addchar(b, (char)(0xF0 | cp >> 18));
        luaL_addchar(b, (char)(0x80 | (cp >> 12 & 63)));
        luaL_addchar(b, (char)(0x80 | (cp >> 6 & 63)));
        luaL_addchar(b, (char)(0x80 | (cp & 63)));
    }
}

/* p stands behind the backslash; returns what follows the escape. */
static const char *add_escape(luaL_Buffer *b, const char *p)
{
    switch (*p) {
    case 'b': luaL_addchar(b, '\b'); break;
    case 'f': luaL_addchar(b, '\f'); break;
    case 'n': luaL_addchar(b, '\n'); break;
    case 'r': luaL_addchar(b, '\r'); break;
    case 't': luaL_addchar(b, '\t'); break;
    case 'u': {
        unsigned cp = hex4(p + 1);
        p += 4;
        if (cp >= 0xD800 && cp < 0xDC00) {
            cp = 0x10000 + ((cp - 0xD800) << 10) + (hex4(p + 3) - 0xDC00);
            p += 6;
        }
        add_utf8(b, cp);
        break;
    }
    default: luaL_addchar(b, *p); break;
    }
    return p + 1;
}

static void push_string(lua_State *L, struct cursor *c)
{
    const char *from = ++c->p, *p = from;
    while (*p != '"' && *p != '\\')
        p++;
    if (*p == '"') {
        lua_pushlstring(L, from, (size_t)(p - from));
        c->p = p + 1;
        return;
    }
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (;;) {
        luaL_addlstring(&b, from, (size_t)(p - from));
        if (*p == '"')
            break;
        from = p = add_escape(&b, p + 1);
        while (*p != '"' && *p != '\\')
            p++;
    }
    luaL_pushresult(&b);
    c->p = p + 1;
}

/* ---- numbers ---- */

static bool is_number_char(char ch)
{
    return (ch >= '0' && ch <= '9') || ch == '-' || ch == '+' || ch == '.' || ch == 'e' ||
           ch == 'E';
}

/* JSON knows one kind of number: what is whole is an integer in Lua, also 3.0 and 1e2. */
static void push_number(lua_State *L, struct cursor *c)
{
    const char *from = c->p, *p = from;
    bool is_negative = *p == '-', is_plain = true;
    lua_Integer v = 0;
    for (; p < c->end && is_number_char(*p); p++) {
        if (*p >= '0' && *p <= '9')
            v = (lua_Integer)((lua_Unsigned)v * 10 + (lua_Unsigned)(*p - '0'));
        else if (p != from)
            is_plain = false;
    }
    size_t len = (size_t)(p - from);
    c->p = p;
    if (is_plain && len <= 18) {
        lua_pushinteger(L, is_negative ? -v : v);
        return;
    }
    lua_stringtonumber(L, lua_pushlstring(L, from, len));
    lua_remove(L, -2);
    lua_Number d = lua_tonumber(L, -1);
    if (!lua_isinteger(L, -1) && fabs(d) <= EXACT && floor(d) == d) {
        lua_pop(L, 1);
        lua_pushinteger(L, (lua_Integer)d);
    }
}

/* ---- containers ---- */

static void push_array(lua_State *L, struct cursor *c)
{
    lua_newtable(L);
    value_mark_array(L, -1);
    c->p++;
    skip_blank(c);
    for (lua_Integer i = 1; *c->p != ']'; i++) {
        push_any(L, c);
        lua_rawseti(L, -2, i);
        skip_blank(c);
        if (*c->p == ',')
            c->p++;
        skip_blank(c);
    }
    c->p++;
}

static void push_object(lua_State *L, struct cursor *c, bool drop_nulls)
{
    lua_createtable(L, 0, 4);
    c->p++;
    skip_blank(c);
    while (*c->p != '}') {
        push_string(L, c);
        skip_blank(c);
        c->p++; /* the colon */
        skip_blank(c);
        push_any(L, c);
        if (drop_nulls && value_is_null(L, -1))
            lua_pop(L, 2);
        else
            lua_rawset(L, -3);
        skip_blank(c);
        if (*c->p == ',')
            c->p++;
        skip_blank(c);
    }
    c->p++;
}

static void push_any(lua_State *L, struct cursor *c)
{
    luaL_checkstack(L, 6, "JSON is nested too deeply");
    skip_blank(c);
    switch (*c->p) {
    case '"': push_string(L, c); break;
    case '{': push_object(L, c, false); break;
    case '[': push_array(L, c); break;
    case 't':
        lua_pushboolean(L, 1);
        c->p += 4;
        break;
    case 'f':
        lua_pushboolean(L, 0);
        c->p += 5;
        break;
    case 'n':
        value_push_null(L);
        c->p += 4;
        break;
    default: push_number(L, c); break;
    }
}

void value_push(lua_State *L, const char *json, size_t len)
{
    struct cursor c = { json, json + len };
    push_any(L, &c);
}

void value_push_args(lua_State *L, struct json_text args)
{
    if (args.type != JSON_OBJECT) {
        lua_newtable(L);
        return;
    }
    struct cursor c = { args.p, args.p + args.len };
    push_object(L, &c, true);
}
