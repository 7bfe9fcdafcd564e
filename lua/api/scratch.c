#include "api/scratch.h"

#include <lauxlib.h>

#define META "mg.scratch"

static int l_gc(lua_State *L)
{
    buf_fini(lua_touserdata(L, 1));
    return 0;
}

struct buf *scratch_push(lua_State *L)
{
    struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);

    *b = (struct buf){ .max = SCRATCH_MAX };
    if (luaL_newmetatable(L, META)) {
        lua_pushcfunction(L, l_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return b;
}

void scratch_push_string(lua_State *L, struct buf *b)
{
    if (!buf_ok(b))
        luaL_error(L, "the result is larger than %d bytes", (int)SCRATCH_MAX);
    lua_pushlstring(L, b->data ? b->data : "", b->len);
    buf_fini(b);
}
