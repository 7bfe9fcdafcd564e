/* http_send.h - one HTTP request of a tool, whose options were checked and granted before.
 * Lifetime: the options are copied, but for what fetch.h says. Threads: the state's. */
#ifndef MG_HTTP_SEND_H
#define MG_HTTP_SEND_H
#include <lua.h>

#include "io/fetch.h"

/* Waits, or is answered by the test that runs: {status=, headers=, body=}; or nil, message, code.
 */
int http_send(lua_State *L, const struct fetch_options *o);

#endif
