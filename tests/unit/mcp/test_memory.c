/* Memory runs out at every single request for it, one after the other: each time the answer is
 * either whole or a 500 without a body, and nothing leaks (the sanitizers look). The three files of
 * the layers below that allocate are compiled into this program with a malloc that can be told to
 * fail; the linker then leaves theirs out. */
#include "support/failing.h"

#include "base/buf.c"
#include "base/json_keys.c"
#include "mcp/tools_call.c"
#undef malloc
#undef calloc
#undef realloc

#include "fixture.h"

static const struct probe probes[] = {
    { "ping", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", .status = 200 },
    { "a long id",
      "{\"jsonrpc\":\"2.0\",\"id\":\"0123456789012345678901234567890123456789012345678901"
      "234567890123456789\",\"method\":\"ping\"}",
      .status = 200 },
    { "parse error", "{oops", .status = 400 },
    { "initialize", REQUEST("1", "initialize", "\"protocolVersion\":\"2025-11-25\""),
      .accept = BOTH, .status = 200 },
    { "list", REQUEST("1", "tools/list", ""), .session = SESSION_11, .status = 200 },
    { "list from a cursor", REQUEST("1", "tools/list", "\"cursor\":\"dG9vbHM6c2VhcmNo\""),
      .status = 200 },
    { "call", REQUEST("1", "tools/call", "\"name\":\"echo\",\"arguments\":{\"a\":[1,2,3]}"),
      .runs = "echo" },
    { "modern call with an encoded name", REQUEST("1", "tools/call", "\"name\":\"echo\"," META),
      .version = V26, .method = "tools/call", .tool = "=?base64?ZWNobw==?=", .runs = "echo" },
    { "unknown tool", REQUEST("1", "tools/call", "\"name\":\"nope\""), .status = 200 },
    { "discover", REQUEST("1", "server/discover", META), .version = V26,
      .method = "server/discover", .status = 200 },
    { "unsupported version",
      REQUEST("1", "x",
              "\"_meta\":{\"" NS "protocolVersion\":\"v9\",\"" NS "clientCapabilities\":{}}"),
      .status = 400 },
    { "a task", REQUEST("1", "tasks/get", "\"taskId\":\"" TASK_1 "\"," META_TASKS), .version = V26,
      .method = "tasks/get", .tool = TASK_1, .status = 200 },
    { "answers to a task",
      REQUEST("1", "tasks/update",
              "\"taskId\":\"" TASK_1 "\",\"inputResponses\":{\"a\":{}}," META_TASKS),
      .version = V26, .method = "tasks/update", .tool = TASK_1, .status = 200 },
    { "the end of a task", REQUEST("1", "tasks/cancel", "\"taskId\":\"" TASK_1 "\"," META_TASKS),
      .version = V26, .method = "tasks/cancel", .tool = TASK_1, .status = 200 },
    { "a client that knows no tasks", REQUEST("1", "tasks/get", "\"taskId\":\"" TASK_1 "\"," META),
      .version = V26, .method = "tasks/get", .tool = TASK_1, .status = 400 },
    { "a subscription to a task",
      REQUEST("1", "subscriptions/listen",
              "\"notifications\":{\"taskIds\":[\"" TASK_1 "\",\"none\"]}," META_TASKS),
      .version = V26, .method = "subscriptions/listen", .accept = BOTH, .status = 200 },
    { "many keys",
      REQUEST("1", "ping",
              "\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,"
              "\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"r\":1,\"s\":1"),
      .status = 200 },
};

/* Sends the probe with so many requests allowed; true when it was answered as if nothing were
 * amiss. */
static bool survives(struct fixture *f, const struct probe *p, long requests)
{
    struct mcp_out out;

    failing_after = requests;
    probe_send(f, p, &out);
    failing_after = -1;
    bool whole = p->runs ? out.call != NULL : !out.call && out.status == p->status;
    if (!whole) {
        if (out.status != 500 || out.body.len || out.call || out.as_stream)
            fail_msg("%s after %ld: status %d, %zu bytes", p->name, requests, out.status,
                     out.body.len);
        assert_string_equal(out.session_id, "");
    } else if (out.body.len) {
        struct json_text root;
        assert_int_equal(json_scan(out.body.data, out.body.len, NULL, &root, NULL), 0);
    }
    mcp_out_fini(&out);
    return whole;
}

static void test_every_request_fails_once(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(probes); i++) {
        long n = 0;
        while (!survives(&f, &probes[i], n))
            if (++n > 100)
                fail_msg("%s never succeeds", probes[i].name);
        /* Each of these needs memory for something. */
        assert_true(n > 0);
    }
    fixture_fini(&f);
}

static void test_host_without_memory(void **state)
{
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    f.create_result = MG_E_NOMEM;
    probe_send(&f, &probes[3], &out);
    assert_int_equal(out.status, 500);
    assert_int_equal(out.body.len, 0);
    assert_string_equal(out.session_id, "");
    mcp_out_fini(&out);
    fixture_fini(&f);
}

/* The encoders' failure is the buffer's, for the host to see. */
static void test_encoders(void **state)
{
    struct fixture f;
    struct tool_result r = { 0 };
    struct buf out = { 0 };

    (void)state;
    fixture_init(&f);
    tool_result_text(&r, OUT_OK, false, "x", 1);
    struct mcp_call *c = call_of(&f, MCP_2026_07_28, NULL);
    failing_after = 0;
    mcp_encode_result(&f.server, c, &r, &out);
    assert_false(buf_ok(&out));
    buf_fini(&out);
    mcp_encode_task_result(&r, &out);
    assert_false(buf_ok(&out));
    buf_fini(&out);
    mcp_encode_task_created(&f.server, c, "\"a\":1", 5, &out);
    assert_false(buf_ok(&out));
    buf_fini(&out);
    mcp_encode_task_answered("\"inputRequests\":{}", 18, "{}", 3, &out);
    failing_after = -1;
    assert_false(buf_ok(&out));
    buf_fini(&out);
    mcp_call_free(c);
    tool_result_fini(&r);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_request_fails_once),
        cmocka_unit_test(test_host_without_memory),
        cmocka_unit_test(test_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
