/* test_memory.c - who pays for what: budgets, garbage, what is left behind; the allocator by itself
 * and under tools. */
#include "fixture.h"

#include "base/clock.h"
#include "vm/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- the allocator ---- */

static void count_over(void *arg) { ++*(int *)arg; }

static uint32_t open_account(struct memory *m, int64_t budget)
{
    int64_t i = memory_open(m, budget);
    assert_true(i > 0);
    return (uint32_t)i;
}

static void test_charging(void **state)
{
    struct memory m;
    int over = 0;
    (void)state;
    assert_int_equal(memory_init(&m, 1 << 30, count_over, &over), 0);
    uint32_t a = open_account(&m, 1000), b = open_account(&m, 1000);
    m.current = a;
    void *p = memory_alloc(&m, NULL, 5, 100); /* old_size is a kind here */
    assert_int_equal(m.accounts[a].used, 108);
    m.current = b;
    p = memory_alloc(&m, p, 100, 200); /* who makes it larger pays for all of it */
    assert_int_equal(m.accounts[a].used, 0);
    assert_int_equal(m.accounts[b].used, 208);
    m.current = a;
    memory_alloc(&m, p, 200, 0); /* freed in another one's time */
    assert_int_equal(m.accounts[b].used, 0);
    assert_int_equal(m.total, 0);
    p = memory_alloc(&m, NULL, 0, 992);
    assert_int_equal(over, 0);
    void *q = memory_alloc(&m, NULL, 0, 1); /* over the budget: it succeeds and is told, once */
    void *r = memory_alloc(&m, NULL, 0, 1);
    assert_non_null(q);
    assert_non_null(r);
    assert_int_equal(over, 1);
    memory_settle(&m, a);
    void *s = memory_alloc(&m, NULL, 0, 1);
    assert_int_equal(over, 2);
    /* An account's successor in the same place is not credited for what the old one had. */
    memory_close(&m, a);
    assert_int_equal(open_account(&m, 1000), a);
    memory_alloc(&m, p, 992, 0);
    memory_alloc(&m, q, 1, 0);
    memory_alloc(&m, r, 1, 0);
    memory_alloc(&m, s, 1, 0);
    assert_int_equal(m.accounts[a].used, 0);
    assert_int_equal(m.total, 0);
    memory_fini(&m);
}

static void test_refusing(void **state)
{
    struct memory m;
    int over = 0;
    (void)state;
    assert_int_equal(memory_init(&m, 10 << 20, count_over, &over), 0);
    uint32_t a = open_account(&m, 1 << 20);
    m.current = a;
    size_t room = (size_t)memory_room(&m);
    assert_int_equal(room, 2 << 20); /* the budget and 1 MB */
    assert_null(memory_alloc(&m, NULL, 0, room + 1));
    assert_int_equal(over, 0);
    void *p = memory_alloc(&m, NULL, 0, 100); /* something else in between: not a second try */
    assert_null(memory_alloc(&m, NULL, 0, room + 1));
    assert_int_equal(over, 0);
    assert_null(memory_alloc(&m, NULL, 0, room + 1));
    assert_int_equal(over, 1);
    assert_true(m.accounts[a].is_refused);
    p = memory_alloc(&m, p, 100, 50);
    assert_non_null(p);
    memory_alloc(&m, p, 50, 0);
    assert_null(memory_alloc(&m, NULL, 0, SIZE_MAX));
    /* The state's own limit holds for everybody. */
    m.current = 0;
    assert_null(memory_alloc(&m, NULL, 0, (10 << 20) + 1));
    p = memory_alloc(&m, NULL, 0, 9 << 20);
    assert_non_null(p);
    assert_null(memory_alloc(&m, NULL, 0, 1 << 20));
    memory_alloc(&m, p, 9 << 20, 0);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(open_account(&m, 1), i + 2);
    memory_fini(&m);
}

/* ---- tools ---- */

