/* Globs over paths: what [paths] deny means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pathglob.h"

struct glob_case {
    const char *glob, *path;
    bool matches;
};

static const struct glob_case cases[] = {
    { "**/.git/**", ".git/config", true },
    { "**/.git/**", "a/b/.git/x/y", true },
    { "**/.git/**", ".git", false },
    { "**/.git/**", "x.git/config", false },
    { "**/.env*", ".env", true },
    { "**/.env*", "a/.env.local", true },
    { "**/.env*", "a/.env/x", false },
    { "**/*.pem", "deep/er/key.pem", true },
    { "**/*.pem", "key.pem", true },
    { "**/*.pem", "key.pem/x", false },
    { "**/id_*", "ssh/id_rsa", true },
    { "**/id_*", "ssh/xid_rsa", false },
    { "**/id_*", "id_a/x", false },
    { "**/?", "a/b", true },
    { "**/?", "a/bc", false },
    { "**/a/b", "x/a/b", true },
    { "**/a/b", "x/ab", false },
    { "**/a**", "x/a/y", true },
    { "**/[a/]b", "x/ab", true },
    { "**/", "a/", true },
    { "**/", "a/b", true },
    { "**/*", "", true },
    { "**", "", true },
    { "**", "a/b/c", true },
    { "a/**", "a/b/c", true },
    { "a/**", "a", false },
    { "a/**/z", "a/z", true },
    { "a/**/z", "a/b/c/z", true },
    { "a/**/z", "a/b/cz", false },
    { "a/**/m/**/z", "a/1/m/2/m/3/z", true },
    { "*", "a", true },
    { "*", "a/b", false },
    { "*/b", "a/b", true },
    { "a?c", "abc", true },
    { "a?c", "a/c", false },
    { "[a-c]x", "bx", true },
    { "[!a-c]x", "bx", false },
    { "[!a-c]x", "dx", true },
    { "[!a]", "/", false },
    { "[]]", "]", true },
    { "[", "[", true },
    { "*.c", "main.c", true },
    { "*a*b*c", "xxaxxbxxc", true },
    { "*a*b*c", "xxaxxbxx", false },
    { "*a**b", "axab", true },
    { "*a**b", "axa/b", true },
    { "*a**b", "x/ab", false },
    { "*a**b", "axac", false },
    { "*?**b", "xyb", true },
    { "a**", "ab/c", true },
    { "a**/b", "a/x/b", true },
    { "a***c", "a/x/yc", true },
    { "[**]x", "*x", true },
    { "", "", true },
    { "", "a", false },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (pathglob_match(cases[i].glob, cases[i].path, strlen(cases[i].path)) != cases[i].matches)
            fail_msg("\"%s\" over \"%s\"", cases[i].glob, cases[i].path);
}

/* A glob that would keep a backtracking matcher busy for ever must end in a test's patience. */
static void test_hostile(void **state)
{
    (void)state;
    size_t len = 20000;
    char *path = malloc(len);
    assert_non_null(path);
    memset(path, 'a', len);
    assert_false(pathglob_match("*a*a*a*a*a*a*a*a*a*a*b", path, len));
    for (size_t i = 1; i < len; i += 2)
        path[i] = '/';
    assert_false(pathglob_match("**/a/**/a/**/a/**/a/**/b", path, len));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases),
                                        cmocka_unit_test(test_hostile) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
