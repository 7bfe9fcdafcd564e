#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/batch.h"
#include "api/collection.h"
#include "api/scratch.h"
#include "api/state_op.h"
#include "api/sync.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000
#define NAME_MAX_BYTES 200
#define TTL_MAX_MS ((int64_t)3650 * 24 * 3600 * 1000)

static const char *check_id(lua_State *L, int index, size_t *len)
{
    luaL_checktype(L, index, LUA_TSTRING);
    const char *id = lua_tolstring(L, index, len);
    luaL_argcheck(L, *len >= 1 && *len <= OBJECT_ID_MAX, index, "expected an id of 1 to 512 bytes");
    return id;
}

/* Pushes the id that the object at index carries. */
static const char *object_id(lua_State *L, const struct collection *c, int index, size_t *len)
{
    luaL_checktype(L, index, LUA_TTABLE);
    if (lua_getfield(L, index, c->key) != LUA_TSTRING)
        luaL_error(L, "state: an object of %s has a string in its member %s", c->name, c->key);
    const char *id = lua_tolstring(L, -1, len);
    if (*len < 1 || *len > OBJECT_ID_MAX)
        luaL_error(L, "state: %s: expected 1 to %d bytes", c->key, OBJECT_ID_MAX);
    return id;
}

/* Pushes a scratch buffer with what state_op_write() wants. value: index of the object, 0 for a
 * delete. */
static struct buf *write_bytes(lua_State *L, const struct collection *c, const char *id, size_t len,
                               int value)
{
    struct buf *bytes = scratch_push(L);
    struct err e;

    buf_append(bytes, c->name, strlen(c->name) + 1);
    buf_append(bytes, id, len);
    buf_putc(bytes, ':'); /* or the encoder would begin with a comma */
    if (value && value_encode(L, value, bytes, &e) != 0)
        luaL_error(L, "state: %s", e.text);
    return bytes;
}

/* ---- reading ---- */

/* Pushes what the running batch says of the object; false: nothing. */
static bool push_pending(lua_State *L, const struct collection *c, const char *id, size_t len)
{
    const struct batch *b = batch_current(L);
    const struct store_change *pending = b ? batch_find(b, c->name, id, len) : NULL;

    if (!pending)
        return false;
    if (pending->text)
        value_push(L, pending->text, pending->len);
    else
        lua_pushnil(L);
    return true;
}

static int get(lua_State *L, state_results_fn results)
{
    struct collection *c = collection_check(L, 1);
    size_t len;
    const char *id = check_id(L, 2, &len);

    if (collection_use(L, c, false))
        return 3;
    if (push_pending(L, c, id, len)) {
        lua_pushinteger(L, 0); /* the version that the batch read first stands in the batch */
        return results == state_results_get ? (lua_pop(L, 1), 1) : 2;
    }
    struct state_op *s = state_op_read(L, results, STORE_GET, c, id, len);
    return s ? state_op_run(L, s) : 3;
}

/* collection:get(id) -> object, or nil when there is none, or nil, message, code. */
static int l_get(lua_State *L) { return get(L, state_results_get); }
/* For update(): object, version; or nil, 0. */
static int l_get_version(lua_State *L) { return get(L, state_results_version); }

/* collection:count() -> integer, or nil, message, code. */
static int l_count(lua_State *L)
{
    struct collection *c = collection_check(L, 1);
    if (collection_use(L, c, false))
        return 3;
    struct state_op *s = state_op_read(L, state_results_count, STORE_COUNT, c, NULL, 0);
    return s ? state_op_run(L, s) : 3;
}

/* Pushes a scratch buffer with the names in the list `only` of the options at index, as state_op
 * wants them. */
static struct buf *check_only(lua_State *L, int index)
{
    struct buf *names = scratch_push(L);
    int type = lua_getfield(L, index, "only");
    lua_Unsigned n = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    size_t len;

