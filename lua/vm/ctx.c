/* ctx - what run() gets as its second argument: one small userdata per call, whose fields are made
 * when asked for. It holds no pointer that could dangle: a call that has ended is recognised by its
 * serial. */
#include <lauxlib.h>

#include "base/log.h"
#include "tools/ask.h"
#include "vm/outcome.h"
#include "vm/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CTX "mg.ctx"

struct ctx {
    struct task *task; /* a struct of the vm: valid as long as the state */
    uint64_t serial;
};

struct task *ctx_task(lua_State *L)
{
    struct ctx *c = luaL_checkudata(L, 1, CTX);
    if (c->task->serial != c->serial)
        luaL_error(L, "ctx: this call has ended");
    return c->task;
}

void ctx_push(lua_State *L, struct task *t)
{
    struct ctx *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct ctx){ t, t->serial };
    luaL_setmetatable(L, CTX);
}

/* ---- the texts that outlive the caller's ---- */

static size_t text_size(const char *s) { return s ? strlen(s) + 1 : 0; }

static const char *keep(char **at, const char *s)
{
    if (!s)
        return NULL;
    size_t n = strlen(s) + 1;
    char *copy = memcpy(*at, s, n);
    *at += n;
    return copy;
}

int task_keep_info(struct task *t, const char *call_id)
{
    const struct task_info *i = t->info;
    if (!call_id)
        call_id = i->call_id;
    const char *const texts[] = { call_id,        i->tool,           i->principal, i->scopes, i->ip,
                                  i->client_name, i->client_version, i->protocol,  i->tools };
    size_t size = i->meta.len;
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        size += text_size(texts[k]);
    struct task_identity *id = malloc(sizeof *id + size);
    if (!id)
        return MG_E_NOMEM;
    char *at = id->texts;
    id->info = *i;
    id->info.call_id = keep(&at, call_id);
    id->info.tool = keep(&at, i->tool);
    id->info.principal = keep(&at, i->principal);
    id->info.scopes = keep(&at, i->scopes);
    id->info.ip = keep(&at, i->ip);
    id->info.client_name = keep(&at, i->client_name);
    id->info.client_version = keep(&at, i->client_version);
    id->info.protocol = keep(&at, i->protocol);
    id->info.tools = keep(&at, i->tools);
    id->info.args = (struct json_text){ 0 };
    if (i->meta.len) {
        id->info.meta.p = memcpy(at, i->meta.p, i->meta.len);
        id->info.meta.len = i->meta.len;
    }
    t->identity = id;
    t->info = &id->info;
    return 0;
}

/* ---- methods ---- */

/* ctx:progress(done [, total [, message]]). Costs nothing when the client did not ask for it. Like
 * the reply it leaves once the state that the call has changed or read is durable. */
static int l_progress(lua_State *L)
{
    struct task *t = ctx_task(L);
    struct task_progress p = { .done = luaL_checknumber(L, 2),
                               .has_total = !lua_isnoneornil(L, 3),
                               .message = luaL_optstring(L, 4, NULL) };
    if (p.has_total)
        p.total = luaL_checknumber(L, 3);
    luaL_argcheck(L, isfinite(p.done), 2, "not a finite number");
    luaL_argcheck(L, isfinite(p.total), 3, "not a finite number");
    if (!t->is_ended && t->info->wants_progress && t->ops && t->ops->progress)
        t->ops->progress(t->ops_arg, &p, task_wait_seq(t));
    return 0;
}

static const char *const levels[] = { "debug",    "info",  "notice",    "warning", "error",
                                      "critical", "alert", "emergency", NULL };

/* ctx:log(level, data). A log message to the client; levels as in MCP. Leaves as ctx:progress
 * does. */
static int l_log(lua_State *L)
{
    struct task *t = ctx_task(L);
    int level = luaL_checkoption(L, 2, NULL, levels);
    luaL_checkany(L, 3);
    if (t->is_ended || !t->info->wants_log || !t->ops || !t->ops->log)
        return 0;
    struct buf json = { .max = 1 << 20 };
    struct err e = { 0 };
    if (value_encode(L, 3, &json, &e) != 0) {
        buf_fini(&json);
        return luaL_error(L, "ctx:log: %s", e.text);
    }
    t->ops->log(t->ops_arg, level, json.data, json.len, task_wait_seq(t));
    buf_fini(&json);
    return 0;
}

