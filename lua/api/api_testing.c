#include "vm/testing.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/scratch.h"
#include "api/testing.h"
#include "base/parse.h"
#include "store/store.h"
#include "vm/op.h"

#define CASE_TIMEOUT_MAX_MS (10 * 60 * 1000)

static const char answers_key; /* registry: { exec = {...}, http = {...} } */

/* ---- cases ---- */

/* The running test's own functions ask for it: there is one. */
static const struct vm_testing *testing(lua_State *L) { return testing_of(L); }

/* For lua/lib/mcp/testing.lua: name, function, options. */
static int l_case(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    int64_t timeout_ms = opts_duration(L, 3, "timeout", 0, CASE_TIMEOUT_MAX_MS);
    if (task_of(L))
        return luaL_error(L, "case: cases are named while the file is loaded, not inside a case");
    luaL_where(L, 2);
    lua_pushvalue(L, 2);
    testing_keep(L, -1);
    if (testing(L)->add(testing(L)->arg, name, lua_tostring(L, -2), timeout_ms) != 0)
        return luaL_error(L, "not enough memory");
    return 0;
}

/* Likewise: the case has failed with this text. */
static int l_fail(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    testing(L)->fail(testing(L)->arg, text, len);
    return 0;
}

static void check_running(lua_State *L, const char *what)
{
    if (!task_of(L))
        luaL_error(L, "%s: only inside a case, not while the file is loaded", what);
}

/* ---- calls ---- */

struct testing_call {
    struct op op;
    const struct vm_testing *testing;
    char *json;
    size_t len;
};

static void call_cancel(struct op *op)
{
    struct testing_call *c = (struct testing_call *)op;
    c->testing->drop(c->testing->arg, c);
}

static void call_release(struct op *op) { free(((struct testing_call *)op)->json); }

static int call_results(lua_State *L, struct op *op)
{
    const struct testing_call *c = (const struct testing_call *)op;
    if (!c->json)
        return luaL_error(L, "not enough memory");
    value_push(L, c->json, c->len);
    return 1;
}

static const struct op_type call_type = {
    .name = "testing.call",
    .size = sizeof(struct testing_call),
    .is_inner = true,
    .cancel = call_cancel,
    .release = call_release,
    .results = call_results,
};

void testing_answer(struct testing_call *c, char *json, size_t len)
{
    c->json = json;
    c->len = len;
    op_complete(&c->op);
}

/* Pushes the JSON of arguments, or of answers. */
static const char *check_args(lua_State *L, int index, const char *what, size_t *len)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        lua_pushvalue(L, index);
    } else {
        struct buf *json = scratch_push(L);
        struct err e;
        if (value_encode(L, index, json, &e) != 0)
            luaL_error(L, "call: the %s: %s", what, e.text);
        scratch_push_string(L, json);
    }
    return lua_tolstring(L, -1, len);
}

/* Likewise: tool, arguments, key or nil, answers or false -> result, or nil, message, code. */
static int l_call(lua_State *L)
{
    const struct vm_testing *t = testing(L);
    struct testing_request r = { .tool = luaL_checkstring(L, 1), .as = luaL_optstring(L, 3, NULL) };
    struct err e = { 0 };
    check_running(L, "call");
    lua_settop(L, 4);
    r.args = check_args(L, 2, "arguments", &r.len);
    if (lua_istable(L, 4))
        r.answers = check_args(L, 4, "answers", &r.answers_len);
    struct testing_call *c = (struct testing_call *)op_push(L, &call_type);
    if (!c)
        return 3;
    c->testing = t;
    if (t->call(t->arg, c, &r, &e) != 0) {
        op_drop(&c->op);
        return api_fail(L, err_word(e.code), "%s", e.text);
    }
    return op_wait(L, &c->op);
}

/* ---- time ---- */

struct advance_op {
    struct op op;
    struct loop *loop;
    struct loop_timer timer;
};

static void advance_fired(void *op) { op_complete(op); }

