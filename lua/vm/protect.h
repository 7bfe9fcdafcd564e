/* protect.h - pcall and xpcall as tools have them. */
#ifndef MG_VM_PROTECT_H
#define MG_VM_PROTECT_H
#include <lua.h>

int l_pcall(lua_State *L);
int l_xpcall(lua_State *L);

#endif
