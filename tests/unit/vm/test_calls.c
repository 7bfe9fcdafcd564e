/* test_calls.c - what run returns or raises is what is sent; waiting, cancelling, the end of a
 * call. */
#include "fixture.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void test_echo(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "echo", "return args");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    const char *json =
        "{\"a\":1,\"b\":[1,2,{\"c\":\"x\\u00e9\\ud83d\\ude00\\n\"}],\"e\":{},\"l\":[],\"t\":true}";
    const char *want = "{\"a\":1,\"b\":[1,2,{\"c\":\"x\xc3\xa9\xf0\x9f\x98\x80\\n\"}],\"e\":{},"
                       "\"l\":[],\"t\":true}";
    assert_string_equal(call(f, "echo", json, OUT_OK), want);
    assert_string_equal(call(f, "echo", "{\"gone\":null,\"kept\":[null]}", OUT_OK),
                        "{\"kept\":[null]}");
    assert_string_equal(call(f, "echo", NULL, OUT_OK), "{}");
    assert_int_equal(vm_task_count(f->vm), 0);
}

/* What is sent for each kind of value, as the whole content array. */
static const struct {
    const char *body, *content, *structured, *meta;
    enum outcome outcome;
} results[] = {
    { "return 'hi \"x\"'", "[{\"type\":\"text\",\"text\":\"hi \\\"x\\\"\"}]", "", "", OUT_OK },
    { "return { b = 1, a = { 1, 2 } }",
      "[{\"type\":\"text\",\"text\":\"{\\\"a\\\":[1,2],\\\"b\\\":1}\"}]", "", "", OUT_OK },
    { "return 3.0", "[{\"type\":\"text\",\"text\":\"3\"}]", "", "", OUT_OK },
    { "return false", "[{\"type\":\"text\",\"text\":\"false\"}]", "", "", OUT_OK },
    { "return {}", "[{\"type\":\"text\",\"text\":\"{}\"}]", "", "", OUT_OK },
    { "return", "[]", "", "", OUT_OK },
    { "return nil", "[]", "", "", OUT_OK },
    { "return nil, 'no luck'", "[{\"type\":\"text\",\"text\":\"no luck\"}]", "", "",
      OUT_TOOL_ERROR },
    { "return nil, 'no luck', 'CODE'", "[{\"type\":\"text\",\"text\":\"no luck\"}]", "", "",
      OUT_TOOL_ERROR },
    { "return nil, nil, 'CODE'", "[]", "", "", OUT_OK },
    { "return nil, { why = 1 }", "[{\"type\":\"text\",\"text\":\"internal error (call c1)\"}]", "",
      "", OUT_TOOL_ERROR },
    { "return nil, 7", "[{\"type\":\"text\",\"text\":\"internal error (call c1)\"}]", "", "",
      OUT_TOOL_ERROR },
    { "error('broken')", "[{\"type\":\"text\",\"text\":\"broken\"}]", "", "", OUT_TOOL_ERROR },
    { "error('broken', 0)", "[{\"type\":\"text\",\"text\":\"broken\"}]", "", "", OUT_TOOL_ERROR },
    { "error('a.lua: 1: not a position', 0)",
      "[{\"type\":\"text\",\"text\":\"a.lua: 1: not a position\"}]", "", "", OUT_TOOL_ERROR },
    { "error({ code = 1 })", "[{\"type\":\"text\",\"text\":\"internal error (call c1)\"}]", "", "",
      OUT_TOOL_ERROR },
    { "error()", "[{\"type\":\"text\",\"text\":\"internal error (call c1)\"}]", "", "",
      OUT_TOOL_ERROR },
    { "error('\\xff')", "[{\"type\":\"text\",\"text\":\"\xef\xbf\xbd\"}]", "", "", OUT_TOOL_ERROR },
    { "return mcp.test.mark('fail', { message = 'sorry', data = { why = 1 } })",
      "[{\"type\":\"text\",\"text\":\"sorry\"}]", "{\"why\":1}", "", OUT_TOOL_ERROR },
    { "error(mcp.test.mark('fail', { message = 'sorry' }))",
      "[{\"type\":\"text\",\"text\":\"sorry\"}]", "", "", OUT_TOOL_ERROR },
    { "return mcp.test.mark('content', { { type = 'text', text = 'a' }, { type = 'x' }, "
      "structured = { n = 1 }, meta = { m = 2 } })",
      "[{\"text\":\"a\",\"type\":\"text\"},{\"type\":\"x\"}]", "{\"n\":1}", "{\"m\":2}", OUT_OK },
    { "return mcp.test.mark('content', {})", "[]", "", "", OUT_OK },
};

