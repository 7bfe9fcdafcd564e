/* test_schema.c - mcp.schema: what the builders make, what they refuse, and check(). */
#include "fixture.h"

#include <string.h>

#define S "local s = mcp.schema "

static void test_builders(void **state)
{
    static const struct example examples[] = {
        { S "return s.string()", "{\"type\":\"string\"}" },
        { S "return s.string{ maxLength = 5 }.maxLength", "5" },
        { S "return s.any()", "{}" },
        { S "return s.array(s.boolean()).items", "{\"type\":\"boolean\"}" },
        { S "return s.map(s.number()).additionalProperties", "{\"type\":\"number\"}" },
        { S "return s.enum{ 'a', 'b' }.enum", "[\"a\",\"b\"]" },
        { S "return tostring(s.enum{ 'a', 1 }.type) .. s.enum{ 1, 2, title = 'n' }.title", "niln" },
        { S "return s.nullable(s.string()).type", "[\"string\",\"null\"]" },
        { S "return s.nullable(s.enum{ 'a' }).enum", "[\"a\",null]" },
        { S "return s.nullable(s.any()).anyOf", "[{},{\"type\":\"null\"}]" },
        { S "return s.nullable(s.string{ const = 'a' }).anyOf[2]", "{\"type\":\"null\"}" },
        { S
          "return s.object{ b = s.any(), a = s.any(), c = s.optional(s.any()), d = s.any{ default "
          "= 1 } }.required",
          "[\"a\",\"b\"]" },
        { S
          "local o = s.object({}) return tostring(o.required) .. tostring(o.additionalProperties)",
          "nilfalse" },
        { S "return tostring(s.object({}, { additionalProperties = true }).additionalProperties)",
          "true" },
        /* What is given stays as it was. */
        { S "local e = { 'a', default = 'a' } s.enum(e) local x = s.string() s.nullable(x) return "
            "x.type .. #e .. e.default",
          "string1a" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_check(void **state)
{
    static const struct example examples[] = {
        { S "return tostring(s.check(s.integer(), 5))", "true" },
        { S
          "local _, m, c = s.check(s.object{ n = s.integer{ maximum = 10 } }, { n = 12 }) return c "
          ".. ' ' .. m",
          "INVALID at /n: expected at most 10, got 12" },
        { S
          "return tostring(s.check('{\"const\":null}', mcp.json.null)) .. tostring(s.check({ const "
          "= mcp.json.null }, nil))",
          "truetrue" },
        { S "return tostring(s.check({ required = {} }, {}))", "true" },
        { S "local _, _, c = s.check({}, ('x'):rep(1 << 20)) return c", "TOO_LARGE" },
        { S
          "local t = {} for i = 1, 100001 do t[i] = 1 end local _, _, c = s.check({}, t) return c",
          "TOO_LARGE" },
        { S "local _, _, c = s.check({ pattern = '^(a+)+$' }, ('a'):rep(40) .. 'b') return c",
          "LIMIT" },
        /* More schemas than are kept, and one that is used all the time. */
        { S
          "local kept = s.string() for i = 1, 300 do assert(s.check(s.integer{ maximum = i }, i)) "
          "assert(not s.check(s.integer{ maximum = i }, i + 1)) assert(s.check(kept, 'x')) end "
          "return 'ok'",
          "ok" },
        { S "for i = 1, 30 do s.check(s.string{ description = ('x'):rep(100000) .. i }, '') end "
            "return 'ok'",
          "ok" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_wrong_use(void **state)
{
    static const char *const lines[] = {
        "s.string(5)",
        "s.string{ maxlength = 5 }",
        "s.string{ maxLength = -1 }",
        "s.string{ maxLength = 'x' }",
        "s.string{ [1] = 'x' }",
        "s.integer{ minimum = 'x' }",
        "s.array()",
        "s.array('x')",
        "s.array(s.optional(s.any()))",
        "s.map()",
        "s.map(s.any(), { additionalProperties = true })",
        "s.enum()",
        "s.enum{}",
        "s.enum{ {} }",
        "s.enum{ 'a', what = 1 }",
        "s.nullable()",
        "s.nullable(s.optional(s.any()))",
        "s.optional()",
        "s.optional(s.optional(s.any()))",
        "s.object()",
        "s.object{ s.any() }",
        "s.object{ a = 'string' }",
        "s.object({}, { required = {} })",
        "s.check()",
        "s.check({})",
        "s.check(5, 1)",
        "s.check('[', 1)",
        "s.check('true', 1)",
        "s.check({ type = 'nonsense' }, 1)",
        "s.check({ pattern = '(' }, 1)",
        "s.check({ f = print }, 1)",
        "s.check({ 1, a = 2 }, 1)",
        "s.check({}, print)",
        "s.check({}, '\\xff')",
    };
    check_raises(*state, S, lines, sizeof lines / sizeof *lines);
}

/* A tool's input made of builders is enforced as any other. */
static void test_tool(void **state)
{
    struct fixture *f = *state;
    folder_write(f->base, "tools.d/m.lua",
                 "local mcp = require 'mcp' local s = mcp.schema\n"
                 "local input = s.object{ who = s.string{ maxLength = 3 }, n = "
                 "s.optional(s.integer()) }\n"
                 "return mcp.tool { name = 'm', input = input, run = function(args) return "
                 "tostring(s.check(input, args)) end }");
    fixture_load(f);
    assert_string_equal(toolset_find(f->set, "m", 1)->input_schema,
                        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},\"who\":"
                        "{"
                        "\"type\":\"string\",\"maxLength\":3}},\"required\":[\"who\"],"
                        "\"additionalProperties\":false}");
    assert_string_equal(call(f, "m", "{\"who\":\"abc\"}"), "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_builders, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_check, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_tool, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
