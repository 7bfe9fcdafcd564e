/* What a tool's run returned, as a result: texts, values, contents, failures; held to the tool's
 * output schema. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "base/utf8.h"
#include "schema/schema.h"
#include "vm/outcome.h"
#include "vm/state.h"
#include "vm/value.h"

#define MAX_RESULT (UINT64_C(2) << 20)

static const char content_key, fail_key; /* registry keys: the marks' metatables */

static void mark(lua_State *L, int index, const char *key)
{
    luaL_checktype(L, index, LUA_TTABLE);
    index = lua_absindex(L, index);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 1);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, key);
    }
    lua_setmetatable(L, index);
}

static bool is_marked(lua_State *L, int index, const char *key)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    bool same = lua_rawequal(L, -1, -2) && lua_istable(L, -1);
    lua_pop(L, 2);
    return same;
}

void result_mark_content(lua_State *L, int index) { mark(L, index, &content_key); }

void result_mark_fail(lua_State *L, int index) { mark(L, index, &fail_key); }

static bool result_is_content(lua_State *L, int index) { return is_marked(L, index, &content_key); }

bool result_is_fail(lua_State *L, int index) { return is_marked(L, index, &fail_key); }

const char *result_mark(lua_State *L, int index)
{
    return result_is_content(L, index) ? "content" : result_is_fail(L, index) ? "fail" : NULL;
}

/* ---- what run returned ---- */

/* A value that cannot be sent is the tool's fault, and says where. */
static void set_bad_value(struct task *t, const char *what, const struct err *e)
{
    char text[600];
    int n = snprintf(text, sizeof text, "%s cannot be sent: %s%s", what, e->text,
                     e->code == MG_E_LIMIT ? " ([server] max_result): ask for less" : "");
    outcome_text(t, OUT_TOOL_ERROR, true, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

uint64_t outcome_max(const struct task *t)
{
    return t->vm->o.max_result ? t->vm->o.max_result : MAX_RESULT;
}

static bool encode_into(lua_State *L, struct task *t, int index, struct buf *out, const char *what)
{
    struct err e = { 0 };
    out->max = outcome_max(t);
    if (value_encode(L, index, out, &e) == 0)
        return true;
    set_bad_value(t, what, &e);
    return false;
}

static bool encode_field(lua_State *L, struct task *t, int index, const char *field,
                         struct buf *out)
{
    lua_pushstring(L, field);
    lua_rawget(L, index);
    bool ok = lua_isnil(L, -1) || encode_into(L, t, lua_gettop(L), out, field);
    lua_pop(L, 1);
    return ok;
}

/* ---- the output schema ---- */

static const struct schema *output_of(const struct task *t)
{
    return t->kind == TASK_CALL && t->tool && t->tool->tool ? t->tool->tool->output : NULL;
}

/* json: what a result holds; becomes what it means under the tool's output schema. False: it does
 * not fit, and that is the result now. */
static bool fit_output(struct task *t, struct buf *json)
{
    const struct schema *output = output_of(t);
    struct buf *fitted = &t->vm->fitted;
    struct err e;

    if (!output || !buf_ok(json))
        return true;
    struct json_text text = { json->data, json->len, json_type_of(json->data[0]) };
    int code = schema_fit(output, text, SCHEMA_RESULT, fitted, &e);
    if (code != 0) {
        char said[sizeof e.text + 100];
        int n = snprintf(said, sizeof said,
                         "the result does not fit the tool's own output schema: %s", e.text);
        outcome_text(t, OUT_TOOL_ERROR, true, said, (size_t)n);
        return false;
    }
    if (fitted->len > 0) {
        buf_clear(json);
        buf_append(json, fitted->data, fitted->len);
    }
    bool is_whole = buf_ok(json); /* which may be the result's own */
    if (!is_whole)
        outcome_text(t, OUT_NO_MEMORY, true, "the gateway is out of memory", 28);
    return is_whole;
}

/* Beside the content, where an output is declared, or another tool wants the value. */
static void structure(struct task *t, const struct buf *json)
{
    if (output_of(t) || t->depth > 0)
        buf_append(&t->result.structured, json->data, json->len);
    if (!buf_ok(json) || !buf_ok(&t->result.content) || !buf_ok(&t->result.structured))
        outcome_text(t, OUT_NO_MEMORY, true, "the gateway is out of memory", 28);
}

static void set_unstructured(struct task *t)
{
    static const char text[] =
        "the tool declares an output, and its mcp.content has no `structured`";
    outcome_text(t, OUT_TOOL_ERROR, true, text, sizeof text - 1);
}

/* ---- each kind of value ---- */

/* mcp.content{...}: its list part is the content, two fields go beside it. */
static void take_content(lua_State *L, struct task *t, int index)
{
    struct tool_result *r = &t->result;
    outcome_reset(t);
    r->content.max = outcome_max(t);
    json_open(&r->content, '[');
    lua_Integer n = (lua_Integer)lua_rawlen(L, index);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, index, i);
        struct err e = { 0 };
        if (value_encode(L, -1, &r->content, &e) != 0) {
            set_bad_value(t, "content", &e);
            return;
        }
        lua_pop(L, 1);
    }
    json_close(&r->content, ']');
    r->outcome = OUT_OK;
    if (!encode_field(L, t, index, "structured", &r->structured) ||
        !encode_field(L, t, index, "meta", &r->meta))
        return;
    if (r->structured.len > 0)
        fit_output(t, &r->structured);
    else if (output_of(t))
        set_unstructured(t);
}

