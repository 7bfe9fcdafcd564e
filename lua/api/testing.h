/* testing.h - canned answers: what a test says that programs and the network answer to the tools
 * under test (mcp.testing.exec, mcp.testing.http). Whoever would reach outside asks here first.
 * Threads: the state's. */
#ifndef MG_API_TESTING_H
#define MG_API_TESTING_H
#include <lua.h>
#include <stdbool.h>

/* Does a test run? Then nothing may leave the machine. */
bool testing_is_on(lua_State *L);
/* kind: "exec" or "http"; key: "git status", "GET http://host/path". Pushes the answer, a table
 * that belongs to the test, and returns 1; or fails the case by that name and pushes nil, message,
 * code:
 * 3. An answer with `error` is a failure as well: its message and its code. May raise. */
int testing_answered(lua_State *L, const char *kind, const char *key);
/* The same for a program: argv with blanks between. */
int testing_program(lua_State *L, const char *const *argv);

/* The same for a request, for mcp.http: pushes a table of its own, {status=, headers=, body=}. */
int testing_request(lua_State *L, const char *method, const char *url);
/* A lua_CFunction: milliseconds of the test's time pass. -> true, or nil, message, code (w). */
int testing_pause(lua_State *L);

#endif
