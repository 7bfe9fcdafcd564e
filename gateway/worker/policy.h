/* policy.h - what mcp.ini says, in the shape that the Lua machines take: one policy a tool, and the
 * sections that tools of the ops kit read. Built by the loader's thread while it loads; constant
 * afterwards, then any thread may read it. Everything borrows from the configuration snapshot,
 * which must outlive it. */
#ifndef MG_POLICY_H
#define MG_POLICY_H
#include "config/config.h"
#include "tools/toolset.h"
#include "vm/module.h"

struct policies;
struct policies *policies_new(const struct config *c); /* NULL: no memory */
void policies_free(struct policies *p);

/* A vm_options.policy. NULL: no memory. */
const struct vm_policy *policies_find(void *policies, const char *tool);
const struct vm_sections *policies_sections(const struct policies *p);

/* Once all tools are loaded: tells of every [tool NAME], which without * and ? means one tool, that
 * no file declares, with its place and the nearest name. What it forbids may be allowed elsewhere.
 * Files in tools that did not load may have declared their own name. */
void policies_strays(const struct policies *p, const struct toolset *tools,
                     void (*tell)(void *arg, const char *text), void *arg);

#endif
