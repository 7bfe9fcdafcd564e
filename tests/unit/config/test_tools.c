/* test_tools.c - what the sections of tools say together about one tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ini_file.h"

static void test_own_section_wins(void **state)
{
    struct config_tool t;
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f,
                                  "[tool run_eval]\nfs = read\nexec = git\ntimeout = 1s\n"
                                  "[tool *]\nfs = write\nexec = ls, cat\n"
                                  "timeout = 2s\nmemory = 1M\nrate = "
                                  "1/1s\n"
                                  "[tool run_*]\nmemory = 2M\nenabled = no\nconcurrent = 3\n"
                                  "[tool other]\nmemory = 3M\n",
                                  NULL));
    assert_int_equal(config_tool_resolve(f.config, "run_eval", &t), 0);
    assert_string_equal(t.name, "run_eval");
    assert_int_equal(t.fs, CONFIG_FS_READ);
    assert_string_equal(t.exec.text, "git"); /* its own, though a glob came later */
    assert_int_equal(t.timeout_ms, 1000);
    assert_int_equal(t.memory_bytes, 2 << 20); /* the later glob */
    assert_int_equal(t.rate.bucket, 1);        /* the only one who says so */
    assert_int_equal(t.concurrent, 3);
    assert_false(t.enabled);
    config_tool_fini(&t);

    assert_int_equal(config_tool_resolve(f.config, "run", &t), 0);
    assert_int_equal(t.fs, CONFIG_FS_WRITE);
    assert_string_equal(t.exec.text, "ls, cat");
    assert_string_equal(t.exec.items[1], "cat");
    assert_int_equal(t.memory_bytes, 1 << 20);
    assert_true(t.enabled);
    assert_int_equal(t.concurrent, 0);
    config_tool_fini(&t);
    ini_file_free(&f);
}

static void test_no_section(void **state)
{
    struct config_tool t;
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "[tool other]\nexec = x\n", NULL));
    assert_int_equal(config_tool_resolve(f.config, "tool", &t), 0);
    assert_true(t.enabled);
    assert_int_equal(t.line, 0);
    assert_int_equal(t.exec.n + t.env.n + t.state.n + t.n_settings, 0);
    assert_non_null(t.exec.items);
    assert_null(t.exec.items[0]);
    assert_string_equal(t.exec.text, "");
    config_tool_fini(&t);
    ini_file_free(&f);
}

/* An empty value takes back what a glob grants. */
static void test_empty_takes_back(void **state)
{
    struct config_tool t;
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    static const char text[] = "[tool *]\nexec = sh\ntimeout = 1s\n[tool a]\nexec =\ntimeout =\n";
    assert_non_null(ini_file_load(&f, text, NULL));
    assert_int_equal(config_tool_resolve(f.config, "a", &t), 0);
    assert_int_equal(t.exec.n, 0);
    assert_int_equal(t.timeout_ms, 0);
    config_tool_fini(&t);
    ini_file_free(&f);
}

static const struct config_setting *setting(const struct config_tool *t, const char *key)
{
    for (size_t i = 0; i < t->n_settings; i++)
        if (strcmp(t->settings[i].key, key) == 0)
            return &t->settings[i];
    return NULL;
}

static void test_settings(void **state)
{
    static const char *const env[] = { "TOKEN=@not-a-file", NULL };
    struct config_tool t;
    struct ini_file f;
    char want[128];

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f,
                                  "[tool *]\nttl = 10m\nbase = x${TOKEN}\n"
                                  "[tool fetch]\nttl = 5m\ntoken = ${TOKEN}\n",
                                  env));
    assert_int_equal(config_tool_resolve(f.config, "fetch", &t), 0);
    assert_int_equal(t.n_settings, 3);
    const struct config_setting *ttl = setting(&t, "ttl");
    assert_string_equal(ttl->value, "5m");
    assert_string_equal(ttl->section, "fetch");
    assert_int_equal(ttl->at.line, 5);
    snprintf(want, sizeof want, "%s:5", f.path);
    assert_string_equal(ttl->where, want);
    assert_string_equal(setting(&t, "base")->value, "x@not-a-file");
    assert_string_equal(setting(&t, "base")->section, "*");
    assert_false(setting(&t, "token")->names_file);
    config_tool_fini(&t);
    assert_int_equal(config_tool_resolve(f.config, "none", &t), 0);
    assert_int_equal(t.n_settings, 2);
    config_tool_fini(&t);
    ini_file_free(&f);
}

