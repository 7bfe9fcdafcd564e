#include <lauxlib.h>

#include "api/api.h"
#include "api/scratch.h"
#include "base/hash.h"

#define BLOCK_MAX_BYTES ((size_t)8 << 20)

/* For lua/lib/mcp/result.lua: bytes -> base64. */
static int l_base64(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    if (len > BLOCK_MAX_BYTES)
        return luaL_error(L, "a block holds at most %d bytes", (int)BLOCK_MAX_BYTES);
    struct buf *out = scratch_push(L);
    base64_encode(out, bytes, len, false);
    scratch_push_string(L, out);
    return 1;
}

/* Likewise: marks what mcp.content made. */
static int l_mark_content(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    result_mark_content(L, 1);
    return 1;
}

/* Likewise: marks what mcp.fail made. */
static int l_mark_fail(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    result_mark_fail(L, 1);
    return 1;
}

void result_push_primitives(lua_State *L)
{
    static const luaL_Reg primitives[] = {
        { "base64", l_base64 },
        { "mark_content", l_mark_content },
        { "mark_fail", l_mark_fail },
        { NULL, NULL },
    };
    luaL_newlib(L, primitives);
}

int mgl_open_result(lua_State *L)
{
    result_push_primitives(L);
    lib_run(L, "mcp/result.lua", 1, 1);
    return 1;
}
