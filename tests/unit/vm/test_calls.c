/* test_calls.c - what run returns or raises is what is sent; waiting, cancelling, the end of a
 * call. */
#include "fixture.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
    *state = fixture_new();
    test_cancelled = test_released = 0;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static void drain(struct fixture *f)
{
    int64_t end = clock_mono_ms() + 10000;
    while (vm_task_count(f->vm)) {
        assert_true(clock_mono_ms() < end);
        loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 20);
        vm_run(f->vm);
    }
}

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
static void test_results(void **state)
{
    static const struct {
        const char *body, *content, *structured, *meta;
        enum outcome outcome;
    } cases[] = {
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
        { "error('broken')", "[{\"type\":\"text\",\"text\":\"broken\"}]", "", "", OUT_TOOL_ERROR },
        { "error('broken', 0)", "[{\"type\":\"text\",\"text\":\"broken\"}]", "", "",
          OUT_TOOL_ERROR },
        { "error('a.lua: 1: not a position', 0)",
          "[{\"type\":\"text\",\"text\":\"a.lua: 1: not a position\"}]", "", "", OUT_TOOL_ERROR },
        { "error({ code = 1 })", "[{\"type\":\"text\",\"text\":\"internal error (call c1)\"}]", "",
          "", OUT_TOOL_ERROR },
        { "error()", "[{\"type\":\"text\",\"text\":\"internal error (call c1)\"}]", "", "",
          OUT_TOOL_ERROR },
        { "error('\\xff')", "[{\"type\":\"text\",\"text\":\"\xef\xbf\xbd\"}]", "", "",
          OUT_TOOL_ERROR },
        { "return mcp.test.mark('fail', { message = 'sorry', data = { why = 1 } })",
          "[{\"type\":\"text\",\"text\":\"sorry\"}]", "{\"why\":1}", "", OUT_TOOL_ERROR },
        { "error(mcp.test.mark('fail', { message = 'sorry' }))",
          "[{\"type\":\"text\",\"text\":\"sorry\"}]", "", "", OUT_TOOL_ERROR },
        { "return mcp.test.mark('content', { { type = 'text', text = 'a' }, { type = 'x' }, "
          "structured = { n = 1 }, meta = { m = 2 } })",
          "[{\"text\":\"a\",\"type\":\"text\"},{\"type\":\"x\"}]", "{\"n\":1}", "{\"m\":2}",
          OUT_OK },
        { "return mcp.test.mark('content', {})", "[]", "", "", OUT_OK },
    };
    struct fixture *f = *state;
    char name[16];
    size_t n = sizeof cases / sizeof *cases;
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        fixture_tool(f, name, cases[i].body);
    }
    fixture_load(f);
    for (size_t i = 0; i < n; i++) {
        struct call c;
        snprintf(name, sizeof name, "t%zu", i);
        call_start(f, &c, name, NULL);
        assert_true(c.is_done);
        struct tool_result *r = &c.result;
        if (r->outcome != cases[i].outcome || r->is_error != (r->outcome != OUT_OK) ||
            strcmp(buf_cstr(&r->content), cases[i].content) != 0 ||
            strcmp(buf_cstr(&r->structured), cases[i].structured) != 0 ||
            strcmp(buf_cstr(&r->meta), cases[i].meta) != 0)
            fail_msg("%s: %d %s %s %s", cases[i].body, r->outcome, r->content.data,
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
                           "over 2097152 bytes"));
}

static void test_structured_output(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_write(f, "o.lua",
                  "return require('mcp').tool { name = 'o', output = { type = 'object' },\n"
                  "run = function(args) return args.list and { 1 } or { x = 1 } end }");
    fixture_load(f);
    call_start(f, &c, "o", NULL);
    assert_string_equal(buf_cstr(&c.result.structured), "{\"x\":1}");
    call_fini(&c);
    call_start(f, &c, "o", "{\"list\":true}");
    assert_int_equal(c.result.structured.len, 0);
    call_fini(&c);
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
    struct call c = { .begin_ms = 0 };
    char meta[] = "{\"k\":[1,2]}";
    fixture_tool(f, "t",
                 "local before = ctx.meta.k[2] mcp.test.sleep(1) return before + ctx.meta.k[1]");
    fixture_load(f);
    const struct tool *t = toolset_find(f->set, "t", 1);
    call_begin(f, &c, "t");
    c.info.meta = (struct json_text){ meta, strlen(meta), JSON_OBJECT };
    call_run(f, &c, t->index);
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
    assert_true(c.took_ms >= 80);
    call_fini(&c);
    assert_int_equal(vm_task_count(f->vm), 0);
}

