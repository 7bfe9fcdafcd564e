/* test_environment.c - the environment before the file before the default; both names of a key. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "config/keys.h"
#include "ini_file.h"

static void test_precedence(void **state)
{
    static const char *const env[] = { "MOONGATE_SERVER_PORT=3", NULL };
    static const char *const empty[] = { "MOONGATE_SERVER_PORT=", "PORT=", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_int_equal(ini_file_load(&f, "", NULL)->server.port, 8766);
    assert_int_equal(ini_file_load(&f, "[server]\nport = 2\n", NULL)->server.port, 2);
    assert_int_equal(ini_file_load(&f, "[server]\nport = 2\n", env)->server.port, 3);
    assert_int_equal(ini_file_load(&f, "[server]\nport = 2\n", empty)->server.port, 2);
    ini_file_free(&f);
}

static void test_kit_names(void **state)
{
    const char *env[] = { "PORT=1",
                          "LUKHAS_MCP_API_KEYS= a , b,",
                          "MCP_RL_WINDOW_MS=2500",
                          "MCP_RL_BUCKET=4",
                          "MCP_STATE_PATH=/s.json",
                          "MCP_JOB_TTL_MS=60000",
                          "LUKHAS_REPO_ROOT=/",
                          NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    const struct config *c = ini_file_load(&f, "[auth]\nkeys = c\n[key ci]\nsecret = d\n", env);
    assert_non_null(c);
    assert_int_equal(c->server.port, 1);
    assert_int_equal(c->auth.keys.n, 2); /* those of the file are gone */
    assert_string_equal(c->auth.keys.items[0], "a");
    assert_string_equal(c->auth.keys.items[1], "b");
    assert_int_equal(c->n_keys, 1); /* [key NAME] is untouched */
    assert_int_equal(c->rate_limit.window_ms, 2500);
    assert_int_equal(c->rate_limit.bucket, 4);
    assert_int_equal(c->rate_limit.per_key, 4);
    assert_string_equal(c->state.path, "/s.json");
    assert_int_equal(c->state.job_ttl_ms, 60000);
    assert_string_equal(c->paths.root, "/");
    ini_file_free(&f);
}

/* What the kit's variable holds is the key, whatever it looks like. */
static void test_kit_keys_are_literal(void **state)
{
    static const char *const env[] = { "LUKHAS_MCP_API_KEYS=@file,${HOME}", "HOME=/x", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "", env));
    assert_string_equal(f.config->auth.keys.items[0], "@file");
    assert_string_equal(f.config->auth.keys.items[1], "${HOME}");
    ini_file_free(&f);
}

static void test_two_names(void **state)
{
    static const char *const same[] = { "PORT=1", "MOONGATE_SERVER_PORT=1",
                                        "MCP_RL_WINDOW_MS=60000", "MOONGATE_RATE_LIMIT_WINDOW=1m",
                                        NULL };
    static const char *const different[] = { "PORT=1", "MOONGATE_SERVER_PORT=2", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "", same));
    assert_int_equal(f.config->rate_limit.window_ms, 60000);
    ini_file_assert(&f, "", different,
                    "environment PORT: server.port: MOONGATE_SERVER_PORT says something else\n");
    ini_file_free(&f);
}

