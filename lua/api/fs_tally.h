/* fs_tally.h - mcp.fs.tally: what the lines of many files are, counted by a helper thread. */
#ifndef MG_FS_TALLY_H
#define MG_FS_TALLY_H
#include <lua.h>

int mgl_fs_tally(lua_State *L); /* a lua_CFunction */

#endif
