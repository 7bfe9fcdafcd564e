#include <lauxlib.h>

#include "api/api.h"
#include "api/scratch.h"
#include "base/clock.h"
#include "base/json_scan.h"
#include "hub/cache.h"
#include "tools/toolset.h"

#define VALUES_MAX 100000
#define TTL_MAX_MS ((int64_t)365 * 24 * 3600 * 1000)

/* The running tool's own key at index 1. */
static struct cache *check_key(lua_State *L, struct cache_key *k)
{
    const struct vm_services *services = vm_services_of(L);
    const struct tool *tool = tool_of(L);

    k->key = luaL_checklstring(L, 1, &k->len);
    luaL_argcheck(L, k->len >= 1 && k->len <= CACHE_KEY_MAX, 1, "expected 1 to 512 bytes");
    if (!tool || !services || !services->cache)
        luaL_error(L, "cache: there is none while a file is loaded");
    k->owner = tool->name;
    return services->cache;
}

static int64_t check_ttl(lua_State *L, int index)
{
    static const char *const names[] = { "ttl", NULL };
    if (lua_isnoneornil(L, index))
        return 0;
    opts_check(L, index, names);
    int64_t ttl_ms = opts_duration(L, index, "ttl", 0, TTL_MAX_MS);
    if (ttl_ms == 0 && lua_getfield(L, index, "ttl") != LUA_TNIL)
        luaL_error(L, "ttl: at least 1 ms");
    return ttl_ms;
}

static int fail(lua_State *L, int code)
{
    if (code == MG_E_INVALID)
        return api_fail(L, "INVALID", "what the cache has there is no integer");
    if (code == MG_E_LIMIT)
        return api_fail(L, "TOO_LARGE", "the sum would be over 2^53");
    return api_fail(L, "NOMEM", "no memory for the cache");
}

/* mcp.cache.get(key) -> value, or nil when there is none. */
static int l_get(lua_State *L)
{
    struct cache_key k;
    struct cache *c = check_key(L, &k);
    struct buf *copy = scratch_push(L); /* value_push() may raise: a reference would be lost */
    struct cache_value *v = cache_get(c, &k, clock_mono_ms());
    size_t len;

    if (!v) {
        lua_pushnil(L);
        return 1;
    }
    const char *text = cache_value_text(v, &len);
    buf_append(copy, text, len);
    cache_value_unref(v);
    if (!buf_ok(copy))
        return fail(L, MG_E_NOMEM);
    value_push(L, copy->data, copy->len);
    buf_fini(copy);
    return 1;
}

/* Making them again would hold the worker. */
static bool has_too_many(const struct buf *text)
{
    struct json_limits limits = { .max_values = VALUES_MAX };
    struct json_text root;
    struct err e;
    return buf_ok(text) && json_scan(text->data, text->len, &limits, &root, &e) == MG_E_LIMIT;
}

/* Encodes the value at index 2 and stores it. 0, or an enum mg_err that was not reported yet; 1:
 * the failure has been pushed. */
static int put(lua_State *L,
               int (*store)(struct cache *c, const struct cache_key *k, const char *text,
                            size_t len, int64_t now_ms, int64_t ttl_ms))
{
    struct cache_key k;
    struct cache *c = check_key(L, &k);
    struct err e = { 0 };

    luaL_checkany(L, 2);
    luaL_argcheck(L, !lua_isnil(L, 2), 2, "nil is no value; delete removes one");
    int64_t ttl_ms = check_ttl(L, 3);
    struct buf *text = scratch_push(L);
    text->max = CACHE_VALUE_MAX;
    bool is_value = value_encode(L, 2, text, &e) == 0;
    if (text->is_over || (is_value && has_too_many(text))) {
        buf_fini(text);
        api_fail(L, "TOO_LARGE", "the value's JSON is over %d bytes, or over %d values",
                 (int)CACHE_VALUE_MAX, VALUES_MAX);
        return 1;
    }
    if (!is_value)
        return luaL_error(L, "cache: %s", e.text);
    int code =
        buf_ok(text) ? store(c, &k, text->data, text->len, clock_mono_ms(), ttl_ms) : MG_E_NOMEM;
    buf_fini(text);
    return code;
}

/* mcp.cache.set(key, value [, {ttl=}]) -> true; or nil, message, code. All workers see it, and it
 * outlives a reload, but not the process. Keys are the tool's own, 1 to 512 bytes. The value is
 * kept as JSON of at most 1 MB and 100000 values (code TOO_LARGE). All tools together keep 32 MB,
 * one of them a quarter: what was not used for longest leaves first, so a value may be gone at any
 * time. */
static int l_set(lua_State *L)
{
    int code = put(L, cache_set);
    if (code > 0)
        return 3;
    if (code < 0)
        return fail(L, MG_E_NOMEM);
    lua_pushboolean(L, 1);
    return 1;
}

/* mcp.cache.add(key, value [, {ttl=}]) -> was it stored?; or nil, message, code. Only when there is
 * no value yet: of several callers one gets true. */
static int l_add(lua_State *L)
{
    int code = put(L, cache_add);
    if (code > 0)
        return 3;
    if (code < 0 && code != MG_E_CONFLICT)
        return fail(L, MG_E_NOMEM);
    lua_pushboolean(L, code == 0);
    return 1;
}

/* mcp.cache.incr(key [, n [, {ttl=}]]) -> the new value; or nil, message, code. Adds n (1), an
 * integer, to the one that is there, in one step. Without one it begins at 0, and the ttl counts
 * from then on; later ones do not move it. */
static int l_incr(lua_State *L)
{
    struct cache_key k;
    struct cache *c = check_key(L, &k);
    lua_Integer n = luaL_optinteger(L, 2, 1);
    int64_t ttl_ms = check_ttl(L, 3), sum = 0;
    int code = cache_incr(c, &k, n, clock_mono_ms(), ttl_ms, &sum);

    if (code != 0)
        return fail(L, code);
    lua_pushinteger(L, (lua_Integer)sum);
    return 1;
}

/* mcp.cache.delete(key) -> was it there? */
static int l_delete(lua_State *L)
{
    struct cache_key k;
    struct cache *c = check_key(L, &k);
    lua_pushboolean(L, cache_delete(c, &k, clock_mono_ms()));
    return 1;
}

int mgl_open_cache(lua_State *L)
{
    static const luaL_Reg functions[] = { { "get", l_get },       { "set", l_set },
                                          { "add", l_add },       { "incr", l_incr },
                                          { "delete", l_delete }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