static void test_results(void **state)
{
    struct fixture *f = *state;
    char name[16];
    size_t n = sizeof results / sizeof *results;
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        fixture_tool(f, name, results[i].body);
    }
    fixture_load(f);
    for (size_t i = 0; i < n; i++) {
        struct call c;
        snprintf(name, sizeof name, "t%zu", i);
        call_start(f, &c, name, NULL);
        call_wait(f, &c);
        struct tool_result *r = &c.result;
        if (r->outcome != results[i].outcome || r->is_error != (r->outcome != OUT_OK) ||
            strcmp(buf_cstr(&r->content), results[i].content) != 0 ||
            strcmp(buf_cstr(&r->structured), results[i].structured) != 0 ||
            strcmp(buf_cstr(&r->meta), results[i].meta) != 0)
            fail_msg("%s: %d %s %s %s", results[i].body, r->outcome, r->content.data,
                     r->structured.data, r->meta.data);
        call_fini(&c);
    }
}

static void test_results_that_cannot_be_sent(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "fn", "return { a = { 1, 2, { b = print } } }");
    fixture_tool(f, "utf8", "return { x = 'ab\\xffcd' }");
    fixture_tool(f, "text", "return 'ab\\xffcd'");
    fixture_tool(f, "self", "local t = {} t.t = t return t");
    fixture_tool(f, "nan", "return { n = 0/0 }");
    fixture_tool(f, "mixed", "return { 1, a = 2 }");
    fixture_tool(f, "holes", "return { [1] = 1, [3] = 3 }");
    fixture_tool(f, "large", "return ('x'):rep(args.n)");
    fixture_tool(f, "large_table", "return { ('x'):rep(args.n - 4) }");
    fixture_load(f);
    assert_string_equal(call(f, "fn", NULL, OUT_TOOL_ERROR),
                        "the result cannot be sent: at .a[3].b: a function cannot be JSON");
    assert_non_null(strstr(call(f, "utf8", NULL, OUT_TOOL_ERROR),
                           "at .x: a string that is not UTF-8"));
    assert_non_null(strstr(call(f, "text", NULL, OUT_TOOL_ERROR),
                           "byte 3 of the text is not UTF-8"));
    assert_non_null(strstr(call(f, "self", NULL, OUT_TOOL_ERROR), "nested too deeply"));
    assert_non_null(strstr(call(f, "nan", NULL, OUT_TOOL_ERROR),
                           "at .n: a number that is not finite"));
    assert_non_null(strstr(call(f, "mixed", NULL, OUT_TOOL_ERROR), "both names and numbers"));
    assert_non_null(strstr(call(f, "holes", NULL, OUT_TOOL_ERROR), "neither names nor 1 to n"));
    call(f, "large", "{\"n\":2097152}", OUT_OK);
    assert_non_null(strstr(call(f, "large", "{\"n\":2097153}", OUT_TOOL_ERROR), "max_result"));
    call(f, "large_table", "{\"n\":2097152}", OUT_OK);
    assert_non_null(strstr(call(f, "large_table", "{\"n\":2097153}", OUT_TOOL_ERROR),
                           "over 2097152 bytes ([server] max_result)"));
    /* Also where nothing was made before what is too large. */
    f->o.max_result = 1000;
    fixture_load(f);
    call(f, "large_table", "{\"n\":1000}", OUT_OK);
    assert_string_equal(call(f, "large_table", "{\"n\":1001}", OUT_TOOL_ERROR),
                        "the result cannot be sent: its JSON is over 1000 bytes ([server] "
                        "max_result): ask for less");
    assert_string_equal(call(f, "large", "{\"n\":1001}", OUT_TOOL_ERROR),
                        "the result cannot be sent: it has 1001 bytes, more than 1000 ([server] "
                        "max_result): ask for less");
}

