/* Calls in several rounds: what may be asked, the result that asks, and what must come back. */
#include "fixture.h"

#include "base/clock.h"

#define CALL(params) REQUEST("1", "tools/call", params)
#define MODERN .version = V26, .method = "tools/call", .tool = "echo"
#define REFUSED MODERN, .status = 200, .code = -32602

static void test_shapes(void **state)
{
    static const struct probe probes[] = {
        { "answers", CALL("\"name\":\"echo\",\"inputResponses\":{\"a\":{}}," META), MODERN,
          .runs = "echo" },
        { "none", CALL("\"name\":\"echo\",\"inputResponses\":{}," META), MODERN, .runs = "echo" },
        { "null", CALL("\"name\":\"echo\",\"inputResponses\":null," META), REFUSED,
          .has = "inputResponses must be an object" },
        { "a list", CALL("\"name\":\"echo\",\"inputResponses\":[]," META), REFUSED },
        { "a number for an answer",
          CALL("\"name\":\"echo\",\"inputResponses\":{\"a\":12345}," META), REFUSED,
          .has = "inputResponses.a must be an object" },
        { "null for an answer", CALL("\"name\":\"echo\",\"inputResponses\":{\"a\":null}," META),
          REFUSED },
        { "no state", CALL("\"name\":\"echo\",\"requestState\":null," META), MODERN,
          .runs = "echo" },
        { "a number for a state", CALL("\"name\":\"echo\",\"requestState\":1," META), REFUSED,
          .has = "requestState must be a string" },
        { "a state of somebody's", CALL("\"name\":\"echo\",\"requestState\":\"abc\"," META),
          REFUSED, .has = "not what this gateway gave" },
        { "an empty one", CALL("\"name\":\"echo\",\"requestState\":\"\"," META), REFUSED },
        { "legacy clients have none of it",
          CALL("\"name\":\"echo\",\"inputResponses\":null,\"requestState\":1"), .runs = "echo" },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

/* ---- what may be asked ---- */

static struct mcp_call *call_with(struct fixture *f, const char *capabilities)
{
    char body[1000];
    struct mcp_out out;

    snprintf(body, sizeof body,
             CALL("\"name\":\"echo\",\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS
                  "clientCapabilities\":%s}"),
             capabilities);
    struct probe p = { .body = body, MODERN };
    probe_send(f, &p, &out);
    struct mcp_call *c = out.call;
    assert_non_null(c);
    out.call = NULL;
    mcp_out_fini(&out);
    return c;
}

#define FORM "elicitation/create", "{\"message\":\"m\",\"requestedSchema\":{}}"
#define PAGE "elicitation/create", "{\"mode\":\"url\",\"message\":\"m\",\"url\":\"u\"}"
#define SAMPLE(more) "sampling/createMessage", "{\"messages\":[],\"maxTokens\":1" more "}"

static void test_capabilities(void **state)
{
    static const struct {
        const char *capabilities, *method, *params, *lacks;
    } cases[] = {
        { "{}", FORM, "{\"elicitation\":{\"form\":{}}}" },
        { "{\"elicitation\":{}}", FORM, NULL },
        { "{\"elicitation\":{\"form\":{}}}", FORM, NULL },
        { "{\"elicitation\":{\"url\":{}}}", FORM, "{\"elicitation\":{\"form\":{}}}" },
        { "{\"elicitation\":{\"url\":{},\"form\":{}}}", FORM, NULL },
        { "{\"elicitation\":true}", FORM, "{\"elicitation\":{\"form\":{}}}" },
        { "{\"elicitation\":{}}", PAGE, "{\"elicitation\":{\"url\":{}}}" },
        { "{\"elicitation\":{\"url\":{}}}", PAGE, NULL },
        { "{\"elicitation\":{}}", SAMPLE(""), "{\"sampling\":{}}" },
        { "{\"sampling\":{}}", SAMPLE(""), NULL },
        { "{\"sampling\":{}}", SAMPLE(",\"tools\":[]"), "{\"sampling\":{\"tools\":{}}}" },
        { "{\"sampling\":{\"tools\":{}}}", SAMPLE(",\"toolChoice\":{}"), NULL },
        { "{\"sampling\":{}}", SAMPLE(",\"includeContext\":\"none\""), NULL },
        { "{\"sampling\":{}}", SAMPLE(",\"includeContext\":\"thisServer\""),
          "{\"sampling\":{\"context\":{}}}" },
        { "{\"sampling\":{\"context\":{}}}", SAMPLE(",\"includeContext\":\"thisServer\""), NULL },
        { "{\"sampling\":{}}", "roots/list", "{}", "{\"roots\":{}}" },
        { "{\"roots\":{}}", "roots/list", "{}", NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        struct err e = { 0 };
        struct tool_question q[2] = {
            { "a", cases[i].method, { cases[i].params, strlen(cases[i].params), JSON_OBJECT } },
        };
        q[1] = q[0];
        fixture_init(&f);
        struct mcp_call *c = call_with(&f, cases[i].capabilities);
        assert_int_equal(mcp_may_ask(c, q, 1 + i % 2, &e), cases[i].lacks == NULL);
        if (cases[i].lacks) {
            assert_string_equal(c->lacks, cases[i].lacks);
            assert_non_null(strstr(e.text, cases[i].lacks));
        } else {
            assert_null(c->lacks);
        }
        mcp_call_free(c);
        fixture_fini(&f);
    }
}

static void test_lacking(void **state)
{
    struct fixture f;
    struct buf out = { 0 };
    struct err e = { 0 };
    struct tool_question q = { "a", "roots/list", { "{}", 2, JSON_OBJECT } };
    struct tool_result r = { .cannot_ask = true };

    (void)state;
    fixture_init(&f);
    struct mcp_call *c = call_with(&f, "{}");
    tool_result_text(&r, OUT_TOOL_ERROR, true, "no", 2);
    assert_false(mcp_lacks_capability(c, &r)); /* it was not asked for any */
    assert_false(mcp_may_ask(c, &q, 1, &e));
    assert_true(mcp_lacks_capability(c, &r));
    mcp_encode_result(&f.server, c, &r, &out);
    assert_string_equal(text_of(&out),
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32021,\"message\":"
                        "\"Missing client capability: what this asks its client for\",\"data\":"
                        "{\"requiredCapabilities\":{\"roots\":{}}}}}");
    /* Another failure is one of the tool. */
    r.cannot_ask = false;
    assert_false(mcp_lacks_capability(c, &r));
    tool_result_fini(&r);
    buf_fini(&out);
    mcp_call_free(c);
    fixture_fini(&f);
}

/* ---- the state ---- */

/* The result of a first round, and its requestState. */
static void ask(struct fixture *f, const char *arguments, const char *memory, char state[4096])
{
    char body[1000];
    struct mcp_out out;
    struct buf text = { 0 };
    struct tool_result r = { .outcome = OUT_INPUT_REQUIRED };

    snprintf(body, sizeof body, CALL("\"name\":\"echo\",\"arguments\":%s," META), arguments);
    struct probe p = { .body = body, MODERN };
    probe_send(f, &p, &out);
    r.asks = calloc(1, sizeof *r.asks);
    buf_str(&r.content, "[]");
    buf_str(&r.asks->requests, "{\"a\":{\"method\":\"roots/list\",\"params\":{}}}");
    buf_str(&r.asks->memory, memory);
    mcp_encode_result(&f->server, out.call, &r, &text);
    const char *line = text_of(&text);
    static const char before[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"input_required\","
        "\"inputRequests\":{\"a\":{\"method\":\"roots/list\",\"params\":{}}},\"requestState\":\"";
    assert_memory_equal(line, before, sizeof before - 1);
    size_t len = strcspn(line + sizeof before - 1, "\"");
    assert_true(len > 0 && len < 4096);
    memcpy(state, line + sizeof before - 1, len);
    state[len] = '\0';
    assert_string_equal(line + sizeof before - 1 + len,
                        "\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":"
                        "\"moongate\",\"version\":\"1.2.3\"}}}}");
    assert_null(strstr(line, "ttlMs"));
    tool_result_fini(&r);
    buf_fini(&text);
    mcp_out_fini(&out);
}

static void again(struct fixture *f, const char *tool, const char *arguments, const char *state,
                  const char *has)
{
    char body[6000];
    struct mcp_out out;

    snprintf(body, sizeof body,
             CALL("\"name\":\"%s\",\"arguments\":%s,\"requestState\":\"%s\",\"inputResponses\":{"
                  "\"a\":{\"roots\":[]}}," META),
             tool, arguments, state);
    struct probe p = { .name = has ? has : "taken",
                       .body = body,
                       .version = V26,
                       .method = "tools/call",
                       .tool = tool };
    if (has) {
        p.status = 200;
        p.code = -32602;
        p.has = has;
    } else {
        p.runs = tool;
    }
    probe_send(f, &p, &out);
    probe_compare(&p, &out);
    if (out.call) {
        assert_string_equal(out.call->memory.p, "{\"answers\":{},\"once\":{\"n\":[1]}}");
        assert_string_equal(out.call->responses.p, "{\"a\":{\"roots\":[]}}");
    }
    mcp_out_fini(&out);
}

#define MEMORY "{\"answers\":{},\"once\":{\"n\":[1]}}"

static void test_state(void **state)
{
    struct fixture f;
    char text[4096], other[4096];

    (void)state;
    fixture_init(&f);
    ask(&f, "{\"x\":1,\"y\":{\"a\":1,\"b\":2}}", MEMORY, text);
    ask(&f, "{\"x\":1,\"y\":{\"a\":1,\"b\":2}}", MEMORY, other);
    assert_string_not_equal(text, other);
    assert_null(strstr(text, "answers"));
    again(&f, "echo", "{\"x\":2,\"y\":{\"a\":1,\"b\":2}}", text, "belongs to another call");
    again(&f, "any_out", "{\"x\":1,\"y\":{\"a\":1,\"b\":2}}", text, "belongs to another call");
    f.caller = bob;
    again(&f, "echo", "{\"x\":1,\"y\":{\"a\":1,\"b\":2}}", text, "belongs to another call");
    f.caller = alice;
    /* The same arguments, said in another way; none of the above has used it up. */
    again(&f, "echo", "{ \"y\":{\"b\":2,\"\\u0061\":1}, \"x\":1}", text, NULL);
    again(&f, "echo", "{\"x\":1,\"y\":{\"a\":1,\"b\":2}}", text, "was used already");
    again(&f, "echo", "{\"x\":1,\"y\":{\"a\":1,\"b\":2}}", other, NULL);
    /* Another key: what the old one has made is nobody's. */
    ask(&f, "{}", MEMORY, text);
    seal_key_make(&f.seal);
    again(&f, "echo", "{}", text, "not what this gateway gave");
    fixture_fini(&f);
}

static void test_expiry(void **state)
{
    struct fixture f;
    char text[4096], other[4096];

    (void)state;
    fixture_init(&f);
    clock_fake_start();
    ask(&f, "{}", MEMORY, text);
    ask(&f, "{}", MEMORY, other);
    clock_fake_advance(59999);
    again(&f, "echo", "{}", text, NULL);
    clock_fake_advance(1);
    again(&f, "echo", "{}", other, "has expired");
    clock_fake_stop();
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_lacking), cmocka_unit_test(test_state),
        cmocka_unit_test(test_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
