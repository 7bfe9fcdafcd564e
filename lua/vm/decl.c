#include "vm/decl.h"

#include <lauxlib.h>

#include "base/parse.h"
#include "vm/reading.h"
#include "vm/schema.h"
#include "vm/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DECL "mg.decl"
#define TEXT_MAX_BYTES 16384
#define CONCURRENT_MAX 100000
#define EVERY_MIN_MS 1000
#define EVERY_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

static const char *const fields[] = { "name",        "title",  "description", "input", "output",
                                      "annotations", "icons",  "meta",        "needs", "settings",
                                      "limits",      "coerce", "task",        "run",   "start",
                                      "every",       NULL };

/* ---- mcp.tool ---- */

struct mark {
    int line;
    enum tool_kind kind;
};

/* Only notes the table and where it stands; it is checked when the file has returned it. */
void decl_push(lua_State *L, enum tool_kind kind)
{
    lua_Debug ar;
    lua_settop(L, DECL_PARTS);
    struct mark *m = lua_newuserdatauv(L, sizeof *m, DECL_PARTS);
    m->line = lua_getstack(L, 1, &ar) && lua_getinfo(L, "l", &ar) ? ar.currentline : 0;
    m->kind = kind;
    for (int i = 1; i <= DECL_PARTS; i++) {
        lua_pushvalue(L, i);
        lua_setiuservalue(L, -2, i);
    }
    if (luaL_newmetatable(L, DECL)) {
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
}

/* mcp.tool{...} */
static int l_tool(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    decl_push(L, TOOL_TOOL);
    return 1;
}

static int open_decl(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_tool);
    lua_setfield(L, -2, "tool");
    return 1;
}

const struct api_module decl_module = { .name = "", .open = open_decl };

/* ---- reading ---- */

/* Pushes the field; its type, or LUA_TNIL. Raw: a declaration is data. */
int reading_field(struct reading *x, const char *name)
{
    lua_pushstring(x->L, name);
    return lua_rawget(x->L, x->table);
}

/* The string at the top stays alive as long as the anchor; pops it. */
const char *reading_anchored(struct reading *x)
{
    lua_State *L = x->L;
    const char *s = lua_tostring(L, -1);
    lua_rawseti(L, x->anchor, (lua_Integer)lua_rawlen(L, x->anchor) + 1);
    return s;
}

void reading_wrong_type(struct reading *x, const char *name, const char *want)
{
    report_add(x->r, name, "%s: expected %s, got %s", name, want, luaL_typename(x->L, -1));
}

void reading_text(struct reading *x, const char *name, const char **out)
{
    int type = reading_field(x, name);
    if (type == LUA_TNIL) {
        lua_pop(x->L, 1);
    } else if (type != LUA_TSTRING) {
        reading_wrong_type(x, name, "a string");
        lua_pop(x->L, 1);
    } else if (lua_rawlen(x->L, -1) > TEXT_MAX_BYTES ||
               strlen(lua_tostring(x->L, -1)) != lua_rawlen(x->L, -1)) {
        report_add(x->r, name, "%s: longer than %d bytes, or with a zero byte", name,
                   TEXT_MAX_BYTES);
        lua_pop(x->L, 1);
    } else {
        *out = reading_anchored(x);
    }
}

void reading_name(struct reading *x, int max)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    reading_text(x, "name", &x->d->tool.name);
    const char *s = x->d->tool.name;
    if (s && (!*s || strlen(s) > (size_t)max || s[strspn(s, allowed)])) {
        report_add(x->r, "name", "name: \"%.140s\" is not 1 to %d letters, digits, _ . or -", s,
                   max);
        x->d->tool.name = NULL;
    } else if (!s && x->r->count == 0) {
        report_add(x->r, NULL, "%s: name is missing", x->what);
    }
}

/* A call's arguments are an object, and clients want to read just that. */
static bool says_object(const char *text)
{
    static const char *const names[] = { "type" };
    struct json_text root, type;
    struct err e;
    return json_scan(text, strlen(text), NULL, &root, &e) == 0 &&
           (json_find(root, names, &type, 1), type.type == JSON_STRING) &&
           json_string_eq(type, "object", 6);
}

