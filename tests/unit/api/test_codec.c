/* test_codec.c - digests and encodings against known values, small and handed to a helper thread.
 */
#include "fixture.h"

static void test_known_values(void **state)
{
    static const struct example examples[] = {
        { "return mcp.codec.sha256('')",
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "return mcp.codec.sha256('abc')",
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "return mcp.codec.hmac_sha256('Jefe', 'what do ya want for nothing?')",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { "return mcp.codec.hex('\\0\\255Az')", "00ff417a" },
        { "return mcp.codec.hex(mcp.codec.unhex('00fFAb'))", "00ffab" },
        { "return mcp.codec.base64('') .. mcp.codec.base64('f') .. mcp.codec.base64('fo')",
          "Zg==Zm8=" },
        { "return mcp.codec.unbase64('Zm9vYmE=')", "fooba" },
        { "return mcp.codec.base64url('\\251\\255\\191')", "-_-_" },
        { "return mcp.codec.hex(mcp.codec.unbase64url('-_-_'))", "fbffbf" },
        { "return mcp.codec.utf8('a\\xffb\\xc3\\xa9')", "a\xEF\xBF\xBD"
                                                        "b\xC3\xA9" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_refused(void **state)
{
    static const struct example examples[] = {
        { "return select(3, mcp.codec.unhex('abc'))", "INVALID" },
        { "return select(3, mcp.codec.unhex('zz'))", "INVALID" },
        { "return select(3, mcp.codec.unbase64('Zg'))", "INVALID" },
        { "return select(3, mcp.codec.unbase64('Z g='))", "INVALID" },
        { "return select(3, mcp.codec.unbase64url('Zg=='))", "INVALID" },
        { "return select(3, mcp.codec.unbase64url('+/+/'))", "INVALID" },
        { "return tostring(pcall(mcp.codec.sha256))", "false" },
        { "return tostring(pcall(mcp.codec.hmac_sha256, 'k'))", "false" },
        { "return tostring(pcall(mcp.codec.random, 0))", "false" },
        { "return tostring(pcall(mcp.codec.random, 65537))", "false" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_large(void **state)
{
    static const struct example examples[] = {
        /* One byte more than what is done at once, so a helper thread does it; equal to the sum of
           parts. */
        { "return mcp.codec.sha256(('a'):rep(262144))",
          "dd3dde87623d9a6b354c68c943d189c89c63652d945e7bbdf0986cae91a49521" },
        { "return mcp.codec.sha256(('a'):rep(262145))",
          "c592f4a6b099700b5050ce8bc67367f0c8f44810203124e86405c3e7b6f1a2ba" },
        { "return mcp.codec.sha256(('a'):rep(1000000))",
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
        { "local s = ('\\1\\2\\3'):rep(100000) return "
          "tostring(mcp.codec.unbase64(mcp.codec.base64(s)) == s)",
          "true" },
        { "return select(3, mcp.codec.unhex(('0'):rep(262145)))", "INVALID" },
        { "return tostring(pcall(mcp.codec.sha256, ('a'):rep(8*1024*1024) .. "
          "('a'):rep(8*1024*1024) .. 'a'))",
          "false" },
        { "return #mcp.codec.sha256(('a'):rep(8*1024*1024) .. ('a'):rep(8*1024*1024))", "64" },
        { "return select(3, mcp.codec.hex(('a'):rep(8*1024*1024) .. 'a'))", "TOO_LARGE" },
        { "return #mcp.codec.hex(('a'):rep(8*1024*1024))", "16777216" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_random(void **state)
{
    static const struct example examples[] = {
        { "return #mcp.codec.random(1) + #mcp.codec.random(65536)", "65537" },
        { "local a, b = mcp.codec.random(16), mcp.codec.random(16) return tostring(a ~= b)",
          "true" },
        { "local u = mcp.codec.uuid() return "
          "tostring(u:match('^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-"
          "[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$') == u)",
          "true" },
        { "return tostring(mcp.codec.uuid() ~= mcp.codec.uuid())", "true" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* The call ends while a helper thread works on its copy: the answer that comes late frees it. */
static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local s = ('a'):rep(8*1024*1024) .. ('a'):rep(8*1024*1024)\n"
                 "mcp.time.sleep(0)\n"
                 "local d, m, code = mcp.codec.sha256(s)\n"
                 "return code or 'in time'");
    fixture_load(f);
    for (int i = 0; i < 5; i++) {
        call_start(f, &c, "t", NULL);
        turn(f);
        if (c.task)
            task_cancel(c.task, TASK_CANCELLED);
        call_wait(f, &c);
        assert_true(c.result.outcome == OUT_CANCELLED || c.result.outcome == OUT_OK);
        call_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known_values, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_large, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_random, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
