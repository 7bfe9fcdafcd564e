/* Mcp-Param-*: what a modern call's headers say of its arguments must be what the body says. */
#include "fixture.h"

#include <strings.h>

#include "tools/headerparams.h"

#define CALL(arguments) \
    REQUEST("1", "tools/call", META ",\"name\":\"run\",\"arguments\":" arguments)

static const char schema[] = "{\"type\":\"object\",\"properties\":{"
                             "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
                             "\"count\":{\"type\":\"integer\",\"x-mcp-header\":\"Count\"},"
                             "\"o\":{\"type\":\"object\",\"properties\":{"
                             "\"on\":{\"type\":\"boolean\",\"x-mcp-header\":\"On\"}}}}}";

/* What the request carries: "Region=Hello", one of them, or NULL. */
static const char *header(void *arg, const char *name)
{
    const char *has = arg, *end = has ? strchr(has, '=') : NULL;
    size_t len = end ? (size_t)(end - has) : 0;
    bool is_it = end && strncasecmp(name, "Mcp-Param-", 10) == 0 && strlen(name) == 10 + len &&
                 strncasecmp(name + 10, has, len) == 0;
    return is_it ? end + 1 : NULL;
}

enum verdict { REFUSED, RUNS };
static const struct {
    const char *arguments, *header;
    enum verdict verdict;
} cases[] = {
    { CALL("{}"), NULL, RUNS },
    { CALL("{}"), "Region=ignored", RUNS },
    { CALL("{\"region\":null}"), NULL, RUNS },
    { CALL("{\"region\":\"Hello\"}"), "Region=Hello", RUNS },
    { CALL("{\"region\":\"Hello\"}"), "region= \t Hello\t", RUNS },
    { CALL("{\"region\":\"Hello\"}"), NULL, REFUSED },
    { CALL("{\"region\":\"Hello\"}"), "Region=hello", REFUSED },
    { CALL("{\"region\":\"Hello\"}"), "Region=", REFUSED },
    { CALL("{\"region\":\"\"}"), "Region=", RUNS },
    { CALL("{\"region\":\"\"}"), NULL, REFUSED },
    { CALL("{\"region\":\"Hello\"}"), "Region==?base64?SGVsbG8=?=", RUNS },
    { CALL("{\"region\":\"Hello\"}"), "Region==?base64?SGVsbG8?=", REFUSED },
    { CALL("{\"region\":\"Hello\"}"), "Region==?base64?SGVs!!!bG8=?=", REFUSED },
    { CALL("{\"region\":\"Hello\"}"), "Region==?BASE64?SGVsbG8=?=", REFUSED },
    { CALL("{\"region\":\"SGVsbG8=\"}"), "Region=SGVsbG8=", RUNS },
    { CALL("{\"region\":\"=?base64?SGVsbG8=\"}"), "Region==?base64?SGVsbG8=", RUNS },
    { CALL("{\"region\":\"\\u4e16\\u754c\"}"), "Region==?base64?5LiW55WM?=", RUNS },
    { CALL("{\"region\":\"\\u4e16\\u754c\"}"), "Region=\xe4\xb8\x96\xe7\x95\x8c", REFUSED },
    { CALL("{\"region\":\"a\\nb\"}"), "Region==?base64?YQpi?=", RUNS },
    { CALL("{\"count\":42}"), "Count=42", RUNS },
    { CALL("{\"count\":42}"), "Count=42.0", RUNS },
    { CALL("{\"count\":4.2e1}"), "Count=42", RUNS },
    { CALL("{\"count\":-0}"), "Count=0", RUNS },
    { CALL("{\"count\":42}"), "Count=43", REFUSED },
    { CALL("{\"count\":42}"), "Count=4.2e1", REFUSED },
    { CALL("{\"count\":42}"), "Count=0x2a", REFUSED },
    { CALL("{\"count\":42}"), "Count=+42", REFUSED },
    { CALL("{\"count\":42}"), "Count=42.", REFUSED },
    { CALL("{\"count\":42}"), "Count=.0", REFUSED },
    { CALL("{\"count\":42}"), "Count=-", REFUSED },
    { CALL("{\"count\":42}"), "Count=", REFUSED },
    { CALL("{\"count\":42}"), "Count=42 0", REFUSED },
    { CALL("{\"count\":9007199254740991}"), "Count=9007199254740991", RUNS },
    { CALL("{\"count\":9007199254740992}"), "Count=9007199254740992", REFUSED },
    { CALL("{\"count\":-9007199254740991}"), "Count=-9007199254740991", RUNS },
    { CALL("{\"count\":1.5}"), "Count=1.5", REFUSED },
    { CALL("{\"count\":\"42\"}"), "Count=42", RUNS }, /* the schema refuses it, or takes it as one
                                                       */
    { CALL("{\"count\":\"42\"}"), "Count=43", REFUSED },
    { CALL("{\"count\":\"42\"}"), NULL, REFUSED },
    { CALL("{\"count\":{}}"), "Count=1", RUNS }, /* likewise */
    { CALL("{\"count\":[1]}"), NULL, RUNS },
    { CALL("{\"o\":{\"on\":true}}"), "On=true", RUNS },
    { CALL("{\"o\":{\"on\":false}}"), "on=false", RUNS },
    { CALL("{\"o\":{\"on\":true}}"), "On=True", REFUSED },
    { CALL("{\"o\":{\"on\":true}}"), "On=1", REFUSED },
    { CALL("{\"o\":{\"on\":false}}"), "On=true", REFUSED },
    { CALL("{\"o\":{\"on\":true}}"), NULL, REFUSED },
    { CALL("{\"on\":true}"), NULL, RUNS },
    { CALL("{\"o\":7}"), NULL, RUNS },
};

