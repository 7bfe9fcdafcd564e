/* run.h - what exec.run and evals.run have in common: the loop in lua/lib/mcp/run.lua, and the box
 * in which it holds its process, which is emptied when the process is dropped. Threads: the
 * state's. */
#ifndef MG_RUN_H
#define MG_RUN_H
#include <lua.h>

#include "api/process.h"

/* Pushes an empty box. */
struct process **run_box_push(lua_State *L);
/* Adds run() to the module on the top of the stack. start takes run's options and gives a box, or
 * nil, message, code. */
void run_open(lua_State *L, lua_CFunction start);
/* The word for the reason why a process did not start: "ENOENT", "DENIED", ... */
const char *run_error_word(int code);

#endif
