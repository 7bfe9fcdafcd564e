/* Memory runs out at every single request for it while a call comes again: each time it runs, or
 * the answer is a 500 without a body and the requestState is as good as before. */
#include "support/failing.h"

#include "base/buf.c"
#include "base/json_canon.c"
#include "mcp/request_state.c"
#include "mcp/tools_call.c"
#undef malloc
#undef calloc
#undef realloc

#include "fixture.h"

#define PARAMS "\"name\":\"echo\",\"arguments\":{\"b\":[1,{\"y\":1,\"x\":2}],\"a\":\"\\u00e9\"}"

static struct mcp_call *first_call(struct fixture *f)
{
    struct probe p = { .body = REQUEST("1", "tools/call", PARAMS "," META),
                       .version = V26,
                       .method = "tools/call",
                       .tool = "echo" };
    struct mcp_out out;

    probe_send(f, &p, &out);
    struct mcp_call *c = out.call;
    out.call = NULL;
    assert_non_null(c);
    mcp_out_fini(&out);
    return c;
}

static void asks_make(struct tool_result *r)
{
    *r = (struct tool_result){ .outcome = OUT_INPUT_REQUIRED, .asks = calloc(1, sizeof *r->asks) };
    assert_non_null(r->asks);
    buf_str(&r->content, "[]");
    buf_str(&r->asks->requests, "{\"a\":{\"method\":\"roots/list\",\"params\":{}}}");
    buf_str(&r->asks->memory, "{\"answers\":{},\"once\":{}}");
}

static void test_asking(void **state)
{
    struct fixture f;
    struct tool_result r;
    long n = 0;
    bool is_whole = false;

    (void)state;
    fixture_init(&f);
    struct mcp_call *c = first_call(&f);
    asks_make(&r);
    for (; !is_whole; n++) {
        struct buf out = { 0 };
        failing_after = n;
        mcp_encode_result(&f.server, c, &r, &out);
        failing_after = -1;
        is_whole = buf_ok(&out);
        buf_fini(&out);
        assert_true(n < 100);
    }
    assert_true(n > 5);
    tool_result_fini(&r);
    mcp_call_free(c);
    fixture_fini(&f);
}

static void test_coming_again(void **state)
{
    struct fixture f;
    struct tool_result r;
    struct buf first = { 0 }, body = { 0 };
    struct mcp_out out;
    long n = 0;

    (void)state;
    fixture_init(&f);
    struct mcp_call *c = first_call(&f);
    asks_make(&r);
    mcp_encode_result(&f.server, c, &r, &first);
    const char *at = strstr(text_of(&first), "\"requestState\":\"");
    assert_non_null(at);
    at += strlen("\"requestState\":\"");
    buf_printf(&body, REQUEST("1", "tools/call", PARAMS ",\"requestState\":\"%.*s\"," META),
               (int)strcspn(at, "\""), at);
    struct probe p = {
        .body = text_of(&body), .version = V26, .method = "tools/call", .tool = "echo"
    };
    for (bool runs = false; !runs; n++) {
        failing_after = n;
        probe_send(&f, &p, &out);
        failing_after = -1;
        runs = out.call != NULL;
        if (!runs && (out.status != 500 || out.body.len))
            fail_msg("after %ld: %d %s", n, out.status, text_of(&out.body));
        mcp_out_fini(&out);
        assert_true(n < 100);
    }
    assert_true(n > 5);
    tool_result_fini(&r);
    mcp_call_free(c);
    buf_fini(&first);
    buf_fini(&body);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asking),
        cmocka_unit_test(test_coming_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
