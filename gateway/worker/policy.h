/* policy.h - what mcp.ini says, in the shape that the Lua machines take: one policy a tool, and the
 * sections that tools of the ops kit read. Built by the loader's thread while it loads; constant
 * afterwards, then any thread may read it. Everything borrows from the configuration snapshot,
 * which must outlive it. */
#ifndef MG_POLICY_H
#define MG_POLICY_H
#include "config/config.h"
#include "vm/module.h"

struct policies;
struct policies *policies_new(const struct config *c); /* NULL: no memory */
void policies_free(struct policies *p);

/* A vm_options.policy: never NULL. Without memory it grants nothing and disables the tool. */
const struct vm_policy *policies_find(void *policies, const char *tool);
const struct vm_sections *policies_sections(const struct policies *p);

#endif
