#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/heavy.h"
#include "api/scratch.h"
#include "base/json_scan.h"

/* What one decode may make, so that no call holds a worker for long. */
#define DECODE_MAX_BYTES ((size_t)4 << 20)
#define DECODE_MAX_VALUES 200000
#define INDENT_MAX 8

/* ---- decode ---- */

static void work_scan(struct heavy *h)
{
    struct json_limits limits = { .max_values = DECODE_MAX_VALUES };
    struct json_text root;
    struct err e;

    h->code = json_scan(h->data, h->len, &limits, &root, &e);
    if (h->code != 0)
        buf_str(&h->out, e.text);
}

static int push_value(lua_State *L, struct heavy *h)
{
    if (h->code != 0)
        return api_fail(L, h->code == MG_E_LIMIT ? "TOO_LARGE" : err_word(h->code), "%.*s",
                        (int)h->out.len, h->out.data ? h->out.data : "");
    value_push(L, h->data, h->len);
    return 1;
}

static const struct heavy_type decode_type = { "decode", work_scan, push_value };

/* mcp.json.decode(text) -> value, or nil, message, code. null becomes json.null; an empty list
 * stays a list. At most 4 MB, 200000 values and 64 levels (code TOO_LARGE). */
static int l_decode(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    if (len > DECODE_MAX_BYTES)
        return api_fail(L, "TOO_LARGE", "the text is larger than %d bytes", (int)DECODE_MAX_BYTES);
    return heavy_run(L, &decode_type, 1, 0);
}

/* ---- encode ---- */

static void new_line(struct buf *out, size_t width)
{
    buf_putc(out, '\n');
    for (size_t i = 0; i < width; i++)
        buf_putc(out, ' ');
}

/* Copies a string with its quotes; returns the position behind it. */
static const char *copy_string(struct buf *out, const char *p)
{
    const char *start = p++;
    while (*p != '"')
        p += *p == '\\' ? 2 : 1;
    p++;
    buf_append(out, start, (size_t)(p - start));
    return p;
}

/* Spreads compact JSON over lines; empty containers stay as they are. */
static void spread(struct buf *out, const char *p, const char *end, size_t indent)
{
    size_t depth = 0;

    while (p < end) {
        char c = *p;
        if (c == '"') {
            p = copy_string(out, p);
            continue;
        }
        p++;
        if ((c == '{' || c == '[') && *p != '}' && *p != ']') {
            buf_putc(out, c);
            new_line(out, ++depth * indent);
        } else if (c == '{' || c == '[') {
            buf_putc(out, c);
            buf_putc(out, *p++);
        } else if (c == '}' || c == ']') {
            new_line(out, --depth * indent);
            buf_putc(out, c);
        } else {
            buf_putc(out, c);
            if (c == ',')
                new_line(out, depth * indent);
            else if (c == ':')
                buf_putc(out, ' ');
        }
    }
}

static size_t check_indent(lua_State *L, int index)
{
    static const char *const names[] = { "indent", NULL };
    lua_Integer indent = 0;
    int is_integer = 1;

    if (lua_isnoneornil(L, index))
        return 0;
    opts_check(L, index, names);
    if (lua_getfield(L, index, "indent") != LUA_TNIL)
        indent = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || indent < 0 || indent > INDENT_MAX)
        luaL_error(L, "indent: expected 0 to %d blanks", INDENT_MAX);
    lua_pop(L, 1);
    return (size_t)indent;
}

/* mcp.json.encode(value [, {indent=}]) -> string. On one line, or with `indent` blanks a level.
 * Members are in order of their names; an empty table is {} unless json.array made it. Raises for
 * what JSON cannot hold. */
static int l_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    size_t indent = check_indent(L, 2);
    struct buf *out = scratch_push(L);
    struct err e;

    if (value_encode(L, 1, out, &e) != 0) {
        if (e.code == MG_E_INVALID)
            return luaL_error(L, "%s", e.text);
        return api_fail(L, e.code == MG_E_LIMIT ? "TOO_LARGE" : err_word(e.code), "%s", e.text);
    }
    if (indent > 0 && buf_ok(out)) {
        struct buf *lines = scratch_push(L);
        spread(lines, out->data, out->data + out->len, indent);
        buf_fini(out);
        out = lines;
    }
    if (!buf_ok(out))
        return api_fail(L, "TOO_LARGE", "the text is larger than %d bytes", (int)SCRATCH_MAX);
    scratch_push_string(L, out);
    return 1;
}

/* ---- marks ---- */

static void check_table(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
}

/* mcp.json.array([table]) -> the same table, which is written as a list even when it is empty. */
static int l_array(lua_State *L)
{
    check_table(L);
    value_mark_array(L, 1);
    return 1;
}

/* mcp.json.object([table]) -> the same table, which is written as an object where it is empty and a
 * list could be meant. */
static int l_object(lua_State *L)
{
    check_table(L);
    value_mark_object(L, 1);
    return 1;
}

static const luaL_Reg functions[] = {
    { "decode", l_decode }, { "encode", l_encode }, { "array", l_array },
    { "object", l_object }, { NULL, NULL },
};

/* mcp.json.null: JSON's null as a value. An empty optional argument never arrives as null. */
int mgl_open_json(lua_State *L)
{
    luaL_newlib(L, functions);
    value_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}
