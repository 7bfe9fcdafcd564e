#include "api/publish.h"

#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/outbox.h"
#include "api/scratch.h"
#include "hub/topics.h"

#define MAX_NAME 200

void publish_check_name(lua_State *L, int index, const char *what)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";
    size_t len;
    const char *name = luaL_checklstring(L, index, &len);

    if (len == 0 || len > MAX_NAME || strspn(name, allowed) != len)
        luaL_error(L, "%s: expected 1 to %d of A-Z a-z 0-9 _ . : / -", what, MAX_NAME);
}

int publish_json(lua_State *L, const char *topic, const char *event, const char *json, size_t len)
{
    const struct vm_services *services = vm_services_of(L);
    struct task *t = task_of(L);
    int code = 0;

    if (services && services->outbox)
        code = outbox_publish(services->outbox, t ? task_wait_seq(t) : 0, topic, event, json, len);
    else if (services && services->topics)
        code = topics_publish(services->topics, topic, event, json, len);
    if (code != 0)
        return api_fail(L, err_word(code), "the event cannot be published: %s", err_word(code));
    lua_pushboolean(L, 1);
    return 1;
}

int publish_value(lua_State *L, const char *topic, const char *event, int index)
{
    struct buf *json = scratch_push(L);
    struct err e;

    if (value_encode(L, index, json, &e) != 0)
        return luaL_error(L, "event data: %s", e.text);
    if (!buf_ok(json))
        return api_fail(L, "TOO_LARGE", "the event is larger than %d bytes", (int)SCRATCH_MAX);
    int results = publish_json(L, topic, event, json->data, json->len);
    buf_fini(json);
    return results;
}

/* mcp.events.publish(topic, event, data) -> true, or nil, message, code. Subscribers of GET /sse
 * get it, late ones too where the topic has a "/" (job/ID). What a call publishes after it changed
 * the state leaves when that is durable. */
static int l_publish(lua_State *L)
{
    publish_check_name(L, 1, "topic");
    publish_check_name(L, 2, "event");
    luaL_checkany(L, 3);
    return publish_value(L, lua_tostring(L, 1), lua_tostring(L, 2), 3);
}

/* mcp.events.has_history(topic) -> boolean: would a late subscriber be told anything? After a
 * restart, nothing is known of what was published before. */
static int l_has_history(lua_State *L)
{
    publish_check_name(L, 1, "topic");
    const struct vm_services *services = vm_services_of(L);
    bool has =
        services && services->topics && topics_has_history(services->topics, lua_tostring(L, 1));
    lua_pushboolean(L, has);
    return 1;
}

int mgl_open_events(lua_State *L)
{
    static const luaL_Reg functions[] = { { "publish", l_publish },
                                          { "has_history", l_has_history },
                                          { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
