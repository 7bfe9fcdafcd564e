#include "vm/slice.h"

#include <lauxlib.h>

#include "base/clock.h"
#include "vm/state.h"

#include <time.h>

bool slice_is_over(lua_State *L)
{
    return clock_mono_us() - strand_of(L)->vm->slice_us >= SLICE_US;
}

int64_t cpu_time_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int slice_yield(lua_State *L, lua_KContext ctx, lua_KFunction k)
{
    strand_of(L)->state = STRAND_PREEMPTED;
    return lua_yieldk(L, 0, ctx, k);
}

void slice_keep(lua_State *L, int index)
{
    if (!lua_istable(L, index)) {
        lua_newtable(L);
        lua_replace(L, index);
    }
    lua_rawseti(L, index, (lua_Integer)lua_rawlen(L, index) + 1);
}

void slice_join(lua_State *L, int index)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    lua_Integer n = (lua_Integer)lua_rawlen(L, index);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, index, i);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
}

bool slice_need(lua_State *L, uint64_t bytes, bool is_collected, const char *what)
{
    struct memory *m = &strand_of(L)->vm->memory;
    uint64_t room = (uint64_t)memory_room(m);
    if (bytes <= room)
        return true;
    if (!is_collected && lua_isyieldable(L) && bytes <= memory_most(m))
        return false;
    /* What was asked for without collecting, or by a budget that is too small, says nothing of the
     * machine. */
    if (is_collected)
        memory_refused(m);
    luaL_error(L, "%s: not enough memory: %I bytes are needed, %I are left", what,
               (LUAI_UACINT)bytes, (LUAI_UACINT)room);
    return false;
}

int slice_squeeze(lua_State *L, lua_KFunction k)
{
    struct strand *s = strand_of(L);
    s->gc_ends = 0;
    s->state = STRAND_SQUEEZED;
    return lua_yieldk(L, 0, 1, k);
}

void slice_whole(lua_State *L, uint64_t bytes, uint64_t max, const char *what)
{
    if (bytes > max)
        luaL_error(L,
                   "%s: a string of %I bytes; at most %I at once, work in pieces with string.sub",
                   what, (LUAI_UACINT)bytes, (LUAI_UACINT)max);
}
