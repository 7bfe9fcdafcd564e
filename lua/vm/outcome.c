#include "vm/outcome.h"

#include <lauxlib.h>

#include "base/json_write.h"
#include "base/log.h"
#include "base/utf8.h"
#include "vm/load.h"
#include "vm/state.h"
#include "vm/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_RESULT (UINT64_C(2) << 20)
#define SCRATCH_KEPT 65536
#define MAX_ERROR 16384 /* bytes of an error that are sent */
#define TRACE_LEVELS 21 /* of a deeper stack only the newest are told, so many as Lua tells */

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

/* ---- what run returned ---- */

static void result_reset(struct task *t)
{
    tool_result_fini(&t->result);
    t->result = (struct tool_result){ 0 };
}

static void set_text(struct task *t, enum outcome o, bool is_error, const char *text, size_t len)
{
    result_reset(t);
    tool_result_text(&t->result, o, is_error, text, len);
}

static const char *call_id(const struct task *t) { return t->info ? t->info->call_id : NULL; }

static void log_failure(const struct task *t, const char *msg, const char *error, const char *trace)
{
    struct log_line l;
    log_begin(&l, LOG_WARN, msg);
    log_str(&l, "tool", t->tool && t->tool->tool ? t->tool->tool->name : NULL);
    log_str(&l, "call_id", call_id(t));
    log_str(&l, "error", error);
    log_str(&l, "trace", trace);
    log_end(&l);
}

static void set_internal(struct task *t)
{
    char text[128];
    int n = snprintf(text, sizeof text, "internal error (call %s)", call_id(t) ? call_id(t) : "-");
    set_text(t, OUT_TOOL_ERROR, true, text, (size_t)n < sizeof text ? (size_t)n : 127);
}

