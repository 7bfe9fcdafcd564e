#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/http_options.h"
#include "api/testing.h"
#include "base/clock.h"
#include "vm/op.h"

/* ---- the operation ---- */

struct http_op {
    struct op op;
    struct fetch *fetch;
};

static void on_done(void *arg)
{
    struct http_op *h = arg;
    op_complete(&h->op);
}

static void http_drop(struct op *op)
{
    struct http_op *h = (struct http_op *)op;
    fetch_drop(h->fetch);
    h->fetch = NULL;
}

/* Several fields of one name become one: with ", " between them, cookies with a line break. */
static void push_headers(lua_State *L, const struct fetch_answer *a)
{
    lua_createtable(L, 0, (int)a->header_count);
    const char *at = a->headers.data;
    for (unsigned i = 0; i < a->header_count; i++) {
        const char *name = at, *value = at + strlen(at) + 1;
        at = value + strlen(value) + 1;
        if (lua_getfield(L, -1, name) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushstring(L, value);
        } else {
            lua_pushstring(L, strcmp(name, "set-cookie") == 0 ? "\n" : ", ");
            lua_pushstring(L, value);
            lua_concat(L, 3);
        }
        lua_setfield(L, -2, name);
    }
}

static int http_results(lua_State *L, struct op *op)
{
    struct http_op *h = (struct http_op *)op;
    const struct fetch_answer *a = fetch_answer(h->fetch);

    if (a->word)
        return api_fail(L, a->word, "%s", a->error);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, a->status);
    lua_setfield(L, -2, "status");
    push_headers(L, a);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, a->body.data ? a->body.data : "", a->body.len);
    lua_setfield(L, -2, "body");
    return 1;
}

static const struct op_type http_type = {
    .name = "http.request",
    .size = sizeof(struct http_op),
    .cancel = http_drop,
    .release = http_drop,
    .results = http_results,
};

/* ---- starting ---- */

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

/* What the test that runs answers in the network's place; only what is granted is asked. */
static int answer_of_test(lua_State *L, const struct fetch_options *o)
{
    struct err e = { 0 };
    if (fetch_may(o, &e) != 0)
        return api_fail(L, err_word(e.code), "%s", e.text);
    return testing_request(L, o->method, o->url);
}

/* For lua/lib/mcp/http.lua: options, URL, body, is it JSON? -> answer, or nil, message, code. */
static int l_request(lua_State *L)
{
    struct http_options o;
    struct err e = { 0 };

    http_options_read(L, &o);
    complete(L, &o.fetch);
    if (o.to_file && policy_of(L)->fs != VM_FS_WRITE)
        return api_fail(L, "DENIED",
                        "to_file: writing files is not granted; in mcp.ini: [tool %s] fs = write",
                        o.fetch.tool ? o.fetch.tool : "NAME");
    if (testing_is_on(L))
        return answer_of_test(L, &o.fetch);
    struct http_op *h = (struct http_op *)op_push(L, &http_type);
    if (!h)
        return 3;
    h->fetch = fetch_start(vm_services_of(L)->fetcher, &o.fetch, on_done, h, &e);
    if (!h->fetch) {
        op_drop(&h->op);
        return api_fail(L, err_word(e.code), "%s", e.text);
    }
    return op_wait(L, &h->op);
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
