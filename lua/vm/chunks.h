/* chunks.h - what tool files and helpers are compiled to: once in a machine, however many files
 * require a helper, and for further machines copied from the first one. All that run a chunk share
 * its code, which nobody can change, and nothing else. Threads: the vm's. In protected mode. */
#ifndef MG_VM_CHUNKS_H
#define MG_VM_CHUNKS_H
#include <lua.h>

#include "vm/sources.h"

/* Pushes the chunk, whose globals are from now on the table at index env: the functions that it
 * made before keep theirs. Raises with title:line: reason. The source outlives the loading. */
void chunk_push(lua_State *L, const struct source *s, int env);
/* Copies the function at the top of another state of this thread's, in which nothing is allocated,
 * so nothing can raise there. Pushes it, or why there is none; returns as luaL_loadbuffer does. */
int chunk_copy(lua_State *L, lua_State *from);
/* Pushes the table that the registry has under this key; an empty one at first. */
void registry_table(lua_State *L, const void *key);
/* Once all files are loaded: what is not in use goes. */
void chunks_forget(lua_State *L);

#endif
