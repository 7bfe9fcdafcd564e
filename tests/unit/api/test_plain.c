/* test_plain.c - mcp.time, mcp.log, mcp.config, mcp.env and what run may return. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_time(void **state)
{
    static const struct example examples[] = {
        { "return mcp.time.iso(0)", "1970-01-01T00:00:00.000Z" },
        { "return mcp.time.iso(1763883041.22)", "2025-11-23T07:30:41.220Z" },
        { "return tostring(mcp.time.iso():match('^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$') "
          "~= nil)",
          "true" },
        { "return tostring(math.abs(mcp.time.now() - os.time()) < 2)", "true" },
        { "local a = mcp.time.mono() local b = mcp.time.mono() return tostring(b >= a)", "true" },
        { "return tostring(pcall(mcp.time.iso, -1))", "false" },
        { "return tostring(pcall(mcp.time.iso, 1e12))", "false" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_sleep(void **state)
{
    static const struct example examples[] = {
        { "local a = mcp.time.mono() local ok = mcp.time.sleep(0.03) return tostring(ok and "
          "mcp.time.mono() - a >= 0.03)",
          "true" },
        { "return tostring(mcp.time.sleep('1ms'))", "true" },
        { "return tostring(mcp.time.sleep(0))", "true" },
        { "return tostring(pcall(mcp.time.sleep, -1))", "false" },
        { "return tostring(pcall(mcp.time.sleep, 3600.1))", "false" },
        { "return tostring(pcall(mcp.time.sleep, '61m'))", "false" },
        { "return tostring(pcall(mcp.time.sleep, 'soon'))", "false" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_sleep_cancelled(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local ok, m, code = mcp.time.sleep(3600)\n"
                 "local again = select(3, mcp.time.sleep(1))\n"
                 "mcp.state.open('t.x'):put{id='1'}\n"
                 "ctx:on_end(function() mcp.state.open('t.x'):put{id=tostring(code) .. again} "
                 "end)\n"
                 "return 'x'");
    fixture_tool(f, "look", "local all = {} return tostring(true)");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    cancel_later(f, &c, 10);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_CANCELLED);
    assert_true(c.took_ms < 2000);
    call_fini(&c);
    settle(f);
    check(f, "return mcp.state.open('t.x'):list()", "[{\"id\":\"CANCELLEDCANCELLED\"}]");
}

static void test_config(void **state)
{
    static const struct example examples[] = {
        { "return mcp.config.greeting .. mcp.config.pause", "hi1.5" },
        { "return tostring(pcall(function() return mcp.config.unheard end))", "false" },
        { "return tostring(pcall(function() mcp.config.greeting = 1 end))", "false" },
        { "return tostring(getmetatable(mcp.config))", "false" },
        { NULL, NULL },
    };
    static const struct vm_setting setting = { .key = "greeting",
                                               .value = "hello",
                                               .where = "mcp.ini:7" };
    struct fixture *f = *state;

    check_all(f, examples);
    f->policy.settings = &setting;
    f->policy.setting_count = 1;
    check(f, "return mcp.config.greeting", "hello");
}

static void test_env(void **state)
{
    static const char *const granted[] = { "MOONGATE_TEST_A", "MOONGATE_TEST_B", NULL };
    static const struct example examples[] = {
        { "return mcp.env('MOONGATE_TEST_A')", "alpha" },
        { "return select(3, mcp.env('MOONGATE_TEST_B'))", "ENOENT" },
        { "return select(3, mcp.env('MOONGATE_TEST_C'))", "DENIED" },
        { "return tostring(pcall(mcp.env))", "false" },
        { NULL, NULL },
    };
    struct fixture *f = *state;
    setenv("MOONGATE_TEST_A", "alpha", 1);
    unsetenv("MOONGATE_TEST_B");
    setenv("MOONGATE_TEST_C", "secret", 1);
    f->policy.env = granted;
    check_all(f, examples);
}

static void test_log(void **state)
{
    static const struct example examples[] = {
        { "mcp.log.info('hello', {a=1, b='x', tool='mine', list={1,2}}) return 'ok'", "ok" },
        { "mcp.log.warn('plain') return 'ok'", "ok" },
        { "mcp.log.error('plain', {}) return 'ok'", "ok" },
        { "return tostring(pcall(mcp.log.error))", "false" },
        { "return tostring(pcall(mcp.log.error, 'x', 'y'))", "false" },
        { "return tostring(pcall(mcp.log.error, 'x', {1}))", "false" },
        { "return tostring(pcall(mcp.log.error, 'x', {['a b']=1}))", "false" },
        { "return tostring(pcall(mcp.log.error, 'x', {a=print}))", "false" },
        { "local t = {} for i = 1, 32 do t['k' .. i] = i end mcp.log.error('x', t)\n"
          "t.k33 = 1 return tostring(pcall(mcp.log.error, 'x', t))",
          "false" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* The content array of a call's result. */
