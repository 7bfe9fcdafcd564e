/* The legacy revisions: the handshake, sessions, service without one, and what stays out of
 * results. */
#include "fixture.h"

#define INIT(version)                        \
    REQUEST("1", "initialize",               \
            "\"protocolVersion\":\"" version \
            "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"9\"}")
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define PONG "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"
#define LEVEL(level) REQUEST("1", "logging/setLevel", "\"level\":" level)

static void test_versions(void **state)
{
    static const struct {
        const char *asked, *answered;
    } cases[] = {
        { "\"2024-11-05\"", V24 }, { "\"2025-03-26\"", V03 },
        { "\"2025-06-18\"", V06 }, { "\"2025-11-25\"", V11 },
        { "\"2026-07-28\"", V11 }, { "\"2099-01-01\"", V11 },
        { "\"1.0\"", V11 },        { "\"2025-06-18-beta-and-more\"", V11 },
        { "\"\"", V11 },           { "null", V11 },
    };
    char body[256], has[64];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":"
                 "{\"protocolVersion\":%s}}",
                 cases[i].asked);
        snprintf(has, sizeof has, "{\"protocolVersion\":\"%s\"", cases[i].answered);
        struct probe p = { cases[i].asked, body, .status = 200, .has = has, .lacks = "_meta" };
        probes_check(&p, 1);
    }
}

