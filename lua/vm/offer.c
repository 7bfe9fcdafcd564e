/* mcp.prompt{...}, mcp.resource{...}, mcp.resource_template{...}: what of these declarations is not
 * as it is with a tool. What runs them was made by lua/lib/mcp/offer.lua. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "tools/uritemplate.h"
#include "vm/reading.h"

#define OFFER_NAME_MAX 119 /* bytes: with its kind before it no longer than a tool's */
#define ARGUMENTS_MAX 32   /* of one prompt */
#define URI_MAX 1024
#define CACHE_MAX_MS (INT64_C(365) * 24 * 3600 * 1000)

enum { PART_RUN = 2, PART_COMPLETE, PART_LIST }; /* user values of what mcp.prompt made */

static const char *const prompt_fields[] = { "name",     "title",  "description", "arguments",
                                             "icons",    "meta",   "needs",       "run",
                                             "settings", "limits", "complete",    NULL };
static const char *const resource_fields[] = { "uri",      "name",  "title",       "description",
                                               "mimeType", "size",  "annotations", "icons",
                                               "meta",     "needs", "settings",    "limits",
                                               "read",     "cache", NULL };
static const char *const template_fields[] = {
    "uriTemplate", "name",     "title",  "description", "mimeType", "annotations", "icons", "meta",
    "needs",       "settings", "limits", "read",        "complete", "list",        "cache", NULL
};
static const char *const skill_fields[] = { "name", "title",  "description", "path",
                                            "meta", "folder", "files",       NULL };

const char *decl_word(enum tool_kind kind)
{
    static const char *const words[TOOL_KINDS] = {
        [TOOL_TOOL] = "mcp.tool",         [TOOL_PROMPT] = "mcp.prompt",
        [TOOL_RESOURCE] = "mcp.resource", [TOOL_TEMPLATE] = "mcp.resource_template",
        [TOOL_SKILL] = "mcp.skill",
    };
    return words[kind] ? words[kind] : "mcp";
}

void offer_read_name(struct reading *x)
{
    enum tool_kind kind = x->d->tool.kind;
    static const struct {
        const char *const *fields;
        const char *word;
    } kinds[TOOL_KINDS] = {
        [TOOL_PROMPT] = { prompt_fields, "prompt" },
        [TOOL_RESOURCE] = { resource_fields, "resource" },
        [TOOL_TEMPLATE] = { template_fields, "resource" },
        [TOOL_SKILL] = { skill_fields, "skill" },
    };
    reading_names(x, kinds[kind].fields);
    reading_name(x, OFFER_NAME_MAX);
    if (!x->d->tool.name)
        return;
    lua_pushfstring(x->L, "%s:%s", kinds[kind].word, x->d->tool.name);
    x->d->tool.name = reading_anchored(x);
}

/* ---- arguments of a prompt ---- */

/* The table at the top of the stack. */
static void argument_check(struct reading *x, const char *const *names)
{
    lua_State *L = x->L;
    char hint[80];
    int item = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, item); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        const char *const *n = names;
        while (*n && strcmp(*n, name) != 0)
            n++;
        bool is_flag = strcmp(name, "required") == 0;
        if (!*n)
            report_add(x->r, "arguments", "arguments: unknown field \"%s\"%s", name,
                       report_nearest(name, names, hint, sizeof hint));
        else if (lua_type(L, -1) != (is_flag ? LUA_TBOOLEAN : LUA_TSTRING))
            report_add(x->r, "arguments", "arguments: %s: expected %s, got %s", name,
                       is_flag ? "true or false" : "a string", luaL_typename(L, -1));
    }
    lua_pushliteral(L, "name");
    if (lua_rawget(L, item) != LUA_TSTRING || lua_rawlen(L, -1) == 0 ||
        lua_rawlen(L, -1) > TOOL_NAME_MAX)
        report_add(x->r, "arguments", "arguments: each needs a name of 1 to %d bytes",
                   TOOL_NAME_MAX);
    lua_pop(L, 1);
}