/* The place in the schema is one in the file as well: "at /properties/who/type: reason". */
static void report_schema(struct report *r, const char *field, const char *text)
{
    char path[300];
    size_t len = strncmp(text, "at /", 4) == 0 ? strcspn(text + 3, ":") : 0;
    snprintf(path, sizeof path, "%s%.*s", field, (int)len, text + (len ? 3 : 0));
    report_add(r, path, "%s: %s", field, text);
}

/* What does not compile can never be enforced: the author hears of it when the file is loaded. */
static void check_compiles(struct reading *x, const char *field, const char *text)
{
    struct err e = { 0 };
    if (vm_of(x->L)->like) /* a further machine's: the set has what the first one's text became */
        return;
    if (!schema_try(text, strcmp(field, "input") == 0, &e))
        report_schema(x->r, field, e.text);
}

static void read_schemas(struct reading *x)
{
    struct tool *t = &x->d->tool;
    t->input_schema = DECL_ANY_INPUT;
    if (reading_field(x, "input") != LUA_TNIL && schema_push(x->L, -1, "input", x->r)) {
        t->input_schema = reading_anchored(x);
        if (!says_object(t->input_schema))
            report_add(x->r, "input", "input: must have type = \"object\"");
        else
            check_compiles(x, "input", t->input_schema);
    }
    lua_pop(x->L, 1);
    if (reading_field(x, "output") != LUA_TNIL && schema_push(x->L, -1, "output", x->r)) {
        t->output_schema = reading_anchored(x);
        check_compiles(x, "output", t->output_schema);
    }
    lua_pop(x->L, 1);
}

void reading_plain(struct reading *x, const char *name, char want, const char **out)
{
    if (reading_field(x, name) != LUA_TNIL && schema_push_plain(x->L, -1, name, want, x->r))
        *out = reading_anchored(x);
    lua_pop(x->L, 1);
}

static void read_functions(struct reading *x)
{
    lua_State *L = x->L;
    lua_Debug ar;
    if (reading_field(x, "run") == LUA_TFUNCTION) {
        lua_pushvalue(L, -1);
        lua_getinfo(L, ">u", &ar);
        x->d->takes_ctx = ar.nparams > 1 || ar.isvararg;
        x->d->run_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    } else {
        reading_wrong_type(x, "run", "a function");
        lua_pop(L, 1);
    }
    int type = reading_field(x, "start");
    if (type == LUA_TFUNCTION) {
        x->d->start_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    } else {
        if (type != LUA_TNIL)
            reading_wrong_type(x, "start", "a function");
        lua_pop(L, 1);
    }
    type = reading_field(x, "coerce");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        reading_wrong_type(x, "coerce", "true or false");
    x->d->tool.coerce = lua_toboolean(L, -1);
    lua_pop(L, 1);
}

/* ---- limits ---- */

bool reading_amount(lua_State *L, bool is_time, int64_t *out)
{
    lua_Number n = lua_tonumber(L, -1);
    uint64_t bytes;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        if (!(n > 0 && n < 1e12))
            return false;
        *out = (int64_t)(is_time ? n * 1000 : n);
        return true;
    }
    if (lua_type(L, -1) != LUA_TSTRING)
        return false;
    if (is_time)
        return parse_duration(lua_tostring(L, -1), out) == 0 && *out > 0;
    if (parse_size(lua_tostring(L, -1), &bytes) != 0 || bytes == 0 || bytes > INT64_MAX)
        return false;
    *out = (int64_t)bytes;
    return true;
}

struct declared {
    int64_t timeout_ms, memory, concurrent;
};

static void read_limit(struct reading *x, const char *name, struct declared *out)
{
    bool is_time = strcmp(name, "timeout") == 0;
    if (strcmp(name, "concurrent") == 0) {
        if (!lua_isinteger(x->L, -1) || lua_tointeger(x->L, -1) < 1 ||
            lua_tointeger(x->L, -1) > CONCURRENT_MAX)
            report_add(x->r, name, "limits.concurrent: expected an integer from 1 to %d",
                       CONCURRENT_MAX);
        else
            out->concurrent = lua_tointeger(x->L, -1);
    } else if (!reading_amount(x->L, is_time, is_time ? &out->timeout_ms : &out->memory)) {
        report_add(x->r, name, "limits.%s: expected %s", name,
                   is_time ? "seconds, or a text such as \"30s\""
                           : "bytes, or a text such as \"16M\"");
    }
}

