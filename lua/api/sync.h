/* sync.h - waiting until what a task read and wrote is on disk.
 * Threads: the state's. */
#ifndef MG_SYNC_H
#define MG_SYNC_H
#include <lua.h>

int l_state_sync(lua_State *L);

#endif
