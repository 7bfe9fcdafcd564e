/* A tool's own settings: declared in its file, written in its section of mcp.ini, read with
 * mcp.config. */
#include <lauxlib.h>

#include "base/parse.h"
#include "vm/decl.h"
#include "vm/value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = { "string",   "secret", "integer", "number", "boolean",
                                     "duration", "size",   "list",    NULL };
static const char *const members[] = { "type", "help", "default", "required", NULL };

static void push_list(lua_State *L, const char *text)
{
    size_t len;
    lua_newtable(L);
    value_mark_array(L, -1);
    for (const char *item; (item = list_next(&text, &len)) != NULL;) {
        lua_pushlstring(L, item, len);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

static bool push_number(lua_State *L, const char *text, bool is_integer)
{
    if (lua_stringtonumber(L, text) == 0)
        return false;
    if (is_integer ? lua_isinteger(L, -1) : (bool)isfinite(lua_tonumber(L, -1)))
        return true;
    lua_pop(L, 1);
    return false;
}

/* Pushes the text as a value of the type; false, and nothing pushed, when it is none. */
static bool push_typed(lua_State *L, const char *type, const char *text)
{
    int64_t ms;
    uint64_t bytes;
    bool b;
    if (strcmp(type, "integer") == 0)
        return push_number(L, text, true);
    if (strcmp(type, "number") == 0)
        return push_number(L, text, false);
    if (strcmp(type, "boolean") == 0) {
        if (parse_bool(text, &b) != 0)
            return false;
        lua_pushboolean(L, b);
    } else if (strcmp(type, "duration") == 0) {
        if (parse_duration(text, &ms) != 0)
            return false;
        lua_pushnumber(L, (lua_Number)ms / 1000);
    } else if (strcmp(type, "size") == 0) {
        if (parse_size(text, &bytes) != 0 || bytes > INT64_MAX)
            return false;
        lua_pushinteger(L, (lua_Integer)bytes);
    } else if (strcmp(type, "list") == 0) {
        push_list(L, text);
    } else {
        lua_pushstring(L, text);
    }
    return true;
}

/* A default may be written as in mcp.ini ("5s") or as the value itself. Pushes it; false: wrong
 * type. */
static bool push_default(lua_State *L, const char *type, int index)
{
    int have = lua_type(L, index);
    if (have == LUA_TSTRING)
        return push_typed(L, type, lua_tostring(L, index));
    bool is_count = strcmp(type, "integer") == 0 || strcmp(type, "size") == 0;
    bool is_number = strcmp(type, "number") == 0 || strcmp(type, "duration") == 0;
    bool fits = (have == LUA_TNUMBER && (is_number || (is_count && lua_isinteger(L, index)))) ||
                (have == LUA_TBOOLEAN && strcmp(type, "boolean") == 0) ||
                (have == LUA_TTABLE && strcmp(type, "list") == 0);
    if (fits)
        lua_pushvalue(L, index);
    return fits;
}

static const struct vm_setting *find(const struct vm_policy *p, const char *key)
{
    for (size_t i = 0; i < p->setting_count; i++)
        if (strcmp(p->settings[i].key, key) == 0)
            return &p->settings[i];
    return NULL;
}

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

static bool check_members(lua_State *L, int decl, const char *key, struct report *r)
{
    char hint[80];
    for (lua_pushnil(L); lua_next(L, decl); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (is_one_of(name, members))
            continue;
        report_add(r, name, "settings.%s: unknown field \"%s\"%s", key, name,
                   report_nearest(name, members, hint, sizeof hint));
        lua_pop(L, 2);
        return false;
    }
    return true;
}

/* The setting `key`, declared by the table at decl: its value goes into the table at values. */
static void read_setting(lua_State *L, int decl, const char *key, const struct vm_policy *p,
                         int values, struct report *r)
{
    int top = lua_gettop(L);
    if (!lua_istable(L, decl)) {
        report_add(r, key, "settings.%s: expected a table such as { type = \"string\" }", key);
        return;
    }
    if (!check_members(L, decl, key, r))
        return;
    lua_getfield(L, decl, "type");
    const char *type = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    lua_getfield(L, decl, "required");
    bool required = lua_toboolean(L, -1);
    const struct vm_setting *s = find(p, key);
    bool found = true;
    if (!is_one_of(type, types)) {
        report_add(r, key,
                   "settings.%s: type must be one of string, secret, integer, number, "
                   "boolean, duration, size, list",
                   key);
        found = false;
    } else if (s && strcmp(type, "secret") == 0) {
        found = !s->secret_error;
        lua_pushstring(L, s->secret ? s->secret : s->value);
        if (!found)
            report_add(r, key, "%s: %s: %s", s->where, key, s->secret_error);
    } else if (s) {
        found = push_typed(L, type, s->value);
        if (!found)
            report_add(r, key, "%s: %s is not a value of type %s for the setting %s", s->where,
                       s->value, type, key);
    } else if (lua_getfield(L, decl, "default") != LUA_TNIL) {
        found = push_default(L, type, lua_gettop(L));
        if (!found)
            report_add(r, key, "settings.%s: the default is not of type %s", key, type);
    } else if (required) {
        report_add(r, key,
                   "settings.%s is required; write in mcp.ini, in the tool's section: %s = ...",
                   key, key);
        found = false;
    } else {
        lua_pushnil(L);
    }
    if (found) {
        lua_createtable(L, 1, 0); /* boxed, so that one without a value is known too */
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
        lua_setfield(L, values, key);
    }
    lua_settop(L, top);
}

/* What stands in mcp.ini and nobody declared. */
static void check_unknown(lua_State *L, int index, const struct vm_policy *p, struct report *r)
{
    const char *names[65] = { NULL };
    size_t n = 0;
    if (index)
        for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
            if (n < 64 && lua_type(L, -2) == LUA_TSTRING)
                names[n++] = lua_tostring(L, -2);
    for (size_t i = 0; i < p->setting_count; i++) {
        char hint[80];
        const struct vm_setting *s = &p->settings[i];
        if (!is_one_of(s->key, names))
            report_add(r, "settings", "%s: the tool has no setting \"%s\"%s", s->where, s->key,
                       report_nearest(s->key, names, hint, sizeof hint));
    }
}

bool settings_push(lua_State *L, int index, const struct vm_policy *p, struct report *r)
{
    unsigned before = r->count;
    lua_newtable(L);
    int values = lua_gettop(L);
    if (index) {
        for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
            if (lua_type(L, -2) == LUA_TSTRING)
                read_setting(L, lua_gettop(L), lua_tostring(L, -2), p, values, r);
            else
                report_add(r, "settings", "settings: expected names and tables");
        }
    }
    check_unknown(L, index, p, r);
    if (r->count == before)
        return true;
    r->settings += r->count - before;
    lua_settop(L, values - 1);
    return false;
}
