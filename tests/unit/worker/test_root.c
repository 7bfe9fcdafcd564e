/* The folder that stands for the root in a test: what is written there, refused and removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/test_root.h"

static void expect(const struct test_root *r, const char *path, const char *want)
{
    char full[PATH_MAX + 64], text[64] = "";
    snprintf(full, sizeof full, "%s/%s", r->path, path);
    FILE *f = fopen(full, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_int_equal(n, strlen(want));
    assert_string_equal(text, want);
}

static void test_files(void **state)
{
    struct test_root r;
    struct err e;
    struct stat st;
    (void)state;
    assert_int_equal(test_root_make(&r, &e), 0);
    assert_int_equal(test_root_write(&r, "a.txt", "one", 3, &e), 0);
    assert_int_equal(test_root_write(&r, "b/c/d.txt", "two", 3, &e), 0);
    assert_int_equal(test_root_write(&r, "b/c/e.txt", "", 0, &e), 0);
    assert_int_equal(test_root_write(&r, "a.txt", "1", 1, &e), 0);
    expect(&r, "a.txt", "1");
    expect(&r, "b/c/d.txt", "two");
    expect(&r, "b/c/e.txt", "");
    assert_int_equal(test_root_write(&r, "a.txt/b", "x", 1, &e), MG_E_IO); /* not a folder */
    assert_int_equal(test_root_write(&r, "b", "x", 1, &e), MG_E_IO);       /* a folder */
    test_root_remove(&r);
    assert_int_equal(stat(r.path, &st), -1);
    test_root_remove(&r);
}

static void test_refused(void **state)
{
    static const char *const wrong[] = { "",     "/",   "/a",  "..",    "../a", "a/../b",
                                         "a//b", "./a", "a/.", "a/./b", "a/..", "." };
    struct test_root r;
    struct err e;
    char name[NAME_MAX + 2];
    (void)state;
    assert_int_equal(test_root_make(&r, &e), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (test_root_write(&r, wrong[i], "x", 1, &e) != MG_E_INVALID)
            fail_msg("\"%s\" was taken", wrong[i]);
    memset(name, 'n', sizeof name);
    name[NAME_MAX + 1] = '\0';
    assert_int_equal(test_root_write(&r, name, "x", 1, &e), MG_E_INVALID);
    name[NAME_MAX] = '\0';
    assert_int_equal(test_root_write(&r, name, "x", 1, &e), 0);
    test_root_remove(&r);
}

/* A tool may have made a link meanwhile: nothing is written through it, and what it leads to stays.
 */
static void test_links(void **state)
{
    struct test_root r, other;
    struct err e;
    char link[PATH_MAX + 16];
    (void)state;
    assert_int_equal(test_root_make(&r, &e), 0);
    assert_int_equal(test_root_make(&other, &e), 0);
    assert_int_equal(test_root_write(&other, "kept.txt", "k", 1, &e), 0);
    snprintf(link, sizeof link, "%s/out", r.path);
    assert_int_equal(symlink(other.path, link), 0);
    assert_int_equal(test_root_write(&r, "out/x.txt", "x", 1, &e), MG_E_IO);
    assert_int_equal(test_root_write(&r, "out", "x", 1, &e), MG_E_IO);
    test_root_remove(&r);
    expect(&other, "kept.txt", "k");
    test_root_remove(&other);
}

static void test_no_folder(void **state)
{
    struct test_root r;
    struct err e;
    const char *before = getenv("TMPDIR");
    char *kept = before ? strdup(before) : NULL;
    (void)state;
    setenv("TMPDIR", "/nonexistent/folder", 1);
    assert_int_equal(test_root_make(&r, &e), MG_E_IO);
    assert_non_null(strstr(e.text, "/nonexistent/folder"));
    test_root_remove(&r);
    if (kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
