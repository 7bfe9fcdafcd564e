/* test_schemas.c - what a tool declares holds: its arguments before it runs, its result after. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void expect_text(struct fixture *f, const char *tool, const char *args, enum outcome o,
                        const char *text)
{
    struct call c;
    call_start(f, &c, tool, args);
    assert_string_equal(call_text(&c), text);
    assert_int_equal(c.result.outcome, o);
    assert_int_equal(c.result.is_error, o != OUT_OK);
    call_fini(&c);
}

static void expect_structured(struct fixture *f, const char *tool, const char *args,
                              const char *want)
{
    struct call c;
    call_start(f, &c, tool, args);
    if (c.result.is_error)
        fail_msg("%s", call_text(&c));
    const char *got = buf_cstr(&c.result.structured);
    assert_string_equal(got ? got : "", want);
    call_fini(&c);
}

static void test_arguments(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "greet.lua",
                  "return require('mcp').tool { name = 'greet', input = { type = 'object',\n"
                  "  properties = { who = { type = 'string', maxLength = 5 },\n"
                  "    times = { type = 'integer', minimum = 1, maximum = 10, default = 1 },\n"
                  "    how = { type = 'object', properties = { loud = { default = true } } } },\n"
                  "  required = { 'who' }, additionalProperties = false },\n"
                  "  run = function(args) ran = (ran or 0) + 1\n"
                  "    return ('%s %s %s %d'):format(args.who, args.times,\n"
                  "      args.how and tostring(args.how.loud), ran) end }");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    expect_text(f, "greet", "{\"who\":\"anna\"}", OUT_OK, "anna 1 nil 1");
    expect_text(f, "greet", "{\"who\":\"anna\",\"times\":null,\"how\":{}}", OUT_OK,
                "anna 1 true 2");
    expect_text(f, "greet", NULL, OUT_TOOL_ERROR,
                "invalid arguments: at /: expected a member \"who\", got an object of 1");
    expect_text(f, "greet", "{\"who\":\"hannah\"}", OUT_TOOL_ERROR,
                "invalid arguments: at /who: expected at most 5 characters, got \"hannah\"");
    expect_text(f, "greet", "{\"who\":\"anna\",\"times\":11}", OUT_TOOL_ERROR,
                "invalid arguments: at /times: expected at most 10, got 11");
    expect_text(f, "greet", "{\"who\":\"anna\",\"x\":1}", OUT_TOOL_ERROR,
                "invalid arguments: at /x: expected no member of this name, got 1");
    expect_text(f, "greet", "{\"who\":\"\\u0061nna\",\"times\":2}", OUT_OK, "anna 2 nil 3");
}

/* A text that is too much to check is refused, and the tool never sees it. */
static void test_too_much(void **state)
{
    struct fixture *f = *state;
    struct buf args = { 0 };
    fixture_write(f, "sort.lua",
                  "return require('mcp').tool { name = 'sort', input = { type = 'object',\n"
                  "  properties = { list = { anyOf = { { items = { type = 'string' } },\n"
                  "    { items = { anyOf = { { minimum = 7 }, { maximum = 3 } } } } } } } },\n"
                  "  run = function(args) return #args.list end }");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    buf_str(&args, "{\"list\":[1");
    for (int i = 0; i < 150000; i++)
        buf_str(&args, ",1");
    buf_str(&args, "]}");
    expect_text(f, "sort", buf_cstr(&args), OUT_TOOL_ERROR,
                "invalid arguments: too much work to check against the schema: too many steps; "
                "send less at once");
    buf_fini(&args);
}

static void test_lenient(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "old.lua",
                  "return require('mcp').tool { name = 'old', coerce = true,\n"
                  "  input = { type = 'object', required = { 'id' }, properties = {\n"
                  "    id = { type = 'string' },\n"
                  "    limit = { type = 'integer', minimum = 1, maximum = 50, default = 5 } } },\n"
                  "  run = function(args) if not args.id then return nil, 'ID is required' end\n"
                  "    return math.type(args.limit) .. ' ' .. args.limit .. ' ' .. args.id end }");
    fixture_load(f);
    expect_text(f, "old", "{}", OUT_TOOL_ERROR, "ID is required");
    expect_text(f, "old", NULL, OUT_TOOL_ERROR, "ID is required");
    expect_text(f, "old", "{\"id\":7,\"limit\":\"99\",\"more\":{}}", OUT_OK, "integer 50 7");
    expect_text(f, "old", "{\"id\":\"a\",\"limit\":7.5}", OUT_OK, "integer 7 a");
}

