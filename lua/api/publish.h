/* publish.h - sending an event from the running task: through the worker's outbox, behind the
 * task's own changes. Threads: the state's. */
#ifndef MG_PUBLISH_H
#define MG_PUBLISH_H
#include <lua.h>
#include <stddef.h>

/* Raises unless the string at index is a legal name of a topic or an event; what: for the message.
 */
void publish_check_name(lua_State *L, int index, const char *what);
/* Publishes one line of JSON. Pushes true, or nil, message, code; returns how many. */
int publish_json(lua_State *L, const char *topic, const char *event, const char *json, size_t len);
/* The same for the value at index; raises when JSON cannot hold it. */
int publish_value(lua_State *L, const char *topic, const char *event, int index);

#endif
