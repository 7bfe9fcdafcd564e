/* test_call.c - one tool calls another: what comes back, whose rights count, and how it ends. */
#include "fixture.h"

#include "limit/gate.h"

#include <stdio.h>
#include <string.h>

static const char callees[] =
    "local mcp = require 'mcp'\n"
    "local rows = mcp.state.open('writes.rows', { key = 'id' })\n"
    "local run = {}\n"
    "function run.echo(args) return args end\n"
    "function run.text() return 'a text' end\n"
    "function run.number() return 7 end\n"
    "function run.nothing() end\n"
    "function run.blocks() return mcp.content { mcp.text('a'), mcp.text('b') } end\n"
    "function run.fails() return nil, 'no luck' end\n"
    "function run.raises() error('broken') end\n"
    "function run.writes() return assert(rows:put { id = 'x' }) end\n"
    "function run.sleeps() local ok, message, code = mcp.time.sleep(60) seen = code\n"
    "  return nil, message, code end\n"
    "function run.seen() return seen end\n"
    "function run.nested(args) if args.n == 0 then return 'bottom' end\n"
    "  return mcp.call('nested', { n = args.n - 1 }) end\n"
    "function run.who(_, ctx) return { tool = ctx.tool, principal = ctx.principal } end\n"
    "local tools = {}\n"
    "for name, fn in pairs(run) do tools[#tools + 1] = mcp.tool { name = name, run = fn } end\n"
    "tools[#tools + 1] = mcp.tool { name = 'list', run = run.echo, input = { type = 'object',\n"
    "  properties = { l = { type = 'array' }, n = { type = 'integer', default = 5 } } } }\n"
    "return tools\n";

static const struct {
    const char *body, *text;
} cases[] = {
    { "return mcp.call('echo', { a = { 1, 2 } })", "{\"a\":[1,2]}" },
    { "return mcp.call('echo')", "{}" },
    { "return mcp.call('text') .. '!'", "a text!" },
    { "return math.type(mcp.call('number'))", "integer" },
    { "return { select('#', mcp.call('nothing')), tostring((mcp.call('nothing'))) }",
      "[1,\"nil\"]" },
    { "return mcp.call('blocks')[2].text", "b" },
    { "return { select(2, mcp.call('fails')) }", "[\"no luck\",\"TOOL_ERROR\"]" },
    { "return { select(2, mcp.call('raises')) }", "[\"broken\",\"TOOL_ERROR\"]" },
    { "return { select(2, mcp.call('none')) }", "[\"unknown tool: none\",\"NOTFOUND\"]" },
    { "return { select(2, mcp.call('echo', { 1 })) }",
      "[\"the arguments must be a table with names, not a list\",\"INVALID\"]" },
    { "return { select(2, mcp.call('list', { n = 'x' })) }",
      "[\"invalid arguments: at /n: expected a whole number, got \\\"x\\\"\",\"INVALID\"]" },
    { "return mcp.call('list', { l = {} })", "{\"l\":[],\"n\":5}" },
    { "return mcp.call('nested', { n = 7 })", "bottom" },
    { "return { select(2, mcp.call('nested', { n = 8 })) }",
      "[\"calls of tools by tools go at most 8 deep\",\"TOOL_ERROR\"]" },
    { "return mcp.call('who')", "{\"principal\":\"anna\",\"tool\":\"who\"}" },
    { "return { mcp.all { function() return mcp.call('number') end,\n"
      "  function() return mcp.call('text') end } }",
      "[7,\"a text\"]" },
    { "return tostring(pcall(mcp.call, 'echo', 7))", "false" },
    { "return tostring(pcall(mcp.call, 'echo', { f = print }))", "false" },
};

static void test_values(void **state)
{
    struct fixture *f = *state;
    char name[16];
    size_t n = sizeof cases / sizeof *cases;
    fixture_write(f, "tools.d/callees.lua", callees);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        fixture_tool(f, name, cases[i].body);
    }
    fixture_load(f);
    for (size_t i = 0; i < n; i++) {
        struct call c;
        snprintf(name, sizeof name, "t%zu", i);
        call_start(f, &c, name, NULL);
        call_wait(f, &c);
        if (strcmp(call_text(&c), cases[i].text) != 0)
            fail_msg("%s: %s, expected %s", cases[i].body, call_text(&c), cases[i].text);
        call_fini(&c);
    }
}

/* What waits in a call is nobody's Lua memory: it is bounded by itself. */
static void test_large(void **state)
{
    static const char *const bodies[][2] = {
        { "return { select(2, mcp.call('echo', { s = ('x'):rep((1 << 20) - 8) })) }", "{}" },
        { "return { select(2, mcp.call('echo', { s = ('x'):rep((1 << 20) - 7) })) }",
          "[\"the arguments have more than 1048576 bytes\",\"TOO_LARGE\"]" },
        { "local s = ('x'):rep(1 << 19) local l = {} for i = 1, 100 do l[i] = s end\n"
          "return select(3, mcp.call('echo', { l = l }))",
          "TOO_LARGE" },
        { "local s, all, codes = ('x'):rep(1 << 19), {}, {}\n"
          "for i = 1, 80 do all[i] = function()\n"
          "  local _, _, code = mcp.call('naps', { s = s }) codes[code or 'OK'] = true end end\n"
          "mcp.all(all) local names = {} for code in pairs(codes) do names[#names + 1] = code end\n"
          "table.sort(names) return table.concat(names, ' ')",
          "LIMIT OK" },
    };
    struct fixture *f = *state;
    char name[16];
    fixture_write(f, "tools.d/callees.lua", callees);
    fixture_tool(f, "naps", "mcp.time.sleep(0.05) return 'woken'");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        fixture_tool(f, name, bodies[i][0]);
    }
    fixture_load(f);
    for (int round = 0; round < 2; round++) /* what was taken is given back */
        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
            struct call c;
            snprintf(name, sizeof name, "t%zu", i);
            call_start(f, &c, name, NULL);
            call_wait(f, &c);
            assert_string_equal(call_text(&c), bodies[i][1]);
            call_fini(&c);
        }
}