static void advance_cancel(struct op *op)
{
    struct advance_op *a = (struct advance_op *)op;
    timer_stop(a->loop, &a->timer);
}

static int advance_results(lua_State *L, struct op *op)
{
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

static const struct op_type advance_type = {
    .name = "clock:advance",
    .size = sizeof(struct advance_op),
    .is_inner = true,
    .cancel = advance_cancel,
    .results = advance_results,
};

/* The clock moves when nothing is left to do but to wait for it. */
int testing_pause(lua_State *L)
{
    int64_t ms = luaL_checkinteger(L, 1);
    check_running(L, "advance");
    luaL_argcheck(L, ms >= 0, 1, "expected milliseconds");
    struct advance_op *a = (struct advance_op *)op_push(L, &advance_type);
    if (!a)
        return 3;
    a->loop = vm_services_of(L)->loop;
    timer_start(a->loop, &a->timer, ms, advance_fired, a);
    return op_wait(L, &a->op);
}

/* ---- files and state ---- */

/* Likewise: path, data -> true, or nil, message, code. */
static int l_file(lua_State *L)
{
    size_t len, path_len;
    const char *path = luaL_checklstring(L, 1, &path_len);
    const char *data = luaL_checklstring(L, 2, &len);
    struct err e;
    check_running(L, "root");
    if (strlen(path) != path_len)
        return api_fail(L, "INVALID", "a path has no zero byte");
    if (testing(L)->file_make(testing(L)->arg, path, data, len, &e) != 0)
        return api_fail(L, err_word(e.code), "%s", e.text);
    lua_pushboolean(L, 1);
    return 1;
}

static struct store *store_of(lua_State *L)
{
    check_running(L, "state");
    return vm_services_of(L)->store;
}

/* Likewise: name, key. */
static int l_declare(lua_State *L)
{
    struct err e;
    const char *name = luaL_checkstring(L, 1);
    if (store_declare(store_of(L), name, luaL_checkstring(L, 2), &e) != 0)
        return luaL_error(L, "state: %s: %s", name, e.text);
    return 0;
}

/* Likewise: name, key, object -> true, or nil, message, code. A store in memory completes inline.
 */
static int l_put(lua_State *L)
{
    struct store *store = store_of(L);
    struct store_change change = { .collection = luaL_checkstring(L, 1), .expect = STORE_ANY };
    const char *key = luaL_checkstring(L, 2);
    struct err e;
    if (!lua_istable(L, 3) || lua_getfield(L, 3, key) != LUA_TSTRING)
        return api_fail(L, "INVALID", "expected an object with a text in its member %s", key);
    change.key = lua_tolstring(L, -1, &change.key_len);
    struct buf *json = scratch_push(L);
    if (value_encode(L, 3, json, &e) != 0)
        return api_fail(L, "INVALID", "%s", e.text);
    scratch_push_string(L, json);
    change.text = lua_tolstring(L, -1, &change.len);
    struct store_op op = { .kind = STORE_WRITE, .changes = &change, .change_count = 1 };
    int code = store_submit(store, &op) == 1 ? op.code : MG_E_INVALID;
    e = op.err;
    store_op_fini(&op);
    if (code != 0)
        return api_fail(L, err_word(code), "%s", e.text);
    lua_pushboolean(L, 1);
    return 1;
}

/* What frees a list of values when making tables of them raises. */
static int op_gc(lua_State *L)
{
    store_op_fini(lua_touserdata(L, 1));
    return 0;
}

/* Likewise: name -> the objects that the collection holds. */
static int l_objects(lua_State *L)
{
    struct store *store = store_of(L);
    const char *name = luaL_checkstring(L, 1);
    struct store_op *op = lua_newuserdatauv(L, sizeof *op, 0);
    *op = (struct store_op){ .kind = STORE_LIST, .collection = name };
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, op_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    if (store_submit(store, op) != 1 || op->code != 0)
        return luaL_error(L, "state: %s: %s", name, op->err.text);
    lua_createtable(L, (int)op->count, 0);
    for (size_t i = 0; i < op->count; i++) {
        size_t len;
        const char *text = store_value_text(op->values[i], &len);
        value_push(L, text, len);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    store_op_fini(op);
    return 1;
}

/* ---- answers ---- */

/* Likewise: kind, table. */
static int l_answers(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &answers_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &answers_key);
    }
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, luaL_checkstring(L, 1));
    return 0;
}

