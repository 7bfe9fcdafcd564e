/* What is a message at all: JSON, JSON-RPC, ids, limits; and in whose manner faults are told. */
#include "fixture.h"

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PONG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static void test_not_json(void **state)
{
    static const struct probe probes[] = {
        { "empty", "", .status = 400, .code = -32700, .has = "\"id\":null" },
        { "words", "{oops", .status = 400, .code = -32700, .has = "Parse error: offset 1" },
        { "cut", "{\"jsonrpc\":\"2.0\",\"id\":1,", .status = 400, .code = -32700 },
        { "two texts", PING("1") PING("2"), .status = 400, .code = -32700 },
        { "duplicate key", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"ping\"}",
          .status = 400, .code = -32700 },
        { "duplicate key by escape",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"m\\u0065thod\":\"x\"}",
          .status = 400, .code = -32700 },
        { "NUL in a string", PING("\"a\\u0000b\""), .status = 400, .code = -32700 },
        { "not UTF-8", PING("\"\xff\""), .status = 400, .code = -32700 },
        { "modern: no id member", "{oops", .version = V26, .status = 400, .code = -32700,
          .lacks = "\"id\"" },
        { "unknown date from later on: modern", "{oops", .version = "2030-01-01", .status = 400,
          .code = -32700, .lacks = "\"id\"" },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_not_a_message(void **state)
{
    static const struct probe probes[] = {
        { "number", "5", .status = 400, .code = -32600, .has = "\"id\":null" },
        { "null", "null", .status = 400, .code = -32600 },
        { "string", "\"ping\"", .status = 400, .code = -32600 },
        { "empty batch", "[]", .status = 400, .code = -32600,
          .has = "batches are of revision 2025-03-26" },
        { "batch", "[" PING("1") "]", .status = 400, .code = -32600 },
        { "modern batch", "[" PING("1") "]", .version = V26, .status = 400, .code = -32600,
          .lacks = "\"id\"" },
        { "no jsonrpc", "{\"id\":1,\"method\":\"ping\"}", .status = 400, .code = -32600,
          .has = "\"id\":1" },
        { "jsonrpc 1.0", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", .status = 400,
          .code = -32600 },
        { "jsonrpc as a number", "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", .status = 400,
          .code = -32600 },
        { "keys are exact", "{\"JSONRPC\":\"2.0\",\"id\":1,\"method\":\"ping\"}", .status = 400,
          .code = -32600 },
        { "Method is not method", "{\"jsonrpc\":\"2.0\",\"id\":1,\"Method\":\"ping\"}",
          .status = 400, .code = -32600 },
        { "no method", "{\"jsonrpc\":\"2.0\",\"id\":1}", .status = 400, .code = -32600,
          .has = "\"id\":1" },
        { "method is a number", "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":5}", .status = 400,
          .code = -32600, .has = "\"id\":\"x\"" },
        { "method is null", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}", .status = 400,
          .code = -32600 },
        { "request and response",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}", .status = 400,
          .code = -32600 },
        { "result and error", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}",
          .status = 400, .code = -32600 },
        { "params is an array", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
          .status = 400, .code = -32600, .has = "\"id\":1" },
        { "params is null: absent",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":null}", .status = 200 },
        { "a bad message that claims to be modern gets no null",
          REQUEST("null", "tools/list", META), .status = 400, .code = -32600, .lacks = "\"id\"" },
        { "modern by its header", REQUEST("{}", "tools/list", META), .version = V26, .status = 400,
          .code = -32600, .lacks = "\"id\"" },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_ids(void **state)
{
    static const struct probe probes[] = {
        { "zero", PING("0"), .status = 200, .exact = PONG("0") },
        { "negative", PING("-5"), .status = 200, .exact = PONG("-5") },
        { "13 digits", PING("1730000000000"), .status = 200, .exact = PONG("1730000000000") },
        { "2^53 + 1", PING("9007199254740993"), .status = 200, .exact = PONG("9007199254740993") },
        { "20 digits", PING("18446744073709551616"), .status = 200,
          .exact = PONG("18446744073709551616") },
        { "1.0 as it came", PING("1.0"), .status = 200, .exact = PONG("1.0") },
        { "1e3 as it came", PING("1e3"), .status = 200, .exact = PONG("1e3") },
        { "string", PING("\"abc\""), .status = 200, .exact = PONG("\"abc\"") },
        { "empty string", PING("\"\""), .status = 200, .exact = PONG("\"\"") },
        { "digits in a string", PING("\"7\""), .status = 200, .exact = PONG("\"7\"") },
        { "escapes as they came", PING("\"\\u0061\\\"\\n\\ud83d\\ude00\""), .status = 200,
          .exact = PONG("\"\\u0061\\\"\\n\\ud83d\\ude00\"") },
        { "UTF-8", PING("\"\xc3\xa9\""), .status = 200, .exact = PONG("\"\xc3\xa9\"") },
        { "null", PING("null"), .status = 400, .code = -32600, .has = "\"id\":null" },
        { "1.5", PING("1.5"), .status = 400, .code = -32600, .has = "\"id\":null" },
        { "boolean", PING("true"), .status = 400, .code = -32600 },
        { "object", PING("{}"), .status = 400, .code = -32600 },
        { "array", PING("[1]"), .status = 400, .code = -32600 },
        { "modern null", REQUEST("null", "tools/list", META), .version = V26,
          .method = "tools/list", .status = 400, .code = -32600, .lacks = "\"id\"" },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

/* Numbers end at the scanner's 63 bytes, strings at 256 with their quotes: the longest passes, one
 * byte more does not. */
static void test_id_length(void **state)
{
    char body[1200], digits[1100];

    (void)state;
    for (int over = 0; over < 2; over++) {
        memset(digits, '7', sizeof digits);
        digits[63 + over] = '\0';
        snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}", digits);
        struct probe number = { "length of a number", body, .status = over ? 400 : 200,
                                .code = over ? -32600 : 0, .has = over ? "\"id\":null" : digits };
        probes_check(&number, 1);
        memset(digits, '7', sizeof digits);
        digits[254 + over] = '\0';
        snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"method\":\"ping\"}",
                 digits);
        struct probe string = { "length of a string", body, .status = over ? 400 : 200,
                                .code = over ? -32600 : 0, .has = over ? "\"id\":null" : digits };
        probes_check(&string, 1);
    }
}

