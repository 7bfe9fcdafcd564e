/* Requests to legacy clients: what each revision's client can declare, how it is asked, what it
 * answers. */
#include "fixture.h"

static void open_as(struct fixture *f, const char *version, const char *capabilities)
{
    char body[1000];
    struct mcp_out out;

    snprintf(body, sizeof body,
             REQUEST("1", "initialize", "\"protocolVersion\":\"%s\",\"capabilities\":%s"), version,
             capabilities);
    struct probe p = { .body = body, .accept = BOTH };
    probe_send(f, &p, &out);
    assert_int_equal(out.status, 200);
    mcp_out_fini(&out);
}

static struct mcp_call *call_as(struct fixture *f, const char *session)
{
    struct mcp_out out;
    struct probe p = { .body = REQUEST("1", "tools/call", "\"name\":\"echo\""),
                       .session = session,
                       .accept = BOTH };

    probe_send(f, &p, &out);
    struct mcp_call *c = out.call;
    assert_non_null(c);
    out.call = NULL;
    mcp_out_fini(&out);
    return c;
}

#define FORM "elicitation/create", "{\"message\":\"m\",\"requestedSchema\":{}}"
#define PAGE "elicitation/create", "{\"mode\":\"url\",\"message\":\"m\",\"url\":\"u\"}"
#define FORM_OF(properties)                                                                   \
    "\"requestedSchema\":{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" \
    "\"a\"]}"
#define CHOICES                                                                               \
    FORM_OF("\"a\":{\"title\":\"A\",\"oneOf\":[{\"const\":\"x\",\"title\":\"X, \\\"x\\\"\"}," \
            "{\"title\":\"Y\",\"const\":\"y\"}],\"type\":\"string\"},\"b\":{\"type\":"        \
            "\"boolean\"}")
#define PRIMITIVE_CHOICES                                    \
    FORM_OF("\"a\":{\"title\":\"A\",\"enum\":[\"x\",\"y\"]," \
            "\"enumNames\":[\"X, "                           \
            "\\\"x\\\"\",\"Y\"],\"type\":\"string\"},\"b\":{\"type\":\"boolean\"}")
#define SEVERAL "{" FORM_OF("\"a\":{\"type\":\"array\",\"items\":{}}") "}"
#define MODEL "sampling/createMessage", "{\"messages\":[]}"
#define TOOLS "sampling/createMessage", "{\"messages\":[],\"tools\":[]}"
#define CONTEXT "sampling/createMessage", "{\"messages\":[],\"includeContext\":\"thisServer\"}"
#define SAID(content) \
    "sampling/createMessage", "{\"messages\":[{\"role\":\"user\",\"content\":" content "}]}"
#define SOUND "{\"type\":\"audio\",\"data\":\"\",\"mimeType\":\"audio/wav\"}"
#define TEXT "{\"type\":\"text\",\"text\":\"tool_use\"}"
#define USED "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"a\",\"input\":{}}"
#define RETURNED "{\"type\":\"tool_result\",\"toolUseId\":\"1\",\"content\":[]}"
#define ROOTS "roots/list", "{}"

