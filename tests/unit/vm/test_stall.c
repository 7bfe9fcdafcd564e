/* test_stall.c - nothing stalls: every way to compute for ever ends with the right outcome, and
 * meanwhile other calls are answered. The bounds are ten times what is wanted, for machines that
 * are busy. */
#include "fixture.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_tool(f, "echo", "return args");
    *state = f;
    return 0;
}

/* The time this thread has computed: how long others wait, but for what other programs on the
 * machine take. */
static int64_t cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define SLOWEST_MS 100

static int elements(void) { return slow_factor() > 10 ? 20000 : 1000000; }

/* Runs the offender, and beside it one echo after the other; the slowest echo must stay under
 * SLOWEST_MS. */
static void check_offender(struct fixture *f, const char *tool, enum outcome want, const char *text)
{
    struct call bad, echo;
    int64_t slowest = 0;
    f->call_timeout_ms = want == OUT_TIMEOUT ? 30 : 20000;
    char args[32];
    snprintf(args, sizeof args, "{\"n\":%d}", elements());
    call_start(f, &bad, tool, args);
    f->call_timeout_ms = 0;
    int64_t end = clock_mono_ms() + 20000;
    int echoes = 0;
    while (!bad.is_done) {
        if (clock_mono_ms() > end)
            fail_msg("%s does not end", tool);
        int64_t begin = cpu_ms();
        call_start(f, &echo, "echo", "{\"x\":1}");
        call_wait(f, &echo); /* it is done, but where this thread had to rest in its slice */
        assert_int_equal(echo.result.outcome, OUT_OK);
        call_fini(&echo);
        turn(f);
        int64_t took = cpu_ms() - begin;
        if (took > slowest)
            slowest = took;
        echoes++;
    }
    if (bad.result.outcome != want)
        fail_msg("%s: outcome %s, wanted %s: %s", tool, outcome_word(bad.result.outcome),
                 outcome_word(want), call_text(&bad));
    if (text && !strstr(call_text(&bad), text))
        fail_msg("%s: \"%s\" is not in: %s", tool, text, call_text(&bad));
    if (slowest > SLOWEST_MS * slow_factor())
        fail_msg("%s: another call waited for %d ms", tool, (int)slowest);
    if (getenv("VERBOSE"))
        fprintf(stderr, "%-24s %-10s %5d ms, slowest other %3d ms, %d others: %.60s\n", tool,
                outcome_word(bad.result.outcome), (int)bad.took_ms, (int)slowest, echoes,
                call_text(&bad));
    call_fini(&bad);
    drain(f); /* on_end functions run after the answer */
}

struct offender {
    const char *name, *body;
    enum outcome want;
    const char *text;
};

/* ipairs is C code that calls __index: nothing can give way in there. */
#define PROXY "setmetatable({}, {__index = function() while true do end end})"

