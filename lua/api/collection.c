#include "api/collection.h"

#include <lauxlib.h>
#include <string.h>

#include "base/parse.h"
#include "store/store.h"
#include "vm/module.h"

static const char name_bytes[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

static void check_name(lua_State *L, const char *what, const char *name, size_t max)
{
    size_t len = strlen(name);
    if (len == 0 || len > max || strspn(name, name_bytes) != len)
        luaL_error(L, "%s: expected 1 to %d of A-Z a-z 0-9 _ . -", what, (int)max);
}

void collection_push(lua_State *L, const char *name, const char *key)
{
    check_name(L, "state.open: name", name, COLLECTION_NAME_MAX);
    check_name(L, "state.open: key", key, COLLECTION_KEY_MAX);

    struct collection *c = lua_newuserdatauv(L, sizeof *c, 0);
    c->is_declared = false;
    memcpy(c->name, name, strlen(name) + 1);
    memcpy(c->key, key, strlen(key) + 1);
    luaL_setmetatable(L, COLLECTION_META);
}

struct collection *collection_check(lua_State *L, int index)
{
    return luaL_checkudata(L, index, COLLECTION_META);
}

/* A tool has the collections TOOL.x without being asked; x has no dot, so that "a" does not own
 * what "a.b" does. */
static bool is_own(const char *tool, const char *name)
{
    size_t len = strlen(tool);
    return strncmp(name, tool, len) == 0 && name[len] == '.' && name[len + 1] != '\0' &&
           !strchr(name + len + 1, '.');
}

/* Does "jobs:rw" (or "jobs", "jobs:r", with globs) allow this? */
static bool entry_allows(const char *entry, const char *name, bool writes)
{
    const char *mode = strrchr(entry, ':');
    size_t len = mode ? (size_t)(mode - entry) : strlen(entry);
    char glob[COLLECTION_NAME_MAX + 1];

    if (len >= sizeof glob)
        return false;
    memcpy(glob, entry, len);
    glob[len] = '\0';
    return glob_match(glob, name, strlen(name)) && (!writes || (mode && strcmp(mode, ":rw") == 0));
}

static bool is_granted(const struct vm_policy *policy, const char *name, bool writes)
{
    for (const char *const *entry = policy->state; entry && *entry; entry++)
        if (entry_allows(*entry, name, writes))
            return true;
    return false;
}

int collection_use(lua_State *L, struct collection *c, bool writes)
{
    const struct vm_services *services = vm_services_of(L);
    const struct tool *tool = tool_of(L);
    struct err e;

    if (!tool && testing_of(L) && task_of(L))
        return luaL_error(L, "state: a test has no grants; mcp.testing.state fills collections and "
                             "tells what they hold");
    if (!tool || !services || !services->store)
        return luaL_error(L, "state: there is no store while a file is loaded");
    if (strcmp(c->name, STORE_TASKS) == 0) /* the results of everybody's calls */
        return api_fail(L, "DENIED", "the collection %s is the gateway's own", c->name);
    if (!is_own(tool->name, c->name) && !is_granted(policy_of(L), c->name, writes))
        return api_fail(L, "DENIED",
                        "the collection %s is not granted; in mcp.ini: [tool %s] state = %s:%s",
                        c->name, tool->name, c->name, writes ? "rw" : "r");
    if (!c->is_declared) {
        if (store_declare(services->store, c->name, c->key, &e) != 0)
            return luaL_error(L, "state: %s", e.text);
        c->is_declared = true;
    }
    return 0;
}
