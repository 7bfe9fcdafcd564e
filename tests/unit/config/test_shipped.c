/* test_shipped.c - the shipped mcp.ini and docs/config.md say what the table says. Run in the
 * tree's top. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/ini.h"
#include "config/keys.h"
#include "config/manual.h"
#include "ini_file.h"

static char *file_text(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, 256 * 1024);

    if (!file)
        fail_msg("%s is not there", path);
    assert_non_null(text);
    assert_true(fread(text, 1, 256 * 1024 - 1, file) > 0);
    fclose(file);
    return text;
}

/* Line by line, with the number of the first that differs. */
static void assert_same_text(const char *path, const char *got, const char *want)
{
    for (int line = 1;; line++) {
        size_t ng = strcspn(got, "\n"), nw = strcspn(want, "\n");
        if (ng != nw || memcmp(got, want, ng) != 0)
            fail_msg("%s:%d: '%.*s' should be '%.*s'", path, line, (int)ng, got, (int)nw, want);
        if (got[ng] == '\0' || want[nw] == '\0') {
            assert_int_equal(got[ng], want[nw]);
            return;
        }
        got += ng + 1;
        want += nw + 1;
    }
}

static void test_docs(void **state)
{
    struct buf want = { 0 };
    char *got = file_text("docs/config.md");

    (void)state;
    manual_markdown(&want);
    assert_same_text("docs/config.md", got, buf_cstr(&want));
    free(got);
    buf_fini(&want);
}

/* mcp.ini begins with the table's own text, in which a ; before a key may be gone; then comes what
 * belongs to the tools that are shipped. */
static void test_every_key_is_there(void **state)
{
    struct buf out = { 0 };
    char *text = file_text("mcp.ini");
    const char *got = text;

    (void)state;
    manual_ini(&out);
    int line = 1;
    for (const char *want = buf_cstr(&out); *want; line++) {
        size_t ng = strcspn(got, "\n"), nw = strcspn(want, "\n");
        bool same = ng == nw && memcmp(got, want, ng) == 0;
        bool is_set =
            *want == ';' && want[1] != ' ' && ng == nw - 1 && memcmp(got, want + 1, ng) == 0;
        if (!same && !is_set)
            fail_msg("mcp.ini:%d: '%.*s' should be '%.*s'", line, (int)ng, got, (int)nw, want);
        assert_true(nw <= INI_LINE_BYTES);
        got += ng + (got[ng] == '\n');
        want += nw + 1;
    }
    free(text);
    buf_fini(&out);
}

static void test_shipped_loads(void **state)
{
    struct problems problems = { 0 };
    struct config_source source = { .path = "mcp.ini" };
    struct config *c = config_load(&source, &problems);
    struct config_tool t;

    (void)state;
    if (!c)
        fail_msg("%s", problems.lines[0]);
    assert_int_equal(c->auth.keys.n + c->n_keys, 0); /* there is no built-in key */
    assert_int_equal(config_tool_resolve(c, "run_eval", &t), 0);
    assert_string_equal(t.exec.text, "@evals");
    assert_string_equal(t.state.text, "jobs:rw");
    config_tool_fini(&t);
    bool has_fallback = false;
    for (size_t i = 0; i < c->n_eval_rules; i++)
        has_fallback = has_fallback || strcmp(c->eval_rules[i].name, "*") == 0;
    assert_true(has_fallback);
    config_unref(c);
}

static void test_examples(void **state)
{
    /* Their folders of state and logs are those of the machines they are for. */
    static const char *const env[] = { "MCP_KEYS=a,b", "MOONGATE_STATE_PATH=state.json",
                                       "MOONGATE_LOG_FILE=access.log", NULL };
    static const char *const files[] = { "config/examples/team.ini",
                                         "config/examples/container.ini" };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct problems problems = { 0 };
        struct config_source source = { .path = files[i], .env = env };
        struct config *c = config_load(&source, &problems);
        if (!c)
            fail_msg("%s", problems.lines[0]);
        assert_true(c->auth.keys.n + c->n_keys > 0);
        config_unref(c);
    }
}

/* A fresh file is the defaults and nothing else, also with every key that has a default
 * uncommented. */
static void test_fresh_file(void **state)
{
    struct ini_file f;
    struct buf fresh = { 0 }, set = { 0 }, a = { 0 }, b = { 0 };

    (void)state;
    ini_file_new(&f);
    manual_ini(&fresh);
    for (const char *at = buf_cstr(&fresh); *at; at = strchr(at, '\n') + 1) {
        size_t n = strcspn(at, "\n") + 1;
        if (strncmp(at, ";[", 2) == 0)
            break; /* sections with a name */
        bool is_key = *at == ';' && at[1] != ' ';
        buf_append(&set, at + is_key, n - is_key);
    }
    assert_non_null(ini_file_load(&f, "", NULL));
    config_print(f.config, &a);
    if (!ini_file_load(&f, buf_cstr(&set), NULL))
        fail_msg("%s", ini_file_problems(&f));
    config_print(f.config, &b);
    const char *x = buf_cstr(&a), *y = buf_cstr(&b);
    while (*x && *y) {
        size_t nx = strcspn(x, ";\n"), ny = strcspn(y, ";\n");
        if (nx != ny || memcmp(x, y, nx) != 0)
            fail_msg("'%.*s' is not '%.*s'", (int)nx, x, (int)ny, y);
        x = strchr(x, '\n') + 1;
        y = strchr(y, '\n') + 1;
    }
    buf_fini(&fresh);
    buf_fini(&set);
    buf_fini(&a);
    buf_fini(&b);
    ini_file_free(&f);
}

/* The table itself: one-line help, no name twice, no alias twice. */
static void test_table(void **state)
{
    const char *aliases[64];
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < config_section_count; i++) {
        const struct section_info *s = &config_sections[i];
        assert_ptr_equal(section_find(s->name), s);
        for (size_t j = 0; j < s->n_keys; j++) {
            const struct key_info *k = &s->keys[j];
            assert_ptr_equal(key_find(s, k->name), k);
            assert_non_null(k->help);
            assert_true(strlen(k->help) > 3 && !strpbrk(k->help, "\n|"));
            /* An empty default says what it means. */
            assert_true((k->fallback && *k->fallback) || k->note);
            for (size_t a = 0; k->alias && a < n; a++)
                assert_string_not_equal(aliases[a], k->alias);
            if (k->alias)
                aliases[n++] = k->alias;
        }
    }
    assert_int_equal(n, 8); /* the ops kit's names */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_docs),          cmocka_unit_test(test_every_key_is_there),
        cmocka_unit_test(test_shipped_loads), cmocka_unit_test(test_examples),
        cmocka_unit_test(test_fresh_file),    cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