static void test_ctx(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "ctx",
                 "local kept\n"
                 "assert(ctx.call_id == 'c1' and ctx.tool == 'ctx' and ctx.principal == 'anna')\n"
                 "assert(ctx.ip == '127.0.0.1' and ctx.protocol == '2025-11-25')\n"
                 "assert(ctx.client.name == 'cli' and ctx.client.version == '9')\n"
                 "assert(#ctx.scopes == 2 and ctx.scopes[2] == 'write')\n"
                 "assert(ctx.deadline > 0 and next(ctx.meta) == nil and ctx:cancelled() == false)\n"
                 "assert(ctx.max_result == 2 << 20)\n"
                 "assert(not pcall(function() return ctx.nothing end))\n"
                 "assert(not pcall(function() ctx.tool = 1 end))\n"
                 "assert(getmetatable(ctx) == false)\n"
                 "ctx:progress(1) ctx:progress(1, 2, 'half')\n"
                 "assert(not pcall(ctx.progress, ctx, 'x')) assert(not pcall(ctx.progress, ctx, "
                 "1/0))\n"
                 "ctx:log('warning', { a = 1 })\n"
                 "assert(not pcall(ctx.log, ctx, 'loud', 1)) assert(not pcall(ctx.log, ctx, "
                 "'info', print))\n"
                 "mcp.test.seq(7) mcp.test.seq(5) return 'ok'");
    fixture_load(f);
    call_start(f, &c, "ctx", NULL);
    assert_string_equal(call_text(&c), "ok");
    assert_int_equal(c.progress, 2);
    assert_int_equal(c.logs, 1);
    assert_string_equal(c.last, "3 {\"a\":1}");
    assert_int_equal(c.wait, 7);
    call_fini(&c);
}

static void test_ctx_of_an_ended_call(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "t.lua",
                  "local kept\nreturn require('mcp').tool { name = 't', run = function(args, ctx)\n"
                  "  if kept then return tostring(select(2, pcall(function() return kept.tool "
                  "end))) end\n"
                  "  kept = ctx return 'kept' end }");
    fixture_load(f);
    call(f, "t", NULL, OUT_OK);
    assert_non_null(strstr(call(f, "t", NULL, OUT_OK), "this call has ended"));
}

/* _meta is the caller's memory only while the call starts. */
static void test_meta_after_waiting(void **state)
{
    struct fixture *f = *state;
    struct call c;
    char meta[] = "{\"k\":[1,2]}";
    fixture_tool(f, "t",
                 "local before = ctx.meta.k[2] mcp.test.sleep(1) return before + ctx.meta.k[1]");
    fixture_load(f);
    const struct tool *t = toolset_find(f->set, "t", 1);
    call_begin(f, &c, "t", NULL);
    c.info.meta = (struct json_text){ meta, strlen(meta), JSON_OBJECT };
    call_run(f->vm, &c, t->index);
    memset(meta, 'x', strlen(meta));
    call_wait(f, &c);
    assert_string_equal(call_text(&c), "3");
    call_fini(&c);
}

static void test_waiting(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "wait", "local r = mcp.test.sleep(args.ms) return tostring(r)");
    fixture_tool(f, "bad", "local ok, e = pcall(mcp.test.bad, 1) mcp.test.sleep(1) return e");
    fixture_tool(f, "many", "for i = 1, 200 do mcp.test.sleep(-1) end return 'ok'");
    fixture_tool(f, "leave", "for i = 1, 3 do mcp.test.leave() end mcp.test.sleep(1) return 'ok'");
    fixture_tool(f, "pinned",
                 "return select(2, pcall(function() for _ in ipairs(setmetatable({}, "
                 "{ __index = function() mcp.test.sleep(1) end })) do end end))");
    fixture_load(f);
    assert_string_equal(call(f, "wait", "{\"ms\":5}", OUT_OK), "true");
    assert_string_equal(call(f, "wait", "{\"ms\":-1}", OUT_OK), "true");
    assert_int_equal(test_released, 2);
    assert_int_equal(test_cancelled, 0);
    assert_non_null(strstr(call(f, "bad", NULL, OUT_OK), "bad results"));
    assert_int_equal(test_released, 4);
    call(f, "many", NULL, OUT_OK);
    assert_int_equal(test_released, 204);
    call(f, "leave", NULL, OUT_OK);
    assert_int_equal(test_released, 208);
    assert_int_equal(test_cancelled, 3);
    assert_non_null(strstr(call(f, "pinned", NULL, OUT_OK), "cannot wait here"));
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local ok, e, code = mcp.test[args.how](60000)\n"
                 "assert(ok == nil and e == 'cancelled', tostring(e)) assert(ctx:cancelled())\n"
                 "local ok2, _, code2 = mcp.test.sleep(1) assert(ok2 == nil and code2 == code)\n"
                 "ctx:progress(1, 1, code) return nil, e");
    fixture_load(f);
    for (int i = 0; i < 3; i++) {
        static const enum task_stop why[] = { TASK_CANCELLED, TASK_TIMEOUT, TASK_SHUTDOWN };
        static const enum outcome want[] = { OUT_CANCELLED, OUT_TIMEOUT, OUT_CANCELLED };
        call_start(f, &c, "t", "{\"how\":\"sleep\"}");
        assert_non_null(c.task);
        task_cancel(c.task, why[i]);
        task_cancel(c.task, TASK_CANCELLED);
        call_wait(f, &c);
        assert_int_equal(c.result.outcome, want[i]);
        assert_string_equal(c.last, i == 1 ? "1 1 1 TIMEOUT" : "1 1 1 CANCELLED");
        call_fini(&c);
    }
    assert_int_equal(test_cancelled, 3);
    assert_int_equal(test_released, 3);
}

