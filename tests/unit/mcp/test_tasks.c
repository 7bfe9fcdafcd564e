/* test_tasks.c - the tasks extension: who may use it, its methods, and how a task is told. */
#include "fixture.h"

#include "base/json_scan.h"

#define GET(params) REQUEST("1", "tasks/get", params)
#define UPDATE(params) REQUEST("1", "tasks/update", params)
#define CANCEL(params) REQUEST("1", "tasks/cancel", params)
#define ID "\"taskId\":\"task_1\","
#define ACK                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\"," \
    "\"_meta\":{\"" NS "serverInfo\":{\"name\":\"moongate\",\"version\":\"1.2.3\"}}}}"
#define LACKS "\"data\":{\"requiredCapabilities\":{\"extensions\":{\"" NS "tasks\":{}}}}"

static const struct probe methods[] = {
    { .name = "get",
      .body = GET(ID META_TASKS),
      .version = V26,
      .method = "tasks/get",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 200,
      .has = "\"result\":{\"resultType\":\"complete\"," TASK_MEMBERS ",\"_meta\":{" },
    { .name = "update",
      .body = UPDATE(ID "\"inputResponses\":{\"k\":{}}," META_TASKS),
      .version = V26,
      .method = "tasks/update",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 200,
      .exact = ACK },
    { .name = "cancel",
      .body = CANCEL(ID META_TASKS),
      .version = V26,
      .method = "tasks/cancel",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 200,
      .exact = ACK },
    { .name = "unknown",
      .body = GET("\"taskId\":\"nope\"," META_TASKS),
      .version = V26,
      .method = "tasks/get",
      .tool = "nope",
      .accept = BOTH,
      .status = 200,
      .code = -32602 },
    { .name = "no id",
      .body = GET(META_TASKS),
      .version = V26,
      .method = "tasks/get",
      .accept = BOTH,
      .status = 200,
      .code = -32602 },
    { .name = "id is no string",
      .body = CANCEL("\"taskId\":7," META_TASKS),
      .version = V26,
      .method = "tasks/cancel",
      .accept = BOTH,
      .status = 200,
      .code = -32602 },
    { .name = "no responses",
      .body = UPDATE(ID META_TASKS),
      .version = V26,
      .method = "tasks/update",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 200,
      .code = -32602 },
    { .name = "responses are a list",
      .body = UPDATE(ID "\"inputResponses\":[]," META_TASKS),
      .version = V26,
      .method = "tasks/update",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 200,
      .code = -32602 },
    { .name = "wrong name",
      .body = GET(ID META_TASKS),
      .version = V26,
      .method = "tasks/get",
      .tool = "task_2",
      .accept = BOTH,
      .status = 400,
      .code = -32020 },
    { .name = "no name",
      .body = GET(ID META_TASKS),
      .version = V26,
      .method = "tasks/get",
      .accept = BOTH,
      .status = 400,
      .code = -32020 },
    { .name = "result",
      .body = REQUEST("1", "tasks/result", ID META_TASKS),
      .version = V26,
      .method = "tasks/result",
      .accept = BOTH,
      .status = 404,
      .code = -32601 },
    { .name = "list",
      .body = REQUEST("1", "tasks/list", META_TASKS),
      .version = V26,
      .method = "tasks/list",
      .accept = BOTH,
      .status = 404,
      .code = -32601 },
    { .name = "legacy",
      .body = GET("\"taskId\":\"task_1\""),
      .session = SESSION_11,
      .accept = BOTH,
      .status = 200,
      .code = -32601 },
};

static void test_methods(void **state)
{
    (void)state;
    probes_check(methods, COUNT(methods));
}

