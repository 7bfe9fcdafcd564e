/* Revision 2026-07-28: the order of the checks, the headers, the codes and statuses. */
#include "fixture.h"

#define CALL(id, params) REQUEST(id, "tools/call", params)
#define DISCOVER(id, meta) REQUEST(id, "server/discover", meta)
#define MODERN_LIST .version = V26, .method = "tools/list"
#define MODERN_CALL .version = V26, .method = "tools/call"
#define MODERN_DISCOVER .version = V26, .method = "server/discover"

static void test_envelope(void **state)
{
    static const struct probe probes[] = {
        { "no _meta", DISCOVER("101", ""), MODERN_DISCOVER, .status = 400, .code = -32602,
          .has = "\"missing\":[\"" NS "protocolVersion\",\"" NS "clientCapabilities\"]" },
        { "no params", "{\"jsonrpc\":\"2.0\",\"id\":101,\"method\":\"server/discover\"}",
          MODERN_DISCOVER, .status = 400, .code = -32602, .has = "\"id\":101" },
        { "no version", DISCOVER("102", "\"_meta\":{\"" NS "clientCapabilities\":{}}"),
          MODERN_DISCOVER, .status = 400, .code = -32602,
          .has = "\"missing\":[\"" NS "protocolVersion\"]" },
        { "no capabilities", DISCOVER("104", "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\"}"),
          MODERN_DISCOVER, .status = 400, .code = -32602,
          .has = "\"missing\":[\"" NS "clientCapabilities\"]" },
        { "capabilities of a wrong type",
          DISCOVER("1", "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS
                        "clientCapabilities\":[]}"),
          MODERN_DISCOVER, .status = 400, .code = -32602,
          .has = "\"invalid\":[\"" NS "clientCapabilities\"]" },
        { "capabilities null",
          DISCOVER("1", "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS
                        "clientCapabilities\":null}"),
          MODERN_DISCOVER, .status = 400, .code = -32602 },
        { "capabilities with members nobody knows",
          DISCOVER("1", "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS
                        "clientCapabilities\":{\"roots\":{\"listChanged\":true},\"x\":1}}"),
          MODERN_DISCOVER, .status = 200 },
        { "no clientInfo", DISCOVER("105", META), MODERN_DISCOVER, .status = 200 },
        { "a clientInfo that is none", DISCOVER("1", META_AND(",\"" NS "clientInfo\":7")),
          MODERN_DISCOVER, .status = 200 },
        { "unknown members of params and _meta",
          DISCOVER("1", META_AND(",\"traceparent\":\"00-1-2-3\",\"x/y\":null") ",\"z\":{}"),
          MODERN_DISCOVER, .status = 200 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

#define META_V999 \
    "\"_meta\":{\"" NS "protocolVersion\":\"v999.0.0\",\"" NS "clientCapabilities\":{}}"
#define META_V999_BROKEN "\"_meta\":{\"" NS "protocolVersion\":\"v999.0.0\"}"

/* A message with two faults is told the earlier one. */
static void test_order(void **state)
{
    static const struct probe probes[] = {
        { "unsupported, header agrees", DISCOVER("301", META_V999), .version = "v999.0.0",
          .method = "server/discover", .status = 400, .code = -32022,
          .has = "\"data\":{\"supported\":[\"2026-07-28\"],\"requested\":\"v999.0.0\"}" },
        { "unsupported, header says otherwise", DISCOVER("302", META_V999), MODERN_DISCOVER,
          .status = 400, .code = -32020, .has = "\"id\":302" },
        { "unsupported before missing headers", DISCOVER("1", META_V999), .status = 400,
          .code = -32022 },
        { "Mcp-Method before unsupported", DISCOVER("1", META_V999), .version = "v999.0.0",
          .method = "tools/list", .status = 400, .code = -32020 },
        { "envelope before header", DISCOVER("1", META_V999_BROKEN), .version = V26,
          .method = "tools/list", .status = 400, .code = -32602 },
        { "headers before the method", REQUEST("1", "no/such", META), .version = V26, .status = 400,
          .code = -32020 },
        { "name before the method", REQUEST("1", "prompts/get", "\"name\":\"p\"," META),
          .version = V26, .method = "prompts/get", .tool = "q", .status = 400, .code = -32020 },
        { "name of a task before the method", REQUEST("1", "tasks/get", "\"taskId\":\"t\"," META),
          .version = V26, .method = "tasks/get", .tool = "u", .status = 400, .code = -32020 },
        { "method before params", REQUEST("1", "no/such", META_AND(",\"progressToken\":{}")),
          .version = V26, .method = "no/such", .status = 404, .code = -32601 },
        { "requested is echoed as it came",
          DISCOVER("1", "\"_meta\":{\"" NS "protocolVersion\":\"v\\u0039\",\"" NS
                        "clientCapabilities\":{}}"),
          .version = "v9", .method = "server/discover", .status = 400, .code = -32022,
          .has = "\"requested\":\"v\\u0039\"" },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_version_and_method_headers(void **state)
{
    static const struct probe probes[] = {
        { "both", REQUEST("1", "tools/list", META), MODERN_LIST, .status = 200 },
        { "blanks around them", REQUEST("1", "tools/list", META), .version = " \t" V26 "\t ",
          .method = "  tools/list\t", .status = 200 },
        { "no version", REQUEST("1", "tools/list", META), .method = "tools/list", .status = 400,
          .code = -32020, .has = "MCP-Protocol-Version" },
        { "no method", REQUEST("1", "tools/list", META), .version = V26, .status = 400,
          .code = -32020, .has = "\"data\":{\"header\":\"Mcp-Method\"}" },
        { "another method", REQUEST("1", "tools/list", META), .version = V26,
          .method = "prompts/list", .status = 400, .code = -32020 },
        { "another case", REQUEST("1", "tools/list", META), .version = V26, .method = "TOOLS/LIST",
          .status = 400, .code = -32020 },
        { "an encoded method is another one", REQUEST("1", "tools/list", META), .version = V26,
          .method = "=?base64?dG9vbHMvbGlzdA==?=", .status = 400, .code = -32020 },
        { "a legacy version", REQUEST("1", "tools/list", META), .version = V11,
          .method = "tools/list", .status = 400, .code = -32020 },
        { "an escaped method in the body", REQUEST("1", "tools\\/list", META), MODERN_LIST,
          .status = 200 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

#define NAMED(name) CALL("1", "\"name\":\"" name "\"," META)

/* Passing means that the method is reached: it says that there is no such tool. */
static void test_name_header(void **state)
{
    static const struct {
        const char *body, *header;
        bool passes;
    } cases[] = {
        { NAMED("echo"), "  echo  ", true },
        { NAMED("Hello"), "Hello", true },
        { NAMED("Hello"), "=?base64?SGVsbG8=?=", true },
        { NAMED("Hello"), "\t=?base64?SGVsbG8=?= ", true },
        { NAMED("Hello"), "=?base64?SGVsbG8?=", false },     /* padding */
        { NAMED("Hello"), "=?base64?SGVs!!!bG8=?=", false }, /* alphabet */
        { NAMED("Hello"), "=?base64?SGVsbG9=?=", false },    /* bits of no byte */
        { NAMED("Hello"), "=?BASE64?SGVsbG8=?=", false },    /* literal, and so another name */
        { NAMED("SGVsbG8="), "SGVsbG8=", true },             /* literal */
        { NAMED("=?base64?SGVsbG8="), "=?base64?SGVsbG8=", true }, /* no suffix: literal */
        { NAMED("SGVsbG8=?="), "SGVsbG8=?=", true },               /* no prefix: literal */
        { NAMED("=?base64?="), "=?base64?=", true },               /* they may not share a mark */
        { NAMED(""), "=?base64?\?=", true },                       /* nothing, encoded */
        { NAMED(""), "", true },
        { NAMED("\xc3\xa9"), "=?base64?w6k=?=", true },
        { NAMED("\\u00e9"), "=?base64?w6k=?=", true },
        { NAMED("\xc3\xa9"), "\xc3\xa9", false }, /* no header holds that */
        { NAMED("a\\u0001"), "a\x01", false },
        { NAMED("a\\u007f"), "a\x7f", false },
        { NAMED("a\\tb"), "a\tb", true },
        { NAMED("x"), "=?base64?/w==?=", false }, /* not UTF-8 */
        { NAMED("hello"), "Hello", false },
        { NAMED("echo"), "wrong_tool_name", false },
        { NAMED("echo"), NULL, false },
        { NAMED("echo"), "echo2", false },
        { NAMED("echo2"), "echo", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe p = { cases[i].body, cases[i].body, MODERN_CALL, .tool = cases[i].header };
        struct fixture f;
        struct mcp_out out;
        fixture_init(&f);
        probe_send(&f, &p, &out);
        bool passed = out.call || (out.status == 200 && out.error_code == -32602);
        bool refused = !out.call && out.status == 400 && out.error_code == -32020;
        if (cases[i].passes ? !passed : !refused)
            fail_msg("%s / %s: %d %s", cases[i].body, cases[i].header, out.status,
                     text_of(&out.body));
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

static void test_name_header_elsewhere(void **state)
{
    static const struct probe probes[] = {
        { "params without a name are the method's business", CALL("1", META), MODERN_CALL,
          .status = 200, .code = -32602, .has = "name must be a string" },
        { "also with a header", CALL("1", META), MODERN_CALL, .tool = "echo", .status = 200,
          .code = -32602 },
        { "a name that is no string", CALL("1", "\"name\":5," META), MODERN_CALL, .tool = "5",
          .status = 200, .code = -32602 },
        { "methods without a name ignore the header", REQUEST("1", "tools/list", META), MODERN_LIST,
          .tool = "whatever", .status = 200 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_methods(void **state)
{
    static const char *const removed[] = {
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/list",
        "tasks/result",
        "unknown/method",
        "prompts/list",
        "resources/list",
        "completion/complete",
        "notifications/initialized",
    };
    char body[512];

    (void)state;
    for (size_t i = 0; i < COUNT(removed); i++) {
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":500,\"method\":\"%s\",\"params\":{" META "}}",
                 removed[i]);
        struct probe p = { removed[i],
                           body,
                           .version = V26,
                           .method = removed[i],
                           .status = 404,
                           .code = -32601,
                           .has = "{\"jsonrpc\":\"2.0\",\"id\":500," };
        probes_check(&p, 1);
    }
}

static void test_discover(void **state)
{
    static const struct probe probes[] = {
        { "whole", DISCOVER("201", META), MODERN_DISCOVER, .status = 200,
          .exact = "{\"jsonrpc\":\"2.0\",\"id\":201,\"result\":{\"resultType\":\"complete\","
                   "\"supportedVersions\":[\"2026-07-28\"],"
                   "\"capabilities\":{\"tools\":{\"listChanged\":true},\"logging\":{},"
                   "\"extensions\":{\"" NS "tasks\":{}}},"
                   "\"ttlMs\":60000,\"cacheScope\":\"public\","
                   "\"_meta\":{\"" NS "serverInfo\":{\"name\":\"moongate\","
                   "\"version\":\"1.2.3\"}}}}" },
    };
    struct fixture f;
    struct mcp_out out;

    (void)state;
    probes_check(probes, COUNT(probes));
    fixture_init(&f);
    f.server.title = "Moon \"gate\"";
    f.server.instructions = "Line one.\nLine two.";
    probe_send(&f, &probes[0], &out);
    assert_non_null(strstr(text_of(&out.body), "\"title\":\"Moon \\\"gate\\\"\""));
    assert_non_null(strstr(text_of(&out.body), "\"instructions\":\"Line one.\\nLine two.\""));
    assert_int_equal(out.revision, MCP_2026_07_28);
    mcp_out_fini(&out);
    fixture_fini(&f);
}

static void test_optional_meta(void **state)
{
    static const struct probe probes[] = {
        { "token: string", CALL("1", "\"name\":\"echo\"," META_AND(",\"progressToken\":\"p\"")),
          MODERN_CALL, .tool = "echo", .runs = "echo" },
        { "token: integer", CALL("1", "\"name\":\"echo\"," META_AND(",\"progressToken\":0")),
          MODERN_CALL, .tool = "echo", .runs = "echo" },
        { "token: null is none",
          CALL("1", "\"name\":\"echo\"," META_AND(",\"progressToken\":null")), MODERN_CALL,
          .tool = "echo", .runs = "echo" },
        { "token: 1.5", CALL("1", "\"name\":\"echo\"," META_AND(",\"progressToken\":1.5")),
          MODERN_CALL, .tool = "echo", .status = 200, .code = -32602 },
        { "token: object", CALL("1", "\"name\":\"echo\"," META_AND(",\"progressToken\":{}")),
          MODERN_CALL, .tool = "echo", .status = 200, .code = -32602 },
        { "level", CALL("1", "\"name\":\"echo\"," META_AND(",\"" NS "logLevel\":\"warning\"")),
          MODERN_CALL, .tool = "echo", .runs = "echo" },
        { "level: unknown",
          CALL("1", "\"name\":\"echo\"," META_AND(",\"" NS "logLevel\":\"loud\"")), MODERN_CALL,
          .tool = "echo", .status = 200, .code = -32602 },
        { "level: case", CALL("1", "\"name\":\"echo\"," META_AND(",\"" NS "logLevel\":\"INFO\"")),
          MODERN_CALL, .tool = "echo", .status = 200, .code = -32602 },
        { "level: a long one",
          CALL("1", "\"name\":\"echo\"," META_AND(",\"" NS "logLevel\":\"debugdebugdebugdebug\"")),
          MODERN_CALL, .tool = "echo", .status = 200, .code = -32602 },
        { "level: a number", CALL("1", "\"name\":\"echo\"," META_AND(",\"" NS "logLevel\":0")),
          MODERN_CALL, .tool = "echo", .status = 200, .code = -32602 },
        { "level is checked for every method",
          REQUEST("1", "tools/list", META_AND(",\"" NS "logLevel\":\"loud\"")), MODERN_LIST,
          .status = 200, .code = -32602 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_not_acceptable(void **state)
{
    static const struct probe probes[] = {
        { "legacy", REQUEST("1", "ping", ""), .accept = "text/html", .status = 406, .code = -32000,
          .has = "\"id\":null" },
        { "modern", DISCOVER("1", META), MODERN_DISCOVER, .accept = "text/html", .status = 406,
          .code = -32600, .lacks = "\"id\"" },
        { "before the body is read", "{oops", .accept = "image/*", .status = 406, .code = -32000 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_version_and_method_headers),
        cmocka_unit_test(test_name_header),
        cmocka_unit_test(test_name_header_elsewhere),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_discover),
        cmocka_unit_test(test_optional_meta),
        cmocka_unit_test(test_not_acceptable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
