/* What mcp.ini grants, in the shape that the Lua machines take. */
#include "worker/site.h"

#include <string.h>

#include "worker/policy.h"

static const char ini[] = "[tool *]\n"
                          "timeout = 5s\n"
                          "env = LANG\n"
                          "[tool one]\n"
                          "exec = git, make\n"
                          "fs = read\n"
                          "http = api.example.org, *.example.net:8443\n"
                          "allow_private = yes\n"
                          "state = jobs:rw, models:r\n"
                          "memory = 1M\n"
                          "concurrent = 3\n"
                          "rate = 7/2s\n"
                          "colour = blue\n"
                          "token = @secret\n"
                          "[tool off]\n"
                          "enabled = no\n"
                          "[evals]\n"
                          "parallel = 4\n"
                          "max_queued = 9\n"
                          "max_output = 2M\n"
                          "[eval *]\n"
                          "command = run {taskId}\n"
                          "timeout = 3s\n"
                          "[eval far]\n"
                          "url = https://O.example/jobs\n"
                          "headers = A: b, C: d\n"
                          "poll = 7s\n"
                          "[eval near]\n"
                          "url = http://[::1]:81\n"
                          "[gates]\n"
                          "order = dev, prod\n"
                          "strict = yes\n";

static const struct vm_setting *setting(const struct vm_policy *p, const char *key)
{
    for (size_t i = 0; i < p->setting_count; i++)
        if (strcmp(p->settings[i].key, key) == 0)
            return &p->settings[i];
    fail_msg("no setting %s", key);
    return NULL;
}

static void test_one_tool(void **state)
{
    (void)state;
    struct site *s = site_new(1);
    site_write(s, "secret", "hush\n");
    struct config *c = site_config(s, ini);
    struct policies *all = policies_new(c);
    assert_non_null(all);
    const struct vm_policy *p = policies_find(all, "one");
    assert_true(p->enabled);
    assert_string_equal(p->exec[0], "git");
    assert_string_equal(p->exec[1], "make");
    assert_null(p->exec[2]);
    assert_int_equal(p->fs, VM_FS_READ);
    assert_string_equal(p->http[0], "api.example.org");
    assert_string_equal(p->http[1], "*.example.net:8443");
    assert_null(p->http[2]);
    assert_true(p->allow_private);
    assert_string_equal(p->env[0], "LANG");
    assert_string_equal(p->state[0], "jobs:rw");
    assert_string_equal(p->state[1], "models:r");
    assert_int_equal(p->timeout_ms, 5000);
    assert_int_equal(p->memory_bytes, 1 << 20);
    assert_int_equal(p->concurrent, 3);
    assert_int_equal(p->rate_bucket, 7);
    assert_int_equal(p->rate_window_ms, 2000);
    assert_int_equal(p->setting_count, 2);
    assert_string_equal(setting(p, "colour")->value, "blue");
    assert_null(setting(p, "colour")->secret);
    assert_non_null(strstr(setting(p, "colour")->where, "mcp.ini:"));
    assert_string_equal(setting(p, "token")->secret, "hush");
    assert_null(setting(p, "token")->secret_error);
    assert_ptr_equal(policies_find(all, "one"), p);
    assert_false(policies_find(all, "off")->enabled);
    /* One that no section names has what the globs say, and no grants. */
    const struct vm_policy *other = policies_find(all, "other");
    assert_true(other->enabled);
    assert_null(other->exec[0]);
    assert_int_equal(other->fs, VM_FS_NONE);
    assert_null(other->http[0]);
    assert_false(other->allow_private);
    assert_null(other->state[0]);
    assert_int_equal(other->timeout_ms, 5000);
    assert_int_equal(other->setting_count, 0);
    policies_free(all);
    config_unref(c);
    site_free(s);
}

/* The configuration is right, for only the tool knows whether it is a secret; the tool is not. */
static void test_a_secret_that_is_not_there(void **state)
{
    (void)state;
    struct site *s = site_new(1);
    struct config *c = site_config(s, "[tool one]\ntoken = @missing\n");
    struct policies *all = policies_new(c);
    const struct vm_setting *token = setting(policies_find(all, "one"), "token");
    assert_null(token->secret);
    assert_non_null(strstr(token->secret_error, "missing"));
    policies_free(all);
    config_unref(c);
    site_free(s);
}

static void test_sections(void **state)
{
    (void)state;
    struct site *s = site_new(1);
    site_write(s, "secret", "hush\n");
    struct config *c = site_config(s, ini);
    struct policies *all = policies_new(c);
    const struct vm_sections *v = policies_sections(all);
    assert_int_equal(v->evals_parallel, 4);
    assert_int_equal(v->evals_max_queued, 9);
    assert_int_equal(v->evals_max_output, 2 << 20);
    assert_int_equal(v->eval_count, 3);
    assert_string_equal(v->evals[0].name, "*");
    assert_string_equal(v->evals[0].command[1], "{taskId}");
    assert_int_equal(v->evals[0].timeout_ms, 3000);
    assert_null(v->evals[0].url);
    assert_null(v->evals[1].command[0]);
    assert_string_equal(v->evals[1].url, "https://O.example/jobs");
    assert_string_equal(v->evals[1].hosts[0], "o.example:443");
    assert_null(v->evals[1].hosts[1]);
    assert_string_equal(v->evals[1].headers[1], "C: d");
    assert_null(v->evals[1].headers[2]);
    assert_int_equal(v->evals[1].poll_ms, 7000);
    assert_string_equal(v->evals[2].hosts[0], "[::1]:81");
    assert_string_equal(v->gates[1], "prod");
    assert_true(v->gates_strict);
    policies_free(all);
    policies_free(NULL);
    config_unref(c);
    site_free(s);
}

struct told {
    char text[1024];
    const char *dir;
};

/* The folder's name is taken away. */
static void tell(void *arg, const char *text)
{
    struct told *t = arg;
    size_t len = strlen(t->dir);
    assert_true(strncmp(text, t->dir, len) == 0 && text[len] == '/');
    strcat(t->text, text + len + 1);
    strcat(t->text, "\n");
}

/* What no file declares is told, but for globs, tools that are off, and files that did not load. */
static void test_strays(void **state)
{
    (void)state;
    struct site *s = site_new(1);
    struct config *c = site_config(s, "[tool echo]\n[tool ecoh]\nenabled = no\n[tool e*]\n"
                                      "[tool off]\nenabled = no\n[tool broken]\n[tool broke]\n"
                                      "[tool far_away]\n");
    struct policies *all = policies_new(c);
    struct toolset *tools = toolset_new(1);
    struct told told = { .dir = s->dir };
    struct toolset_problem broken = { .file = "broken.lua", .text = "no Lua" };
    policies_find(all, "echo");
    policies_find(all, "off");
    assert_int_equal(toolset_add_problem(tools, &broken), 0);
    assert_int_equal(toolset_seal(tools), 0);
    policies_strays(all, tools, tell, &told);
    assert_string_equal(told.text,
                        "mcp.ini:4: [tool ecoh]: no file declares this tool; did you mean echo?\n"
                        "mcp.ini:10: [tool broke]: no file declares this tool\n"
                        "mcp.ini:11: [tool far_away]: no file declares this tool\n");
    toolset_unref(tools);
    policies_free(all);
    config_unref(c);
    site_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_tool),
        cmocka_unit_test(test_a_secret_that_is_not_there),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_strays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