static void test_on_end(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_write(f, "t.lua",
                  "local mcp = require 'mcp'\nlocal log = {}\n"
                  "return { mcp.tool { name = 't', run = function(args, ctx)\n"
                  "  ctx:on_end(function(outcome) log[#log + 1] = 'first ' .. outcome .. ' ' .. "
                  "ctx.call_id end)\n"
                  "  ctx:on_end(function(outcome) mcp.test.sleep(1) log[#log + 1] = 'second ' .. "
                  "outcome end)\n"
                  "  ctx:on_end(function() log[#log + 1] = 'broken' error('x') end)\n"
                  "  if args.how == 'error' then error('e') end\n"
                  "  if args.how == 'loop' then while true do end end\n"
                  "  if args.how == 'wait' then mcp.test.sleep(60000) while true do "
                  "mcp.test.sleep(1) end end\n"
                  "  if args.how == 'hog' then local t = {} while true do t[#t + 1] = {} end end\n"
                  "end }, mcp.tool { name = 'log', run = function() local l = table.concat(log, ', "
                  "') log = {} return l end } }");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    static const struct {
        const char *args, *word;
    } cases[] = { { "{}", "OK" },
                  { "{\"how\":\"error\"}", "TOOL_ERROR" },
                  { "{\"how\":\"loop\"}", "TIMEOUT" },
                  { "{\"how\":\"wait\"}", "TIMEOUT" },
                  { "{\"how\":\"hog\"}", "NO_MEMORY" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[200];
        f->call_timeout_ms = strcmp(cases[i].word, "TIMEOUT") == 0 ? 30 : 20000;
        call_start(f, &c, "t", cases[i].args);
        call_wait(f, &c);
        call_fini(&c);
        drain(f);
        snprintf(want, sizeof want, "broken, second %s, first %s c1", cases[i].word, cases[i].word);
        assert_string_equal(call(f, "log", NULL, OUT_OK), want);
    }
}

static void test_on_end_limits(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "many",
                 "for i = 1, 16 do ctx:on_end(function() end) end\n"
                 "return tostring(select(2, pcall(ctx.on_end, ctx, function() end)))");
    fixture_tool(f, "again", "ctx:on_end(function() ctx:on_end(print) end) return 'ok'");
    fixture_tool(f, "type", "ctx:on_end('x')");
    fixture_load(f);
    assert_non_null(strstr(call(f, "many", NULL, OUT_OK), "at most 16"));
    call(f, "again", NULL, OUT_OK);
    call(f, "type", NULL, OUT_TOOL_ERROR);
    drain(f);
}

static void test_spawn(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "spawn",
                 "local h = mcp.spawn(function(a, b) mcp.test.sleep(2) return a + b, 'x' end, 1, "
                 "2)\n"
                 "local n, s = h:wait() assert(n == 3 and s == 'x')\n"
                 "assert(not pcall(h.wait, h)) return 'ok'");
    fixture_tool(f, "raise",
                 "local h = mcp.spawn(function() mcp.test.sleep(1) error('inside') end)\n"
                 "local ok, e = pcall(h.wait, h) return e");
    fixture_tool(f, "all",
                 "local a, b, c = mcp.all { function() mcp.test.sleep(3) return 1, 9 end,\n"
                 "function() return 2 end, function() mcp.test.sleep(1) return nil end }\n"
                 "return a .. b .. tostring(c)");
    fixture_tool(f, "all_fail",
                 "local seen\nlocal ok, e = pcall(mcp.all, { function() local _, _, code = "
                 "mcp.test.sleep(60000) seen = code end, function() mcp.test.sleep(1) "
                 "error('boom', 0) end })\n"
                 "mcp.test.sleep(1) return tostring(ok) .. e .. tostring(seen)");
    fixture_tool(f, "race",
                 "local seen\nlocal r = mcp.race { function() local _, _, code = "
                 "mcp.test.sleep(60000) "
                 "seen = code return 'slow' end, function() mcp.test.sleep(1) return 'fast' end }\n"
                 "mcp.test.sleep(1) return r .. tostring(seen)");
    fixture_tool(f, "race_fail",
                 "return tostring(select(2, pcall(mcp.race, { function() error('boom', 0) end, "
                 "function() mcp.test.sleep(60000) end })))");
    fixture_tool(f, "left",
                 "for i = 1, 5 do mcp.spawn(function() mcp.test.sleep(60000) end) end "
                 "mcp.test.sleep(1) return 'left'");
    fixture_tool(f, "limit",
                 "for i = 1, 99 do mcp.spawn(function() mcp.test.sleep(60000) end) end\n"
                 "return tostring(select(2, pcall(mcp.spawn, function() end)))");
    fixture_tool(f, "churn",
                 "for i = 1, 1000 do mcp.spawn(function() return i end):wait() end\n"
                 "for i = 1, 500 do mcp.all { function() end, function() end } end return 'ok'");
    fixture_tool(f, "misuse",
                 "assert(not pcall(mcp.all, {})) assert(not pcall(mcp.all, { 1 }))\n"
                 "assert(not pcall(mcp.race, 'x')) assert(not pcall(mcp.spawn, 1)) return 'ok'");
    fixture_tool(f, "stubborn",
                 "local r = mcp.race { function() while true do mcp.test.sleep(1) end end, "
                 "function() return 'won' end } mcp.test.sleep(80) return r");
    fixture_load(f);
    assert_string_equal(call(f, "spawn", NULL, OUT_OK), "ok");
    assert_string_equal(call(f, "raise", NULL, OUT_OK), "tools.d/raise.lua:3: inside");
    assert_string_equal(call(f, "all", NULL, OUT_OK), "12nil");
    assert_string_equal(call(f, "all_fail", NULL, OUT_OK), "falseboomCANCELLED");
    assert_string_equal(call(f, "race", NULL, OUT_OK), "fastCANCELLED");
    assert_string_equal(call(f, "race_fail", NULL, OUT_OK), "boom");
    assert_string_equal(call(f, "left", NULL, OUT_OK), "left");
    assert_non_null(strstr(call(f, "limit", NULL, OUT_OK), "at most 100"));
    assert_string_equal(call(f, "churn", NULL, OUT_OK), "ok");
    assert_string_equal(call(f, "misuse", NULL, OUT_OK), "ok");
    assert_string_equal(call(f, "stubborn", NULL, OUT_OK), "won");
    assert_int_equal(vm_task_count(f->vm), 0);
}