static void check_content(struct fixture *f, const char *body, const char *want)
{
    struct call c;
    fixture_tool(f, "t", body);
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    call_wait(f, &c);
    assert_string_equal(buf_cstr(&c.result.content), want);
    call_fini(&c);
}

static void test_blocks(void **state)
{
    struct fixture *f = *state;
    check_content(f, "return mcp.content { mcp.text('a'), mcp.image('\\1', 'image/png') }",
                  "[{\"text\":\"a\",\"type\":\"text\"},"
                  "{\"data\":\"AQ==\",\"mimeType\":\"image/png\",\"type\":\"image\"}]");
    check_content(f,
                  "return mcp.content { mcp.audio('', 'audio/wav', { annotations = { priority = 1 "
                  "}, meta = {} }) }",
                  "[{\"_meta\":{},\"annotations\":{\"priority\":1},\"data\":\"\","
                  "\"mimeType\":\"audio/wav\",\"type\":\"audio\"}]");
    check_content(f,
                  "return mcp.content { mcp.link { uri = 'file:///a', name = 'a', mime = "
                  "'text/plain', size = 3 } }",
                  "[{\"mimeType\":\"text/plain\",\"name\":\"a\",\"size\":3,"
                  "\"type\":\"resource_link\",\"uri\":\"file:///a\"}]");
    check_content(f,
                  "return mcp.content { mcp.embed { uri = 'x:y', text = 't' }, mcp.embed { uri = "
                  "'x:z', blob = 'b', mime = 'm' } }",
                  "[{\"resource\":{\"text\":\"t\",\"uri\":\"x:y\"},\"type\":\"resource\"},"
                  "{\"resource\":{\"blob\":\"Yg==\",\"mimeType\":\"m\",\"uri\":\"x:z\"},"
                  "\"type\":\"resource\"}]");
    check_content(f, "return mcp.content {}", "[]");
}

static void test_structured(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "return mcp.content { mcp.text('a'), structured = { n = 1 }, meta = { m = 2 } }");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    call_wait(f, &c);
    assert_string_equal(buf_cstr(&c.result.structured), "{\"n\":1}");
    assert_string_equal(buf_cstr(&c.result.meta), "{\"m\":2}");
    call_fini(&c);
}

static void test_blocks_refused(void **state)
{
    static const struct example examples[] = {
        { "return tostring(pcall(mcp.text))", "false" },
        { "return tostring(pcall(mcp.text, 'a', { size = 1 }))", "false" },
        { "return tostring(pcall(mcp.image, 'a'))", "false" },
        { "return tostring(pcall(mcp.link, { uri = 'a' }))", "false" },
        { "return tostring(pcall(mcp.link, { uri = 'a', name = 'b', typo = 1 }))", "false" },
        { "return tostring(pcall(mcp.embed, { uri = 'a' }))", "false" },
        { "return tostring(pcall(mcp.embed, { uri = 'a', text = 'a', blob = 'b' }))", "false" },
        { "return tostring(pcall(mcp.content, { 'a' }))", "false" },
        { "return tostring(pcall(mcp.content, { strctured = {} }))", "false" },
        { "return tostring(pcall(mcp.fail, {}))", "false" },
        { "return mcp.fail('it broke')", "!it broke" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* At the top of a file there is no store, no job, no waiting, and each says so. */
static void test_at_load(void **state)
{
    static const char *const lines[] = {
        "mcp.time.sleep(1)",
        "mcp.state.open('x'):get('a')",
        "mcp.state.sync()",
        "mcp.state.batch(function() end)",
        "mcp.jobs.start{run=print}",
        "mcp.jobs.running()",
        "local _ = mcp.config.greeting",
    };
    struct fixture *f = *state;
    char text[512];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text,
                 "local mcp = require \"mcp\"\nlocal ok, m = pcall(function() %s end)\n"
                 "return mcp.tool { name = \"t\", run = function() return tostring(ok) .. ' ' .. m "
                 "end }\n",
                 lines[i]);
        fixture_write(f, "tools.d/t.lua", text);
        fixture_load(f);
        const char *got = call(f, "t", NULL);
        if (strncmp(got, "false ", 6) != 0 || (!strstr(got, "while a") && !strstr(got, "loaded")))
            fail_msg("%s: %s", lines[i], got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_time, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sleep, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sleep_cancelled, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_config, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_env, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_log, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_blocks, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_structured, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_blocks_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_at_load, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
