/* Which era a message belongs to: the body decides, the header is checked against it. */
#include "fixture.h"

#define CLAIM(version) \
    "\"_meta\":{\"" NS "protocolVersion\":" version ",\"" NS "clientCapabilities\":{}}"
#define CLAIM_ONLY(version) "\"_meta\":{\"" NS "protocolVersion\":" version "}"
#define LIST(params) REQUEST("5", "tools/list", params)
#define NOTE(method, params) \
    "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":{" params "}}"
#define INIT_PARAMS              \
    "\"protocolVersion\":\"" V11 \
    "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}"

static void test_requests(void **state)
{
    static const struct probe probes[] = {
        { "neither claim nor header: legacy", LIST(""), .status = 200, .lacks = "resultType" },
        { "claim and header: modern", LIST(META), .version = V26, .method = "tools/list",
          .status = 200, .has = "\"resultType\":\"complete\"" },
        { "a progress token is no claim", LIST("\"_meta\":{\"progressToken\":1}"), .status = 200,
          .lacks = "resultType" },
        { "other members of _meta are no claim",
          LIST("\"_meta\":{\"" NS "related-task\":{\"taskId\":\"t\"}}"), .status = 200,
          .lacks = "resultType" },
        { "capabilities alone are no claim", LIST("\"_meta\":{\"" NS "clientCapabilities\":{}}"),
          .status = 200, .lacks = "resultType" },
        { "a claim by an escaped key",
          LIST("\"_meta\":{\"" NS "protocol\\u0056ersion\":\"" V26 "\",\"" NS
               "clientCapabilities\":{}}"),
          .version = V26, .method = "tools/list", .status = 200, .has = "resultType" },
        { "no claim, modern header", LIST(""), .version = V26, .status = 400, .code = -32602,
          .has = "\"id\":5" },
        { "no claim, header of later on", LIST(""), .version = "v999.0.0", .status = 400,
          .code = -32602 },
        { "no claim, known legacy header, no session", LIST(""), .version = V06, .status = 400,
          .code = -32000, .has = "\"id\":5" },
        { "no claim, unknown old header", LIST(""), .version = "1900-01-01", .status = 400,
          .code = -32000 },
        { "no claim, empty header", LIST(""), .version = "", .status = 400, .code = -32000 },
        { "a claim that names a legacy version", LIST(CLAIM("\"" V11 "\"")), .version = V11,
          .method = "tools/list", .status = 400, .code = -32022,
          .has = "\"supported\":[\"2026-07-28\"],\"requested\":\"2025-11-25\"" },
        { "the same without a header", LIST(CLAIM("\"" V11 "\"")), .status = 400, .code = -32022 },
        { "a claim that is no string is no way back", LIST(CLAIM("5")), .status = 400,
          .code = -32602 },
        { "a null claim", LIST(CLAIM("null")), .status = 400, .code = -32602 },
        { "a claim without capabilities", LIST(CLAIM_ONLY("\"" V26 "\"")), .status = 400,
          .code = -32602 },
        { "a session id makes nothing legacy, and is not looked at", LIST(META), .version = V26,
          .method = "tools/list", .session = "gone", .status = 200, .has = "resultType" },
        { "_meta that is an array, modern header", LIST("\"_meta\":[]"), .version = V26,
          .status = 400, .code = -32602, .has = "_meta must be an object" },
        { "_meta that is an array, no header: legacy", LIST("\"_meta\":[]"), .status = 200,
          .code = -32602 },
        { "_meta null, no header: legacy", LIST("\"_meta\":null"), .status = 200,
          .lacks = "resultType" },
        { "legacy requests are not judged by Mcp-Method", LIST(""), .method = "initialize",
          .tool = "x", .status = 200 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_initialize(void **state)
{
    static const struct probe probes[] = {
        { "plain", REQUEST("1", "initialize", INIT_PARAMS), .status = 200,
          .has = "\"protocolVersion\":\"2025-11-25\"" },
        { "legacy header", REQUEST("1", "initialize", INIT_PARAMS), .version = V06, .status = 200 },
        { "a header nobody knows is negotiated over", REQUEST("1", "initialize", INIT_PARAMS),
          .version = "2024-10-07", .status = 200 },
        {
            "modern header",
            REQUEST("1", "initialize", INIT_PARAMS),
            .version = V26,
            .status = 400,
            .code = -32020,
            .has = "\"id\":1",
        },
        { "header of later on", REQUEST("1", "initialize", INIT_PARAMS), .version = "v999.0.0",
          .status = 400, .code = -32020 },
        { "whole modern envelope: a method that revision has not", REQUEST("1", "initialize", META),
          .version = V26, .method = "initialize", .status = 404, .code = -32601,
          .has = "\"id\":1" },
        { "whole modern envelope without headers", REQUEST("1", "initialize", META), .status = 400,
          .code = -32020 },
        { "half an envelope is none", REQUEST("1", "initialize", CLAIM_ONLY("\"" V26 "\"")),
          .status = 200, .lacks = "resultType" },
        { "a claim that names a legacy version", REQUEST("1", "initialize", CLAIM("\"" V11 "\"")),
          .status = 200, .lacks = "resultType" },
        { "a malformed claim", REQUEST("1", "initialize", CLAIM("[]")), .status = 200 },
        { "a malformed claim with a modern header", REQUEST("1", "initialize", CLAIM("[]")),
          .version = V26, .status = 400, .code = -32020 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_notifications(void **state)
{
    static const struct probe probes[] = {
        { "legacy", NOTE("notifications/initialized", ""), .status = 202, .exact = "" },
        { "legacy, unknown", NOTE("notifications/nonsense", ""), .status = 202, .exact = "" },
        { "a request's method without an id", NOTE("tools/list", ""), .status = 202, .exact = "" },
        { "without params", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
          .status = 202, .exact = "" },
        { "params that are no object",
          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\",\"params\":[]}",
          .status = 400, .code = -32600 },
        { "modern by its header", NOTE("notifications/x", ""), .version = V26, .status = 202,
          .exact = "" },
        { "modern by its header, method agrees", NOTE("notifications/x", ""), .version = V26,
          .method = "notifications/x", .status = 202 },
        { "modern by its header, method disagrees", NOTE("notifications/x", ""), .version = V26,
          .method = "notifications/y", .status = 400, .code = -32020, .lacks = "\"id\"" },
        { "modern by its claim", NOTE("notifications/x", META), .status = 202, .exact = "" },
        { "claims need no capabilities", NOTE("notifications/x", CLAIM_ONLY("\"" V26 "\"")),
          .status = 202 },
        { "claim and header disagree", NOTE("notifications/x", META), .version = V11, .status = 400,
          .code = -32020, .lacks = "\"id\"" },
        { "a malformed claim", NOTE("notifications/x", CLAIM("5")), .status = 400, .code = -32602,
          .lacks = "\"id\"" },
        { "a version of later on", NOTE("notifications/x", ""), .version = "v999", .status = 400,
          .code = -32022, .has = "\"requested\":\"v999\"" },
        { "legacy header without a session", NOTE("notifications/initialized", ""), .version = V11,
          .status = 400, .code = -32000, .has = "{\"jsonrpc\":\"2.0\",\"error\"" },
        { "an older one", NOTE("notifications/initialized", ""), .version = "2025-06-18",
          .status = 400, .code = -32000, .has = "\"id\":null" },
        { "unknown session", NOTE("notifications/initialized", ""), .session = "gone",
          .status = 404, .code = -32001, .has = "\"id\":null" },
        { "removed in the modern revision: nobody has to know it",
          NOTE("notifications/initialized", META), .version = V26, .status = 202 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_responses(void **state)
{
    static const struct probe probes[] = {
        { "valid session", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", .session = SESSION_11,
          .version = V11, .status = 202, .exact = "" },
        { "error, valid session",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
          .session = SESSION_11, .status = 202, .exact = "" },
        { "no session", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", .status = 400,
          .code = -32600, .has = "\"id\":null" },
        { "no session, version", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", .version = V11,
          .status = 400, .code = -32600 },
        { "unknown session", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", .session = "gone",
          .status = 404, .code = -32001, .has = "\"id\":null" },
        { "modern", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", .version = V26,
          .session = SESSION_11, .status = 400, .code = -32600, .lacks = "\"id\"" },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

/* Pipes have no headers: the body alone decides, and nothing is missing. */
static void test_stdio(void **state)
{
    static const struct {
        const char *body, *has;
        int status;
    } cases[] = {
        { LIST(META), "resultType", 200 },
        { LIST(""), "\"tools\":[", 200 },
        { LIST(CLAIM("\"v999\"")), "-32022", 400 },
        { REQUEST("1", "server/discover", ""), "-32601", 200 },
        { REQUEST("1", "server/discover", META), "supportedVersions", 200 },
        { REQUEST("1", "initialize", INIT_PARAMS), "serverInfo", 200 },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", "", 202 },
    };
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* Header values that are there all the same must not matter. */
        struct mcp_in in = { .body = cases[i].body,
                             .len = strlen(cases[i].body),
                             .protocol_version = V03,
                             .method = "x",
                             .session_id = "gone",
                             .accepts_json = true,
                             .principal = alice,
                             .tools = f.tools };
        mcp_handle(&f.server, &in, &out);
        if (out.status != cases[i].status || !strstr(text_of(&out.body), cases[i].has))
            fail_msg("%s: %d %s", cases[i].body, out.status, text_of(&out.body));
        assert_string_equal(out.session_id, "");
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

static void test_header_omits_id(void **state)
{
    static const struct {
        const char *value;
        bool omits_id;
    } cases[] = {
        { NULL, false },        { "", false },           { "2026-07-28", true },
        { "2025-11-25", true }, { "2025-11-24", false }, { " \t2025-11-25 ", true },
        { "2025-11", false },   { "2025-12", true },     { "2025-11-25-beta", true },
        { "v999.0.0", true },   { "1900-01-01", false }, { "2025-06-18", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (mcp_header_omits_id(cases[i].value) != cases[i].omits_id)
            fail_msg("%s", cases[i].value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),      cmocka_unit_test(test_initialize),
        cmocka_unit_test(test_notifications), cmocka_unit_test(test_responses),
        cmocka_unit_test(test_stdio),         cmocka_unit_test(test_header_omits_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
