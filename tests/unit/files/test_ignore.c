/* test_ignore.c - what .gitignore files mean, and globs with alternatives. */
#include "root.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/globs.h"
#include "files/ignore.h"

struct line {
    const char *ignore, *path; /* a / at its end: a folder */
    bool is_ignored;
};

static void check_line(struct root *r, const struct line *l)
{
    struct ignore *g;
    struct fail f;
    folder_write(r->base, "root/.gitignore", l->ignore);
    int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ignore_read(fd, 0, NULL, &g, &f), 0);
    close(fd);
    size_t len = strlen(l->path);
    bool is_folder = l->path[len - 1] == '/';
    if (ignore_has(g, l->path, len - is_folder, is_folder) != l->is_ignored)
        fail_msg("%s: %s should %sbe ignored", l->ignore, l->path, l->is_ignored ? "" : "not ");
    ignore_free(g);
}

static void test_lines(void **state)
{
    static const struct line lines[] = {
        { "*.o\n", "a.o", true },
        { "*.o\n", "x/y/a.o", true },
        { "*.o\n", "a.ob", false },
        { "a\n", "a/", true },
        { "a\n", "x/a", true },
        { "/a\n", "a", true },
        { "/a\n", "x/a", false },
        { "a/\n", "a", false },
        { "a/\n", "x/a/", true },
        { "a/b\n", "a/b", true },
        { "a/b\n", "x/a/b", false },
        { "**/b\n", "b", true },
        { "**/b\n", "x/y/b", true },
        { "**/a/b\n", "x/a/b", true },
        { "a/**\n", "a/x/y", true },
        { "a/**\n", "a/", false },
        { "a/**/b\n", "a/b", true },
        { "a/**/b\n", "a/x/y/b", true },
        { "a/*\n", "a/x/y", false },
        { "a**b\n", "axxb", true },
        { "x/a**b\n", "x/a/b", false },
        { "*.o\n!a.o\n", "a.o", false },
        { "*.o\n!a.o\na.*\n", "a.o", true },
        { "!a\n", "a", false },
        { "# a\n", "a", false },
        { "\\#a\n", "#a", true },
        { "\\!a\n", "!a", true },
        { "a \n", "a", true },
        { "a\\ \n", "a ", true },
        { "a\r\n", "a", true },
        { "\\*\n", "*", true },
        { "\\*\n", "a", false },
        { "[ab].c\n", "b.c", true },
        { "[!ab].c\n", "b.c", false },
        { "a?c\n", "abc", true },
        { "a?c\n", "a/c", false },
        { "\n/\n!\n", "a", false },
        { "last", "last", true },
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_line(*state, &lines[i]);
}

static void test_levels(void **state)
{
    struct root *r = *state;
    struct ignore *top, *sub, *none;
    struct fail f;
    folder_write(r->base, "root/.gitignore", "*.o\n/sub/x\n");
    folder_write(r->base, "root/sub/.gitignore", "!keep.o\n/y\n");
    int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int in = openat(fd, "sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int tools = openat(fd, "tools.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(ignore_read(fd, 0, NULL, &top, &f), 0);
    assert_int_equal(ignore_read(in, 4, top, &sub, &f), 0);
    assert_int_equal(ignore_read(tools, 8, top, &none, &f), 0);
    assert_null(none);
    assert_false(ignore_has(sub, "sub/keep.o", 10, false));
    assert_true(ignore_has(sub, "sub/a.o", 7, false));
    assert_true(ignore_has(sub, "sub/x", 5, false));
    assert_true(ignore_has(sub, "sub/y", 5, false));
    assert_false(ignore_has(sub, "sub/d/y", 7, false));
    ignore_free(sub);
    ignore_free(top);
    ignore_free(NULL);
    close(tools);
    close(in);
    close(fd);
}

/* Its edge is the limit; a link, or a FIFO, is no such file. */
static void test_sizes(void **state)
{
    struct root *r = *state;
    struct ignore *g;
    struct fail f;
    int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder_write(r->base, "root/.gitignore", "a\n");
    assert_int_equal(truncate(in_base(r, "root/.gitignore"), (off_t)IGNORE_BYTES), 0);
    assert_int_equal(ignore_read(fd, 0, NULL, &g, &f), 0);
    assert_true(ignore_has(g, "a", 1, false));
    ignore_free(g);
    assert_int_equal(truncate(in_base(r, "root/.gitignore"), (off_t)IGNORE_BYTES + 1), 0);
    assert_int_equal(ignore_read(fd, 0, NULL, &g, &f), MG_E_LIMIT);
    assert_null(g);
    assert_int_equal(unlink(in_base(r, "root/.gitignore")), 0);
    assert_int_equal(symlink("state.json", in_base(r, "root/.gitignore")), 0);
    assert_int_equal(ignore_read(fd, 0, NULL, &g, &f), 0);
    assert_null(g);
    assert_int_equal(unlink(in_base(r, "root/.gitignore")), 0);
    assert_int_equal(mkfifo(in_base(r, "root/.gitignore"), 0600), 0);
    assert_int_equal(ignore_read(fd, 0, NULL, &g, &f), 0);
    assert_null(g);
    close(fd);
}

static void test_globs(void **state)
{
    static const struct {
        const char *glob, *path;
        bool matches;
        size_t count, depth, base;
    } all[] = {
        { "*.{c,h}", "a.h", true, 2, 0, 0 },
        { "*.{c,h}", "a.o", false, 2, 0, 0 },
        { "{a,b/{c,d}}/x", "b/d/x", true, 3, 2, 0 },
        { "{a,b/{c,d}}/x", "a/x", true, 3, 2, 0 },
        { "src/lib/x*.c", "src/lib/xy.c", true, 1, 2, 7 },
        { "src/**/x", "src/a/b/x", true, 1, SIZE_MAX, 3 },
        { "a{b", "a{b", true, 1, 0, 0 },
        { "a{b}", "a{b}", true, 1, 0, 0 },
        { "a{b,}", "a", true, 2, 0, 0 },
        { "a{,b}{c,d}", "abd", true, 4, 0, 0 },
        { "a}b,c", "a}b,c", true, 1, 0, 0 },
        { "dir/file", "dir/file", true, 1, 1, 3 },
        { "", "", true, 1, 0, 0 },
    };
    struct globs g;
    struct fail f;
    char many[4 * GLOB_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(globs_init(&g, all[i].glob, &f), 0);
        if (globs_match(&g, all[i].path, strlen(all[i].path)) != all[i].matches ||
            g.count != all[i].count || globs_depth(&g) != all[i].depth ||
            glob_base(all[i].glob) != all[i].base)
            fail_msg("%s: %zu alternatives, depth %zu, base %zu", all[i].glob, g.count,
                     globs_depth(&g), glob_base(all[i].glob));
        globs_fini(&g);
    }
    static const char *const refused[] = { "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
                                           "{{{{{{{{{{{{{{{{{{{{{" };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(globs_init(&g, refused[i], &f), MG_E_LIMIT);
        assert_string_equal(f.word, "TOO_LARGE");
        globs_fini(&g);
    }
    memset(many, 'x', sizeof many);
    many[GLOB_BYTES] = '\0';
    assert_int_equal(globs_init(&g, many, &f), 0);
    globs_fini(&g);
    many[GLOB_BYTES] = 'x';
    many[GLOB_BYTES + 1] = '\0';
    assert_int_equal(globs_init(&g, many, &f), MG_E_LIMIT);
    globs_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_levels, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_sizes, root_setup, root_teardown),
        cmocka_unit_test(test_globs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