/* An action that cannot be stopped at once keeps its op until it is over, though the call has ended
 * long before. */
static void test_cancel_of_a_late_op(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "late", "return tostring(select(3, mcp.test.late(30)))");
    fixture_load(f);
    call_start(f, &c, "late", NULL);
    task_cancel(c.task, TASK_CANCELLED);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_CANCELLED);
    call_fini(&c);
    assert_int_equal(test_released, 0);
    int64_t end = clock_mono_ms() + 5000;
    while (!test_released && clock_mono_ms() < end)
        loop_poll(f->services.loop, 10);
    assert_int_equal(test_released, 1);
}

static void test_messages_name_the_limit(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "t.lua",
                  "return require('mcp').tool { name = 't', limits = { timeout = 1.25, memory = "
                  "'3M' },\n"
                  "run = function(a) if a.hog then a = {} while true do a[#a + 1] = {} end end\n"
                  "require('mcp').test.sleep(60000) end }");
    fixture_tool(f, "long", "error(('x'):rep(100000))");
    fixture_load(f);
    assert_non_null(strstr(call(f, "t", "{\"hog\":true}", OUT_NO_MEMORY), "may use 3072 KB"));
    assert_non_null(strstr(call(f, "t", NULL, OUT_TIMEOUT), "not done within 1250 ms"));
    assert_int_equal(strlen(call(f, "long", NULL, OUT_TOOL_ERROR)), 16384);
}

static void test_kill_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "while true do pcall(function() while true do mcp.test.sleep(1) end end) end");
    fixture_load(f);
    f->call_timeout_ms = 30;
    call_start(f, &c, "t", NULL);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_TIMEOUT);
    assert_true(c.took_ms >= 60);
    call_fini(&c);
    assert_int_equal(vm_task_count(f->vm), 0);
}

/* Every line that is about a call names it under the same key. */
static void test_log_names_the_call(void **state)
{
    struct fixture *f = *state;
    char text[8192];
    fixture_tool(f, "t", "print('printed') mcp.spawn(error, 'spawned') mcp.test.sleep(1) error()");
    fixture_load(f);
    FILE *log = tmpfile();
    assert_non_null(log);
    int saved = dup(STDERR_FILENO);
    fflush(stderr);
    assert_true(saved >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
    call(f, "t", NULL, OUT_TOOL_ERROR);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    rewind(log);
    text[fread(text, 1, sizeof text - 1, log)] = '\0';
    fclose(log);
    assert_null(strstr(text, "\"call\":"));
    int lines = 0;
    for (const char *p = text; (p = strstr(p, "\"tool\":\"t\",\"call_id\":\"c1\"")) != NULL; p++)
        lines++;
    assert_int_equal(lines, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_echo),
        TEST(test_results),
        TEST(test_results_that_cannot_be_sent),
        TEST(test_ctx),
        TEST(test_ctx_of_an_ended_call),
        TEST(test_meta_after_waiting),
        TEST(test_waiting),
        TEST(test_cancel),
        TEST(test_cancel_of_a_late_op),
        TEST(test_messages_name_the_limit),
        TEST(test_kill_while_waiting),
        TEST(test_log_names_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
