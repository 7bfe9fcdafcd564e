/* api.h - the tables that a tool finds under mcp: one file here makes one of them.
 * Lifetime: constant data, for the whole process.
 * Threads:  each open function runs on the thread of the state it is given. */
#ifndef MG_API_H
#define MG_API_H
#include <lua.h>

#include "vm/module.h"

/* NULL-terminated, in the order in which they are made; for vm_options.modules. */
extern const struct api_module *const api_modules[];

/* Each pushes the module's table for one tool file. */
int mgl_open_call(lua_State *L);
int mgl_open_cache(lua_State *L);
int mgl_open_codec(lua_State *L);
int mgl_open_config(lua_State *L);
int mgl_open_env(lua_State *L);
int mgl_open_evals(lua_State *L);
int mgl_open_events(lua_State *L);
int mgl_open_exec(lua_State *L);
int mgl_open_fs(lua_State *L);
int mgl_open_gates(lua_State *L);
int mgl_open_host(lua_State *L);
int mgl_open_index(lua_State *L);
int mgl_open_http(lua_State *L);
int mgl_open_git(lua_State *L);
int mgl_open_jobs(lua_State *L);
int mgl_open_json(lua_State *L);
int mgl_open_log(lua_State *L);
int mgl_open_metrics(lua_State *L);
int mgl_open_offer(lua_State *L);
int mgl_open_re(lua_State *L);
int mgl_open_resources(lua_State *L);
int mgl_open_result(lua_State *L);
int mgl_open_schema(lua_State *L);
int mgl_open_state(lua_State *L);
int mgl_open_testing(lua_State *L);
int mgl_open_time(lua_State *L);
int mgl_open_url(lua_State *L);

/* api_result.c: a table with what lua/lib makes results of. */
void result_push_primitives(lua_State *L);

#endif
