/* mcp.schema: builders in Lua (lua/lib/mcp/schema.lua), and check() by the compiler of tools' own
 * schemas. Compiled ones are kept for each Lua state, by their text. */
#include <lauxlib.h>

#include "api/api.h"
#include "api/compiled.h"
#include "api/scratch.h"
#include "base/json_scan.h"
#include "schema/schema.h"
#include "vm/schema.h"

#define KEPT_MAX 64
#define KEPT_BYTES ((size_t)1 << 20) /* of text; what is made of it is some times that */
#define VALUE_MAX ((size_t)1 << 20)
#define VALUES_MAX 100000
#define REPORT_META "mg.schema_report"

static void schema_drop(void *schema) { schema_free(schema); }

static const struct compiled_kind kind = { KEPT_MAX, KEPT_BYTES, schema_drop };

/* Borrowed: the next call may free it. NULL with the reason. */
static const struct schema *compiled(lua_State *L, const char *text, size_t len, struct err *e)
{
    struct schema *s = compiled_find(L, &kind, text, len);
    if (s)
        return s;
    s = schema_compile(text, len, NULL, 0, e);
    if (!s || compiled_keep(L, &kind, text, len, s, len) == 0)
        return s;
    schema_free(s);
    err_set(e, MG_E_NOMEM, "no memory for the schema");
    return NULL;
}

/* ---- check ---- */

static int l_report_gc(lua_State *L)
{
    report_fini(lua_touserdata(L, 1));
    return 0;
}

static struct report *report_push(lua_State *L)
{
    static char title[] = "mcp.schema";
    static const struct source nowhere = { .title = title };
    struct report *r = lua_newuserdatauv(L, sizeof *r, 0);

    *r = (struct report){ .source = &nowhere };
    if (luaL_newmetatable(L, REPORT_META)) {
        lua_pushcfunction(L, l_report_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return r;
}

/* Leaves the schema's text on the stack. */
static const char *schema_text(lua_State *L, int index, size_t *len)
{
    struct report *r = report_push(L);

    if (!schema_push(L, index, "schema", r)) {
        lua_pushlstring(L, r->text.data ? r->text.data : "", r->text.len);
        report_fini(r);
        luaL_error(L, "%s", lua_tostring(L, -1));
    }
    report_fini(r);
    return lua_tolstring(L, -1, len);
}

/* The value as text, scanned. 0, or MG_E_LIMIT. */
static int scan_value(lua_State *L, int index, struct buf *text, struct json_text *root)
{
    struct json_limits limits = { .max_values = VALUES_MAX };
    struct err e = { 0 };

    text->max = VALUE_MAX;
    int code = value_encode(L, index, text, &e);
    if (text->is_over)
        return MG_E_LIMIT;
    if (code != 0 || !buf_ok(text))
        return luaL_error(L, "schema.check: %s", code != 0 ? e.text : "no memory for the value");
    code = json_scan(text->data, text->len, &limits, root, &e);
    if (code != 0 && code != MG_E_LIMIT)
        return luaL_error(L, "schema.check: %s", e.text);
    return code;
}

/* mcp.schema.check(schema, value) -> true; or nil, message, code. Does the value fit the JSON
 * Schema, a table or a string of JSON? The message names the place: "at /times: expected at most
 * 10, got 12" (code INVALID). Code LIMIT: it would take too long to tell; TOO_LARGE: the value's
 * JSON is over 1 MB or has over 100000 values. A schema that is none raises. The last 64 schemas
 * are kept compiled for each worker. */
static int l_check(lua_State *L)
{
    struct json_text root;
    struct err e = { 0 };
    size_t len;

    luaL_checkany(L, 2);
    lua_settop(L, 2);
    const char *text = schema_text(L, 1, &len);
    struct buf *value = scratch_push(L);
    if (scan_value(L, 2, value, &root) != 0) {
        buf_fini(value);
        return api_fail(L, "TOO_LARGE", "the value's JSON is over %d bytes, or over %d values",
                        (int)VALUE_MAX, VALUES_MAX);
    }
    const struct schema *schema = compiled(L, text, len, &e);
    if (!schema) {
        buf_fini(value);
        return luaL_error(L, "schema.check: %s", e.text);
    }
    int code = schema_check(schema, root, &e);
    buf_fini(value);
    if (code != 0)
        return api_fail(L, err_word(code), "%s", e.text);
    lua_pushboolean(L, 1);
    return 1;
}

int mgl_open_schema(lua_State *L)
{
    static const luaL_Reg functions[] = { { "check", l_check }, { NULL, NULL } };

    luaL_newlib(L, functions);
    lua_pushvalue(L, -1);
    value_push_null(L);
    lib_run(L, "mcp/schema.lua", 2, 0);
    return 1;
}
