/* fs_names.h - listings: the primitives under mcp.fs.list and mcp.fs.glob.
 * A helper thread collects all names; the tool's own code takes them in pieces, because one C
 * function that makes a hundred thousand strings holds the worker. */
#ifndef MG_FS_NAMES_H
#define MG_FS_NAMES_H
#include <lua.h>

/* Adds list, glob and take to the table on top of the stack, for lua/lib/mcp/fs.lua. */
void fs_names_open(lua_State *L);

#endif