bool testing_is_on(lua_State *L) { return testing_of(L) != NULL; }

/* Pushes the answer whose key is this one, else whose glob fits, the longest one; or nothing. */
static bool push_answer(lua_State *L, const char *kind, const char *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &answers_key) != LUA_TTABLE ||
        lua_getfield(L, -1, kind) != LUA_TTABLE)
        return false;
    int answers = lua_gettop(L);
    if (lua_getfield(L, answers, key) == LUA_TTABLE)
        return true;
    size_t best = 0, len;
    lua_pushnil(L);
    while (lua_next(L, answers)) {
        const char *glob = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
        if (glob && len > best && glob_match(glob, key, strlen(key))) {
            best = len;
            lua_copy(L, -1, answers + 1);
        }
        lua_pop(L, 1);
    }
    return best > 0;
}

int testing_answered(lua_State *L, const char *kind, const char *key)
{
    const struct vm_testing *t = testing_of(L);
    luaL_checkstack(L, 8, NULL);
    if (!push_answer(L, kind, key)) {
        const char *text =
            lua_pushfstring(L, "%s: no answer is listed for `%s`: add it to mcp.testing.%s{...}",
                            kind, key, kind);
        t->fail(t->arg, text, strlen(text));
        return api_fail(L, "UNLISTED", "the test lists no answer for this");
    }
    if (lua_getfield(L, -1, "error") != LUA_TSTRING) {
        lua_pop(L, 1);
        return 1;
    }
    lua_getfield(L, -2, "message");
    const char *message = lua_tostring(L, -1);
    return api_fail(L, lua_tostring(L, -2), "%s", message ? message : "as the test says");
}

int testing_program(lua_State *L, const char *const *argv)
{
    struct buf *key = scratch_push(L);
    for (const char *const *word = argv; *word; word++) {
        if (word != argv)
            buf_putc(key, ' ');
        buf_str(key, *word);
    }
    scratch_push_string(L, key);
    return testing_answered(L, "exec", lua_tostring(L, -1));
}

int testing_request(lua_State *L, const char *method, const char *url)
{
    int n = testing_answered(L, "http", lua_pushfstring(L, "%s %s", method, url));
    if (n != 1)
        return n;
    int answer = lua_gettop(L);
    lua_createtable(L, 0, 3);
    if (lua_getfield(L, answer, "status") == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushinteger(L, 200);
    }
    lua_setfield(L, answer + 1, "status");
    if (lua_getfield(L, answer, "body") == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushliteral(L, "");
    }
    lua_setfield(L, answer + 1, "body");
    lua_newtable(L); /* the tool may change it */
    if (lua_getfield(L, answer, "headers") == LUA_TTABLE) {
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, answer + 2);
        }
    }
    lua_settop(L, answer + 2);
    lua_setfield(L, answer + 1, "headers");
    return 1;
}

int mgl_open_testing(lua_State *L)
{
    static const luaL_Reg primitives[] = {
        { "case", l_case },       { "fail", l_fail },
        { "call", l_call },       { "advance", testing_pause },
        { "file", l_file },       { "declare", l_declare },
        { "put", l_put },         { "objects", l_objects },
        { "answers", l_answers }, { NULL, NULL },
    };
    if (!testing_of(L) || !testing_is_here(L)) {
        lua_pushnil(L); /* a tool has no such table */
        return 1;
    }
    luaL_newlib(L, primitives);
    value_push_null(L);
    lua_setfield(L, -2, "null");
    lib_run(L, "mcp/testing.lua", 1, 1);
    return 1;
}
