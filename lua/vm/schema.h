/* schema.h - a JSON Schema as a tool file gives it, to the text that goes over the wire.
 * Runs in protected mode; pushes the text as a Lua string, or nothing when it reported what is
 * wrong. */
#ifndef MG_VM_SCHEMA_H
#define MG_VM_SCHEMA_H
#include <lua.h>
#include <stdbool.h>

#include "vm/report.h"

/* The value at index: a table, or a string of JSON that stays as it is. field: "input" or "output".
 */
bool schema_push(lua_State *L, int index, const char *field, struct report *r);
/* Any other JSON value of the declaration (annotations, icons, meta, needs). want: '{' or '['.
 * An empty table is no list, and nothing wrong either: false, and no report. */
bool schema_push_plain(lua_State *L, int index, const char *field, char want, struct report *r);

/* Does it compile, its defaults and, of an input, the headers that it names? Else e says where not.
 */
bool schema_try(const char *text, bool is_input, struct err *e);

#endif