static const struct offender offenders[] = {
    { "loop", "while true do end", OUT_TIMEOUT, "timed out" },
    { "loop_call", "local function f() return f() end f()", OUT_TIMEOUT, NULL },
    { "loop_pcall", "while true do pcall(function() while true do end end) end", OUT_TIMEOUT,
      NULL },
    { "loop_pcall_error", "while true do pcall(error, 'x') end", OUT_TIMEOUT, NULL },
    { "loop_xpcall", "xpcall(function() while true do end end, function(e) return e end)",
      OUT_TIMEOUT, NULL },
    { "loop_handler", "xpcall(error, function() while true do end end)", OUT_TIMEOUT, NULL },
    { "loop_handler_deep", "local function h() xpcall(error, h) while true do end end h()",
      OUT_TIMEOUT, NULL },
    { "loop_spawn", "mcp.spawn(function() while true do end end):wait()", OUT_TIMEOUT, NULL },
    { "loop_all", "mcp.all{function() while true do end end, function() while true do end end}",
      OUT_TIMEOUT, NULL },
    { "loop_gsub", "('xxx'):gsub('x', function() while true do end end)", OUT_TIMEOUT, NULL },
    { "loop_gsub_index",
      "('xxx'):gsub('x', setmetatable({}, {__index = function() while true do end end}))",
      OUT_TIMEOUT, NULL },
    { "loop_sort", "table.sort({3, 2, 1}, function() while true do end end)", OUT_TIMEOUT, NULL },
    { "loop_lt",
      "local m = {__lt = function() while true do end end} "
      "table.sort({setmetatable({}, m), setmetatable({}, m)})",
      OUT_TIMEOUT, NULL },
    { "loop_tostring",
      "tostring(setmetatable({}, {__tostring = function() while true do end end}))", OUT_TIMEOUT,
      NULL },
    { "loop_print", "print(setmetatable({}, {__tostring = function() while true do end end}))",
      OUT_TIMEOUT, NULL },
    { "loop_format",
      "('%d %s'):format(1, setmetatable({}, {__tostring = function() while true do end end}))",
      OUT_TIMEOUT, NULL },
    { "pinned", "for _ in ipairs(" PROXY ") do end", OUT_KILLED, "killed" },
    { "pinned_pcall", "while true do pcall(function() for _ in ipairs(" PROXY ") do end end) end",
      OUT_KILLED, NULL },
    { "pinned_xpcall",
      "xpcall(function() for _ in ipairs(" PROXY ") do end end, "
      "function() while true do end end)",
      OUT_KILLED, NULL },
    { "pinned_inside",
      "for _ in ipairs(setmetatable({}, {__index = function() while true do "
      "pcall(function() for _ in ipairs(" PROXY ") do end end) end end})) do end",
      OUT_KILLED, NULL },
    { "pinned_spawn", "mcp.spawn(function() for _ in ipairs(" PROXY ") do end end):wait()",
      OUT_KILLED, NULL },
    { "loop_concat",
      "table.concat(setmetatable({}, {__len = function() return 3 end, "
      "__index = function() while true do end end}))",
      OUT_TIMEOUT, NULL },
    { "loop_close",
      "do local x <close> = setmetatable({}, {__close = function() while true do end end}) end",
      OUT_TIMEOUT, NULL },
    { "loop_close_error",
      "pcall(function() local x <close> = setmetatable({}, "
      "{__close = function() while true do end end}) error('x') end)",
      OUT_TIMEOUT, NULL },
    { "kill_close",
      "local x <close> = setmetatable({}, {__close = function() while true do end end}) "
      "for _ in ipairs(" PROXY ") do end",
      OUT_KILLED, NULL },
    { "kill_close_pcall",
      "pcall(function() local x <close> = setmetatable({}, {__close = function() "
      "while true do end end}) for _ in ipairs(" PROXY ") do end end) while true do end",
      OUT_KILLED, NULL },
    { "loop_index", "return setmetatable({}, {__index = function() while true do end end}).x",
      OUT_TIMEOUT, NULL },
    { "loop_eq",
      "local m = {__eq = function() while true do end end} "
      "return setmetatable({}, m) == setmetatable({}, m)",
      OUT_TIMEOUT, NULL },
    { "loop_iterator", "for _ in function() return 1 end do end", OUT_TIMEOUT, NULL },
    { "loop_pairs",
      "for _ in pairs(setmetatable({}, {__pairs = function() while true do end end})) do end",
      OUT_TIMEOUT, NULL },
    { "loop_require", "return require 'endless'", OUT_TIMEOUT, NULL },
    { "loop_on_end", "ctx:on_end(function() while true do end end) return 'fine'", OUT_OK, "fine" },
    { "loop_ignores_cancel", "while true do mcp.test.sleep(1) end", OUT_TIMEOUT, NULL },
    { "sleeper", "mcp.test.sleep(3600000) while true do end", OUT_TIMEOUT, NULL },
    { "no_gc", "setmetatable({}, {__gc = function() while true do end end})", OUT_TOOL_ERROR,
      "__gc" },
    { "move", "table.move({}, 1, 1 << 40, 2)", OUT_TOOL_ERROR, "at most" },
    { "bomb", "return ('a'):rep(600):find('.-.-.-b')", OUT_TOOL_ERROR, "pattern too slow" },
    { "bomb_many", "return ('a'):rep(30000):find('.-b')", OUT_TIMEOUT, NULL },
    { "bomb_gmatch", "for _ in ('a'):rep(30000):gmatch('.-b') do end", OUT_TIMEOUT, NULL },
    { "bomb_gsub", "return (('a'):rep(30000):gsub('.-b', ''))", OUT_TIMEOUT, NULL },
    { "bomb_gsub_fn", "return (('a'):rep(30000):gsub('.-b', function() end))", OUT_TIMEOUT, NULL },
    { "bomb_balance", "return ('('):rep(100000):match('%b()')", OUT_TIMEOUT, NULL },
    { "bomb_back", "return ('a'):rep(20000):match('(.*)%1b')", OUT_TIMEOUT, NULL },
    { "plain_find", "return ('a'):rep(1 << 20):find(('a'):rep(1 << 19) .. 'b', 1, true)", OUT_OK,
      NULL },
    { "plain_find_back", "return ('a'):rep(1 << 20):find('b' .. ('a'):rep(1 << 19), 1, true)",
      OUT_OK, NULL },
    { "hog", "local t = {} for i = 1, 1e9 do t[i] = {i} end", OUT_NO_MEMORY, "out of memory" },
    { "hog_string", "local s = 'x' while true do s = s .. s end", OUT_NO_MEMORY, NULL },
    { "hog_pcall",
      "local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = {i} end end) end",
      OUT_NO_MEMORY, NULL },
    { "hog_string_pcall",
      "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
      OUT_NO_MEMORY, NULL },
    { "hog_spawn", "local t = {} mcp.spawn(function() while true do t[#t + 1] = {} end end):wait()",
      OUT_NO_MEMORY, NULL },
    { "hog_stack", "local function f(...) return (f(1, ...)) end f()", OUT_NO_MEMORY, NULL },
    { "hog_recursion", "local function f() return 1 + f() end return f()", OUT_NO_MEMORY, NULL },
    { "rep", "return ('x'):rep(1 << 40)", OUT_TOOL_ERROR, "string.rep" },
};

