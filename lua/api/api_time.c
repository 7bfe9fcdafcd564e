#include <lauxlib.h>
#include <math.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/parse.h"
#include "vm/op.h"

#define SLEEP_MAX_MS 3600000
#define YEAR_9999_S 253402300799.0

/* mcp.time.now() -> number: seconds since 1970, UTC, to the millisecond. */
static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)clock_wall_ms() / 1e3);
    return 1;
}

/* mcp.time.mono() -> number: seconds on a clock that never jumps, for measuring. */
static int l_mono(lua_State *L)
{
    int64_t us = clock_is_fake() ? clock_mono_ms() * 1000 : clock_mono_us();
    lua_pushnumber(L, (lua_Number)us / 1e6);
    return 1;
}

/* mcp.time.iso([t]) -> string: t (default: now) as "2026-11-23T07:30:41.220Z". */
static int l_iso(lua_State *L)
{
    char text[CLOCK_ISO_SIZE];
    int64_t wall_ms = clock_wall_ms();

    if (!lua_isnoneornil(L, 1)) {
        lua_Number t = luaL_checknumber(L, 1);
        luaL_argcheck(L, t >= 0 && t <= YEAR_9999_S, 1, "expected seconds since 1970");
        wall_ms = (int64_t)llround(t * 1e3);
    }
    clock_iso(text, wall_ms);
    lua_pushstring(L, text);
    return 1;
}

/* ---- sleep ---- */

struct sleep_op {
    struct op op;
    struct loop *loop;
    struct loop_timer timer;
};

static void sleep_fired(void *op) { op_complete(op); }

static void sleep_cancel(struct op *op)
{
    struct sleep_op *s = (struct sleep_op *)op;
    timer_stop(s->loop, &s->timer);
}

static int sleep_results(lua_State *L, struct op *op)
{
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

static const struct op_type sleep_type = {
    .name = "sleep",
    .is_inner = true,
    .size = sizeof(struct sleep_op),
    .cancel = sleep_cancel,
    .results = sleep_results,
};

static int64_t check_duration(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        int64_t ms;
        if (parse_duration(lua_tostring(L, index), &ms) != 0 || ms > SLEEP_MAX_MS)
            luaL_argerror(L, index, "expected a duration of at most 1h, such as \"250ms\"");
        return ms;
    }
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds >= 0 && seconds * 1e3 <= SLEEP_MAX_MS, index,
                  "expected 0 to 3600 seconds");
    return (int64_t)ceil(seconds * 1e3);
}

/* mcp.time.sleep(duration) -> true (w). Seconds or "250ms", at most an hour. Others run meanwhile.
 */
static int l_sleep(lua_State *L)
{
    int64_t ms = check_duration(L, 1);
    struct loop *loop = vm_services_of(L) ? vm_services_of(L)->loop : NULL;
    struct sleep_op *s = (struct sleep_op *)op_push(L, &sleep_type);

    if (!s)
        return 3;
    s->loop = loop;
    /* One more, because the clock's current millisecond has begun already; a test's stands. */
    int64_t more = ms > 0 && !clock_is_fake() ? 1 : 0;
    timer_start(loop, &s->timer, ms + more, sleep_fired, s);
    return op_wait(L, &s->op);
}

static const luaL_Reg functions[] = {
    { "now", l_now }, { "mono", l_mono }, { "iso", l_iso }, { "sleep", l_sleep }, { NULL, NULL },
};

int mgl_open_time(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