/* A value that cannot be sent is the tool's fault, and says where. */
static void set_bad_value(struct task *t, const char *what, const struct err *e)
{
    char text[600];
    int n = snprintf(text, sizeof text, "%s cannot be sent: %s%s", what, e->text,
                     e->code == MG_E_LIMIT ? " ([server] max_result): ask for less" : "");
    set_text(t, OUT_TOOL_ERROR, true, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
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

/* mcp.content{...}: its list part is the content, two fields go beside it. */
static void take_content(lua_State *L, struct task *t, int index)
{
    struct tool_result *r = &t->result;
    result_reset(t);
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
    if (encode_field(L, t, index, "structured", &r->structured))
        encode_field(L, t, index, "meta", &r->meta);
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
        set_text(t, o, is_error, s, len);
    }
}

static void take_fail(lua_State *L, struct task *t, int index)
{
    lua_pushliteral(L, "message");
    lua_rawget(L, index);
    if (lua_type(L, -1) == LUA_TSTRING)
        take_text(L, t, -1, OUT_TOOL_ERROR, true);
    else
        set_text(t, OUT_TOOL_ERROR, true, "the tool failed", 15);
    lua_pop(L, 1);
    if (t->result.outcome == OUT_TOOL_ERROR)
        encode_field(L, t, index, "data", &t->result.structured);
}

/* Any other value: its JSON as one text block, and as it is where the tool declares an output. */
static void take_value(lua_State *L, struct task *t, int index)
{
    struct buf *json = &t->vm->scratch;
    buf_clear(json);
    if (encode_into(L, t, index, json, "the result")) {
        set_text(t, OUT_OK, false, json->data, json->len);
        if (t->tool && t->tool->tool && t->tool->tool->output_schema && json->data[0] == '{')
            json_raw(&t->result.structured, json->data, json->len);
        if (!buf_ok(&t->result.content) || !buf_ok(&t->result.structured))
            set_text(t, OUT_NO_MEMORY, true, "the gateway is out of memory", 28);
    }
    if (json->cap > SCRATCH_KEPT)
        buf_fini(json);
}

static void set_empty(struct task *t)
{
    result_reset(t);
    json_open(&t->result.content, '[');
    json_close(&t->result.content, ']');
    t->result.outcome = OUT_OK;
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
    log_failure(t, "tool failed", error, NULL);
    set_internal(t);
}

void outcome_of_return(lua_State *L, struct task *t, int n)
{
    int first = lua_gettop(L) - n + 1;
    if (n >= 2 && lua_isnil(L, first) && !lua_isnil(L, first + 1))
        take_reason(L, t, first + 1);
    else if (n == 0 || lua_isnil(L, first))
        set_empty(t);
    else if (lua_type(L, first) == LUA_TSTRING)
        take_text(L, t, first, OUT_OK, false);
    else if (is_marked(L, first, &content_key))
        take_content(L, t, first);
    else if (is_marked(L, first, &fail_key))
        take_fail(L, t, first);
    else
        take_value(L, t, first);
}

/* ---- what it raised ---- */

/* "tools.d/greet.lua:12: text" -> "text" */
static const char *without_position(const char *s)
{
    const char *p = strchr(s, ':');
    if (!p || !((p - s > 4 && memcmp(p - 4, ".lua", 4) == 0) || (*s == '[' && p[-1] == ']')))
        return s;
    const char *q = p + 1;
    while (isdigit((unsigned char)*q))
        q++;
    return q > p + 1 && q[0] == ':' && q[1] == ' ' ? q + 2 : s;
}

struct failure {
    struct task *task;
    struct strand *strand;
    const char *msg;
};

static void add_level(lua_State *from, int level, luaL_Buffer *b)
{
    lua_Debug ar;
    char line[400];
    if (!lua_getstack(from, level, &ar) || !lua_getinfo(from, "Slnt", &ar))
        return;
    int n = ar.currentline > 0
                ? snprintf(line, sizeof line, "\n\t%s:%d: in ", ar.short_src, ar.currentline)
                : snprintf(line, sizeof line, "\n\t%s: in ", ar.short_src);
    size_t at = (size_t)n;
    if (*ar.namewhat)
        snprintf(line + at, sizeof line - at, "%s '%.100s'", ar.namewhat, ar.name);
    else
        snprintf(line + at, sizeof line - at, "function <%s:%d>", ar.short_src, ar.linedefined);
    luaL_addstring(b, line);
    if (ar.istailcall)
        luaL_addstring(b, "\n\t(...tail calls...)");
}

/* Pushes where the strand was. Lua's own function walks the whole stack dozens of times to find its
 * end, for which a function that has called itself a million times would hold the worker. */
static void push_trace(lua_State *L, lua_State *from)
{
    lua_Debug ar;
    luaL_Buffer b;
    if (!lua_getstack(from, TRACE_LEVELS, &ar)) {
        luaL_traceback(L, from, NULL, 0);
        return;
    }
    luaL_buffinit(L, &b);
    luaL_addstring(&b, "stack traceback:");
    for (int level = 0; level < TRACE_LEVELS; level++)
        add_level(from, level, &b);
    luaL_addstring(&b, "\n\t...");
    luaL_pushresult(&b);
}

/* Protected: making texts may raise. */
static int describe(lua_State *L)
{
    struct failure *f = lua_touserdata(L, 1);
    lua_State *from = f->strand->L;
    struct task *t = f->task;
    bool is_main = f->strand == t->main;
    const char *error = "an error that is not a text";
    lua_settop(L, 1);
    luaL_checkstack(from, 8, NULL); /* a failed thread has no room of its own */
    if (is_marked(from, -1, &fail_key) && is_main) {
        take_fail(from, t, lua_gettop(from));
        return 0;
    }
    if (lua_type(from, -1) == LUA_TSTRING)
        error = lua_tostring(from, -1);
    if (is_main && t->error) {
        err_set(t->error, MG_E_INVALID, "%s", error);
        return 0;
    }
    push_trace(L, from);
    log_failure(t, f->msg, error, lua_tostring(L, -1));
    if (!is_main)
        return 0;
    if (lua_type(from, -1) == LUA_TSTRING) {
        const char *text = without_position(error);
        set_text(t, OUT_TOOL_ERROR, true, text, strnlen(text, MAX_ERROR));
    } else {
        set_internal(t);
    }
    return 0;
}

void outcome_of_error(struct task *t, struct strand *s, bool is_memory)
{
    if (is_memory) {
        t->is_killed = true; /* outcome_settle() names the limit */
        t->kill_outcome = OUT_NO_MEMORY;
        return;
    }
    struct failure f = { t, s, t->is_ended ? "on_end function failed" : "tool failed" };
    if (vm_protect(t->vm, describe, &f, NULL) == 0)
        return;
    if (t->error)
        err_set(t->error, MG_E_NOMEM, "not enough memory");
    set_text(t, OUT_NO_MEMORY, true, "the gateway is out of memory", 28);
}

void outcome_log_strand(struct task *t, struct strand *s)
{
    struct failure f = { t, s, "spawned function failed" };
    if (vm_protect(t->vm, describe, &f, NULL) != 0)
        log_failure(t, f.msg, "out of memory", NULL);
}

/* ---- what ended it from outside ---- */

static void timeout_text(const struct task *t, char *out, size_t size)
{
    static const char where[] =
        "`timeout` in its limits, and in mcp.ini under [tool NAME] or [tools]";
    if (t->kind == TASK_LOAD)
        snprintf(out, size, "over %d ms of computing while the file was loaded", LOAD_MS);
    else if (t->timeout_ms % 1000 == 0)
        snprintf(out, size, "timed out: not done within %" PRId64 " s (%s)", t->timeout_ms / 1000,
                 where);
    else
        snprintf(out, size, "timed out: not done within %" PRId64 " ms (%s)", t->timeout_ms, where);
}

static void memory_text(const struct task *t, char *out, size_t size)
{
    const struct account *a = &t->vm->memory.accounts[t->account];
    if (t->vm->memory.is_full && a->used <= a->budget)
        snprintf(out, size, "out of memory: the gateway's tools hold all of [tools] worker_memory");
    else if (t->kind == TASK_LOAD)
        snprintf(out, size, "out of memory: a file may use %d MB while it is loaded",
                 (int)(LOAD_MEMORY >> 20));
    else
        snprintf(out, size,
                 "out of memory: the tool may use %" PRId64
                 " KB (`memory` in its limits, and in mcp.ini under [tool NAME] or [tools])",
                 a->budget / 1024);
}

static void kill_text(const struct task *t, char *out, size_t size)
{
    switch (t->kill_outcome) {
    case OUT_NO_MEMORY: memory_text(t, out, size); break;
    case OUT_TIMEOUT: timeout_text(t, out, size); break;
    case OUT_CANCELLED: snprintf(out, size, "cancelled"); break;
    default:
        snprintf(out, size,
                 "killed: %d ms of computing where nothing can interrupt it (in a metamethod that "
                 "C code calls)",
                 (int)(PINNED_US / 1000));
        break;
    }
}

void outcome_settle(struct task *t)
{
    if (t->is_ended) {
        if (t->is_killed)
            log_failure(t, "on_end function killed", outcome_word(t->kill_outcome), NULL);
        return;
    }
    if (!t->is_killed && t->is_stopping)
        t->kill_outcome = t->why == TASK_TIMEOUT ? OUT_TIMEOUT : OUT_CANCELLED;
    else if (!t->is_killed)
        return;
    char text[240];
    kill_text(t, text, sizeof text);
    if (t->error)
        err_set(t->error, MG_E_LIMIT, "%s", text);
    set_text(t, t->kill_outcome, true, text, strlen(text));
}
