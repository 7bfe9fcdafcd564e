/* value.h - what of vm/value.c and vm/encode.c only the vm needs; the rest is declared in
 * vm/module.h. */
#ifndef MG_VM_VALUE_H
#define MG_VM_VALUE_H
#include <lua.h>

#include "base/json_scan.h"

enum value_mark { MARK_NONE, MARK_ARRAY, MARK_OBJECT };

/* Makes the marks of lists and objects; once per state, in protected mode. */
void value_open(lua_State *L);
enum value_mark value_mark(lua_State *L, int index);
/* A call's arguments: a table in any case, without the members that are null. */
void value_push_args(lua_State *L, struct json_text args);

#endif
