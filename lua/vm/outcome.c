#include "vm/outcome.h"

#include <lauxlib.h>

#include "base/json_write.h"
#include "base/log.h"
#include "base/utf8.h"
#include "vm/load.h"
#include "vm/state.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_ERROR 16384 /* bytes of an error that are sent */
#define TRACE_LEVELS 21 /* of a deeper stack only the newest are told, so many as Lua tells */

static const char *call_id(const struct task *t) { return t->info ? t->info->call_id : NULL; }

void outcome_reset(struct task *t)
{
    tool_result_fini(&t->result);
    t->result = (struct tool_result){ 0 };
}

void outcome_text(struct task *t, enum outcome o, bool is_error, const char *text, size_t len)
{
    outcome_reset(t);
    tool_result_text(&t->result, o, is_error, text, len);
}

void outcome_log(const struct task *t, const char *msg, const char *error, const char *trace)
{
    struct log_line l;
    log_begin(&l, LOG_WARN, msg);
    log_str(&l, "tool", t->tool && t->tool->tool ? t->tool->tool->name : NULL);
    log_str(&l, "call_id", call_id(t));
    log_str(&l, "error", error);
    log_str(&l, "trace", trace);
    log_end(&l);
}

void outcome_internal(struct task *t)
{
    char text[128];
    int n = snprintf(text, sizeof text, "internal error (call %s)", call_id(t) ? call_id(t) : "-");
    outcome_text(t, OUT_TOOL_ERROR, true, text, (size_t)n < sizeof text ? (size_t)n : 127);
    t->result.is_internal = true;
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
    if (is_main && result_is_fail(from, -1)) {
        result_take_fail(from, t, lua_gettop(from));
        return 0;
    }
    if (lua_type(from, -1) == LUA_TSTRING)
        error = lua_tostring(from, -1);
    if (is_main && t->error) {
        err_set(t->error, MG_E_INVALID, "%s", error);
        return 0;
    }
    push_trace(L, from);
    outcome_log(t, f->msg, error, lua_tostring(L, -1));
    if (!is_main)
        return 0;
    if (lua_type(from, -1) == LUA_TSTRING) {
        const char *text = without_position(error);
        outcome_text(t, OUT_TOOL_ERROR, true, text, strnlen(text, MAX_ERROR));
    } else {
        outcome_internal(t);
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
    outcome_text(t, OUT_NO_MEMORY, true, "the gateway is out of memory", 28);
}

void outcome_log_strand(struct task *t, struct strand *s)
{
    struct failure f = { t, s, "spawned function failed" };
    if (vm_protect(t->vm, describe, &f, NULL) != 0)
        outcome_log(t, f.msg, "out of memory", NULL);
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
            outcome_log(t, "on_end function killed", outcome_word(t->kill_outcome), NULL);
        return;
    }
    if (!t->is_killed && t->is_stopping)
        t->kill_outcome = t->why == TASK_TIMEOUT ? OUT_TIMEOUT : OUT_CANCELLED;
    else if (!t->is_killed)
        return;
    if (t->kill_outcome == OUT_INPUT_REQUIRED) /* ask.c has filled in the rest */
        return;
    char text[240];
    kill_text(t, text, sizeof text);
    if (t->error)
        err_set(t->error, MG_E_LIMIT, "%s", text);
    outcome_text(t, t->kill_outcome, true, text, strlen(text));
}