static const struct {
    const char *version, *session, *capabilities, *method, *params;
    bool may;
} declared[] = {
    { V11, SESSION_11, "{}", FORM, false },
    { V11, SESSION_11, "{\"elicitation\":{}}", FORM, true },
    { V11, SESSION_11, "{\"elicitation\":{}}", PAGE, false },
    { V11, SESSION_11, "{\"elicitation\":{\"form\":{}}}", FORM, true },
    { V11, SESSION_11, "{\"elicitation\":{\"url\":{}}}", FORM, false },
    { V11, SESSION_11, "{\"elicitation\":{\"url\":{}}}", PAGE, true },
    { V11, SESSION_11, "{\"elicitation\":{\"form\":{},\"url\":{}}}", PAGE, true },
    { V11, SESSION_11, "{\"elicitation\":true}", FORM, false },
    { V11, SESSION_11, "{\"sampling\":{}}", MODEL, true },
    { V11, SESSION_11, "{\"sampling\":{}}", TOOLS, false },
    { V11, SESSION_11, "{\"sampling\":{\"tools\":{}}}", TOOLS, true },
    { V11, SESSION_11, "{\"sampling\":{\"tools\":{}}}", CONTEXT, false },
    { V11, SESSION_11, "{\"sampling\":{\"context\":{}}}", CONTEXT, true },
    { V11, SESSION_11, "{\"roots\":{\"listChanged\":true}}", ROOTS, true },
    { V11, SESSION_11, "{\"sampling\":{}}", ROOTS, false },
    { V11, SESSION_11, "[]", ROOTS, false },
    { V06, SESSION_06, "{\"elicitation\":{}}", FORM, true },
    { V06, SESSION_06, "{\"elicitation\":{\"url\":{}}}", PAGE, false },
    { V06, SESSION_06, "{\"elicitation\":{\"url\":{}}}", FORM, true },
    { V06, SESSION_06, "{\"sampling\":{}}", CONTEXT, true },
    { V06, SESSION_06, "{\"sampling\":{\"tools\":{}}}", TOOLS, false },
    { V06, SESSION_06, "{\"elicitation\":{}}", "elicitation/create", SEVERAL, false },
    { V11, SESSION_11, "{\"elicitation\":{}}", "elicitation/create", SEVERAL, true },
    { V03, SESSION_03, "{\"elicitation\":{}}", FORM, false },
    { V03, SESSION_03, "{\"sampling\":{},\"roots\":{}}", MODEL, true },
    { V03, SESSION_03, "{\"sampling\":{},\"roots\":{}}", ROOTS, true },
    { V11, SESSION_11, "{\"sampling\":{}}", SAID("[" TEXT "]"), true },
    { V11, SESSION_11, "{\"sampling\":{}}", SAID(USED), true },
    { V06, SESSION_06, "{\"sampling\":{}}", SAID("[" TEXT "]"), false },
    { V06, SESSION_06, "{\"sampling\":{}}", SAID(USED), false },
    { V06, SESSION_06, "{\"sampling\":{}}", SAID(RETURNED), false },
    { V06, SESSION_06, "{\"sampling\":{}}", SAID(TEXT), true },
    { V03, SESSION_03, "{\"sampling\":{}}", SAID(SOUND), true },
    { V03, SESSION_03, "{\"sampling\":{}}", SAID("[" SOUND "]"), false },
    { V24, SESSION_03, "{\"sampling\":{}}", SAID(TEXT), true },
    { V24, SESSION_03, "{\"sampling\":{}}", SAID(SOUND), false },
};

static void test_declared(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(declared); i++) {
        struct fixture f;
        struct err e = { 0 };
        const char *params = declared[i].params;
        struct tool_question q = { "k",
                                   declared[i].method,
                                   { params, strlen(params), JSON_OBJECT } };

        /* Its clients have sessions over other transports alone. */
        bool is_oldest = strcmp(declared[i].version, V24) == 0;
        fixture_init(&f);
        open_as(&f, is_oldest ? V03 : declared[i].version, declared[i].capabilities);
        struct mcp_call *c = call_as(&f, declared[i].session);
        if (is_oldest)
            c->revision = MCP_2024_11_05;
        if (mcp_may_ask(c, &q, 1, &e) != declared[i].may)
            fail_msg("%s %s: %s %s", declared[i].version, declared[i].capabilities, q.method,
                     e.text);
        mcp_call_free(c);
        fixture_fini(&f);
    }
}

static void test_stateless(void **state)
{
    struct fixture f;
    struct err e = { 0 };
    struct tool_question q = { "k", "roots/list", { "{}", 2, JSON_OBJECT } };

    (void)state;
    fixture_init(&f);
    struct mcp_call *c = call_as(&f, NULL);
    assert_false(mcp_may_ask(c, &q, 1, &e));
    mcp_call_free(c);
    fixture_fini(&f);
}

static void asked_is(struct fixture *f, const char *session, const char *method, const char *params,
                     const char *want)
{
    struct mcp_call *c = call_as(f, session);
    struct tool_question q = { "k", method, { params, strlen(params), JSON_OBJECT } };
    struct buf b = { 0 };

    bool is_page = mcp_encode_ask(c, &q, "ask_1", "call_1", &b);
    assert_int_equal(is_page, strstr(want, "elicitationId") != NULL);
    assert_string_equal(buf_cstr(&b), want);
    buf_fini(&b);
    mcp_call_free(c);
}

