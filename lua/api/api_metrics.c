#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "base/tool_metrics.h"
#include "tools/toolset.h"

static const char *const metas[] = { "mg.counter", "mg.gauge", "mg.histogram" }; /* by type */

/* ---- making ---- */

static const double default_bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };

static size_t check_bounds(lua_State *L, int index, double bounds[TOOL_METRICS_BUCKETS])
{
    if (lua_isnoneornil(L, index)) {
        memcpy(bounds, default_bounds, sizeof default_bounds);
        return sizeof default_bounds / sizeof *default_bounds;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    lua_Unsigned n = lua_rawlen(L, index);
    luaL_argcheck(L, n >= 1 && n <= TOOL_METRICS_BUCKETS, index, "expected 1 to 30 numbers");
    for (lua_Unsigned i = 0; i < n; i++) {
        luaL_argcheck(L, lua_rawgeti(L, index, (lua_Integer)i + 1) == LUA_TNUMBER, index,
                      "expected numbers");
        bounds[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return (size_t)n;
}

static const char *check_text(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);
    luaL_argcheck(L, strlen(text) == len, index, "a zero byte");
    return text;
}

static int make(lua_State *L, enum tool_metric_type type)
{
    double bounds[TOOL_METRICS_BUCKETS];
    const char *name = check_text(L, 1), *help = check_text(L, 2);
    size_t n = type == TOOL_HISTOGRAM ? check_bounds(L, 3, bounds) : 0;
    struct tool_metric **m = lua_newuserdatauv(L, sizeof *m, 0);
    struct err e = { 0 };

    *m = tool_metric_find(name, type, help, bounds, n, &e);
    if (!*m)
        return luaL_error(L, "metrics: %s", e.text);
    luaL_setmetatable(L, metas[type]);
    return 1;
}

/* mcp.metrics.counter(name, help) -> counter. /metrics shows it as moongate_tool_NAME with the
 * label tool, from the first inc on; it outlives reloads, and all workers and tools that give this
 * name have the same one. Make it where the file is loaded. name: a-z A-Z 0-9 _, up to 100; by
 * custom a counter's ends in _total. It raises when the name has another type already. There are at
 * most 500 names. */
static int l_counter(lua_State *L) { return make(L, TOOL_COUNTER); }

/* mcp.metrics.gauge(name, help) -> gauge: a value that goes up and down. As counter. */
static int l_gauge(lua_State *L) { return make(L, TOOL_GAUGE); }

/* mcp.metrics.histogram(name, help [, buckets]) -> histogram. buckets: their upper bounds, up to 30
 * rising numbers ({ 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 }). As counter. */
static int l_histogram(lua_State *L) { return make(L, TOOL_HISTOGRAM); }

/* ---- noting ---- */

/* Reads the labels at index; their texts stay on the stack. */
static size_t check_labels(lua_State *L, int index, struct tool_label labels[TOOL_METRICS_LABELS])
{
    size_t n = 0;
    if (lua_isnoneornil(L, index))
        return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, TOOL_METRICS_LABELS + 4, NULL);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (n == TOOL_METRICS_LABELS)
            luaL_error(L, "labels: at most %d", TOOL_METRICS_LABELS);
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "labels: expected names, got a %s", luaL_typename(L, -2));
        int type = lua_type(L, -1);
        if (type == LUA_TBOOLEAN) {
            lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
            lua_replace(L, -2);
        } else if (type != LUA_TSTRING && type != LUA_TNUMBER) {
            luaL_error(L, "labels: %s: expected a string, a number or a boolean, got a %s",
                       lua_tostring(L, -2), luaL_typename(L, -1));
        }
        struct tool_label *l = &labels[n++];
        l->value = lua_tolstring(L, -1, &l->value_len);
        l->name = lua_tostring(L, -2);
        lua_insert(L, -2); /* the value stays below the name, which is the next step's key */
    }
    return n;
}

static int note(lua_State *L, enum tool_metric_type type, double v, int labels_index)
{
    struct tool_label labels[TOOL_METRICS_LABELS];
    struct tool_metric **m = luaL_checkudata(L, 1, metas[type]);
    const struct tool *tool = tool_of(L);
    struct err e = { 0 };

    luaL_argcheck(L, isfinite(v), 2, "expected a finite number");
    if (!tool)
        return luaL_error(L, "metrics: no tool runs while a file is loaded");
    size_t n = check_labels(L, labels_index, labels);
    if (tool_metric_note(*m, tool->name, v, labels, n, &e) != 0)
        return luaL_error(L, "metrics: %s", e.text);
    return 0;
}

/* counter:inc([n [, labels]]): adds n (1), which is not below 0. labels: a table of up to 8 names
 * and their values (strings, numbers, booleans): { status = 200 }. Values are cut at 128 bytes. One
 * tool has at most 100 series, which is combinations of label values, under a name; what would be
 * one more counts into a series whose label values are "other", and the log says so once. */
static int l_inc(lua_State *L)
{
    lua_settop(L, 3);
    double n = luaL_optnumber(L, 2, 1);
    luaL_argcheck(L, n >= 0, 2, "a counter only goes up");
    return note(L, TOOL_COUNTER, n, 3);
}

/* gauge:set(value [, labels]). */
static int l_set(lua_State *L)
{
    lua_settop(L, 3);
    return note(L, TOOL_GAUGE, luaL_checknumber(L, 2), 3);
}

/* histogram:observe(value [, labels]): durations in seconds, sizes in bytes. */
static int l_observe(lua_State *L)
{
    lua_settop(L, 3);
    return note(L, TOOL_HISTOGRAM, luaL_checknumber(L, 2), 3);
}

static void add_meta(lua_State *L, enum tool_metric_type type, const char *method, lua_CFunction fn)
{
    luaL_newmetatable(L, metas[type]);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, fn);
    lua_setfield(L, -2, method);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int mgl_open_metrics(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "counter", l_counter }, { "gauge", l_gauge }, { "histogram", l_histogram }, { NULL, NULL }
    };
    add_meta(L, TOOL_COUNTER, "inc", l_inc);
    add_meta(L, TOOL_GAUGE, "set", l_set);
    add_meta(L, TOOL_HISTOGRAM, "observe", l_observe);
    luaL_newlib(L, functions);
    return 1;
}