/* Has the prompt this argument? */
static bool argument_is(struct reading *x, const char *name)
{
    lua_State *L = x->L;
    int top = lua_gettop(L);
    bool found = false;
    if (reading_field(x, "arguments") == LUA_TTABLE) {
        int list = lua_gettop(L);
        for (lua_Integer i = 1; !found && lua_rawgeti(L, list, i) == LUA_TTABLE; i++) {
            lua_pushliteral(L, "name");
            found = lua_rawget(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -1), name) == 0;
            lua_settop(L, list);
        }
    }
    lua_settop(L, top);
    return found;
}

static void arguments_read(struct reading *x)
{
    static const char *const names[] = { "name", "title", "description", "required", NULL };
    lua_State *L = x->L;
    int top = lua_gettop(L), type = reading_field(x, "arguments");
    unsigned before = x->r->count;
    if (type != LUA_TNIL && type != LUA_TTABLE)
        reading_wrong_type(x, "arguments", "a list such as { { name = \"file\" } }");
    lua_Integer n = type == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (n > ARGUMENTS_MAX)
        report_add(x->r, "arguments", "arguments: more than %d", ARGUMENTS_MAX);
    for (lua_Integer i = 1; i <= n && i <= ARGUMENTS_MAX; i++, lua_pop(L, 1)) {
        if (lua_rawgeti(L, top + 1, i) == LUA_TTABLE)
            argument_check(x, names);
        else
            report_add(x->r, "arguments",
                       "arguments: expected a list of tables such as { name = \"file\" }");
    }
    lua_settop(L, top);
    if (type == LUA_TTABLE && x->r->count == before)
        reading_plain(x, "arguments", '[', &x->d->tool.arguments);
}

/* ---- functions ---- */

/* The function that offer.lua made of the field, as a reference. */
static int part_ref(struct reading *x, int part)
{
    if (lua_getiuservalue(x->L, x->mark, part) == LUA_TFUNCTION)
        return luaL_ref(x->L, LUA_REGISTRYINDEX);
    lua_pop(x->L, 1);
    return LUA_NOREF;
}

static void function_read(struct reading *x, const char *name)
{
    if (reading_field(x, name) != LUA_TFUNCTION)
        reading_wrong_type(x, name, "a function");
    lua_pop(x->L, 1);
    x->d->run_ref = part_ref(x, PART_RUN);
    x->d->takes_ctx = true;
}

static bool is_list_of_texts(lua_State *L, int index)
{
    lua_Integer n = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), n++)
        if (lua_type(L, -1) != LUA_TSTRING || !lua_isinteger(L, -2)) {
            lua_pop(L, 2);
            return false;
        }
    return n == (lua_Integer)lua_rawlen(L, index);
}

static void complete_check(struct reading *x, const struct uritemplate *pattern)
{
    lua_State *L = x->L;
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        int type = lua_type(L, -1);
        if (pattern ? !uritemplate_has(pattern, name) : !argument_is(x, name))
            report_add(x->r, "complete", "complete: there is no %s \"%s\"",
                       pattern ? "variable" : "argument", name);
        else if (type != LUA_TFUNCTION &&
                 (type != LUA_TTABLE || !is_list_of_texts(L, lua_gettop(L))))
            report_add(x->r, "complete", "complete.%s: expected a function or a list of texts",
                       name);
    }
}

/* complete = { argument = function(value, ctx, others) or { "list" } } */
static void complete_read(struct reading *x, const struct uritemplate *pattern)
{
    int type = reading_field(x, "complete");
    if (type == LUA_TTABLE)
        complete_check(x, pattern);
    else if (type != LUA_TNIL)
        reading_wrong_type(x, "complete", "a table such as { file = function(value) ... end }");
    lua_pop(x->L, 1);
    x->d->complete_ref = part_ref(x, PART_COMPLETE);
}

/* ---- resources ---- */

