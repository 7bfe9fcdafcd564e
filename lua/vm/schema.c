#include "vm/schema.h"

#include <lauxlib.h>

#include "base/json_scan.h"
#include "base/json_write.h"
#include "schema/schema.h"
#include "tools/headerparams.h"
#include "vm/module.h"
#include "vm/value.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA_MAX_BYTES ((size_t)256 << 10)
#define TOO_LONG "its JSON is over %zu bytes"
#define MAX_MEMBERS 500

/* Names whose value is a list: an empty table there is []. */
static const char *const list_words[] = { "required", "enum",        "allOf",    "anyOf",
                                          "oneOf",    "prefixItems", "examples", NULL };
/* Names whose value maps names to schemas: what stands there is no keyword. */
static const char *const map_words[] = { "properties",  "patternProperties", "$defs",
                                         "definitions", "dependentSchemas",  NULL };
/* Names whose value is data: no keyword either. */
static const char *const data_words[] = { "const", "default", "enum", "examples", NULL };

enum place { IN_SCHEMA, IN_MAP, IN_LISTS, IN_DATA };

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

static enum place place_of_member(enum place here, const char *name)
{
    if (here == IN_DATA)
        return IN_DATA;
    if (here == IN_MAP || here == IN_LISTS)
        return here == IN_MAP ? IN_SCHEMA : IN_DATA;
    if (is_one_of(name, map_words))
        return IN_MAP;
    if (strcmp(name, "dependentRequired") == 0)
        return IN_LISTS;
    return is_one_of(name, data_words) ? IN_DATA : IN_SCHEMA;
}

struct printer {
    lua_State *L;
    struct buf *out;
    struct err *e;
};

static int print_table(struct printer *p, int index, enum place here, bool wants_list, int depth);

static int print_value(struct printer *p, int index, enum place here, bool wants_list, int depth)
{
    if (lua_istable(p->L, index))
        return print_table(p, index, here, wants_list, depth);
    return value_encode(p->L, index, p->out, p->e);
}

static int rank(const char *name)
{
    static const char *const first[] = { "type", "properties", "required" };
    for (int i = 0; i < 3; i++)
        if (strcmp(name, first[i]) == 0)
            return i;
    return 3;
}

static int compare(const void *pa, const void *pb)
{
    const char *a = *(const char *const *)pa, *b = *(const char *const *)pb;
    int ra = rank(a), rb = rank(b);
    return ra != rb && ra + rb < 6 ? ra - rb : strcmp(a, b);
}

static int compare_plain(const void *pa, const void *pb)
{
    return strcmp(*(const char *const *)pa, *(const char *const *)pb);
}

/* Does the schema at index say that its values are lists? Then an empty default of it is []. */
static bool says_array(lua_State *L, int index)
{
    lua_pushliteral(L, "type");
    lua_rawget(L, index);
    bool yes = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "array") == 0;
    lua_pop(L, 1);
    return yes;
}

static int print_members(struct printer *p, int index, const char **names, size_t n,
                         enum place here, int depth)
{
    lua_State *L = p->L;
    qsort(names, n, sizeof *names, here == IN_SCHEMA ? compare : compare_plain);
    json_open(p->out, '{');
    for (size_t i = 0; i < n; i++) {
        json_key_n(p->out, names[i], strlen(names[i]));
        lua_pushstring(L, names[i]);
        lua_rawget(L, index);
        bool list = here == IN_LISTS || (here == IN_SCHEMA && is_one_of(names[i], list_words)) ||
                    (here == IN_SCHEMA && strcmp(names[i], "default") == 0 && says_array(L, index));
        int code = print_value(p, lua_gettop(L), place_of_member(here, names[i]), list, depth + 1);
        if (code != 0)
            return err_prefix(p->e, "%s", names[i]);
        lua_pop(L, 1);
    }
    json_close(p->out, '}');
    return 0;
}

static int print_list(struct printer *p, int index, size_t n, enum place here, int depth)
{
    json_open(p->out, '[');
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(p->L, index, (lua_Integer)i);
        int code = print_value(p, lua_gettop(p->L), here, false, depth + 1);
        if (code != 0)
            return err_prefix(p->e, "item %zu", i);
        lua_pop(p->L, 1);
    }
    json_close(p->out, ']');
    return 0;
}