static void read_limits(struct reading *x, struct declared *out)
{
    static const char *const names[] = { "timeout", "memory", "concurrent", NULL };
    lua_State *L = x->L;
    char hint[80];
    int type = reading_field(x, "limits");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        reading_wrong_type(x, "limits", "a table");
    if (type == LUA_TTABLE) {
        int limits = lua_gettop(L);
        for (lua_pushnil(L); lua_next(L, limits); lua_pop(L, 1)) {
            const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
            const char *const *n = names;
            while (*n && strcmp(*n, name) != 0)
                n++;
            if (*n)
                read_limit(x, name, out);
            else
                report_add(x->r, name, "limits: unknown field \"%s\"%s", name,
                           report_nearest(name, names, hint, sizeof hint));
        }
    }
    lua_pop(L, 1);
}

/* every = { "1h", function() end } */
static void read_every(struct reading *x)
{
    lua_State *L = x->L;
    int64_t ms = 0;
    int top = lua_gettop(L), type = reading_field(x, "every");
    if (type == LUA_TTABLE && lua_rawlen(L, -1) == 2) {
        lua_rawgeti(L, -1, 1);
        bool is_time = reading_amount(L, true, &ms) && ms >= EVERY_MIN_MS && ms <= EVERY_MAX_MS;
        lua_pop(L, 1);
        if (is_time && lua_rawgeti(L, -1, 2) == LUA_TFUNCTION) {
            x->d->every_ms = ms;
            x->d->every_ref = luaL_ref(L, LUA_REGISTRYINDEX);
            type = LUA_TNIL;
        }
    }
    if (type != LUA_TNIL)
        report_add(x->r, "every",
                   "every: expected { INTERVAL, FUNCTION }, the interval from \"1s\" to \"30d\"");
    lua_settop(L, top);
}

/* mcp.ini's word for this tool comes first, then the tool's, then the default; never more than the
 * maximum. */
static void settle_limits(struct reading *x, const struct declared *said)
{
    const struct vm_policy *p = x->d->policy;
    const struct vm_options *o = x->o;
    struct tool *t = &x->d->tool;
    int64_t ms = p->timeout_ms ? p->timeout_ms : said->timeout_ms;
    int64_t bytes = p->memory_bytes ? (int64_t)p->memory_bytes : said->memory;
    if (ms == 0)
        ms = o->default_timeout_ms;
    if (bytes == 0)
        bytes = (int64_t)o->default_memory;
    if (o->max_timeout_ms && ms > o->max_timeout_ms) {
        if (!p->timeout_ms && said->timeout_ms)
            report_add(x->r, "timeout",
                       "limits.timeout: %" PRId64
                       " ms is more than [tools] max_timeout in mcp.ini, "
                       "%" PRId64 " ms",
                       ms, o->max_timeout_ms);
        ms = o->max_timeout_ms;
    }
    if (o->max_memory && bytes > (int64_t)o->max_memory) {
        if (!p->memory_bytes && said->memory)
            report_add(x->r, "memory",
                       "limits.memory: %" PRId64
                       " bytes are more than [tools] max_memory in mcp.ini, "
                       "%" PRIu64,
                       bytes, o->max_memory);
        bytes = (int64_t)o->max_memory;
    }
    t->timeout_ms = ms;
    t->memory_bytes = (uint64_t)bytes;
    t->concurrent = p->concurrent ? p->concurrent : (uint32_t)said->concurrent;
    t->rate_bucket = p->rate_bucket;
    t->rate_window_ms = p->rate_window_ms;
}

/* ---- the whole ---- */

void reading_names(struct reading *x, const char *const *names)
{
    lua_State *L = x->L;
    char hint[80];
    for (lua_pushnil(L); lua_next(L, x->table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            report_add(x->r, NULL, "%s: a field without a name", x->what);
            continue;
        }
        const char *name = lua_tostring(L, -2);
        const char *const *f = names;
        while (*f && strcmp(*f, name) != 0)
            f++;
        if (!*f)
            report_add(x->r, name, "unknown field \"%s\"%s", name,
                       report_nearest(name, names, hint, sizeof hint));
    }
}

