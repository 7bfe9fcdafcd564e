/* mcp.git is Lua over mcp.exec (lua/lib/mcp/git_run.lua, git.lua); here it gets what it stands on.
 */
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>

#include "api/api.h"

int mgl_open_git(lua_State *L)
{
    const struct vm_options *o = vm_options_of(L);
    const char *root = o->root ? o->root : "/nonexistent";
    char real[PATH_MAX];

    mgl_open_exec(L);
    lua_getfield(L, -1, "run");
    lua_remove(L, -2);
    lua_pushstring(L, root);
    lua_pushstring(L, realpath(root, real) ? real : root);
    lib_run(L, "mcp/git_run.lua", 3, 1);
    lib_run(L, "mcp/git.lua", 1, 1);
    return 1;
}