/* Much garbage under a small budget is no reason to die. */
static void test_garbage_is_collected(void **state)
{
    struct fixture *f = *state;
    f->o.default_memory = 4 << 20;
    fixture_tool(f, "tables",
                 "local n = 0 for i = 1, 2000000 do local t = { i } n = n + #t end return n");
    fixture_tool(f, "strings",
                 "local s = '' for i = 1, 3000 do s = s .. ('x'):rep(100) end return #s");
    fixture_tool(f, "large", "for i = 1, 200 do local s = ('x'):rep(1 << 20) end return 'ok'");
    fixture_tool(f, "live",
                 "local t = {} for i = 1, 20000 do t[i] = { i } end\n"
                 "for i = 1, 500000 do local g = { i } end return #t");
    fixture_load(f);
    assert_string_equal(call(f, "tables", NULL, OUT_OK), "2000000");
    assert_string_equal(call(f, "strings", NULL, OUT_OK), "300000");
    assert_string_equal(call(f, "large", NULL, OUT_OK), "ok");
    assert_string_equal(call(f, "live", NULL, OUT_OK), "20000");
}

/* A call that lives beside garbage that others left is not charged for it. */
static void test_many_hogs(void **state)
{
    struct fixture *f = *state;
    f->o.default_memory = 4 << 20;
    fixture_tool(f, "hog", "local t = {} while true do t[#t + 1] = {} end");
    fixture_tool(f, "modest", "local t = {} for i = 1, 10000 do t[i] = { i } end return #t");
    fixture_load(f);
    for (int i = 0; i < 3 + 27 / slow_factor(); i++) {
        call(f, "hog", NULL, OUT_NO_MEMORY);
        assert_string_equal(call(f, "modest", NULL, OUT_OK), "10000");
    }
    assert_true(vm_memory(f->vm) < 64 << 20);
}

/* What calls leave in a file's own tables stays theirs no longer than they live. */
static void test_file_level_tables(void **state)
{
    struct fixture *f = *state;
    f->o.default_memory = 16 << 20;
    f->o.worker_memory = 32 << 20;
    fixture_write(f, "t.lua",
                  "local kept = {}\nreturn require('mcp').tool { name = 't', run = function(args)\n"
                  "for i = 1, 10000 do kept[#kept + 1] = { i } end return #kept end }");
    fixture_tool(f, "other", "local t = {} for i = 1, 5000 do t[i] = { i } end return #t");
    fixture_load(f);
    for (int i = 1; i <= 10; i++)
        call(f, "t", NULL, OUT_OK);
    /* The state's limit ends it: a clear answer, which names the limit. */
    struct call c;
    bool is_full = false;
    for (int i = 0; i < 200 && !is_full; i++) {
        call_start(f, &c, "t", NULL);
        call_wait(f, &c);
        is_full = c.result.outcome == OUT_NO_MEMORY;
        if (is_full)
            assert_non_null(strstr(call_text(&c), "worker_memory"));
        else
            assert_int_equal(c.result.outcome, OUT_OK);
        call_fini(&c);
    }
    assert_true(is_full);
    assert_true(vm_is_full(f->vm));
    fixture_load(f);
    assert_false(vm_is_full(f->vm));
    assert_string_equal(call(f, "other", NULL, OUT_OK), "5000");
}

/* What a long string needs at once may be garbage still: then that is collected first. */
static void test_room_is_made(void **state)
{
    struct fixture *f = *state;
    f->o.default_memory = 16 << 20;
    fixture_tool(f, "t",
                 "for _, n in ipairs { 1 << 20, 3 << 20, 5 << 20, 8 << 20 } do\n"
                 "  for _ = 1, 10 do assert(#('x'):rep(n) == n) end end\n"
                 "local kept = ('x'):rep(6 << 20)\n"
                 "local ok, e = pcall(string.rep, 'x', 7 << 20)\n"
                 "return tostring(ok) .. e .. #kept");
    fixture_load(f);
    const char *text = call(f, "t", NULL, OUT_OK);
    assert_non_null(strstr(text, "falsestring.rep: not enough memory: 14680064 bytes are needed"));
    assert_non_null(strstr(text, " are left6291456"));
    /* Where it cannot wait, nothing is collected: an error that can be caught. */
    f->o.default_memory = 4 << 20;
    fixture_tool(f, "pinned",
                 "local list = setmetatable({}, { __index = function()\n"
                 "  for _ = 1, 20 do local _ = ('x'):rep(500000) end end })\n"
                 "local ok, e = pcall(function() for _ in ipairs(list) do end end)\n"
                 "return tostring(ok) .. e");
    fixture_load(f);
    assert_non_null(strstr(call(f, "pinned", NULL, OUT_OK), "string.rep: not enough memory"));
    assert_false(vm_is_full(f->vm));
}

