/* site.h - a folder with mcp.ini, tools.d and a root, and as much of a gateway as building what
 * serves takes: no socket, no store. Lifetime: site_new() to site_free(), which removes the folder.
 */
#ifndef TEST_WORKER_SITE_H
#define TEST_WORKER_SITE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "mcp/mcp.h"
#include "worker/gateway.h"

struct site {
    char dir[64];
    struct gateway gateway;
    struct mcp_host host;
};

struct site *site_new(unsigned workers);
void site_free(struct site *s);

/* A file in the folder, such as "tools.d/a.lua". */
void site_write(const struct site *s, const char *name, const char *text);
void site_remove(const struct site *s, const char *name);
/* Writes text as mcp.ini and loads it; fails the test when it is not right. */
struct config *site_config(const struct site *s, const char *text);

/* A tool file that declares one tool, which says `says`. */
void site_tool(const struct site *s, const char *name, const char *says);

#endif