/* 1,000 values are the fixture's limit, 64 the depth of JSON everywhere. */
static void test_limits(void **state)
{
    char body[4000];

    (void)state;
    for (int over = 0; over < 2; over++) {
        /* message, jsonrpc, id, method, params, x make six; the items are the rest. */
        size_t len = (size_t)
            snprintf(body, sizeof body,
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"x\":[0");
        for (int i = 1; i < 994 + over; i++)
            len += (size_t)snprintf(body + len, sizeof body - len, ",0");
        snprintf(body + len, sizeof body - len, "]}}");
        struct probe values = { "values", body, .status = over ? 400 : 200,
                                .code = over ? -32600 : 0, .has = over ? "Invalid Request" : NULL };
        probes_check(&values, 1);
    }
    for (int over = 0; over < 2; over++) {
        int depth = 62 + over; /* the message and params are two levels themselves */
        int len = snprintf(body, sizeof body,
                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"x\":");
        memset(body + len, '[', (size_t)depth);
        memset(body + len + depth, ']', (size_t)depth);
        snprintf(body + len + 2 * depth, 3, "}}");
        struct probe deep = { "depth", body, .status = over ? 400 : 200,
                              .code = over ? -32600 : 0 };
        probes_check(&deep, 1);
    }
}

static void test_method_in_log(void **state)
{
    static const struct {
        const char *body, *method;
    } cases[] = {
        { PING("1"), "ping" },
        { REQUEST("1", "a\\u0001b\\n\xc3\xa9", ""), "a?b???" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1}", "" },
        { REQUEST("1", "0123456789012345678901234567890123456789012345678901234567890123456789",
                  ""),
          "012345678901234567890123456789012345678901234567890123456789012" },
    };
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe p = { .body = cases[i].body };
        probe_send(&f, &p, &out);
        assert_string_equal(out.method, cases[i].method);
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_json), cmocka_unit_test(test_not_a_message),
        cmocka_unit_test(test_ids),      cmocka_unit_test(test_id_length),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_method_in_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