/* A machine that has no room for a long string is full only when it has none for others either. */
static void test_full_of_long_strings(void **state)
{
    struct fixture *f = *state;
    f->o.default_memory = 16 << 20;
    f->o.worker_memory = 32 << 20;
    fixture_write(f, "t.lua",
                  "local kept = {}\nreturn require('mcp').tool { name = 't', run = function(args)\n"
                  "local ok, s = pcall(string.rep, 'x', args.n)\n"
                  "if not ok then return nil, s end\n"
                  "kept[#kept + 1] = s return 'kept' end }");
    fixture_load(f);
    static const char *const sizes[] = { "{\"n\":2000000}", "{\"n\":500000}" };
    for (size_t k = 0; k < 2; k++) {
        bool is_refused = false;
        for (int i = 0; i < 100 && !is_refused; i++) {
            struct call c;
            call_start(f, &c, "t", sizes[k]);
            call_wait(f, &c);
            is_refused = c.result.outcome != OUT_OK;
            assert_non_null(strstr(call_text(&c), is_refused ? "not enough memory" : "kept"));
            call_fini(&c);
        }
        assert_true(is_refused);
        assert_int_equal(vm_is_full(f->vm), k == 1); /* up to 4 MB were left, then under 1 MB */
    }
}

static void test_idle_state_shrinks(void **state)
{
    struct fixture *f = *state;
    if (slow_factor() > 10) /* too few calls for the collector to come round */
        skip();
    fixture_tool(f, "t", "local t = {} for i = 1, 100000 do t[i] = { i } end return #t");
    fixture_tool(f, "echo", "return args");
    fixture_load(f);
    uint64_t before = vm_memory(f->vm);
    for (int i = 0; i < 20; i++)
        call(f, "t", NULL, OUT_OK);
    int rounds = 0;
    while (vm_has_work(f->vm)) { /* nothing but garbage is left */
        vm_run(f->vm);
        assert_true(++rounds < 100000);
    }
    assert_true(vm_memory(f->vm) < before + (4 << 20));
}

/* No path of a call may lose memory of the state. */
static void test_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    if (slow_factor() > 10) /* too few calls for the collector to come round */
        skip();
    fixture_tool(f, "echo", "return args");
    fixture_tool(f, "fail", "error('x')");
    fixture_tool(f, "wait", "mcp.test.sleep(0) ctx:on_end(function() end) return 'x'");
    fixture_tool(f, "spawn",
                 "return mcp.all { function() return 1 end, function() mcp.test.sleep(0) return 2 "
                 "end }");
    fixture_load(f);
    uint64_t first = 0, last = 0;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 100 / slow_factor(); i++) {
            call(f, "echo", "{\"a\":[1,2,3]}", OUT_OK);
            call(f, "fail", NULL, OUT_TOOL_ERROR);
            call(f, "wait", NULL, OUT_OK);
            call(f, "spawn", NULL, OUT_OK);
        }
        uint64_t now = vm_memory(f->vm);
        if (round >= 10 && round < 20 && now > first)
            first = now;
        if (round >= 30 && now > last)
            last = now;
    }
    assert_true(last <= first + first / 50 + 65536);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_charging), cmocka_unit_test(test_refusing),
        TEST(test_garbage_is_collected), TEST(test_many_hogs),
        TEST(test_file_level_tables),    TEST(test_room_is_made),
        TEST(test_full_of_long_strings), TEST(test_idle_state_shrinks),
        TEST(test_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