static void test_setting_secrets(void **state)
{
    static const char *const env[] = { "DIR=.", "TOKEN=@x", "MOONGATE_TOOL_A_D=@key", NULL };
    struct config_tool t;
    struct ini_file f;
    struct buf out = { 0 };
    struct err e;

    (void)state;
    ini_file_new(&f);
    ini_file_write(&f, "key", "from file\n", 10, 0600);
    ini_file_write(&f, "open", "x", 1, 0644);
    assert_non_null(ini_file_load(&f,
                                  "[tool a]\na = plain\nb = ${TOKEN}\nc = @${DIR}/key\n"
                                  "e = @open\nf = @none\n",
                                  env));
    assert_int_equal(config_tool_resolve(f.config, "a", &t), 0);
    static const struct {
        const char *key, *want;
    } cases[] = { { "a", "plain" },     { "b", "@x" }, { "c", "from file" },
                  { "d", "from file" }, { "e", NULL }, { "f", NULL } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&out);
        int rc = config_secret(f.config, setting(&t, cases[i].key), &out, &e);
        assert_int_equal(rc == 0, cases[i].want != NULL);
        if (cases[i].want)
            assert_string_equal(buf_cstr(&out), cases[i].want);
        else
            assert_int_equal(out.len, 0);
    }
    /* Each is the gateway's own, read or not. */
    assert_int_equal(f.config->own_files.n, 5);
    config_tool_fini(&t);
    buf_fini(&out);
    ini_file_free(&f);
}

static void test_bad_settings(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    ini_file_assert(&f, "[tool a]\nx = ${NONE}\ny = \"q\"\nz = 1 # one\n", NULL,
                    "mcp.ini:2: tool a.x: the environment variable NONE is not set\n"
                    "mcp.ini:3: tool a.y: a value stands without quotes\n"
                    "mcp.ini:4: tool a.z: a comment behind a value begins with ; and not with #\n");
    ini_file_free(&f);
}

static void test_rules_in_order(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "[tool b]\n[tool a?]\n[eval *]\ncommand = a\n[tool a]\n",
                                  NULL));
    assert_int_equal(f.config->n_tool_rules, 3);
    assert_string_equal(f.config->tool_rules[0].name, "b");
    assert_int_equal(f.config->tool_rules[0].line, 1);
    assert_false(f.config->tool_rules[0].is_glob);
    assert_true(f.config->tool_rules[1].is_glob);
    assert_int_equal(f.config->tool_rules[2].line, 5);
    assert_int_equal(f.config->n_eval_rules, 1);
    assert_string_equal(f.config->eval_rules[0].name, "*");
    ini_file_free(&f);
}

/* A tool that says nothing could make no task at all. */
static void test_ttl_of_tasks(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "[tasks]\nttl = 2h\nmax_ttl = 2h\n", NULL));
    assert_int_equal(f.config->tasks.ttl_ms, 7200000);
    assert_null(ini_file_load(&f, "[tasks]\nttl = 8d\n", NULL));
    assert_string_equal(ini_file_problems(&f),
                        "mcp.ini:2: tasks.ttl: 8d is more than [tasks] max_ttl = 7d\n");
    assert_null(ini_file_load(&f, "[tasks]\nmax_ttl = 30m\n", NULL));
    assert_string_equal(ini_file_problems(&f),
                        "mcp.ini:2: tasks.max_ttl: 30m is less than [tasks] ttl = 1h\n");
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_section_wins), cmocka_unit_test(test_no_section),
        cmocka_unit_test(test_empty_takes_back), cmocka_unit_test(test_settings),
        cmocka_unit_test(test_setting_secrets),  cmocka_unit_test(test_bad_settings),
        cmocka_unit_test(test_rules_in_order),   cmocka_unit_test(test_ttl_of_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
