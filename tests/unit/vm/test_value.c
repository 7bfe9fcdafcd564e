/* test_value.c - JSON to Lua and back. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_tool(f, "echo", "return args.v");
    fixture_load(f);
    *state = f;
    return 0;
}

/* What goes in, and what comes out (NULL: the same). */
static void test_round_trips(void **state)
{
    static const char *const cases[][2] = {
        { "[]", NULL },
        { "{}", NULL },
        { "[[],{},[{}]]", NULL },
        { "[null,1]", NULL },
        { "{\"a\":null,\"b\":{\"c\":[]}}", NULL },
        { "true", NULL },
        { "0", NULL },
        { "-0", "0" },
        { "-1", NULL },
        { "9007199254740991", NULL },
        { "9007199254740992", NULL },
        { "-9007199254740993", NULL },
        { "123456789012345678", NULL },
        { "9223372036854775807", NULL },
        { "-9223372036854775808", NULL },
        { "9223372036854775808", "9.223372036854776e+18" },
        { "3.0", "3" },
        { "1e2", "100" },
        { "1.5", NULL },
        { "0.1", NULL },
        { "1e300", "1e+300" },
        { "-2.5e-7", "-2.5e-07" },
        { "1E+2", "100" },
        { "0.30000000000000004", NULL },
        { "123456789012345678901234567890", "1.2345678901234568e+29" },
        { "0.1000000000000000000000000000000000000000000000001", "0.1" },
        { "[\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\\\\\"\"]",
          "[\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\\b\\f\\n\\r\\t\\\\\\\"\"]" },
        { "[\"plain\",\"\",\"\\u001f\"]", NULL },
        { "{\"b\":1,\"a\":2,\"ab\":3,\"A\":4,\"\":5}",
          "{\"\":5,\"A\":4,\"a\":2,\"ab\":3,\"b\":1}" },
        { "{\"1\":1,\"2\":2}", NULL },
        { " [ 1 , { \"a\" : [ ] } ] ", "[1,{\"a\":[]}]" },
        { "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":"
          "11,\"l\":12,"
          "\"m\":13,\"n\":14,\"o\":15,\"p\":16,\"q\":17,\"r\":18}",
          NULL },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char args[1024];
        const char *in = cases[i][0], *want = cases[i][1] ? cases[i][1] : in;
        snprintf(args, sizeof args, "{\"v\":[%s]}", in);
        const char *out = call(f, "echo", args, OUT_OK);
        char wrapped[1024];
        snprintf(wrapped, sizeof wrapped, "[%s]", want);
        if (strcmp(out, wrapped) != 0)
            fail_msg("%s -> %s", in, out);
    }
}

static void test_depth(void **state)
{
    struct fixture *f = *state;
    char args[256] = "{\"v\":";
    for (int i = 0; i < 62; i++)
        strcat(args, "[");
    for (int i = 0; i < 62; i++)
        strcat(args, "]");
    strcat(args, "}");
    assert_int_equal(strlen(call(f, "echo", args, OUT_OK)), 124);
    fixture_tool(f, "deep", "local t = {} for i = 2, args.n do t = { t } end return t");
    fixture_load(f);
    call(f, "deep", "{\"n\":64}", OUT_OK);
    assert_non_null(strstr(call(f, "deep", "{\"n\":65}", OUT_TOOL_ERROR), "nested too deeply"));
}

static void test_what_lua_sees(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "assert(math.type(args.i) == 'integer' and math.type(args.f) == 'float' and "
                 "math.type(args.whole) == 'integer')\n"
                 "assert(args.gone == nil and args.list[1] == mcp.test.null and #args.list == 2)\n"
                 "local l = args.list l[1], l[2] = nil, nil assert(mcp.test.encode(l) == '[]')\n"
                 "assert(mcp.test.encode(args.o) == '{}') return 'ok'");
    fixture_load(f);
    call(f, "t", "{\"i\":1,\"f\":1.5,\"whole\":2.0,\"gone\":null,\"list\":[null,2],\"o\":{}}",
         OUT_OK);
}

static const char *const encodings[][2] = {
    { "{}", "{}" },
    { "{ 1, 2 }", "[1,2]" },
    { "mark('array', {})", "[]" },
    { "mark('array', { 1 })", "[1]" },
    { "mark('object', {})", "{}" },
    { "{ a = {} }", "{\"a\":{}}" },
    { "2^53", "9007199254740992" },
    { "-2^53", "-9007199254740992" },
    { "1 << 53", "9007199254740992" },
    { "0.1 + 0.2", "0.30000000000000004" },
    { "1e15", "1000000000000000" },
    { "-0.0", "-0" },
    { "null", "null" },
    { "{ null }", "[null]" },
    { "'\\0'", "\"\\u0000\"" },
    { "nil", "null" },
    { "setmetatable({ 1 }, { __index = error, __len = error, __pairs = error })", "[1]" },
    { "mark('array', { a = 1 })", "! at the value itself: a json.array with names as keys" },
    { "mark('object', { 1 })", "! at the value itself: a json.object with numbers as keys" },
    { "{ 1, nil, 3 }", "! at the value itself: a table whose keys are neither names nor 1 to n" },
    { "{ [0] = 1 }", "! at the value itself: a table whose keys are neither names nor 1 to n" },
    { "{ [1.5] = 1 }", "! at the value itself: a table whose keys are neither names nor 1 to n" },
    { "{ [true] = 1 }", "! at the value itself: a table whose keys are neither names nor 1 to n" },
    { "{ a = { { b = 0/0 } } }", "! at .a[1].b: a number that is not finite" },
    { "{ ['\\xff'] = 1 }", "! at the value itself: a key that is not UTF-8" },
    { "1/0", "! at the value itself: a number that is not finite" },
    { "{ a = ctx }", "! at .a: a userdata cannot be JSON" },
};

static void test_encoding(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        char name[16], body[300];
        snprintf(name, sizeof name, "e%zu", i);
        snprintf(body, sizeof body,
                 "local mark, null = mcp.test.mark, mcp.test.null\n"
                 "local s = mcp.test.encode(%s) return { (s:gsub('\\xff', '?')) }",
                 encodings[i][0]);
        fixture_tool(f, name, body);
    }
    fixture_load(f);
    assert_string_equal(problems(f), "");
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%zu", i);
        struct err e;
        struct json_text root, item;
        const char *text = call(f, name, NULL, OUT_OK);
        assert_int_equal(json_scan(text, strlen(text), NULL, &root, &e), 0);
        struct json_iter it = json_iter(root);
        assert_true(json_next_item(&it, &item));
        struct buf b = { 0 };
        json_string_decode(item, &b);
        char want[200];
        snprintf(want, sizeof want, "%s", encodings[i][1]);
        for (char *p = want; *p; p++)
            if (*p == '\xff')
                *p = '?';
        if (strcmp(buf_cstr(&b), want) != 0)
            fail_msg("%s -> %s", encodings[i][0], b.data);
        buf_fini(&b);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trips),
        TEST(test_depth),
        TEST(test_what_lua_sees),
        TEST(test_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