static void test_initialize(void **state)
{
    static const struct probe probes[] = {
        { "the kit's", REQUEST("1", "initialize", "\"protocolVersion\":\"2025-06-18\""),
          .status = 200,
          .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-06-18\","
                   "\"capabilities\":{\"tools\":{\"listChanged\":false}},"
                   "\"serverInfo\":{\"name\":\"moongate\",\"version\":\"1.2.3\"}}}" },
        { "a client with a session", INIT(V11), .accept = BOTH, .status = 200,
          .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\","
                   "\"capabilities\":{\"tools\":{\"listChanged\":true},\"logging\":{}},"
                   "\"serverInfo\":{\"name\":\"moongate\",\"version\":\"1.2.3\"}}}" },
        { "no params at all", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}",
          .status = 200, .has = V11 },
        { "a version of a wrong type", REQUEST("1", "initialize", "\"protocolVersion\":5"),
          .status = 200, .code = -32602 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

/* Who gets a session: who accepts both types in so many words, or names a version; and only a
 * revision that has sessions. */
static void test_who_gets_a_session(void **state)
{
    static const struct {
        const char *body, *accept, *version;
        const char *log; /* what the host was told; NULL: nothing, and no session */
    } cases[] = {
        { INIT(V11), BOTH, NULL, "create:alice:2025-11-25:c:9 " },
        { INIT(V03), BOTH, NULL, "create:alice:2025-03-26:c:9 " },
        { INIT(V06), "text/event-stream, application/json", NULL, "create:alice:2025-06-18:c:9 " },
        { INIT("2099-01-01"), BOTH, NULL, "create:alice:2025-11-25:c:9 " },
        { REQUEST("1", "initialize", "\"clientInfo\":[]"), BOTH, NULL,
          "create:alice:2025-11-25:: " },
        { INIT(V11), "*/*", V11, "create:alice:2025-11-25:c:9 " },
        { INIT(V06), NULL, V11, "create:alice:2025-06-18:c:9 " },
        { INIT(V24), BOTH, NULL, NULL },
        { INIT(V24), BOTH, V24, NULL },
        { INIT(V11), NULL, NULL, NULL },
        { INIT(V11), "*/*", NULL, NULL },
        { INIT(V11), "application/json", NULL, NULL },
        { INIT(V11), "text/event-stream", NULL, NULL },
        { INIT(V11), "application/json, */*", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe p = { .body = cases[i].body,
                           .accept = cases[i].accept,
                           .version = cases[i].version };
        struct fixture f;
        struct mcp_out out;
        fixture_init(&f);
        probe_send(&f, &p, &out);
        assert_int_equal(out.status, 200);
        assert_string_equal(f.log, cases[i].log ? cases[i].log : "");
        assert_string_equal(out.session_id, cases[i].log ? SESSION_11 : "");
        assert_int_equal(strstr(text_of(&out.body), "\"logging\"") != NULL, cases[i].log != NULL);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

/* Names of clients are cut where they stop fitting, never inside a character. */
static void test_client_names(void **state)
{
    struct fixture f;
    struct mcp_out out;
    char body[512], name[256] = "";

    (void)state;
    for (int i = 0; i < 40; i++)
        memcpy(name + 2 * i, "\xc3\xa9", 3);
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":"
             "{\"clientInfo\":{\"name\":\"%s\",\"version\":\"\\u0031\"}}}",
             name);
    fixture_init(&f);
    struct probe p = { .body = body, .accept = BOTH };
    probe_send(&f, &p, &out);
    name[62] = '\0'; /* 31 characters of two bytes fit in 63 */
    char want[512];
    snprintf(want, sizeof want, "create:alice:2025-11-25:%s:1 ", name);
    assert_string_equal(f.log, want);
    mcp_out_fini(&out);
    fixture_fini(&f);
}

static void test_sessions(void **state)
{
    static const struct probe probes[] = {
        { "stateless", PING, .status = 200, .exact = PONG },
        { "session", PING, .session = SESSION_11, .version = V11, .status = 200, .exact = PONG },
        { "session without a version", PING, .session = SESSION_03, .status = 200, .exact = PONG },
        { "another legacy version than agreed", PING, .session = SESSION_03, .version = V06,
          .status = 200, .exact = PONG },
        { "a version that nobody knows", PING, .session = SESSION_11, .version = "2025-01-01",
          .status = 400, .code = -32000, .has = "\"id\":1" },
        { "version and no session", PING, .version = V03, .status = 400, .code = -32000 },
        { "unknown session", PING, .session = "00000000000000000000000000000000", .status = 404,
          .code = -32001, .has = "Session not found" },
        { "empty session", PING, .session = "", .status = 404, .code = -32001 },
        { "unknown session and version", PING, .session = "x", .version = V11, .status = 404,
          .code = -32001 },
        { "errors are in band", REQUEST("1", "no/such", ""), .session = SESSION_11, .version = V11,
          .status = 200, .code = -32601, .has = "Method not found: no/such" },
        { "errors are in band, stateless", REQUEST("1", "server/discover", ""), .status = 200,
          .code = -32601 },
        { "a request with a notification's method", REQUEST("1", "notifications/initialized", ""),
          .status = 200, .code = -32601 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

/* A session under another key does not exist, whatever is asked of it. */
static void test_another_principal(void **state)
{
    static const struct probe probes[] = {
        { .body = PING, .session = SESSION_11 },
        { .body = LEVEL("\"info\""), .session = SESSION_11 },
        { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
          .session = SESSION_11 },
        { .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", .session = SESSION_11 },
    };
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    f.caller = bob;
    for (size_t i = 0; i < COUNT(probes); i++) {
        probe_send(&f, &probes[i], &out);
        assert_int_equal(out.status, 404);
        mcp_out_fini(&out);
    }
    struct mcp_in in = { .is_http = true, .session_id = SESSION_11, .principal = bob };
    mcp_delete(&f.server, &in, &out);
    assert_int_equal(out.status, 404);
    mcp_out_fini(&out);
    assert_string_equal(f.log, "");
    fixture_fini(&f);
}

static void test_what_the_host_is_told(void **state)
{
    static const struct {
        struct probe probe;
        const char *log;
    } cases[] = {
        { { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
            .session = SESSION_06,
            .version = V06,
            .status = 202 },
          "initialized:alice:" SESSION_06 " " },
        { { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
            .status = 202 },
          "" },
        { { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
                    "{\"requestId\":1730000000000,\"reason\":\"x\"}}",
            .session = SESSION_11,
            .status = 202 },
          "cancel:alice:" SESSION_11 ":1730000000000 " },
        { { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
                    "{\"requestId\":\"a\\u0062\"}}",
            .status = 202 },
          "cancel:alice:-:\"a\\u0062\" " },
        { { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
                    "{\"requestId\":{}}}",
            .status = 202 },
          "" },
        { { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}", .status = 202 },
          "" },
        { { .body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
                    "{\"requestId\":1," META "}}",
            .version = V26,
            .status = 202 },
          "" },
        { { .body = LEVEL("\"debug\""), .session = SESSION_11, .status = 200 },
          "level:alice:" SESSION_11 ":debug " },
        { { .body = LEVEL("\"emergency\""), .session = SESSION_11, .status = 200 },
          "level:alice:" SESSION_11 ":emergency " },
        { { .body = LEVEL("\"loud\""), .session = SESSION_11, .status = 200 }, "" },
        { { .body = LEVEL("5"), .session = SESSION_11, .status = 200 }, "" },
        { { .body = LEVEL("\"debug\""), .status = 200 }, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        struct mcp_out out;
        fixture_init(&f);
        probe_send(&f, &cases[i].probe, &out);
        if (out.status != cases[i].probe.status || strcmp(f.log, cases[i].log) != 0)
            fail_msg("%s: %d %s", cases[i].probe.body, out.status, f.log);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

static void test_set_level_answers(void **state)
{
    static const struct probe probes[] = {
        { "known", LEVEL("\"notice\""), .session = SESSION_11, .status = 200, .exact = PONG },
        { "unknown", LEVEL("\"Notice\""), .session = SESSION_11, .status = 200, .code = -32602 },
        { "none", REQUEST("1", "logging/setLevel", ""), .session = SESSION_11, .status = 200,
          .code = -32602 },
        { "nothing to remember it", LEVEL("\"notice\""), .status = 200, .code = -32601 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_delete_and_get(void **state)
{
    static const struct {
        bool is_get;
        const char *session, *version, *accept;
        int status;
        bool as_stream;
        const char *log;
    } cases[] = {
        { false, SESSION_06, V06, NULL, 204, false, "remove:alice:" SESSION_06 " " },
        { false, SESSION_06, NULL, NULL, 204, false, "remove:alice:" SESSION_06 " " },
        { false, NULL, V06, NULL, 400, false, "" },
        { false, "gone", V06, NULL, 404, false, "" },
        { false, NULL, V26, NULL, 400, false, "" },
        { true, NULL, NULL, "text/event-stream", 200, true, "" },
        { true, NULL, NULL, BOTH, 200, true, "" },
        { true, NULL, V11, "text/event-stream", 200, true, "" },
        { true, NULL, NULL, "*/*", 405, false, "" },
        { true, NULL, NULL, NULL, 405, false, "" },
        { true, NULL, NULL, "application/json", 405, false, "" },
        { true, NULL, NULL, "text/html", 405, false, "" },
        { true, SESSION_11, V11, "text/event-stream", 200, true, "" },
        { true, SESSION_11, NULL, "*/*", 200, true, "" },
        { true, SESSION_11, V11, "application/json", 406, false, "" },
        { true, "gone", V11, "text/event-stream", 404, false, "" },
        { true, SESSION_11, "1999-01-01", "text/event-stream", 400, false, "" },
        { true, SESSION_11, V26, "text/event-stream", 405, false, "" },
        { true, NULL, V26, "text/event-stream", 405, false, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        struct mcp_out out;
        fixture_init(&f);
        struct mcp_in in = { .is_http = true,
                             .session_id = cases[i].session,
                             .protocol_version = cases[i].version,
                             .principal = alice };
        mcp_accept(&in, cases[i].accept);
        (cases[i].is_get ? mcp_get : mcp_delete)(&f.server, &in, &out);
        if (out.status != cases[i].status || out.as_stream != cases[i].as_stream)
            fail_msg("case %zu: %d %s", i, out.status, text_of(&out.body));
        assert_string_equal(f.log, cases[i].log);
        assert_int_equal(out.body.len > 0, out.status >= 400);
        assert_string_equal(out.method, cases[i].is_get ? "GET" : "DELETE");
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

/* JSON unless an event stream is named first. */
static void test_answer_form(void **state)
{
    static const struct {
        const char *accept;
        bool as_stream;
    } cases[] = {
        { NULL, false },
        { "*/*", false },
        { "application/json", false },
        { BOTH, false },
        { "text/event-stream", true },
        { "text/event-stream, application/json", true },
        { "text/event-stream, */*", true },
    };
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe p = { .body = PING, .accept = cases[i].accept };
        probe_send(&f, &p, &out);
        assert_int_equal(out.status, 200);
        assert_int_equal(out.as_stream, cases[i].as_stream);
        mcp_out_fini(&out);
        p.body = "{oops"; /* an error of the transport is no event */
        probe_send(&f, &p, &out);
        assert_int_equal(out.status, 400);
        assert_false(out.as_stream);
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_initialize),
        cmocka_unit_test(test_who_gets_a_session),
        cmocka_unit_test(test_client_names),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_another_principal),
        cmocka_unit_test(test_what_the_host_is_told),
        cmocka_unit_test(test_set_level_answers),
        cmocka_unit_test(test_delete_and_get),
        cmocka_unit_test(test_answer_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
