/* slice.h - how a C function that works for long gives way: it looks at the time now and then, and
 * yields where it can. Threads: the vm's. */
#ifndef MG_VM_SLICE_H
#define MG_VM_SLICE_H
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Is the running strand's slice over? Reads the clock. */
bool slice_is_over(lua_State *L);
/* `return slice_yield(L, ctx, k)`: the strand goes to the end of the second queue, k goes on. Only
 * where lua_isyieldable(). */
int slice_yield(lua_State *L, lua_KContext ctx, lua_KFunction k);
/* A result that is made in pieces over several slices: a list of strings at index, or nil so far.
 * keep() pops the string at the top and appends it; join() pushes all of them as one. */
void slice_keep(lua_State *L, int index);
void slice_join(lua_State *L, int index);
/* Time that this thread has computed, in us: limits on it do not kill what the machine kept
 * waiting. */
int64_t cpu_time_us(void);
/* Before a function that needs `bytes` at once makes them. True: they are there. False:
 * `return slice_squeeze(L, k)`, which has garbage collected first; k then asks again, with
 * is_collected. Raises where that did not help, or could not. what: "string.rep". */
bool slice_need(lua_State *L, uint64_t bytes, bool is_collected, const char *what);
int slice_squeeze(lua_State *L, lua_KFunction k);

/* The longest string that one call of a library function reads or makes as a whole. */
#define WHOLE_MAX (UINT64_C(8) << 20)
/* Of those that take some nanoseconds for every byte: 24 ms for 8 MB were measured. */
#define SLOW_WHOLE_MAX (WHOLE_MAX / 2)
/* Raises when a string of `bytes` is longer than max. */
void slice_whole(lua_State *L, uint64_t bytes, uint64_t max, const char *what);

#endif
