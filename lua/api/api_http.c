#include <lauxlib.h>

#include "api/api.h"
#include "api/http_options.h"
#include "api/http_send.h"
#include "base/clock.h"

/* What the tool does not decide. */
static void complete(lua_State *L, struct fetch_options *o)
{
    const struct vm_policy *policy = policy_of(L);
    const struct task_info *info = task_info_of(L);
    int64_t deadline = task_of(L) ? task_deadline(task_of(L)) : INT64_MAX;

    o->hosts = policy->http;
    o->allow_private = policy->allow_private;
    o->owner = policy;
    o->tool = tool_of(L) ? tool_of(L)->name : NULL;
    o->call = info ? info->call_id : NULL;
    if (o->timeout_ms > 0)
        return;
    /* The task's own deadline comes first and says so; this one is for tasks that have none. */
    o->timeout_ms = HTTP_TIMEOUT_MAX_MS;
    if (deadline != INT64_MAX && deadline - clock_mono_ms() < o->timeout_ms)
        o->timeout_ms = deadline - clock_mono_ms() + 1000;
    if (o->timeout_ms < 1)
        o->timeout_ms = 1;
}

/* For lua/lib/mcp/http.lua: options, URL, body, is it JSON? -> answer, or nil, message, code. */
static int l_request(lua_State *L)
{
    struct http_options o;

    http_options_read(L, &o);
    complete(L, &o.fetch);
    if (o.to_file && policy_of(L)->fs != VM_FS_WRITE)
        return api_fail(L, "DENIED",
                        "to_file: writing files is not granted; in mcp.ini: [tool %s] fs = write",
                        o.fetch.tool ? o.fetch.tool : "NAME");
    return http_send(L, &o.fetch);
}

int mgl_open_http(lua_State *L)
{
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -1);
    lua_pushcfunction(L, l_request);
    mgl_open_url(L);
    mgl_open_json(L);
    mgl_open_fs(L);
    lib_run(L, "mcp/http.lua", 5, 0);
    return 1;
}