static int print_table(struct printer *p, int index, enum place here, bool wants_list, int depth)
{
    lua_State *L = p->L;
    const char *names[MAX_MEMBERS];
    size_t n = 0, items = 0;
    if (depth > JSON_MAX_DEPTH)
        return err_set(p->e, MG_E_INVALID, "nested too deeply");
    luaL_checkstack(L, 8, NULL);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            if (n == MAX_MEMBERS)
                return err_set(p->e, MG_E_LIMIT, "more than %d members", MAX_MEMBERS);
            names[n++] = lua_tostring(L, -2);
        } else if (lua_isinteger(L, -2)) {
            items++;
        } else {
            return err_set(p->e, MG_E_INVALID, "a key that is neither a name nor a number");
        }
    }
    if (n && items)
        return err_set(p->e, MG_E_INVALID, "a table with both names and numbers as keys");
    if (items != lua_rawlen(L, index))
        return err_set(p->e, MG_E_INVALID, "a list with holes");
    enum value_mark mark = value_mark(L, index);
    if (items || (n == 0 && (wants_list || mark == MARK_ARRAY) && mark != MARK_OBJECT))
        return print_list(p, index, items, here, depth);
    return print_members(p, index, names, n, here, depth);
}

/* The report's own buffer: it is freed with the report, also when something here raises. */
static struct buf *begin(struct report *r)
{
    buf_clear(&r->scratch);
    r->scratch.max = SCHEMA_MAX_BYTES;
    return &r->scratch;
}

static bool finish(lua_State *L, struct report *r, int code, const char *field, struct err *e)
{
    if (code == 0 && !buf_ok(&r->scratch))
        code = r->scratch.is_over ? err_set(e, MG_E_LIMIT, TOO_LONG, SCHEMA_MAX_BYTES)
                                  : err_set(e, MG_E_NOMEM, "not enough memory");
    if (code != 0)
        report_add(r, field, "%s: %s", field, e->text);
    else
        lua_pushlstring(L, r->scratch.data, r->scratch.len);
    return code == 0;
}

/* A text stays byte for byte, unless it has several lines: an event of a stream is one line. */
static bool push_text(lua_State *L, int index, const char *field, char want, struct report *r)
{
    size_t len;
    const char *s = lua_tolstring(L, index, &len);
    struct json_text root;
    struct err e = { 0 };
    if (json_scan(s, len, NULL, &root, &e) != 0) {
        report_add(r, field, "%s: not JSON: %s", field, e.text);
        return false;
    }
    if (*root.p != want) {
        report_add(r, field, "%s: expected a JSON %s", field, want == '{' ? "object" : "array");
        return false;
    }
    if (!memchr(s, '\n', len) && !memchr(s, '\r', len)) {
        if (len > SCHEMA_MAX_BYTES) {
            report_add(r, field, "%s: " TOO_LONG, field, SCHEMA_MAX_BYTES);
            return false;
        }
        lua_pushvalue(L, index);
        return true;
    }
    json_compact(begin(r), root.p, root.len);
    return finish(L, r, 0, field, &e);
}

bool schema_push(lua_State *L, int index, const char *field, struct report *r)
{
    index = lua_absindex(L, index);
    if (lua_type(L, index) == LUA_TSTRING)
        return push_text(L, index, field, '{', r);
    if (!lua_istable(L, index)) {
        report_add(r, field, "%s: expected a schema (a table, or a string of JSON), got %s", field,
                   luaL_typename(L, index));
        return false;
    }
    struct err e = { 0 };
    struct printer p = { L, begin(r), &e };
    int top = lua_gettop(L);
    int code = print_table(&p, index, IN_SCHEMA, false, 0);
    lua_settop(L, top);
    return finish(L, r, code, field, &e);
}

bool schema_push_plain(lua_State *L, int index, const char *field, char want, struct report *r)
{
    index = lua_absindex(L, index);
    if (lua_type(L, index) == LUA_TSTRING)
        return push_text(L, index, field, want, r);
    bool is_list = lua_istable(L, index) && lua_rawlen(L, index) > 0;
    if (want == '[' && lua_istable(L, index) && !is_list) {
        lua_pushnil(L);
        if (!lua_next(L, index)) /* nothing in it: as if it were not there */
            return false;
        lua_pop(L, 2);
    }
    if (!lua_istable(L, index) || (want == '[' ? !is_list : is_list)) {
        report_add(r, field, "%s: expected %s", field,
                   want == '{' ? "a table of names and values" : "a list");
        return false;
    }
    struct err e = { 0 };
    int code = value_encode(L, index, begin(r), &e);
    return finish(L, r, code, field, &e);
}

bool schema_try(const char *text, bool is_input, struct err *e)
{
    size_t len = strlen(text);
    struct headerparam *headers = NULL;
    struct schema *s = schema_compile(text, len, NULL, 0, e);
    bool is_good = s && schema_check_defaults(s, e) == 0 &&
                   (!is_input || headerparams_compile(text, len, &headers, e) == 0);
    headerparams_free(headers);
    schema_free(s);
    return is_good;
}
