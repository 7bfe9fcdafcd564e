#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/outbox.h"
#include "hub/notices.h"

#define NAME_MAX_BYTES 128 /* of a declaration, with its kind */

static int told(lua_State *L, int code)
{
    if (code != 0)
        return api_fail(L, err_word(code), "the change cannot be told: %s", err_word(code));
    lua_pushboolean(L, 1);
    return 1;
}

/* mcp.resources.updated(uri) -> true, or nil, message, code. Tells the clients that subscribed to
 * the resource, and may read it, that reading it again gives something else: those that subscribed
 * to this very URI, of mcp.resource or of a template. Many changes of one resource that come
 * quickly may be told as one. Jobs may tell too. What a call tells after it changed the state
 * leaves when that is durable. */
static int l_updated(lua_State *L)
{
    size_t len;
    const char *uri = luaL_checklstring(L, 1, &len);
    const struct vm_services *services = vm_services_of(L);
    struct task *t = task_of(L);
    int code = 0;

    luaL_argcheck(L, len > 0 && len <= NOTICE_URI_MAX, 1, "expected a URI of 1 to 2048 bytes");
    luaL_argcheck(L, strlen(uri) == len, 1, "a URI holds no NUL");
    if (services && services->outbox)
        code = outbox_updated(services->outbox, t ? task_wait_seq(t) : 0, uri, len);
    else if (services && services->notices)
        notices_updated(services->notices, uri, len);
    return told(L, code);
}

/* mcp.resources.list_changed(name) -> true, or nil, message, code. Tells the clients that are shown
 * what the template of that name lists (`list`) that it lists others now: they may want
 * resources/list again. Many changes that come quickly may be told as one. As with `updated`, jobs
 * may tell too, and what a call tells after it changed the state leaves when that is durable. */
static int l_list_changed(lua_State *L)
{
    static const char kind[] = "resource:";
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    const struct vm_services *services = vm_services_of(L);
    struct task *t = task_of(L);
    char full[NAME_MAX_BYTES + 1];
    int code = 0;

    luaL_argcheck(L, len > 0 && len <= sizeof full - sizeof kind && strlen(name) == len, 1,
                  "expected the name of a template");
    snprintf(full, sizeof full, "%s%s", kind, name);
    if (services && services->outbox)
        code = outbox_listed(services->outbox, t ? task_wait_seq(t) : 0, full);
    return told(L, code);
}

int mgl_open_resources(lua_State *L)
{
    static const luaL_Reg functions[] = { { "updated", l_updated },
                                          { "list_changed", l_list_changed },
                                          { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