static void with_tools(struct fixture *f, struct call *c, const char *tool, const char *tools)
{
    const struct tool *t = toolset_find(f->set, tool, strlen(tool));
    call_prepare(c, tool, NULL);
    c->info.tools = tools;
    call_run(f->vm, c, t->index);
    call_wait(f, c);
}

/* What the caller may not call does not exist for the tools that it calls, either; nor for their
 * jobs. */
static void test_rights(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_write(f, "tools.d/callees.lua", callees);
    fixture_tool(f, "asks", "return { select(2, mcp.call('text')) }");
    fixture_tool(f, "passes", "return mcp.call('asks')");
    fixture_tool(f, "later",
                 "mcp.jobs.start { id = 'j', run = function()\n"
                 "  mcp.events.publish('job/j', 'said', { m = select(2, mcp.call('text')) }) end "
                 "}\n"
                 "return 'ok'");
    fixture_load(f);
    with_tools(f, &c, "asks", "asks, other");
    assert_string_equal(call_text(&c), "[\"unknown tool: text\",\"NOTFOUND\"]");
    call_fini(&c);
    with_tools(f, &c, "passes", "passes, asks");
    assert_string_equal(call_text(&c), "[\"unknown tool: text\",\"NOTFOUND\"]");
    call_fini(&c);
    with_tools(f, &c, "asks", "asks, t*t");
    assert_string_equal(call_text(&c), "{}");
    call_fini(&c);
    with_tools(f, &c, "later", "later");
    call_fini(&c);
    while (!strstr(f->events, "said"))
        turn(f);
    assert_non_null(strstr(f->events, "unknown tool: text"));
}

/* The answer waits for what the called tool wrote. */
static void test_durable(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_write(f, "tools.d/callees.lua", callees);
    fixture_tool(f, "asks", "return mcp.call('writes')");
    fixture_load(f);
    call_start(f, &c, "asks", NULL);
    call_wait(f, &c);
    assert_string_equal(call_text(&c), "{\"id\":\"x\"}");
    assert_true(c.wait > 0);
    call_fini(&c);
}

/* The deadline of the caller ends both, and the called tool is told. */
static void test_deadline(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_write(f, "tools.d/callees.lua", callees);
    fixture_tool(f, "asks", "return { select(2, mcp.call('sleeps')) }");
    fixture_tool(f, "looks", "return mcp.call('seen')");
    fixture_load(f);
    call_prepare(&c, "asks", NULL);
    c.info.timeout_ms = 50;
    call_run(f->vm, &c, toolset_find(f->set, "asks", 4)->index);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_TIMEOUT);
    call_fini(&c);
    while (vm_task_count(f->vm) > 0)
        turn(f);
    call_start(f, &c, "looks", NULL);
    call_wait(f, &c);
    assert_non_null(strstr("CANCELLED TIMEOUT", call_text(&c)));
    call_fini(&c);
}

/* A tool's `concurrent` holds for callers of every kind; who waits in vain is told its name. */
static void test_gate(void **state)
{
    struct fixture *f = *state;
    struct call c;
    struct gate *gates[64] = { NULL };
    struct gate *gate = gate_new(1);
    fixture_write(f, "tools.d/callees.lua", callees);
    fixture_tool(f, "asks", "return { select(2, mcp.call('text')) }");
    fixture_tool(f, "gives_up",
                 "return mcp.race { function() return mcp.call('text') end,\n"
                 "  function() return 'first' end }");
    fixture_load(f);
    assert_non_null(gate);
    gates[toolset_find(f->set, "text", 4)->index] = gate;
    vm_set_gates(f->vm, gates);

    assert_true(gate_enter(gate, NULL)); /* somebody else */
    call_start(f, &c, "gives_up", NULL);
    call_wait(f, &c);
    assert_string_equal(call_text(&c), "first");
    call_fini(&c);
    call_start(f, &c, "asks", NULL);
    call_wait(f, &c);
    assert_non_null(strstr(call_text(&c), "too many calls of text at once"));
    assert_non_null(strstr(call_text(&c), "LIMIT"));
    call_fini(&c);

    call_start(f, &c, "asks", NULL);
    turn(f);
    gate_leave(gate); /* the place comes in time */
    call_wait(f, &c);
    assert_string_equal(call_text(&c), "{}");
    call_fini(&c);
    assert_int_equal(gate_used(gate), 0);
    vm_set_gates(f->vm, NULL);
    gate_free(gate);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values),
        TEST(test_large),
        TEST(test_rights),
        cmocka_unit_test_setup_teardown(test_durable, fixture_setup_durable, fixture_teardown),
        TEST(test_deadline),
        TEST(test_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