static void test_problems(void **state)
{
    static const char *const env[] = { "PORT=http",
                                       "MCP_RL_WINDOW_MS=10s",
                                       "MCP_JOB_TTL_MS=1",
                                       "MOONGATE_SERVER_PORT_8766_TCP=tcp",
                                       "MOONGATE_LOG_LEVEL=x",
                                       "MOONGATE_SERVER_PROT=1",
                                       "MOONGATE_TOOL_X_TIMEOUT=1s",
                                       "MOONGATE_KEY_CI_SECRET=x",
                                       "MOONGATE_TEST_BIN=x",
                                       "MOONGATE_BIN=y",
                                       "MOONGATE=z",
                                       NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    ini_file_assert(
        &f, "", env,
        "environment MOONGATE_SERVER_PORT_8766_TCP: names no key of [server]\n"
        "environment MOONGATE_SERVER_PROT: names no key of [server]; did you mean port?\n"
        "environment MOONGATE_TOOL_X_TIMEOUT: names no key of a [tool ...] section in the file\n"
        "environment MOONGATE_KEY_CI_SECRET: names no key of a [key ...] section in the file\n"
        "environment MCP_RL_WINDOW_MS: rate_limit.window: expected a number of milliseconds\n"
        "environment PORT: server.port: expected a number from 0 to 65535, got 'http'\n"
        "environment MCP_JOB_TTL_MS: state.job_ttl: expected 1s to 3650d, got '1ms'\n"
        "environment MOONGATE_LOG_LEVEL: log.level: expected debug, info, warn, error or off, got "
        "'x'\n");
    ini_file_free(&f);
}

static void test_named_sections(void **state)
{
    static const char *const env[] = {
        "MOONGATE_KEY_MY_CI_SECRET=s",       "MOONGATE_TOOL_RUN_TIMEOUT=1s",
        "MOONGATE_TOOL_RUN_EVAL_TIMEOUT=2s", "MOONGATE_TOOL_RUN_EVAL_CACHE_TTL=3s",
        "MOONGATE_EVAL_A_B_COMMAND=bin/x y", NULL
    };
    static const char text[] = "[key my-ci]\nsecret = t\n[tool run]\n[tool run_eval]\n"
                               "cache_ttl = 9s\n[tool *]\n[eval a.b]\ncommand = z\n";
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    const struct config *c = ini_file_load(&f, text, env);
    assert_non_null(c);
    assert_string_equal(c->keys[0].secret, "s");
    assert_int_equal(c->tool_rules[0].timeout_ms, 1000);
    assert_int_equal(c->tool_rules[1].timeout_ms, 2000);
    assert_int_equal(c->tool_rules[0].n_settings, 0);
    assert_int_equal(c->tool_rules[1].n_settings, 1);
    assert_string_equal(c->tool_rules[1].settings[0].key, "cache_ttl");
    assert_string_equal(c->tool_rules[1].settings[0].value, "3s");
    assert_string_equal(c->tool_rules[1].settings[0].where, "MOONGATE_TOOL_RUN_EVAL_CACHE_TTL");
    assert_int_equal(c->eval_rules[0].command.n, 2);
    ini_file_free(&f);
}

static void test_ambiguous(void **state)
{
    static const char *const env[] = { "MOONGATE_KEY_A_B_RATE=1/1s", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    ini_file_assert(&f, "[key a.b]\nsecret = x\n[key a-b]\nsecret = y\n", env,
                    "environment MOONGATE_KEY_A_B_RATE: means [key a.b] and [key a-b] alike\n");
    ini_file_free(&f);
}

/* The key of that name got the value: it is printed as its origin, or its badness named. */
static bool was_reached(struct ini_file *f, const char *variable, const char *key)
{
    struct buf out = { 0 };
    char want[256];

    if (f->config) {
        config_print(f->config, &out);
        snprintf(want, sizeof want, "; environment %s\n", variable);
    } else {
        buf_str(&out, ini_file_problems(f));
        snprintf(want, sizeof want, "environment %s: %s: ", variable, key);
    }
    bool found = buf_cstr(&out) && strstr(out.data, want);
    buf_fini(&out);
    return found;
}

/* "MOONGATE_SERVER_PORT" */
static void variable_name(char *out, const char *section, const char *key)
{
    sprintf(out, "MOONGATE_%s_%s", section, key);
    for (; *out; out++)
        *out = (char)toupper((unsigned char)*out);
}

static void test_every_key_has_a_name(void **state)
{
    struct ini_file f;
    size_t tested = 0;

    (void)state;
    ini_file_new(&f);
    for (size_t i = 0; i < config_section_count; i++) {
        const struct section_info *s = &config_sections[i];
        for (size_t j = 0; j < s->n_keys && !s->named; j++, tested++) {
            char variable[64], key[64], value[80];
            variable_name(variable, s->name, s->keys[j].name);
            snprintf(key, sizeof key, "%s.%s", s->name, s->keys[j].name);
            snprintf(value, sizeof value, "%s=\x01", variable);
            const char *const env[] = { value, NULL };
            ini_file_load(&f, "", env);
            if (!was_reached(&f, variable, key))
                fail_msg("%s: %s", variable, ini_file_problems(&f));
        }
    }
    assert_true(tested > 40);
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_kit_names),
        cmocka_unit_test(test_kit_keys_are_literal),
        cmocka_unit_test(test_two_names),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_named_sections),
        cmocka_unit_test(test_ambiguous),
        cmocka_unit_test(test_every_key_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