static void test_cancel_reaches_all_strands(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local n = 0\nlocal function wait() local _, _, code = mcp.test.sleep(60000) "
                 "if code == 'CANCELLED' then n = n + 1 end end\n"
                 "for i = 1, 5 do mcp.spawn(wait) end wait() ctx:progress(n) return 'x'");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    loop_poll(f->services.loop, 0);
    vm_run(f->vm);
    task_cancel(c.task, TASK_CANCELLED);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_CANCELLED);
    call_fini(&c);
    assert_int_equal(test_cancelled, 6);
    assert_int_equal(test_released, 6);
}

static void test_xpcall(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "local ok, a, b = xpcall(function(x, y) return x, y end, print, 1, 2) assert(ok "
                 "and a == 1 and b == 2)\n"
                 "ok, a, b = xpcall(error, function(e) mcp.test.sleep(1) return e .. '!', 'more' "
                 "end, 'bad')\n"
                 "assert(ok == false and a == 'bad!' and b == 'more')\n"
                 "ok, a = xpcall(error, function(e) error('again', 0) end, 'bad') assert(ok == "
                 "false and a == 'again')\n"
                 "ok, a = xpcall(function() mcp.test.sleep(1) error('late', 0) end, function(e) "
                 "return e end)\n"
                 "assert(ok == false and a == 'late')\n"
                 "assert(not pcall(xpcall, print)) assert(not pcall(xpcall, print, 1))\n"
                 "ok, a, b = pcall(function(...) mcp.test.sleep(1) return ... end, 1, 2) assert(ok "
                 "and a == 1 and b == 2)\n"
                 "ok, a = pcall(error, nil) assert(ok == false and a == nil)\n"
                 "ok, a = pcall(nil) assert(ok == false) assert(not pcall(pcall))\n"
                 "assert(select('#', pcall(function() end)) == 1) return 'ok'");
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL, OUT_OK), "ok");
}

static void test_start_functions(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "a.lua",
                  "local n = 0\nreturn require('mcp').tool { name = 'a', start = function() "
                  "require('mcp').test.sleep(1) n = n + 1 end, run = function() return n end }");
    fixture_write(f, "b.lua",
                  "return require('mcp').tool { name = 'b', start = function() error('no start') "
                  "end, "
                  "run = function() end }");
    fixture_load(f);
    char failed[200] = "";
    start_all(f, failed, sizeof failed);
    drain(f);
    assert_string_equal(call(f, "a", NULL, OUT_OK), "1");
    assert_string_equal(failed, "b.lua: tools.d/b.lua:1: no start");
}

static void test_shutdown(void **state)
{
    struct fixture *f = *state;
    struct call c[3];
    fixture_tool(f, "t", "mcp.test.sleep(60000)");
    fixture_load(f);
    for (int i = 0; i < 3; i++)
        call_start(f, &c[i], "t", NULL);
    vm_shutdown(f->vm);
    for (int i = 0; i < 3; i++) {
        call_wait(f, &c[i]);
        assert_int_equal(c[i].result.outcome, OUT_CANCELLED);
        call_fini(&c[i]);
    }
    /* What is still there when a vm is freed has its end too. */
    call_start(f, &c[0], "t", NULL);
    vm_free(f->vm);
    f->vm = NULL;
    assert_true(c[0].is_done);
    assert_int_equal(c[0].result.outcome, OUT_CANCELLED);
    call_fini(&c[0]);
    assert_int_equal(test_released, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_echo),
        TEST(test_results),
        TEST(test_results_that_cannot_be_sent),
        TEST(test_structured_output),
        TEST(test_ctx),
        TEST(test_ctx_of_an_ended_call),
        TEST(test_meta_after_waiting),
        TEST(test_waiting),
        TEST(test_cancel),
        TEST(test_cancel_of_a_late_op),
        TEST(test_kill_while_waiting),
        TEST(test_on_end),
        TEST(test_on_end_limits),
        TEST(test_spawn),
        TEST(test_cancel_reaches_all_strands),
        TEST(test_xpcall),
        TEST(test_start_functions),
        TEST(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