/* Undeclared: refused before anything is looked up, also where it is declared as something else. */
static const struct probe undeclared[] = {
    { .name = "get",
      .body = GET(ID META),
      .version = V26,
      .method = "tasks/get",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 400,
      .code = -32021,
      .has = LACKS },
    { .name = "update",
      .body = UPDATE("\"taskId\":\"x\"," META),
      .version = V26,
      .method = "tasks/update",
      .tool = "x",
      .accept = BOTH,
      .status = 400,
      .code = -32021 },
    { .name = "cancel",
      .body = CANCEL(META),
      .version = V26,
      .method = "tasks/cancel",
      .accept = BOTH,
      .status = 400,
      .code = -32021 },
    { .name = "a list of names",
      .body = GET(ID "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS
                     "clientCapabilities\":{\"extensions\":[\"" NS "tasks\"]}}"),
      .version = V26,
      .method = "tasks/get",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 400,
      .code = -32021 },
    { .name = "as a word",
      .body = GET(ID "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS
                     "clientCapabilities\":{\"extensions\":{\"" NS "tasks\":true}}}"),
      .version = V26,
      .method = "tasks/get",
      .tool = TASK_1,
      .accept = BOTH,
      .status = 400,
      .code = -32021 },
    { .name = "a legacy task parameter means nothing",
      .body = REQUEST("1", "tools/call", "\"name\":\"echo\",\"task\":{\"ttl\":1}," META_TASKS),
      .version = V26,
      .method = "tools/call",
      .tool = "echo",
      .accept = BOTH,
      .runs = "echo" },
    { .name = "discovered",
      .body = REQUEST("1", "server/discover", META),
      .version = V26,
      .method = "server/discover",
      .accept = BOTH,
      .status = 200,
      .has = "\"extensions\":{\"" NS "tasks\":{}}",
      .lacks = "\"tasks\":{}," },
};

static void test_undeclared(void **state)
{
    (void)state;
    probes_check(undeclared, COUNT(undeclared));
}

