#include "api/run.h"

#include <lauxlib.h>

#include "api/testing.h"
#include "vm/module.h"

#define META "mg.run"

struct process **run_box_push(lua_State *L)
{
    struct process **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_newmetatable(L, META);
    lua_setmetatable(L, -2);
    return box;
}

static struct process *check(lua_State *L)
{
    struct process **box = luaL_checkudata(L, 1, META);
    if (!*box)
        luaL_error(L, "exec: the process was dropped already");
    return *box;
}

/* process -> line, "stdout" or "stderr"; false: no more; nil, message, code. */
static int l_line(lua_State *L) { return process_line(L, check(L)); }

/* process -> how it ended, or nil, message, code. */
static int l_result(lua_State *L) { return process_result(L, check(L)); }

/* Kills it if it runs; idempotent. */
static int l_drop(lua_State *L)
{
    struct process **box = luaL_checkudata(L, 1, META);
    if (*box)
        process_drop(*box);
    *box = NULL;
    return 0;
}

const char *run_error_word(int code) { return code == MG_E_NOTFOUND ? "ENOENT" : err_word(code); }

void run_open(lua_State *L, lua_CFunction start)
{
    static const luaL_Reg functions[] = { { "line", l_line },
                                          { "result", l_result },
                                          { "drop", l_drop },
                                          { "pause", testing_pause },
                                          { NULL, NULL } };
    lua_pushvalue(L, -1);
    luaL_newlib(L, functions);
    lua_pushcfunction(L, start);
    lua_setfield(L, -2, "start");
    lib_run(L, "mcp/run.lua", 2, 0);
}
