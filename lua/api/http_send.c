#include "api/http_send.h"

#include <lauxlib.h>
#include <string.h>

#include "api/testing.h"
#include "vm/module.h"
#include "vm/op.h"

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

/* What the test that runs answers in the network's place; only what is granted is asked. */
static int answer_of_test(lua_State *L, const struct fetch_options *o)
{
    struct err e = { 0 };
    if (fetch_may(o, &e) != 0)
        return api_fail(L, err_word(e.code), "%s", e.text);
    return testing_request(L, o->method, o->url);
}

int http_send(lua_State *L, const struct fetch_options *o)
{
    struct err e = { 0 };
    if (testing_is_on(L))
        return answer_of_test(L, o);
    struct http_op *h = (struct http_op *)op_push(L, &http_type);
    if (!h)
        return 3;
    h->fetch = fetch_start(vm_services_of(L)->fetcher, o, on_done, h, &e);
    if (!h->fetch) {
        op_drop(&h->op);
        return api_fail(L, err_word(e.code), "%s", e.text);
    }
    return op_wait(L, &h->op);
}
