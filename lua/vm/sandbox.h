/* sandbox.h - what a tool file finds around it: its own environment, its own copies of the library
 * tables and of mcp, its own instances of the helpers it requires. Threads: the vm's. All functions
 * here run in protected mode. */
#ifndef MG_VM_SANDBOX_H
#define MG_VM_SANDBOX_H
#include <lua.h>

#include "vm/sources.h"
#include "vm/vm.h"

/* Opens the standard library, bounds it, and keeps it as the pattern of all environments. Once per
 * state. */
void sandbox_open(lua_State *L);
/* Compiles the embedded library, or copies it from another state of this thread's. */
void sandbox_compile_library(lua_State *L, lua_State *like);
/* Pushes a new environment, and below it the file's mcp table. */
void sandbox_push(lua_State *L, struct vm *vm, struct sources *sources);
/* Takes from the mcp table at index the modules that need a grant and have none among `granted` (a
 * table of names, at index granted); reading them raises an error that says what to write. */
void sandbox_seal(lua_State *L, struct vm *vm, int mcp, int granted);

/* safelib.c: replaces and adds the functions of the base library in the table at index. */
void safelib_open(lua_State *L, int index);

#endif