/* "scheme:rest", without blanks: what clients check. */
static bool is_uri(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char scheme[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    size_t len = strspn(s, scheme);
    if (!strspn(s, letters) || s[len] != ':' || s[len + 1] == '\0' || strlen(s) > URI_MAX)
        return false;
    for (const char *p = s; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`", *p))
            return false;
    return true;
}

static bool uri_read(struct reading *x, const char *field, const char *example)
{
    reading_text(x, field, &x->d->tool.uri);
    if (x->d->tool.uri && is_uri(x->d->tool.uri))
        return true;
    if (x->d->tool.uri)
        report_add(x->r, field, "%s: \"%.100s\" is no URI such as \"%s\"", field, x->d->tool.uri,
                   example);
    else
        report_add(x->r, NULL, "%s: %s is missing, such as \"%s\"", x->what, field, example);
    return false;
}

static void template_read(struct reading *x)
{
    struct err e;
    if (!uri_read(x, "uriTemplate", "notes:///{+path}"))
        return;
    struct uritemplate *pattern = uritemplate_new(x->d->tool.uri, &e);
    if (!pattern) {
        report_add(x->r, "uriTemplate", "uriTemplate: %s", e.text);
        return;
    }
    /* Nothing below raises but for want of memory, which ends the loading. */
    complete_read(x, pattern);
    uritemplate_free(pattern);
    if (reading_field(x, "list") != LUA_TNIL && lua_type(x->L, -1) != LUA_TFUNCTION)
        reading_wrong_type(x, "list", "a function");
    lua_pop(x->L, 1);
    x->d->list_ref = part_ref(x, PART_LIST);
}

/* One field of cache, its name below it. */
static void cache_part(struct reading *x)
{
    static const char *const names[] = { "ttl", "public", NULL };
    lua_State *L = x->L;
    char hint[80];
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (strcmp(name, "ttl") == 0) {
        if (!reading_amount(L, true, &x->d->tool.cache_ttl_ms) ||
            x->d->tool.cache_ttl_ms > CACHE_MAX_MS)
            report_add(x->r, "ttl",
                       "cache.ttl: expected seconds, or a text such as \"10m\", up to \"365d\"");
    } else if (strcmp(name, "public") == 0) {
        if (lua_type(L, -1) != LUA_TBOOLEAN)
            report_add(x->r, "public", "cache.public: expected true or false, got %s",
                       luaL_typename(L, -1));
        x->d->tool.cache_is_public = lua_toboolean(L, -1);
    } else {
        report_add(x->r, name, "cache: unknown field \"%s\"%s", name,
                   report_nearest(name, names, hint, sizeof hint));
    }
}

/* cache = { ttl = "10m", public = true } */
static void cache_read(struct reading *x)
{
    lua_State *L = x->L;
    unsigned before = x->r->count;
    int type = reading_field(x, "cache"), cache = lua_gettop(L);
    if (type == LUA_TTABLE) {
        for (lua_pushnil(L); lua_next(L, cache); lua_pop(L, 1))
            cache_part(x);
        if (x->d->tool.cache_ttl_ms == 0 && x->r->count == before)
            report_add(x->r, "cache", "cache: ttl is missing, such as \"10m\"");
    } else if (type != LUA_TNIL) {
        reading_wrong_type(x, "cache", "a table such as { ttl = \"10m\" }");
    }
    lua_settop(L, cache - 1);
}

static void resource_read(struct reading *x)
{
    lua_State *L = x->L;
    uri_read(x, "uri", "notes:///today");
    if (reading_field(x, "size") != LUA_TNIL) {
        if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 0)
            x->d->tool.size = lua_tointeger(L, -1);
        else
            report_add(x->r, "size", "size: expected bytes, an integer from 0 on");
    }
    lua_pop(L, 1);
}

void offer_read(struct reading *x)
{
    struct tool *t = &x->d->tool;
    t->input_schema = DECL_ANY_INPUT;
    reading_plain(x, "icons", '[', &t->icons);
    reading_plain(x, "meta", '{', &t->meta);
    if (t->kind == TOOL_SKILL) {
        skill_read(x);
        return;
    }
    if (t->kind == TOOL_PROMPT) {
        arguments_read(x);
        complete_read(x, NULL);
        function_read(x, "run");
        return;
    }
    reading_text(x, "mimeType", &t->mime_type);
    reading_plain(x, "annotations", '{', &t->annotations);
    cache_read(x);
    if (t->kind == TOOL_TEMPLATE)
        template_read(x);
    else
        resource_read(x);
    function_read(x, "read");
}