static void read_grants(struct reading *x)
{
    lua_State *L = x->L;
    const char *name = x->d->tool.name;
    if (!x->d->policy->enabled) /* what cannot be granted can be switched off */
        return;
    bool is_right = reading_field(x, "needs") != LUA_TNIL &&
                    needs_check(L, lua_gettop(L), name, x->d->policy, x->granted, x->r);
    lua_pop(L, 1);
    if (is_right)
        reading_plain(x, "needs", '[', &x->d->tool.needs);
    int type = reading_field(x, "settings");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        reading_wrong_type(x, "settings", "a table");
    else if (settings_push(L, type == LUA_TNIL ? 0 : lua_gettop(L), x->d->policy, x->r))
        x->d->settings_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
    if (x->d->settings_ref != LUA_NOREF)
        reading_plain(x, "settings", '{', &x->d->tool.settings);
}

void decl_unref(lua_State *L, const struct decl *d)
{
    luaL_unref(L, LUA_REGISTRYINDEX, d->run_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, d->complete_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, d->list_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, d->start_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, d->every_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, d->settings_ref);
}

static void push_decl(lua_State *L, int index, int i)
{
    if (lua_istable(L, index))
        lua_rawgeti(L, index, i + 1);
    else
        lua_pushvalue(L, index);
}

int decl_count(lua_State *L, int index, struct report *r)
{
    static const char expected[] =
        "the file must return mcp.tool{...} or a list of them, it returned ";
    if (luaL_testudata(L, index, DECL))
        return 1;
    if (!lua_istable(L, index)) {
        report_add(r, NULL, "%s%s", expected,
                   lua_isnil(L, index) ? "nothing" : luaL_typename(L, index));
        report_help(r, "end the file with: return mcp.tool { name = \"...\", run = function(args) "
                       "... end }");
        return -1;
    }
    int n = (int)lua_rawlen(L, index), all = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (!luaL_testudata(L, -1, DECL) || !lua_isinteger(L, -2) || ++all > DECLS_MAX) {
            report_add(r, NULL,
                       all > DECLS_MAX ? "more than 200 tools in one file"
                                       : "the file must return mcp.tool{...} or a list of "
                                         "them: is mcp.tool missing before the table?");
            lua_pop(L, 2);
            return -1;
        }
    }
    if (n == 0 || n != all)
        report_add(r, NULL, "%s%s", expected, n ? "a list with holes" : "an empty table");
    return n && n == all ? n : -1;
}

static void read_tool(struct reading *x)
{
    read_schemas(x);
    reading_plain(x, "annotations", '{', &x->d->tool.annotations);
    reading_plain(x, "icons", '[', &x->d->tool.icons);
    reading_plain(x, "meta", '{', &x->d->tool.meta);
    read_functions(x);
    reading_task(x);
    read_every(x);
}

static void read_all(struct reading *x)
{
    struct decl *d = x->d;
    bool is_tool = d->tool.kind == TOOL_TOOL;
    struct declared said = { 0 };
    if (is_tool) {
        reading_names(x, fields);
        reading_name(x, TOOL_NAME_MAX);
    } else {
        offer_read_name(x);
    }
    d->policy = x->o->policy(x->o->policy_arg, d->tool.name ? d->tool.name : "");
    if (!d->policy) {
        report_no_memory(x->r);
        return;
    }
    reading_text(x, "title", &d->tool.title);
    reading_text(x, "description", &d->tool.description);
    if (is_tool)
        read_tool(x);
    else
        offer_read(x);
    read_limits(x, &said);
    settle_limits(x, &said);
    if (d->tool.name)
        read_grants(x);
    d->tool.file = x->r->source->name;
}

bool decl_read(lua_State *L, int index, int i, int anchor, int granted, const struct vm_options *o,
               struct decl *d, struct report *r)
{
    luaL_checkstack(L, 20, NULL);
    int top = lua_gettop(L);
    push_decl(L, index, i);
    const struct mark *m = luaL_checkudata(L, -1, DECL);
    int mark = lua_gettop(L);
    lua_getiuservalue(L, mark, 1);
    *d = (struct decl){ .tool = { .kind = m->kind, .size = -1 },
                        .line = m->line,
                        .run_ref = LUA_NOREF,
                        .complete_ref = LUA_NOREF,
                        .list_ref = LUA_NOREF,
                        .start_ref = LUA_NOREF,
                        .settings_ref = LUA_NOREF,
                        .every_ref = LUA_NOREF };
    struct reading x = { L, mark, mark + 1, anchor, granted, decl_word(m->kind), o, d, r };
    unsigned before = r->count;
    r->line = m->line;
    read_all(&x);
    bool is_whole = r->count == before && d->policy;
    lua_settop(L, top);
    if (!is_whole)
        decl_unref(L, d);
    return is_whole;
}