#define ASKED(method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":\"ask_1\",\"method\":\"" method "\",\"params\":{" params "}}"

static void test_encoded(void **state)
{
    struct fixture f;
    struct buf b = { 0 };

    (void)state;
    fixture_init(&f);
    asked_is(&f, SESSION_11, ROOTS, ASKED("roots/list", ""));
    asked_is(&f, SESSION_11, PAGE,
             ASKED("elicitation/create", "\"mode\":\"url\",\"message\":\"m\",\"url\":\"u\","
                                         "\"elicitationId\":\"call_1.k\""));
    asked_is(&f, SESSION_11, "elicitation/create", "{\"mode\":\"form\",\"message\":\"m\"}",
             ASKED("elicitation/create", "\"mode\":\"form\",\"message\":\"m\""));
    asked_is(&f, SESSION_06, "elicitation/create", "{\"mode\":\"form\",\"message\":\"m\"}",
             ASKED("elicitation/create", "\"message\":\"m\""));
    asked_is(&f, SESSION_11, "elicitation/create", "{" CHOICES "}",
             ASKED("elicitation/create", CHOICES));
    asked_is(&f, SESSION_06, "elicitation/create", "{" CHOICES "}",
             ASKED("elicitation/create", PRIMITIVE_CHOICES));
    mcp_encode_elicit_done("call_1", "k", &b);
    assert_string_equal(buf_cstr(&b),
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/elicitation/complete\","
                        "\"params\":{\"elicitationId\":\"call_1.k\"}}");
    buf_clear(&b);
    mcp_encode_ask_end("ask_1", "why", &b);
    assert_string_equal(buf_cstr(&b), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                                      "\"params\":{\"requestId\":\"ask_1\",\"reason\":\"why\"}}");
    buf_fini(&b);
    fixture_fini(&f);
}

#define RESPONSE(id, rest) "{\"jsonrpc\":\"2.0\",\"id\":" id "," rest "}"

static void test_answers(void **state)
{
    static const struct {
        struct probe probe;
        const char *log;
    } cases[] = {
        { { "a result", RESPONSE("\"ask_1\"", "\"result\":{\"a\":[1]}"), .session = SESSION_11,
            .status = 202 },
          "answer:alice:" SESSION_11 ":ask_1:{\"a\":[1]} " },
        { { "escaped", RESPONSE("\"\\u0061sk_1\"", "\"result\":7"), .session = SESSION_11,
            .status = 202 },
          "answer:alice:" SESSION_11 ":ask_1:7 " },
        { { "an error", RESPONSE("\"ask_1\"", "\"error\":{\"code\":-1,\"message\":\"no \\u2713\"}"),
            .session = SESSION_06, .status = 202 },
          "error:alice:" SESSION_06 ":ask_1:no \u2713 " },
        { { "an error without a text", RESPONSE("\"ask_1\"", "\"error\":1"), .session = SESSION_11,
            .status = 202 },
          "error:alice:" SESSION_11 ":ask_1:the client answered with an error " },
        { { "a number", RESPONSE("1", "\"result\":{}"), .session = SESSION_11, .status = 202 },
          "" },
        { { "null", RESPONSE("null", "\"result\":{}"), .session = SESSION_11, .status = 202 }, "" },
        { { "too long", RESPONSE("\"0123456789012345678901234567890123456789\"", "\"result\":{}"),
            .session = SESSION_11, .status = 202 },
          "" },
        { { "no session", RESPONSE("\"ask_1\"", "\"result\":{}"), .status = 400, .code = -32600 },
          "" },
        { { "a dead one", RESPONSE("\"ask_1\"", "\"result\":{}"), .session = "x", .status = 404,
            .code = -32001 },
          "" },
        { { "modern", RESPONSE("\"ask_1\"", "\"result\":{}"), .session = SESSION_11, .version = V26,
            .status = 400, .code = -32600 },
          "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        struct mcp_out out;

        fixture_init(&f);
        probe_send(&f, &cases[i].probe, &out);
        probe_compare(&cases[i].probe, &out);
        assert_string_equal(f.log, cases[i].log);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_declared),
        cmocka_unit_test(test_stateless),
        cmocka_unit_test(test_encoded),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
