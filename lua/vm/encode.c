/* Lua values to JSON text. Raw access only: no metamethod runs, so nothing here can wait, loop or
 * raise; keys in the order of their bytes, so that equal values give equal texts. */
#include "vm/value.h"

#include <lauxlib.h>

#include "base/json_write.h"
#include "base/utf8.h"
#include "vm/module.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where we are, for error messages: a chain of frames from the value up to the root. */
struct place {
    const struct place *up;
    const char *name; /* NULL: index counts */
    size_t len;
    lua_Integer index;
    int depth;
};

struct encoder {
    lua_State *L;
    struct buf *out;
    struct err *e;
};

static int encode_any(struct encoder *en, int index, const struct place *at);

static void print_place(struct buf *out, const struct place *at)
{
    if (at->up)
        print_place(out, at->up);
    if (at->name) {
        buf_printf(out, ".%.*s", at->len < 60 ? (int)at->len : 60, at->name);
    } else if (at->index) {
        buf_printf(out, "[%lld]", (long long)at->index);
    }
}

static int fail(struct encoder *en, const struct place *at, const char *what)
{
    struct buf path = { .max = 300 };
    print_place(&path, at);
    const char *text = path.len ? buf_cstr(&path) : "the value itself";
    int code = err_set(en->e, MG_E_INVALID, "at %s: %s", text ? text : "...", what);
    buf_fini(&path);
    return code;
}

static int encode_string(struct encoder *en, int index, const struct place *at)
{
    size_t len;
    const char *s = lua_tolstring(en->L, index, &len);
    if (utf8_valid(s, len) != len)
        return fail(en, at, "a string that is not UTF-8 (mcp.codec.utf8 repairs)");
    json_str_n(en->out, s, len);
    return 0;
}

static int encode_number(struct encoder *en, int index, const struct place *at)
{
    if (lua_isinteger(en->L, index)) {
        json_int(en->out, lua_tointeger(en->L, index));
        return 0;
    }
    lua_Number d = lua_tonumber(en->L, index);
    if (!isfinite(d))
        return fail(en, at, "a number that is not finite");
    json_double(en->out, d);
    return 0;
}

static int encode_list(struct encoder *en, int index, lua_Integer n, const struct place *at)
{
    json_open(en->out, '[');
    for (lua_Integer i = 1; i <= n && buf_ok(en->out); i++) {
        struct place here = { .up = at, .index = i, .depth = at->depth + 1 };
        lua_rawgeti(en->L, index, i);
        int code = encode_any(en, lua_gettop(en->L), &here);
        lua_pop(en->L, 1);
        if (code != 0)
            return code;
    }
    json_close(en->out, ']');
    return 0;
}

struct key {
    const char *s;
    size_t len;
    int index; /* of the key on the Lua stack */
};

static int compare_keys(const void *pa, const void *pb)
{
    const struct key *a = pa, *b = pb;
    int c = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);
    return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int encode_members(struct encoder *en, int index, const struct key *keys, size_t n,
                          const struct place *at)
{
    json_open(en->out, '{');
    for (size_t i = 0; i < n && buf_ok(en->out); i++) {
        struct place here = {
            .up = at, .name = keys[i].s, .len = keys[i].len, .depth = at->depth + 1
        };
        if (utf8_valid(keys[i].s, keys[i].len) != keys[i].len)
            return fail(en, at, "a key that is not UTF-8");
        json_key_n(en->out, keys[i].s, keys[i].len);
        lua_pushvalue(en->L, keys[i].index);
        lua_rawget(en->L, index);
        int code = encode_any(en, lua_gettop(en->L), &here);
        lua_pop(en->L, 1);
        if (code != 0)
            return code;
    }
    json_close(en->out, '}');
    return 0;
}