static void test_offenders(void **state)
{
    struct fixture *f = *state;
    size_t n = sizeof offenders / sizeof *offenders;
    for (size_t i = 0; i < n; i++)
        fixture_tool(f, offenders[i].name, offenders[i].body);
    fixture_write(f, "lib/endless.lua", "while true do end");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    for (size_t i = 0; i < n; i++)
        check_offender(f, offenders[i].name, offenders[i].want, offenders[i].text);
}

/* A million elements: sorted and joined in slices. */
static void test_large_sort_and_concat(void **state)
{
    struct fixture *f = *state;
    f->o.default_memory = 200 << 20;
    fixture_tool(f, "sort",
                 "local t = {} for i = 1, args.n do t[i] = (i * 7919) % args.n end table.sort(t) "
                 "for i = 2, #t do if t[i - 1] > t[i] then return 'wrong' end end return #t");
    fixture_tool(f, "concat",
                 "local t = {} for i = 1, args.n do t[i] = 'x' end return #table.concat(t, ',')");
    fixture_load(f);
    char sorted[32], joined[32];
    snprintf(sorted, sizeof sorted, "%d", elements());
    snprintf(joined, sizeof joined, "%d", elements() * 2 - 1);
    check_offender(f, "sort", OUT_OK, sorted);
    check_offender(f, "concat", OUT_OK, joined);
}

static void test_all_at_once(void **state)
{
    struct fixture *f = *state;
    size_t n = sizeof offenders / sizeof *offenders;
    struct call *bad = calloc(n, sizeof *bad), echo;
    assert_non_null(bad);
    for (size_t i = 0; i < n; i++)
        fixture_tool(f, offenders[i].name, offenders[i].body);
    fixture_write(f, "lib/endless.lua", "while true do end");
    f->call_timeout_ms = 500;
    fixture_load(f);
    for (size_t i = 0; i < n; i++)
        call_start(f, &bad[i], offenders[i].name, "{}");
    f->call_timeout_ms = 0;
    int64_t slowest = 0, end = clock_mono_ms() + 40000;
    for (size_t left = n; left;) {
        assert_true(clock_mono_ms() < end);
        int64_t begin = cpu_ms();
        call_start(f, &echo, "echo", "{}");
        call_wait(f, &echo);
        call_fini(&echo);
        turn(f);
        int64_t took = cpu_ms() - begin;
        slowest = took > slowest ? took : slowest;
        left = 0;
        for (size_t i = 0; i < n; i++)
            left += !bad[i].is_done;
    }
    if (slowest > SLOWEST_MS * slow_factor())
        fail_msg("another call waited for %d ms", (int)slowest);
    if (getenv("VERBOSE"))
        fprintf(stderr, "all at once: slowest other %d ms\n", (int)slowest);
    for (size_t i = 0; i < n; i++) {
        /* So many compute that one which would end by itself may be out of time before. */
        enum outcome o = bad[i].result.outcome;
        if (o != offenders[i].want && o != OUT_TIMEOUT)
            fail_msg("%s: outcome %s: %s", offenders[i].name, outcome_word(o), call_text(&bad[i]));
        call_fini(&bad[i]);
    }
    free(bad);
    drain(f);
}