    if (type != LUA_TNIL && (n < 1 || n > STATE_ONLY_MAX))
        luaL_error(L, "only: expected a list of 1 to %d names", STATE_ONLY_MAX);
    for (lua_Unsigned i = 1; i <= n; i++) {
        const char *name = NULL;
        if (lua_rawgeti(L, -1, (lua_Integer)i) == LUA_TSTRING)
            name = lua_tolstring(L, -1, &len);
        if (!name || len > NAME_MAX_BYTES || strlen(name) != len)
            luaL_error(L, "only: expected names of at most %d bytes", NAME_MAX_BYTES);
        buf_append(names, name, len + 1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return names;
}

static void take_only(struct state_op *s, struct buf *names)
{
    s->only = *names;
    *names = (struct buf){ .max = names->max };
}

/* For each(): collection, options or nil -> iterator, or nil, message, code. */
static int l_each(lua_State *L)
{
    static const char *const options[] = { "only", NULL };
    struct collection *c = collection_check(L, 1);
    struct buf *only = NULL;

    if (!lua_isnoneornil(L, 2)) {
        opts_check(L, 2, options);
        only = check_only(L, 2);
    }
    if (collection_use(L, c, false))
        return 3;
    struct state_op *s = state_op_read(L, state_results_each, STORE_LIST, c, NULL, 0);
    if (s && only)
        take_only(s, only);
    return s ? state_op_run(L, s) : 3;
}

struct list_options {
    const char *after; /* NULL: from the begin */
    size_t after_len, limit;
    bool newest;
    struct buf *only; /* on the stack; NULL: all members */
};

static struct list_options check_list_options(lua_State *L, int index)
{
    static const char *const names[] = { "after", "limit", "newest", "only", NULL };
    struct list_options o = { .limit = LIST_DEFAULT };

    if (lua_isnoneornil(L, index))
        return o;
    opts_check(L, index, names);
    if (lua_getfield(L, index, "after") != LUA_TNIL)
        o.after = check_id(L, lua_gettop(L), &o.after_len);
    if (lua_getfield(L, index, "limit") != LUA_TNIL) {
        int is_integer;
        lua_Integer limit = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || limit < 1 || limit > LIST_MAX)
            luaL_error(L, "limit: expected 1 to %d", LIST_MAX);
        o.limit = (size_t)limit;
    }
    if (lua_getfield(L, index, "newest") != LUA_TNIL)
        o.newest = lua_toboolean(L, -1);
    o.only = check_only(L, index);
    return o;
}

/* collection:list([{after=, limit=, newest=, only=}]) -> array, next; or nil, message, code. A page
 * of at most limit (100; up to 1000) objects in order of insertion, or from the newest backwards;
 * next is the id to give as `after` for the following page, nil on the last. only: the names of the
 * members that are wanted, up to 16: what else an object holds, a large text say, costs neither
 * memory nor much time. */
static int l_list(lua_State *L)
{
    struct collection *c = collection_check(L, 1);
    struct list_options o = check_list_options(L, 2);

    if (collection_use(L, c, false))
        return 3;
    struct state_op *s = state_op_read(L, state_results_list, STORE_LIST, c, o.after, o.after_len);
    if (!s)
        return 3;
    s->req.limit = o.limit;
    s->req.newest = o.newest;
    if (o.only)
        take_only(s, o.only);
    return state_op_run(L, s);
}

/* ---- writing ---- */

/* Adds the change to the batch; pushes true, or nil, message, code. */
static int add_to_batch(lua_State *L, struct batch *b, const struct buf *bytes, size_t len,
                        bool is_delete, store_seq expect, int64_t ttl_ms)
{
    if (!buf_ok(bytes))
        return api_fail(L, "NOMEM", "no memory for the change");
    const char *id = bytes->data + strlen(bytes->data) + 1;
    struct store_change change = {
        .collection = bytes->data,
        .key = id,
        .key_len = len,
        .text = is_delete ? NULL : id + len + 1,
        .len = bytes->len - (size_t)(id + len + 1 - bytes->data),
        .expect = expect,
        .ttl_ms = ttl_ms,
    };
    int code = batch_add(b, &change);
    if (code == MG_E_LIMIT)
        return api_fail(L, "LIMIT", "a batch holds at most %d changes and %d bytes",
                        BATCH_MAX_CHANGES, (int)BATCH_MAX_BYTES);
    if (code != 0)
        return api_fail(L, "NOMEM", "no memory for the change");
    lua_pushboolean(L, 1);
    return 1;
}

static int write(lua_State *L, state_results_fn results, struct buf *bytes, size_t len,
                 bool is_delete, store_seq expect, int64_t ttl_ms)
{
    struct batch *b = batch_current(L);
    if (b)
        return add_to_batch(L, b, bytes, len, is_delete, expect, ttl_ms);
    struct state_op *s = state_op_write(L, results, bytes, len, is_delete, expect, ttl_ms);
    return s ? state_op_run(L, s) : 3;
}

static int64_t check_ttl(lua_State *L, int index)
{
    static const char *const names[] = { "ttl", NULL };
    if (lua_isnoneornil(L, index))
        return 0;
    opts_check(L, index, names);
    return opts_duration(L, index, "ttl", 0, TTL_MAX_MS);
}

/* For put(): collection, object, options -> true. */
static int l_put(lua_State *L)
{
    struct collection *c = collection_check(L, 1);
    int64_t ttl_ms = check_ttl(L, 3);
    size_t len;
    const char *id = object_id(L, c, 2, &len);

    if (collection_use(L, c, true))
        return 3;
    struct buf *bytes = write_bytes(L, c, id, len, 2);
    return write(L, state_results_write, bytes, len, false, STORE_ANY, ttl_ms);
}

/* For update(): collection, id, object or nil, version, options -> true. Code CONFLICT: it changed
 * meanwhile. */
static int l_swap(lua_State *L)
{
    struct collection *c = collection_check(L, 1);
    bool is_delete = lua_isnoneornil(L, 3);
    store_seq version = (store_seq)luaL_checkinteger(L, 4);
    int64_t ttl_ms = check_ttl(L, 5);
    size_t len, own_len;
    const char *id = check_id(L, 2, &len);

    if (!is_delete) {
        const char *own = object_id(L, c, 3, &own_len);
        if (own_len != len || memcmp(own, id, len) != 0)
            return luaL_error(L, "state: update keeps the object's %s as it is", c->key);
    }
    if (collection_use(L, c, true))
        return 3;
    struct buf *bytes = write_bytes(L, c, id, len, is_delete ? 0 : 3);
    return write(L, state_results_write, bytes, len, is_delete, version, ttl_ms);
}

/* For delete(), outside of a batch: collection, id -> was it there? */
static int l_delete(lua_State *L)
{
    struct collection *c = collection_check(L, 1);
    size_t len;
    const char *id = check_id(L, 2, &len);

    if (collection_use(L, c, true))
        return 3;
    struct buf *bytes = write_bytes(L, c, id, len, 0);
    return write(L, state_results_delete, bytes, len, true, STORE_ANY, 0);
}

/* ---- batches, durability ---- */

static int l_batch_begin(lua_State *L)
{
    if (!task_of(L))
        return luaL_error(L, "state.batch: there is no store while a file is loaded");
    batch_push(L);
    return 1;
}

static int l_batch_commit(lua_State *L)
{
    struct batch *b = batch_check(L, 1);
    if (b->is_refused)
        return batch_push_refusal(L, 1);
    if (b->count == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    struct state_op *s = state_op_batch(L, b);
    return s ? state_op_run(L, s) : 3;
}

/* For what refuses a change: message, code. */
static int l_batch_refuse(lua_State *L)
{
    lua_settop(L, 2);
    batch_refuse(L, 1);
    return 0;
}

static int l_is_collection(lua_State *L)
{
    lua_pushboolean(L, luaL_testudata(L, 1, COLLECTION_META) != NULL);
    return 1;
}

static int l_in_batch(lua_State *L)
{
    lua_pushboolean(L, batch_current(L) != NULL);
    return 1;
}

/* mcp.state.open(name [, {key=}]) -> collection. key: the member that holds an object's id ("id").
 * TOOL.x is the tool's own; others are granted in mcp.ini: state = jobs:rw, models:r. */
static int l_open(lua_State *L)
{
    static const char *const names[] = { "key", NULL };
    const char *name = luaL_checkstring(L, 1);
    const char *key = "id";

    if (!lua_isnoneornil(L, 2)) {
        opts_check(L, 2, names);
        if (lua_getfield(L, 2, "key") != LUA_TNIL)
            key = luaL_checkstring(L, -1);
    }
    collection_push(L, name, key);
    return 1;
}

static const luaL_Reg primitives[] = {
    /* for lua/lib/mcp/state.lua */
    { "each", l_each },
    { "get_version", l_get_version },
    { "put", l_put },
    { "swap", l_swap },
    { "delete", l_delete },
    { "begin", l_batch_begin },
    { "commit", l_batch_commit },
    { "in_batch", l_in_batch },
    { "refuse", l_batch_refuse },
    { "is_collection", l_is_collection },
    { NULL, NULL },
};

static const luaL_Reg methods[] = {
    { "get", l_get },
    { "count", l_count },
    { "list", l_list },
    { NULL, NULL },
};

static int l_tostring(lua_State *L)
{
    lua_pushfstring(L, "collection: %s", collection_check(L, 1)->name);
    return 1;
}

/* Makes the metatable once for each state, with the methods that are Lua, and leaves it on the
 * stack. No tool can reach it or the table of methods: what one file did to them would run with
 * another's grants. */
static void push_metatable(lua_State *L)
{
    luaL_newmetatable(L, COLLECTION_META);
    bool is_complete = lua_getfield(L, -1, "batch") != LUA_TNIL;
    lua_pop(L, 1);
    if (is_complete)
        return;
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushcfunction(L, l_tostring);
    lua_setfield(L, -2, "__tostring");
    luaL_newlib(L, methods);
    lua_pushvalue(L, -1);
    luaL_newlib(L, primitives);
    lib_run(L, "mcp/state.lua", 2, 1);
    lua_insert(L, -2);
    lua_setfield(L, -3, "__index");
    lua_setfield(L, -2, "batch"); /* last: it says that all is there, if memory ended before */
}

int mgl_open_state(lua_State *L)
{
    static const luaL_Reg functions[] = { { "open", l_open },
                                          { "sync", l_state_sync },
                                          { NULL, NULL } };

    luaL_newlib(L, functions);
    push_metatable(L);
    lua_getfield(L, -1, "batch");
    lua_setfield(L, -3, "batch");
    lua_pop(L, 1);
    return 1;
}
