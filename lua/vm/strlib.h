/* strlib.h - the bounded string functions. Each is a lua_CFunction; docs/limits.md states the
 * bounds. */
#ifndef MG_VM_STRLIB_H
#define MG_VM_STRLIB_H
#include <lua.h>

/* findlib.c */
int l_find(lua_State *L);
int l_match(lua_State *L);
int l_gmatch(lua_State *L);
int l_gsub(lua_State *L);      /* upvalue 1: the version in Lua, for functions */
int l_gsub_next(lua_State *L); /* for that version */

/* Each replaces functions of the table at index; the library's own version in Lua comes with the
 * names that call back. */
void strlib_open(lua_State *L, int index);
void tablib_open(lua_State *L, int index);
void utf8lib_open(lua_State *L, int index);
void oslib_open(lua_State *L, int index);

#endif