static void test_endless_start(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "s.lua",
                  "local mcp = require 'mcp'\nreturn mcp.tool { name = 's', run = function() end,\n"
                  "start = function() while true do end end }\n");
    fixture_load(f);
    vm_start_tools(f->vm, NULL, NULL, NULL, NULL);
    assert_int_equal(vm_task_count(f->vm), 1);
    for (int i = 0; i < 20; i++) {
        call(f, "echo", "{}", OUT_OK);
        loop_poll(f->services.loop, 0);
        vm_run(f->vm);
    }
    assert_int_equal(vm_task_count(f->vm), 1); /* freed with the vm: by dropping */
}

static void test_endless_files(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "a.lua", "while true do end");
    fixture_write(f, "b.lua", "local t = {} while true do t[#t + 1] = {} end");
    fixture_write(f, "c.lua", "pcall(function() while true do end end) while true do end");
    fixture_write(f, "d.lua", "for _ in ipairs(" PROXY ") do end");
    int64_t begin = clock_mono_ms();
    fixture_load(f);
    assert_true(clock_mono_ms() - begin < 15000);
    const char *p = problems(f);
    assert_non_null(strstr(p, "tools.d/a.lua"));
    assert_non_null(strstr(p, "tools.d/b.lua"));
    if (slow_factor() <= 10) /* else its time is over first */
        assert_non_null(strstr(p, "out of memory"));
    assert_non_null(strstr(p, "tools.d/c.lua"));
    assert_non_null(strstr(p, "tools.d/d.lua"));
    assert_int_equal(toolset_count(f->set), 1);
    call(f, "echo", "{}", OUT_OK);
}

static void hurry_dog(struct fixture *f)
{
    struct watchdog_options o = { .slice_ms = 1, .signal = vm_preempt_signal() };
    struct err e = { 0 };
    dog_stop(&f->dog);
    f->dog.watchdog = watchdog_start(&o, &e);
    assert_non_null(f->dog.watchdog);
    assert_int_equal(watchdog_add(f->dog.watchdog, &f->dog.slot), 0);
}

/* To set a hook Lua marks every frame there is. Where that lasts longer than the watchdog waits
 * before it signals again, the strand must get on all the same: it is signalled sooner here. */
static void test_deep_recursion(void **state)
{
    struct fixture *f = *state;
    if (!f->services.watch) /* no signals here */
        skip();
    hurry_dog(f);
    f->o.default_memory = 128 << 20;
    fixture_tool(f, "deep",
                 "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end "
                 "local sum = 0 for _ = 1, 5 do sum = sum + f(args.n) end return sum");
    fixture_tool(f, "deepest", "local function f() return 1 + f() end return f()");
    fixture_load(f);
    if (slow_factor() > 1) { /* a walk, and so a slice, takes that much longer */
        assert_string_equal(call(f, "deep", "{\"n\":5000}", OUT_OK), "25000");
        return;
    }
    assert_string_equal(call(f, "deep", "{\"n\":150000}", OUT_OK), "750000");
    assert_non_null(strstr(call(f, "deepest", "{}", OUT_TOOL_ERROR), "stack overflow"));
}

/* Whatever makes the collector work: a slice that left garbage, a call that is over its budget,
 * nothing else to do. */
static void test_collecting_is_watched(void **state)
{
    struct fixture *f = *state;
    if (!f->services.watch) /* no signals here */
        skip();
    f->o.default_memory = 2 << 20;
    fixture_tool(f, "t",
                 "for i = 1, args.n do mcp.test.garbage() local s = { i } "
                 "if i % 100 == 0 then mcp.test.sleep(0) end end return 'ok'");
    fixture_tool(f, "squeezed",
                 "for i = 1, args.n do local s = { i } "
                 "if i % 1000 == 0 then mcp.test.garbage() end end return 'ok'");
    fixture_load(f);
    test_collected = test_unwatched = 0;
    call(f, "t", "{\"n\":20000}", OUT_OK);
    call(f, "squeezed", "{\"n\":1000000}", OUT_OK);
    drain(f);
    for (int i = 0; i < 1000 && vm_has_work(f->vm); i++)
        vm_run(f->vm);
    assert_true(test_collected > 10000);
    assert_int_equal(test_unwatched, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_offenders),     TEST(test_large_sort_and_concat),
        TEST(test_all_at_once),   TEST(test_endless_start),
        TEST(test_endless_files), TEST(test_collecting_is_watched),
        TEST(test_deep_recursion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
