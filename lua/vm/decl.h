/* decl.h - what a tool file returns, checked: mcp.tool{...} and its like to struct tool.
 * Runs in protected mode, on the strand that loads the file. Threads: the vm's. */
#ifndef MG_VM_DECL_H
#define MG_VM_DECL_H
#include <lua.h>
#include <stdbool.h>

#include "tools/toolset.h"
#include "vm/module.h"
#include "vm/report.h"

#define DECLS_MAX 200                          /* of one file */
#define DECL_ANY_INPUT "{\"type\":\"object\"}" /* of a tool that declares none */

struct decl {
    struct tool tool; /* texts belong to Lua strings that the anchor table holds */
    const struct vm_policy *policy;
    int line;
    /* registry references or LUA_NOREF */
    int run_ref, complete_ref, list_ref, start_ref, settings_ref, every_ref;
    int64_t every_ms; /* with every_ref */
    bool takes_ctx;
};

extern const struct api_module decl_module; /* mcp.tool */

/* How many declarations the value at index is: one, a list of them; -1 with a report when it is
 * neither. */
int decl_count(lua_State *L, int index, struct report *r);
/* Reads the i-th (from 0). anchor: index of a table that keeps texts alive; granted: index of a
 * table that gets the names of the needs that are granted. false: reported, *d holds nothing. */
bool decl_read(lua_State *L, int index, int i, int anchor, int granted, const struct vm_options *o,
               struct decl *d, struct report *r);
void decl_unref(lua_State *L, const struct decl *d);

/* settings.c: checks the tool's `settings` (a table at index) against its policy; pushes the table
 * of values. */
bool settings_push(lua_State *L, int index, const struct vm_policy *p, struct report *r);
/* needs.c: checks `needs` (at index) against the policy, notes what is granted in the table at
 * granted: NAME = true, and "NAME?" = the line that would grant what is optional and is not. */
bool needs_check(lua_State *L, int index, const char *tool, const struct vm_policy *p, int granted,
                 struct report *r);

#endif