static const char outputs[] =
    "local mcp = require 'mcp'\n"
    "local function tool(name, output, run)\n"
    "  return mcp.tool { name = name, output = output, run = run } end\n"
    "local object = { type = 'object', properties = { n = { type = 'integer' },\n"
    "  list = { type = 'array', items = { type = 'string' } } }, required = { 'n' } }\n"
    "return { tool('object', object, function(args) return args end),\n"
    "  tool('list', { type = 'array' }, function() return {} end),\n"
    "  tool('number', { type = 'number' }, function() return 7 end),\n"
    "  tool('text', { type = 'string', maxLength = 3 }, function(args) return args.s end),\n"
    "  tool('nothing', { type = 'null' }, function() end),\n"
    "  tool('nothing_else', object, function() end),\n"
    "  tool('fails', object, function() return nil, 'no luck' end),\n"
    "  tool('content', object, function(args) return mcp.test.mark('content',\n"
    "    { { type = 'text', text = 'x' }, structured = args.s }) end),\n"
    "  mcp.tool { name = 'free', run = function() return { 1 } end } }\n";

static void test_outputs(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "outputs.lua", outputs);
    fixture_load(f);
    assert_string_equal(problems(f), "");
    expect_structured(f, "object", "{\"n\":1}", "{\"n\":1}");
    expect_text(f, "object", "{\"n\":1,\"list\":[]}", OUT_OK, "{\"list\":[],\"n\":1}");
    expect_text(f, "object", "{\"n\":1,\"list\":{}}", OUT_OK, "{\"list\":[],\"n\":1}");
    expect_structured(f, "object", "{\"n\":1,\"list\":{}}", "{\"list\":[],\"n\":1}");
    expect_text(f, "object", "{\"n\":1.5}", OUT_TOOL_ERROR,
                "the result does not fit the tool's own output schema: at /n: expected a whole "
                "number, got 1.5");
    expect_structured(f, "list", NULL, "[]");
    expect_text(f, "list", NULL, OUT_OK, "[]");
    expect_structured(f, "number", NULL, "7");
    expect_structured(f, "text", "{\"s\":\"a\\\"b\"}", "\"a\\\"b\"");
    expect_text(f, "text", "{\"s\":\"a\\\"b\"}", OUT_OK, "a\"b");
    expect_text(f, "text", "{\"s\":\"long\"}", OUT_TOOL_ERROR,
                "the result does not fit the tool's own output schema: at /: expected at most 3 "
                "characters, got \"long\"");
    expect_structured(f, "nothing", NULL, "null");
    expect_text(f, "nothing_else", NULL, OUT_TOOL_ERROR,
                "the result does not fit the tool's own output schema: at /: expected an object, "
                "got null");
    expect_text(f, "fails", NULL, OUT_TOOL_ERROR, "no luck");
    expect_structured(f, "content", "{\"s\":{\"n\":3}}", "{\"n\":3}");
    expect_text(f, "content", NULL, OUT_TOOL_ERROR,
                "the tool declares an output, and its mcp.content has no `structured`");
    expect_text(f, "content", "{\"s\":{}}", OUT_TOOL_ERROR,
                "the result does not fit the tool's own output schema: at /: expected a member "
                "\"n\", got an object of 0");
    expect_structured(f, "free", NULL, "");
}

/* What cannot be enforced, or contradicts itself, is refused when the file is loaded. */
static void test_declarations(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "bad.lua",
                  "return require('mcp').tool { name = 'bad', run = print,\n"
                  "  input = { type = 'object', properties = {\n"
                  "    n = { type = 'integer', default = 'x' } } } }");
    fixture_load(f);
    assert_non_null(strstr(problems(f), "input: at /properties/n/default: expected a whole number, "
                                        "got \"x\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arguments), TEST(test_too_much),     TEST(test_lenient),
        TEST(test_outputs),   TEST(test_declarations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