static void take_text(lua_State *L, struct task *t, int index, enum outcome o, bool is_error)
{
    size_t len;
    const char *s = lua_tolstring(L, index, &len);
    size_t valid = utf8_valid(s, len);
    if (valid != len) {
        struct err e;
        err_set(&e, MG_E_INVALID, "byte %zu of the text is not UTF-8 (mcp.codec.utf8 repairs)",
                valid + 1);
        set_bad_value(t, "the result", &e);
    } else if (len > outcome_max(t)) {
        struct err e;
        err_set(&e, MG_E_LIMIT, "it has %zu bytes, more than %zu", len, (size_t)outcome_max(t));
        set_bad_value(t, "the result", &e);
    } else {
        outcome_text(t, o, is_error, s, len);
    }
}

void result_take_fail(lua_State *L, struct task *t, int index)
{
    lua_pushliteral(L, "message");
    lua_rawget(L, index);
    if (lua_type(L, -1) == LUA_TSTRING)
        take_text(L, t, -1, OUT_TOOL_ERROR, true);
    else
        outcome_text(t, OUT_TOOL_ERROR, true, "the tool failed", 15);
    lua_pop(L, 1);
    if (t->result.outcome == OUT_TOOL_ERROR)
        encode_field(L, t, index, "data", &t->result.structured);
}

/* A text stands as it is; where an output is declared it is a JSON string beside that. */
static void take_string(lua_State *L, struct task *t, int index)
{
    struct buf *json = &t->vm->scratch;
    size_t len;
    take_text(L, t, index, OUT_OK, false);
    if (!output_of(t) || t->result.is_error)
        return;
    const char *s = lua_tolstring(L, index, &len);
    buf_clear(json);
    json->max = 0;
    json_str_n(json, s, len);
    if (fit_output(t, json))
        structure(t, json);
}

/* Any other value: its JSON as one text block, and as it is where the tool declares an output. */
static void take_value(lua_State *L, struct task *t, int index)
{
    struct buf *json = &t->vm->scratch;
    buf_clear(json);
    if (encode_into(L, t, index, json, "the result") && fit_output(t, json)) {
        outcome_text(t, OUT_OK, false, json->data, json->len);
        structure(t, json);
    }
}

static void set_empty(struct task *t)
{
    struct buf *json = &t->vm->scratch;
    outcome_reset(t);
    json_open(&t->result.content, '[');
    json_close(&t->result.content, ']');
    t->result.outcome = OUT_OK;
    if (!output_of(t))
        return;
    buf_clear(json);
    json_null(json);
    if (fit_output(t, json))
        structure(t, json);
}

/* nil and why; a reason that is no text tells the client nothing but where to look. */
static void take_reason(lua_State *L, struct task *t, int index)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        take_text(L, t, index, OUT_TOOL_ERROR, true);
        return;
    }
    char error[80];
    snprintf(error, sizeof error, "run returned nil and a %s, where a text belongs",
             luaL_typename(L, index));
    outcome_log(t, "tool failed", error, NULL);
    outcome_internal(t);
}

static void take_first(lua_State *L, struct task *t, int n)
{
    int first = lua_gettop(L) - n + 1;
    if (n >= 2 && lua_isnil(L, first) && !lua_isnil(L, first + 1))
        take_reason(L, t, first + 1);
    else if (n == 0 || lua_isnil(L, first))
        set_empty(t);
    else if (lua_type(L, first) == LUA_TSTRING)
        take_string(L, t, first);
    else if (result_is_content(L, first))
        take_content(L, t, first);
    else if (result_is_fail(L, first))
        result_take_fail(L, t, first);
    else
        take_value(L, t, first);
}

void outcome_of_return(lua_State *L, struct task *t, int n)
{
    take_first(L, t, n);
    if (t->vm->scratch.cap > SCRATCH_KEPT)
        buf_fini(&t->vm->scratch);
}
