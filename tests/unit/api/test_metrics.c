/* test_metrics.c - mcp.metrics: what a tool notes is shown, and outlives its tools. */
#include "fixture.h"

#include <string.h>

#include "base/tool_metrics.h"

static void has(const char *line)
{
    struct buf out = { 0 };

    tool_metrics_render(NULL, &out);
    if (!strstr(buf_cstr(&out), line))
        fail_msg("missing: %s\n%s", line, out.data);
    buf_fini(&out);
}

static void test_shown(void **state)
{
    struct fixture *f = *state;
    folder_write(f->base, "tools.d/m.lua",
                 "local mcp = require 'mcp'\n"
                 "local c = mcp.metrics.counter('c_total', 'C.')\n"
                 "local g = mcp.metrics.gauge('g', 'G.')\n"
                 "local h = mcp.metrics.histogram('h', 'H.')\n"
                 "return mcp.tool { name = 'm', run = function()\n"
                 "c:inc() c:inc(2, { ok = true, n = 7, s = 'a\"b' }) g:set(1.5) h:observe(0.3)\n"
                 "return getmetatable(c) == false and 'closed' or 'open' end }");
    fixture_load(f);
    assert_string_equal(call(f, "m", NULL), "closed");
    fixture_load(f);
    assert_string_equal(call(f, "m", NULL), "closed");
    has("\n# TYPE moongate_tool_c_total counter\nmoongate_tool_c_total{tool=\"m\"} 2\n");
    has("\nmoongate_tool_c_total{tool=\"m\",n=\"7\",ok=\"true\",s=\"a\\\"b\"} 4\n");
    has("\nmoongate_tool_g{tool=\"m\"} 1.5\n");
    has("\nmoongate_tool_h_bucket{tool=\"m\",le=\"0.25\"} 0\n");
    has("\nmoongate_tool_h_bucket{tool=\"m\",le=\"0.5\"} 2\n");
}

static void test_wrong_use(void **state)
{
    static const char *const lines[] = {
        "m.counter()",
        "m.counter('x')",
        "m.counter('x y', '')",
        "m.counter('x\\0y', '')",
        "m.counter('x', ('h'):rep(301))",
        "m.gauge('wc', '')",
        "m.histogram('x', '', {})",
        "m.histogram('x', '', { 2, 1 })",
        "m.histogram('x', '', { 'a' })",
        "m.histogram('x', '', { 1 / 0 })",
        "m.histogram('x', '', 5)",
        "c:inc(-1)",
        "c:inc(1 / 0)",
        "c:inc('x')",
        "c:inc(1, 5)",
        "c:inc(1, { [1] = 'x' })",
        "c:inc(1, { a = {} })",
        "c:inc(1, { tool = 'x' })",
        "c:inc(1, { a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, i=1 })",
        "c.inc(m, 1)",
        "c:set(1)",
        "g:set()",
        "g:set(0 / 0)",
        "g.set(c, 1)",
        "h:observe(nil)",
    };
    check_raises(*state,
                 "local m = mcp.metrics local c, g, h = m.counter('wc', ''), m.gauge('wg', ''), "
                 "m.histogram('wh', '')",
                 lines, sizeof lines / sizeof *lines);
    check(*state, "local ok, e = pcall(mcp.metrics.gauge, 'wc', '') return e",
          "metrics: wc is a counter already and cannot be a gauge");
}

/* While a file is loaded there is no tool to count for. */
static void test_at_load(void **state)
{
    struct fixture *f = *state;
    folder_write(f->base, "tools.d/m.lua",
                 "local mcp = require 'mcp'\n"
                 "local c = mcp.metrics.counter('load_total', '')\n"
                 "local ok, why = pcall(c.inc, c)\n"
                 "return mcp.tool { name = 'm', run = function() return why end }");
    fixture_load(f);
    assert_string_equal(call(f, "m", NULL), "metrics: no tool runs while a file is loaded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shown, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_at_load, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