/* As lua/lib/mcp/ask.lua lets through. */
static bool is_question_key(const char *s, size_t len)
{
    static const char bytes[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";
    return len > 0 && len <= QUESTION_KEY_MAX && strspn(s, bytes) == len;
}

/* ctx:elicit_done(key). What the person went to the page of ctx:elicit_url(key) for is done. A
 * client of 2025-11-25 is told so, and may close the page; any other one has nothing to be told. It
 * leaves as ctx:progress does. */
static int l_elicit_done(lua_State *L)
{
    struct task *t = ctx_task(L);
    size_t len;
    const char *key = luaL_checklstring(L, 2, &len);
    luaL_argcheck(L, is_question_key(key, len), 2, "not a key of ctx:elicit_url");
    if (!t->is_ended && t->ops && t->ops->elicit_done)
        t->ops->elicit_done(t->ops_arg, key, task_wait_seq(t));
    return 0;
}

/* ctx:cancelled() -> boolean */
static int l_cancelled(lua_State *L)
{
    struct task *t = ctx_task(L);
    const struct strand *s = strand_of(L);
    lua_pushboolean(L, t->is_stopping || (s->task == t && s->is_stopping));
    return 1;
}

#define MAX_RETRY_MS (10 * 60 * 1000)

/* ctx:close_stream({retry=1}) -> boolean. Ends the connection on which a client of 2025-11-25 waits
 * for this call, and goes on running: the client comes back after `retry` (seconds, or a text such
 * as "500ms"; at most 10 minutes) for what was said meanwhile, and for the result. False, and
 * nothing happens, where the client would not come back. */
static int l_close_stream(lua_State *L)
{
    static const char *const names[] = { "retry", NULL };
    struct task *t = ctx_task(L);
    opts_check(L, 2, names);
    int64_t retry_ms = opts_duration(L, 2, "retry", 1000, MAX_RETRY_MS);
    lua_pushboolean(L, !t->is_ended && t->ops && t->ops->close_stream &&
                           t->ops->close_stream(t->ops_arg, retry_ms));
    return 1;
}

/* ctx:on_end(fn). fn(outcome) runs once, whatever ended the call. */
static int l_on_end(lua_State *L)
{
    task_on_end(L, ctx_task(L), 2);
    return 0;
}

/* ctx:as_task{ttl=, poll=, timeout=} -> the task's id (w). Where the client supports the extension
 * io.modelcontextprotocol/tasks its call is answered now with a task, and the tool goes on behind
 * it: what it returns or raises is kept for the client, who asks every `poll`, until `ttl` after
 * the creation (defaults: [tasks] in mcp.ini). The tool's time begins anew: `timeout`, by default
 * [tools] max_timeout. ctx:progress sets the task's message; ctx:log says nothing. Everywhere else,
 * and in tests and calls by other tools, -> false, and the call goes on as it was; so it does after
 * nil, message, code: LIMIT is one of [tasks]. A second time -> the same id, and nothing else. */
static int l_as_task(lua_State *L) { return task_as_task(L, ctx_task(L)); }

/* ---- fields ---- */

static int push_scopes(lua_State *L, const char *s)
{
    lua_newtable(L);
    value_mark_array(L, -1);
    lua_Integer n = 0;
    while (s && *s) {
        size_t len = strcspn(s, ", ");
        if (len) {
            lua_pushlstring(L, s, len);
            lua_rawseti(L, -2, ++n);
        }
        s += len;
        s += strspn(s, ", ");
    }
    return 1;
}

static int push_client(lua_State *L, const struct task_info *i)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, i->client_name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, i->client_version);
    lua_setfield(L, -2, "version");
    return 1;
}

static int push_field(lua_State *L, const struct task *t, const char *name)
{
    const struct task_info *i = t->info;
    const struct {
        const char *name, *value;
    } texts[] = { { "call_id", i->call_id },
                  { "tool", i->tool },
                  { "principal", i->principal },
                  { "ip", i->ip },
                  { "protocol", i->protocol } };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        if (strcmp(name, texts[k].name) == 0) {
            lua_pushstring(L, texts[k].value);
            return 1;
        }
    }
    if (strcmp(name, "scopes") == 0)
        return push_scopes(L, i->scopes);
    if (strcmp(name, "client") == 0)
        return push_client(L, i);
    if (strcmp(name, "deadline") == 0) {
        lua_pushnumber(L, (lua_Number)t->deadline_ms / 1000);
        return 1;
    }
    if (strcmp(name, "max_result") == 0) {
        lua_pushinteger(L, (lua_Integer)outcome_max(t));
        return 1;
    }
    if (strcmp(name, "meta") == 0) {
        if (i->meta.type == JSON_OBJECT)
            value_push(L, i->meta.p, i->meta.len);
        else
            lua_newtable(L);
        return 1;
    }
    return luaL_error(L, "ctx has no field \"%s\"", name);
}

static int l_index(lua_State *L)
{
    struct task *t = ctx_task(L);
    const char *name = luaL_checkstring(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    return push_field(L, t, name);
}

/* Makes the metatable; once per state, in protected mode. */
void ctx_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "progress", l_progress },   { "log", l_log },       { "elicit_done", l_elicit_done },
        { "cancelled", l_cancelled }, { "on_end", l_on_end }, { "close_stream", l_close_stream },
        { "as_task", l_as_task },     { NULL, NULL }
    };
    luaL_newmetatable(L, CTX);
    luaL_newlib(L, methods);
    ask_open(L);
    lua_pushcclosure(L, l_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
