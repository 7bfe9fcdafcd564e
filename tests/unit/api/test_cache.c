/* test_cache.c - mcp.cache: what goes in comes out, whose keys they are, and the bounds. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CACHE "local cache = mcp.cache "

static void test_values(void **state)
{
    static const struct example examples[] = {
        { CACHE "return tostring(cache.get('x'))", "nil" },
        { CACHE "return tostring(cache.set('x', { a = { 1, 2.5, 'z' }, e = mcp.json.array{} }))",
          "true" },
        { CACHE "return cache.get('x')", "{\"a\":[1,2.5,\"z\"],\"e\":[]}" },
        { CACHE "cache.set('x', mcp.json.null) return tostring(cache.get('x') == mcp.json.null)",
          "true" },
        { CACHE "cache.set('x', false) return tostring(cache.get('x'))", "false" },
        { CACHE "return tostring(cache.add('x', 1)) .. tostring(cache.delete('x')) .. "
                "tostring(cache.add('x', 1)) .. tostring(cache.delete('y'))",
          "falsetruetruefalse" },
        { CACHE "return cache.incr('x') + cache.incr('x', 40)", "44" },
        { CACHE "return cache.incr('a\\0b', -3)", "-3" },
        { CACHE "cache.set('x', 9007199254740992) local _, _, c = cache.incr('x') return c",
          "TOO_LARGE" },
        { CACHE "cache.set('x', 1.5) local _, m, c = cache.incr('x') return c", "INVALID" },
        { CACHE "return tostring(cache.set('x', ('x'):rep((1 << 20) - 2)))", "true" },
        { CACHE "local v, m, c = cache.set('x', ('x'):rep((1 << 20) - 1)) return c .. ' ' .. m",
          "TOO_LARGE the value's JSON is over 1048576 bytes, or over 100000 values" },
        { CACHE "return #cache.get('x')", "1048574" },
        { CACHE "return tostring(cache.set(('k'):rep(512), 1))", "true" },
        { CACHE "cache.set('t', 1, { ttl = '1ms' }) local n = 0 while cache.get('t') do "
                "mcp.time.sleep(0.001) end return 'gone'",
          "gone" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_wrong_use(void **state)
{
    static const char *const lines[] = {
        "cache.get()",
        "cache.get('')",
        "cache.get(('k'):rep(513))",
        "cache.set('x')",
        "cache.set('x', nil)",
        "cache.set('x', print)",
        "cache.set('x', '\\xff')",
        "cache.set('x', 1, { tll = 1 })",
        "cache.set('x', 1, { ttl = 0 })",
        "cache.set('x', 1, { ttl = -1 })",
        "cache.set('x', 1, { ttl = '400d' })",
        "cache.set('x', 1, 5)",
        "cache.incr('x', 1.5)",
        "cache.incr('x', 'a')",
        "cache.incr()",
        "cache.delete({})",
    };
    check_raises(*state, CACHE, lines, sizeof lines / sizeof *lines);
}

/* Another tool has other keys; a new generation of tools finds what the old one left. */
static void test_owner(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "a", CACHE "return cache.incr('n')");
    fixture_tool(f, "b", CACHE "return cache.incr('n', 10)");
    fixture_load(f);
    assert_string_equal(call(f, "a", NULL), "1");
    assert_string_equal(call(f, "b", NULL), "10");
    fixture_load(f);
    assert_string_equal(call(f, "a", NULL), "2");
    folder_write(f->base, "tools.d/c.lua",
                 "local mcp = require 'mcp'\n"
                 "local ok, why = pcall(mcp.cache.get, 'x')\n"
                 "return mcp.tool { name = 'c', run = function() return why end }");
    fixture_load(f);
    assert_string_equal(call(f, "c", NULL), "cache: there is none while a file is loaded");
}

static int64_t cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The largest value that there may be, of the smallest parts. */
static void test_nothing_holds_a_worker(void **state)
{
    struct fixture *f = *state;
    struct call c;
    int64_t longest = 0;

    f->o.default_memory = 200 << 20;
    fixture_tool(f, "t",
                 CACHE "local t = {} for i = 1, 500000 do t[i] = 1 end mcp.time.sleep(0)\n"
                       "assert(select(3, cache.set('x', t)) == 'TOO_LARGE')\n"
                       "t = {} for i = 1, 99999 do t[i] = 'abcdefg' end mcp.time.sleep(0)\n"
                       "assert(cache.set('x', t)) mcp.time.sleep(0) return #cache.get('x')");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    while (!c.is_done) {
        loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 20);
        int64_t begin = cpu_us();
        vm_run(f->vm);
        int64_t took = cpu_us() - begin;
        longest = took > longest ? took : longest;
    }
    assert_string_equal(call_said(&c), "99999");
    call_fini(&c);
    if (getenv("SHOW"))
        printf("longest round %lld us\n", (long long)longest);
    assert_true(longest < 200000 * slow_factor());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_owner, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_holds_a_worker, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