static int encode_object(struct encoder *en, int index, size_t n, const struct place *at)
{
    struct key few[16], *keys = few;
    if (n > INT_MAX / 2 || !lua_checkstack(en->L, (int)n + 4))
        return err_set(en->e, MG_E_NOMEM, "not enough memory");
    if (n > sizeof few / sizeof *few && !(keys = calloc(n, sizeof *keys)))
        return err_set(en->e, MG_E_NOMEM, "not enough memory");
    int top = lua_gettop(en->L);
    size_t i = 0;
    lua_pushnil(en->L);
    while (i < n && lua_next(en->L, index)) {
        keys[i].s = lua_tolstring(en->L, -2, &keys[i].len);
        keys[i].index = lua_gettop(en->L) - 1;
        i++;
        lua_pop(en->L, 1);
        lua_pushvalue(en->L, -1); /* the key stays below */
    }
    if (i > 1)
        qsort(keys, i, sizeof *keys, compare_keys);
    int code = encode_members(en, index, keys, i, at);
    lua_settop(en->L, top);
    if (keys != few)
        free(keys);
    return code;
}

struct shape {
    size_t names, numbers;
    bool is_odd; /* a key that is neither, or a number out of 1..n */
};

static struct shape table_shape(lua_State *L, int index)
{
    struct shape s = { 0 };
    lua_Integer n = (lua_Integer)lua_rawlen(L, index);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING) {
            s.names++;
        } else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= n) {
            s.numbers++;
        } else {
            s.is_odd = true;
        }
    }
    if (s.numbers != (size_t)n)
        s.is_odd = true;
    return s;
}

static int encode_table(struct encoder *en, int index, const struct place *at)
{
    if (at->depth >= JSON_MAX_DEPTH)
        return fail(en, at, "nested too deeply (a table that contains itself?)");
    if (!lua_checkstack(en->L, 8))
        return err_set(en->e, MG_E_NOMEM, "not enough memory");
    struct shape s = table_shape(en->L, index);
    enum value_mark mark = value_mark(en->L, index);
    if (s.is_odd)
        return fail(en, at, "a table whose keys are neither names nor 1 to n");
    if (s.names && s.numbers)
        return fail(en, at, "a table with both names and numbers as keys");
    if (mark == MARK_ARRAY && s.names)
        return fail(en, at, "a json.array with names as keys");
    if (mark == MARK_OBJECT && s.numbers)
        return fail(en, at, "a json.object with numbers as keys");
    if (s.numbers || mark == MARK_ARRAY)
        return encode_list(en, index, (lua_Integer)s.numbers, at);
    return encode_object(en, index, s.names, at);
}

static int encode_any(struct encoder *en, int index, const struct place *at)
{
    lua_State *L = en->L;
    switch (lua_type(L, index)) {
    case LUA_TNIL: json_null(en->out); return 0;
    case LUA_TBOOLEAN: json_bool(en->out, lua_toboolean(L, index)); return 0;
    case LUA_TNUMBER: return encode_number(en, index, at);
    case LUA_TSTRING: return encode_string(en, index, at);
    case LUA_TTABLE: return encode_table(en, index, at);
    case LUA_TLIGHTUSERDATA:
        if (value_is_null(L, index)) {
            json_null(en->out);
            return 0;
        }
        return fail(en, at, "a userdata cannot be JSON");
    case LUA_TFUNCTION: return fail(en, at, "a function cannot be JSON");
    default: return fail(en, at, "a userdata cannot be JSON");
    }
}

int value_encode(lua_State *L, int index, struct buf *out, struct err *e)
{
    struct encoder en = { L, out, e };
    struct place root = { 0 };
    size_t before = out->len;
    if (!lua_checkstack(L, 8))
        return err_set(e, MG_E_NOMEM, "not enough memory");
    int top = lua_gettop(L);
    int code = encode_any(&en, lua_absindex(L, index), &root);
    lua_settop(L, top);
    if (code == 0 && !buf_ok(out)) {
        code = out->is_over ? err_set(e, MG_E_LIMIT, "its JSON is over %zu bytes", out->max)
                            : err_set(e, MG_E_NOMEM, "not enough memory");
    }
    if (code != 0 && out->len > before)
        out->len = before;
    return code;
}