/* A tool that is only there for who can take a task. */
static void test_required(void **state)
{
    static const struct tool tool = { .name = "as_task",
                                      .input_schema = "{\"type\":\"object\"}",
                                      .needs_task = true };
    const struct probe all[] = {
        { .name = "a tool that needs it",
          .body = REQUEST("1", "tools/call", "\"name\":\"as_task\"," META),
          .version = V26,
          .method = "tools/call",
          .tool = "as_task",
          .accept = BOTH,
          .status = 400,
          .code = -32021,
          .has = LACKS },
        { .name = "and declared",
          .body = REQUEST("1", "tools/call", "\"name\":\"as_task\"," META_TASKS),
          .version = V26,
          .method = "tools/call",
          .tool = "as_task",
          .accept = BOTH,
          .runs = "as_task" },
        { .name = "and legacy",
          .body = REQUEST("1", "tools/call", "\"name\":\"as_task\""),
          .session = SESSION_11,
          .accept = BOTH,
          .status = 200,
          .code = -32601 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        struct fixture f;
        struct mcp_out out;

        fixture_init(&f);
        toolset_unref(f.tools);
        f.tools = toolset_new(2);
        assert_non_null(f.tools);
        assert_int_equal(toolset_add(f.tools, &tool, NULL), 0);
        assert_int_equal(toolset_seal(f.tools), 0);
        probe_send(&f, &all[i], &out);
        probe_compare(&all[i], &out);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

static void test_others(void **state)
{
    struct fixture f;
    struct mcp_out out;
    const struct probe foreign = { .name = "of alice",
                                   .body = GET(ID META_TASKS),
                                   .version = V26,
                                   .method = "tasks/get",
                                   .tool = TASK_1,
                                   .accept = BOTH,
                                   .status = 200,
                                   .code = -32602,
                                   .lacks = "working" };

    (void)state;
    fixture_init(&f);
    f.caller = bob;
    probe_send(&f, &foreign, &out);
    probe_compare(&foreign, &out);
    mcp_out_fini(&out);
    fixture_fini(&f);
}

/* More than the task takes. */
static void test_too_much(void **state)
{
    struct fixture f;
    struct mcp_out out;
    const struct probe p = { .name = "too much",
                             .body = UPDATE(ID "\"inputResponses\":{}," META_TASKS),
                             .version = V26,
                             .method = "tasks/update",
                             .tool = TASK_1,
                             .accept = BOTH,
                             .status = 200,
                             .code = -32602 };

    (void)state;
    fixture_init(&f);
    f.task_result = MG_E_LIMIT;
    probe_send(&f, &p, &out);
    probe_compare(&p, &out);
    mcp_out_fini(&out);
    fixture_fini(&f);
}

static void test_no_memory(void **state)
{
    struct fixture f;
    struct mcp_out out;
    const struct probe all[] = {
        { .name = "get",
          .body = GET(ID META_TASKS),
          .version = V26,
          .method = "tasks/get",
          .tool = TASK_1,
          .accept = BOTH,
          .status = 500 },
        { .name = "cancel",
          .body = CANCEL(ID META_TASKS),
          .version = V26,
          .method = "tasks/cancel",
          .tool = TASK_1,
          .accept = BOTH,
          .status = 500 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        fixture_init(&f);
        f.task_result = MG_E_NOMEM;
        probe_send(&f, &all[i], &out);
        assert_int_equal(out.status, 500);
        assert_int_equal(out.body.len, 0);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

#define LISTEN(filter, meta) \
    REQUEST("1", "subscriptions/listen", "\"notifications\":{" filter "}," meta)

static const struct probe listens[] = {
    { .name = "its own",
      .body = LISTEN("\"taskIds\":[\"none\",\"task_1\"]", META_TASKS),
      .status = 200,
      .has = "\"notifications\":{\"taskIds\":[\"task_1\"]}}}" },
    { .name = "none",
      .body = LISTEN("\"taskIds\":[]", META_TASKS),
      .status = 200,
      .has = "\"notifications\":{\"taskIds\":[]}}}" },
    { .name = "beside a list",
      .body = LISTEN("\"toolsListChanged\":true,\"taskIds\":[\"task_1\"]", META_TASKS),
      .status = 200,
      .has = "\"notifications\":{\"toolsListChanged\":true,\"taskIds\":[\"task_1\"]}}}" },
    { .name = "not asked for",
      .body = LISTEN("\"taskIds\":null", META),
      .status = 200,
      .lacks = "taskIds" },
    { .name = "undeclared",
      .body = LISTEN("\"taskIds\":[]", META),
      .status = 400,
      .code = -32021,
      .has = LACKS },
    { .name = "a text",
      .body = LISTEN("\"taskIds\":\"task_1\"", META_TASKS),
      .status = 200,
      .code = -32602,
      .has = "taskIds must be a list of strings" },
    { .name = "numbers",
      .body = LISTEN("\"taskIds\":[1]", META_TASKS),
      .status = 200,
      .code = -32602,
      .has = "taskIds must be a list of strings" },
};

static void test_listen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(listens); i++) {
        struct probe p = listens[i];
        p.version = V26;
        p.method = "subscriptions/listen";
        p.accept = BOTH;
        probes_check(&p, 1);
    }
}

/* ---- how a task is told ---- */

static const struct mcp_task plain = { .id = TASK_1,
                                       .status = MCP_TASK_WORKING,
                                       .created_ms = 1000,
                                       .updated_ms = 2500,
                                       .ttl_ms = 60000,
                                       .poll_ms = 500 };
#define TIMES                                                                                    \
    "\"createdAt\":\"1970-01-01T00:00:01.000Z\",\"lastUpdatedAt\":\"1970-01-01T00:00:02.500Z\"," \
    "\"ttlMs\":60000,\"pollIntervalMs\":500"

static void expect_members(struct mcp_task t, const char *want)
{
    struct buf b = { 0 };

    mcp_encode_task(&t, &b);
    assert_string_equal(text_of(&b), want);
    buf_fini(&b);
}

static struct json_text object(const char *text)
{
    return (struct json_text){ text, strlen(text), JSON_OBJECT };
}

static void test_encode(void **state)
{
    struct mcp_task t = plain;

    (void)state;
    expect_members(t, "\"taskId\":\"task_1\",\"status\":\"working\"," TIMES);
    t.message = "half \"done\"";
    t.status = MCP_TASK_INPUT_REQUIRED;
    t.inputs = object("{\"k\":{}}");
    expect_members(t, "\"taskId\":\"task_1\",\"status\":\"input_required\",\"statusMessage\":"
                      "\"half \\\"done\\\"\"," TIMES ",\"inputRequests\":{\"k\":{}}");
    t = plain;
    t.status = MCP_TASK_FAILED;
    t.error = object("{\"code\":-32603}");
    expect_members(t, "\"taskId\":\"task_1\",\"status\":\"failed\"," TIMES
                      ",\"error\":{\"code\":-32603}");
}

static void test_created(void **state)
{
    struct fixture f;
    struct buf b = { 0 };

    (void)state;
    fixture_init(&f);
    struct mcp_call *c = call_of(&f, MCP_2026_07_28, NULL);
    assert_false(mcp_call_may_be_task(c)); /* it declares nothing */
    mcp_encode_task_created(&f.server, c, TASK_MEMBERS, strlen(TASK_MEMBERS), &b);
    assert_string_equal(text_of(&b), "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":"
                                     "\"task\"," TASK_MEMBERS ",\"_meta\":{\"" NS
                                     "serverInfo\":{\"name\":\"moongate\","
                                     "\"version\":\"1.2.3\"}}}}");
    buf_clear(&b);
    mcp_encode_task_told(TASK_MEMBERS, strlen(TASK_MEMBERS), c->id, &b);
    assert_string_equal(text_of(&b), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                                     "tasks\",\"params\":{" TASK_MEMBERS ",\"_meta\":{\"" NS
                                     "subscriptionId\":7}}}");
    buf_fini(&b);
    mcp_call_free(c);
    fixture_fini(&f);
}

static void test_result(void **state)
{
    struct tool_result r = { .is_error = true };
    struct buf b = { 0 };

    (void)state;
    buf_str(&r.content, "[]");
    buf_str(&r.structured, "[1]");
    buf_str(&r.meta, "{\"com.example/a\":1}");
    mcp_encode_task_result(&r, &b);
    assert_string_equal(text_of(&b), "{\"resultType\":\"complete\",\"content\":[],"
                                     "\"structuredContent\":[1],\"isError\":true,"
                                     "\"_meta\":{\"com.example/a\":1}}");
    buf_fini(&b);
    r.meta.failed = true;
    mcp_encode_task_result(&r, &b);
    assert_false(buf_ok(&b));
    buf_fini(&b);
    tool_result_fini(&r);
}

/* What was answered is not asked any more, whoever reads before its owner has said so. */
static void test_answered(void **state)
{
    static const char asks[] = "\"status\":\"input_required\",\"ttlMs\":1,\"inputRequests\":"
                               "{\"a\":{\"x\":1},\"b\":{}}";
    static const struct {
        const char *answers, *want;
    } all[] = {
        { "{\"a\":{}}", "\"status\":\"input_required\",\"ttlMs\":1,\"inputRequests\":{\"b\":{}}" },
        { "{\"b\":{},\"z\":1}",
          "\"status\":\"input_required\",\"ttlMs\":1,\"inputRequests\":{\"a\":{\"x\":1}}" },
        { "{\"b\":{},\"a\":{}}", "\"status\":\"working\",\"ttlMs\":1" },
        { "{}", asks },
    };
    struct buf b = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        buf_clear(&b);
        mcp_encode_task_answered(asks, strlen(asks), all[i].answers, strlen(all[i].answers) + 1,
                                 &b);
        assert_string_equal(text_of(&b), all[i].want);
    }
    buf_clear(&b);
    mcp_encode_task_answered(asks, strlen(asks), "{\"a\":{}}\0{\"b\":{}}", 18, &b);
    assert_string_equal(text_of(&b), "\"status\":\"working\",\"ttlMs\":1");
    buf_clear(&b);
    mcp_encode_task_answered(TASK_MEMBERS, strlen(TASK_MEMBERS), "{\"a\":{}}", 9, &b);
    assert_string_equal(text_of(&b), TASK_MEMBERS);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),   cmocka_unit_test(test_undeclared),
        cmocka_unit_test(test_required),  cmocka_unit_test(test_others),
        cmocka_unit_test(test_listen),    cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_encode),
        cmocka_unit_test(test_created),   cmocka_unit_test(test_result),
        cmocka_unit_test(test_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
