/* test_json.c - mcp.json: what comes out, what is refused. */
#include "fixture.h"

static void test_decode(void **state)
{
    static const struct example examples[] = {
        { "return mcp.json.decode('[1,2.5,\"x\",true,{}]')[2]", "2.5" },
        { "return tostring(mcp.json.decode('null') == mcp.json.null)", "true" },
        { "return math.type(mcp.json.decode('9007199254740991'))", "integer" },
        { "local v, m, c = mcp.json.decode('[1,') return tostring(v) .. c .. "
          "tostring(m:find('offset') ~= nil)",
          "nilINVALIDtrue" },
        { "local v, m, c = mcp.json.decode('[01]') return c", "INVALID" },
        { "local v, m, c = mcp.json.decode('{\"a\":1,\"a\":2}') return c", "INVALID" },
        { "local v, m, c = mcp.json.decode('') return c", "INVALID" },
        { "return select(3, mcp.json.decode(('['):rep(65) .. (']'):rep(65)))", "TOO_LARGE" },
        { "return #mcp.json.decode(('['):rep(64) .. (']'):rep(64))", "1" },
        { "local ok, m = pcall(mcp.json.decode, {}) return tostring(ok)", "false" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_decode_limits(void **state)
{
    static const struct example examples[] = {
        /* The size at its edge, 4 MB. A long string is one value. */
        { "local s = '\"' .. ('x'):rep(4*1024*1024 - 2) .. '\"' return #mcp.json.decode(s)",
          "4194302" },
        { "local s = '\"' .. ('x'):rep(4*1024*1024 - 1) .. '\"' return select(3, "
          "mcp.json.decode(s))",
          "TOO_LARGE" },
        /* The number of values at its edge: 200000, the list itself is one. */
        { "local s = '[' .. ('1,'):rep(199998) .. '1]' return #mcp.json.decode(s)", "199999" },
        { "local s = '[' .. ('1,'):rep(199999) .. '1]' return select(3, mcp.json.decode(s))",
          "TOO_LARGE" },
        /* Over 256 KB a helper thread looks for errors. */
        { "local s = '[' .. ('1,'):rep(150000) return select(3, mcp.json.decode(s))", "INVALID" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_encode(void **state)
{
    static const struct example examples[] = {
        { "return mcp.json.encode({b=1,a={1,2},c=\"\\\"\"})",
          "{\"a\":[1,2],\"b\":1,\"c\":\"\\\"\"}" },
        { "return mcp.json.encode(3.0) .. mcp.json.encode(2^53) .. mcp.json.encode(0.1)",
          "390071992547409920.1" },
        { "return mcp.json.encode({}) .. mcp.json.encode(mcp.json.array{}) .. "
          "mcp.json.encode(mcp.json.array())",
          "{}[][]" },
        { "return mcp.json.encode({mcp.json.object(), mcp.json.object{x=1}})", "[{},{\"x\":1}]" },
        { "return mcp.json.encode({a=mcp.json.null})", "{\"a\":null}" },
        { "return mcp.json.encode({a={1,{}},b='x,y:[{'}, {indent=2})",
          "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x,y:[{\"\n}" },
        { "return mcp.json.encode('\\\\\"', {indent=2})", "\"\\\\\\\"\"" },
        { "return mcp.json.encode({}, {indent=8}) .. mcp.json.encode(mcp.json.array{}, {indent=1})",
          "{}[]" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_encode_refuses(void **state)
{
    static const struct example examples[] = {
        { "local ok = pcall(mcp.json.encode, print) return tostring(ok)", "false" },
        { "local ok = pcall(mcp.json.encode, '\\xff') return tostring(ok)", "false" },
        { "local t = {} t.t = t return tostring(pcall(mcp.json.encode, t))", "false" },
        { "return tostring(pcall(mcp.json.encode, 0/0))", "false" },
        { "return tostring(pcall(mcp.json.encode))", "false" },
        { "local ok, m = pcall(mcp.json.encode, 1, {indent=9}) return m",
          "indent: expected 0 to 8 blanks" },
        { "local ok, m = pcall(mcp.json.encode, 1, {indnt=1}) return tostring(m:find('indent') ~= "
          "nil)",
          "true" },
        { "return tostring(pcall(mcp.json.array, 'x'))", "false" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_decode, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_decode_limits, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_encode, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_encode_refuses, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
