/* test_exec.c - programs run without a shell: their output, their limits, their end. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static const char *const granted[] = { "sh",  "cat",      "echo", "false",   "sleep",
                                       "env", "/bin/pwd", "seq",  "nothere", NULL };

static int setup(void **state)
{
    struct fixture *f = fixture_new(false);
    f->policy.exec = granted;
    f->may_open = true;
    *state = f;
    return 0;
}

static void test_run(void **state)
{
    need_programs();
    static const struct example examples[] = {
        { "local r = mcp.exec.run{argv={'echo', 'a b', '$HOME', ';ls'}} return r.stdout .. r.code "
          ".. tostring(r.truncated)",
          "a b $HOME ;ls\n0false" },
        { "local r = mcp.exec.run{argv={'false'}} return r.code .. tostring(r.signal) .. #r.stdout "
          ".. #r.stderr",
          "1nil00" },
        { "local r = mcp.exec.run{argv={'sh', '-c', 'echo out; echo err >&2; kill -9 $$'}}\n"
          "return r.stdout .. r.stderr .. r.signal .. tostring(r.code)",
          "out\nerr\n9nil" },
        { "local r = mcp.exec.run{argv={'cat'}, stdin='in\\0put'} return #r.stdout", "6" },
        { "return mcp.exec.run{argv={'cat'}}.stdout .. 'end'", "end" },
        { "local r = mcp.exec.run{argv={'cat'}, stdin=('x'):rep(1000000)} return #r.stdout",
          "1000000" },
        { "local r = mcp.exec.run{argv={'sleep', 0.02}} return tostring(r.duration >= 0.02 and "
          "r.duration < 5)",
          "true" },
        { "return mcp.exec.run{argv={'seq', 3}}.stdout", "1\n2\n3\n" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_env(void **state)
{
    static const struct example examples[] = {
        { "local s = mcp.exec.run{argv={'env'}}.stdout return tostring(s:find('SECRET', 1, true)) "
          ".. tostring(s:find('PATH=', 1, true) ~= nil)",
          "niltrue" },
        { "local s = mcp.exec.run{argv={'env'}, env={A='1', B='x=y'}}.stdout\n"
          "return s:match('A=%d') .. s:match('B=[^\\n]*') .. tostring(s:find('PATH=', 1, true) ~= "
          "nil) .. tostring(s:find('SECRET', 1, true))",
          "A=1B=x=ytruenil" },
        { "local s = mcp.exec.run{argv={'/bin/pwd'}, env={HOME='/mine'}} return tostring(s.code)",
          "0" },
        { "local s = mcp.exec.run{argv={'env'}, env={HOME='/mine'}}.stdout local n = 0 for _ in "
          "s:gmatch('HOME=') do n = n + 1 end\n"
          "return n .. s:match('HOME=([^\\n]*)')",
          "1/mine" },
        { NULL, NULL },
    };
    need_programs();
    setenv("MOONGATE_TEST_SECRET", "SECRET", 1);
    check_all(*state, examples);
}

static void test_misuse(void **state)
{
    static const char *const lines[] = {
        "run()",
        "run({})",
        "run({argv={}})",
        "run({argv='ls'})",
        "run({argv={''}})",
        "run({argv={'echo', true}})",
        "run({argv={'echo', 'a\\0b'}})",
        "run({argv={'echo'}, evn={}})",
        "run({argv={'echo'}, env={['A=B']='x'}})",
        "run({argv={'echo'}, env={1}})",
        "run({argv={'echo'}, env={A='\\0'}})",
        "run({argv={'echo'}, timeout=-1})",
        "run({argv={'echo'}, timeout='25h'})",
        "run({argv={'echo'}, max_output='65M'})",
        "run({argv={'echo'}, on_line=1})",
        "run({argv={'echo'}, stdin=1})",
        "run({argv={'echo'}, stdin='x', stdin_file='y'})",
        "run({argv={'echo'}, cwd={}})",
    };
    need_programs();
    struct fixture *f = *state;
    check_raises(f, "local run = mcp.exec.run", lines, sizeof lines / sizeof *lines);
    check(f,
          "local a = {} for i = 1, 1001 do a[i] = 'echo' end return tostring(pcall(mcp.exec.run, "
          "{argv=a}))",
          "false");
    check(f,
          "local a = {} for i = 1, 1000 do a[i] = 'echo' end return #mcp.exec.run{argv=a}.stdout",
          "4995");
}

static void test_grants(void **state)
{
    static const struct example examples[] = {
        { "return select(3, mcp.exec.run{argv={'ls'}})", "DENIED" },
        /* A granted name is not a granted path, nor the other way round. */
        { "return select(3, mcp.exec.run{argv={'/bin/echo'}})", "DENIED" },
        { "return select(3, mcp.exec.run{argv={'pwd'}})", "DENIED" },
        { "return select(3, mcp.exec.run{argv={'/bin/../bin/pwd'}})", "DENIED" },
        { "return select(3, mcp.exec.run{argv={'./echo'}})", "DENIED" },
        { "return select(3, mcp.exec.run{argv={'@evals'}})", "DENIED" },
        { "return select(3, mcp.exec.run{argv={'nothere'}})", "ENOENT" },
        { "return select(2, mcp.exec.run{argv={'ls'}})",
          "the program ls is not granted; in mcp.ini: [tool t] exec = ls" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_output_limit(void **state)
{
    static const struct example examples[] = {
        /* Exactly the limit is kept whole, one byte more is cut in the middle. */
        { "local r = mcp.exec.run{argv={'sh', '-c', 'printf %s 0123456789'}, max_output=10} return "
          "r.stdout .. tostring(r.truncated)",
          "0123456789false" },
        { "local r = mcp.exec.run{argv={'sh', '-c', 'printf %s 0123456789a'}, max_output=10} "
          "return r.stdout .. tostring(r.truncated)",
          "01234\n[1 bytes left out]\n6789atrue" },
        { "local r = mcp.exec.run{argv={'seq', 200000}, max_output=1000}\n"
          "return r.stdout:sub(1, 6) .. r.stdout:match('%[%d+ bytes left out%]') .. "
          "r.stdout:sub(-7) .. #r.stdout",
          "1\n2\n3\n[1287895 bytes left out]200000\n1025" },
        { "local r = mcp.exec.run{argv={'sh', '-c', 'seq 200000 >&2'}, max_output=1000} return "
          "#r.stderr .. tostring(r.truncated)",
          "1025true" },
        { "local r = mcp.exec.run{argv={'seq', 9}, max_output=0} return r.stdout .. "
          "tostring(r.truncated)",
          "[18 bytes left out]\ntrue" },
        { NULL, NULL },
    };
    need_programs();
    check_all(*state, examples);
}

static void test_lines(void **state)
{
    need_programs();
    static const struct example examples[] = {
        { "local t = {} local r = mcp.exec.run{argv={'sh', '-c', 'echo a; echo; printf "
          "\"b\\\\r\\\\nc\"'},\n"
          "on_line=function(l, s) t[#t+1] = s:sub(4) .. ':' .. l end} return table.concat(t, '|') "
          ".. r.code",
          "out:a|out:|out:b|out:c0" },
        { "local t = {} mcp.exec.run{argv={'sh', '-c', 'echo e >&2'}, on_line=function(l, s) "
          "t[#t+1] = s .. l end} return t[1] .. #t",
          "stderre1" },
        /* The function may wait, and may run programs itself. */
        { "local n = 0 mcp.exec.run{argv={'seq', 20}, on_line=function(l) mcp.time.sleep(0.001)\n"
          "n = n + #mcp.exec.run{argv={'echo', l}}.stdout end} return n",
          "51" },
        /* More than is queued: reading stops until the lines are taken. Nothing is lost. */
        { "local n, sum = 0, 0 mcp.exec.run{argv={'seq', 100000}, on_line=function(l) n = n + 1 "
          "sum = sum + l\n"
          "if n == 1 then mcp.time.sleep(0.05) end end} return n .. ' ' .. math.tointeger(sum)",
          "100000 5000050000" },
        { "local n, max = 0, 0 mcp.exec.run{argv={'sh', '-c', 'head -c 200000 /dev/zero | tr "
          "\"\\\\0\" x; echo'}, on_line=function(l)\n"
          "n = n + 1 max = math.max(max, #l) end} return n .. ' ' .. max",
          "4 65536" },
        { "local ok, m = pcall(mcp.exec.run, {argv={'sh', '-c', 'echo a; sleep 60'}, "
          "on_line=function() error('mine', 0) end}) return m",
          "mine" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* Is it gone, or a zombie that its new parent has not reaped yet? */
static bool is_dead(void *pid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", *(int *)pid);
    FILE *in = fopen(path, "re");
    if (!in)
        return true;
    bool is_read = fgets(text, sizeof text, in);
    fclose(in);
    const char *state = strrchr(text, ')');
    return !is_read || (state && (state[2] == 'Z' || state[2] == 'X'));
}

/* The process whose number it left in a file runs no more. */
static void expect_dead(struct fixture *f)
{
    char path[128], text[32] = "";
    snprintf(path, sizeof path, "%s/pid", f->base);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    assert_non_null(fgets(text, sizeof text, in));
    fclose(in);
    int pid = atoi(text);
    assert_true(pid > 1);
    turn_until(f, is_dead, &pid);
    unlink(path);
}

/* A grandchild, so that only the death of the whole group helps. */
#define FOREVER \
    "{'sh', '-c', 'sh -c \"echo \\\\$\\\\$ > pid.new; mv pid.new pid; exec sleep 600\" & wait'}"

static bool has_pid(void *arg)
{
    char path[128];
    snprintf(path, sizeof path, "%s/pid", ((struct fixture *)arg)->base);
    return access(path, F_OK) == 0;
}

static void test_timeout(void **state)
{
    need_programs();
    struct fixture *f = *state;
    int64_t began = clock_mono_ms();
    check(f, "local r, m, code = mcp.exec.run{argv=" FOREVER ", timeout='400ms'} return code .. m",
          "TIMEOUTthe program did not end within 0.4 s and was killed");
    assert_true(clock_mono_ms() - began < 5000);
    expect_dead(f);
    check(f,
          "local n = 0 local r, m, code = mcp.exec.run{argv={'sh', '-c', 'while :; do echo x; "
          "done'}, timeout='100ms',\n"
          "on_line=function() n = n + 1 end} return code .. tostring(n > 0)",
          "TIMEOUTtrue");
}

static void test_cancelled(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t", "local r, m, code = mcp.exec.run{argv=" FOREVER "}\nreturn code");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    turn_until(f, has_pid, f);
    task_cancel(c.task, TASK_CANCELLED);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_CANCELLED);
    assert_true(c.took_ms < 10000);
    call_fini(&c);
    expect_dead(f);
}

/* The call is killed while its function computes: the process does not outlive it. */
static void test_killed(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "mcp.exec.run{argv={'sh', '-c', 'echo $$ > pid.new; mv pid.new pid; echo line; "
                 "exec sleep 600'},\n"
                 "on_line=function() while true do end end}");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    turn_until(f, has_pid, f);
    for (int i = 0; i < 5; i++)
        turn(f);
    task_cancel(c.task, TASK_CANCELLED);
    call_wait(f, &c);
    call_fini(&c);
    expect_dead(f);
}

static void test_freed(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t", "mcp.exec.run{argv=" FOREVER ", on_line=function() end}");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    turn_until(f, has_pid, f);
    vm_free(f->vm);
    f->vm = NULL;
    call_fini(&c);
    fixture_load(f);
    expect_dead(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_run, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_env, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_misuse, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_grants, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_output_limit, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_timeout, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_freed, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