static struct toolset *tools_make(void)
{
    struct err e = { 0 };
    struct toolset *s = toolset_new(1);
    struct tool t = { .name = "run", .input_schema = schema };
    assert_int_equal(headerparams_compile(schema, sizeof schema - 1, &t.headers, &e), 0);
    assert_int_equal(toolset_add(s, &t, &e), 0);
    assert_int_equal(toolset_seal(s), 0);
    return s;
}

static void test_calls(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    toolset_unref(f.tools);
    f.tools = tools_make();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mcp_out out;
        struct mcp_in in = {
            .body = cases[i].arguments,
            .len = strlen(cases[i].arguments),
            .is_http = true,
            .protocol_version = V26,
            .method = "tools/call",
            .name = "run",
            .header = header,
            .header_arg = (void *)cases[i].header,
            .principal = f.caller,
            .tools = f.tools,
        };
        mcp_accept(&in, BOTH);
        mcp_handle(&f.server, &in, &out);
        if ((out.call != NULL) != (cases[i].verdict == RUNS))
            fail_msg("%s with %s: status %d, code %d", cases[i].arguments, cases[i].header,
                     out.status, out.error_code);
        if (!out.call) {
            assert_int_equal(out.status, 400);
            assert_int_equal(out.error_code, MCP_HEADER_MISMATCH);
            buf_putc(&out.body, '\0');
            assert_non_null(strstr(out.body.data, "\"data\":{\"header\":\"Mcp-Param-"));
        }
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

/* Where there are no headers, and from clients that know none of this, nothing is asked for. */
static void test_others(void **state)
{
    static const char legacy[] =
        REQUEST("1", "tools/call", "\"name\":\"run\",\"arguments\":{\"region\":\"Hello\"}");
    static const char modern[] = CALL("{\"region\":\"Hello\"}");
    struct fixture f;
    (void)state;
    fixture_init(&f);
    toolset_unref(f.tools);
    f.tools = tools_make();
    for (int is_modern = 0; is_modern < 2; is_modern++) {
        struct mcp_out out;
        struct mcp_in in = { .body = is_modern ? modern : legacy,
                             .len = strlen(is_modern ? modern : legacy),
                             .is_http = !is_modern,
                             .principal = f.caller,
                             .tools = f.tools };
        mcp_accept(&in, BOTH);
        mcp_handle(&f.server, &in, &out);
        assert_non_null(out.call);
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
