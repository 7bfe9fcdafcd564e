/* test_strands.c - the functions of a call that run beside each other, and those that run at its
 * end. */
#include "fixture.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

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

/* What a function that was spawned has left pending stays with the call. */
static void test_ops_outlive_their_strand(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "for i = 1, 3 do mcp.spawn(function() mcp.test.leave() end):wait() end "
                 "mcp.spawn(function() mcp.test.leave() end) mcp.test.sleep(1) return 'ok'");
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL, OUT_OK), "ok");
    assert_int_equal(test_cancelled, 4);
    assert_int_equal(test_released, 5);
}

/* A function that lost and does not end is dropped, with all that it has begun, and nothing else.
 */
static void test_dropped_with_its_ops(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "mcp.test.leave()\n"
                 "local r = mcp.race { function() mcp.test.leave() mcp.test.leave()\n"
                 "while true do mcp.test.sleep(60000) end end,\n"
                 "function() mcp.test.sleep(1) return 'won' end }\n"
                 "mcp.test.sleep(80) ctx:progress(1) mcp.test.sleep(60000)");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    int64_t end = clock_mono_ms() + 10000;
    while (!c.progress) {
        assert_true(clock_mono_ms() < end);
        turn(f);
    }
    assert_int_equal(test_cancelled, 3); /* its sleep, and what it left */
    task_cancel(c.task, TASK_CANCELLED);
    call_wait(f, &c);
    call_fini(&c);
    drain(f);
    assert_int_equal(test_cancelled, 5);
    assert_int_equal(test_released, 7);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_on_end),
        TEST(test_on_end_limits),
        TEST(test_spawn),
        TEST(test_ops_outlive_their_strand),
        TEST(test_dropped_with_its_ops),
        TEST(test_cancel_reaches_all_strands),
        TEST(test_start_functions),
        TEST(test_shutdown),
        TEST(test_xpcall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
