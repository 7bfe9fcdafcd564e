/* test_many.c - many files, folder by folder: what is given, and what is refused however it is
 * reached. */
#include "root.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/many.h"

/* "+": it is there and its bytes are want; "-": it is none for tools. */
static void expect(struct many *m, const char *path, const char *want)
{
    struct stat st;
    struct fail f;
    struct buf out = { 0 };
    bool is_there = many_stat(m, path, &st);
    if (is_there != (want != NULL))
        fail_msg("%s: %s", path, is_there ? "there" : "not there");
    if (want) {
        assert_int_equal(many_read(m, path, &st, 100, &out, &f), 1);
        assert_int_equal(out.len, strlen(want));
        assert_memory_equal(out.data ? out.data : "", want, out.len);
    }
    buf_fini(&out);
}

static void make_files(struct root *r)
{
    folder_write(r->base, "root/a", "a");
    folder_write(r->base, "root/empty", "");
    folder_write(r->base, "root/sub/b", "b");
    folder_write(r->base, "root/sub/deep/c", "c");
    folder_write(r->base, "root/.git/config", "git");
    folder_write(r->base, "root/sub/.env", "env");
    folder_write(r->base, "root/state.json.journal.1", "j");
    folder_write(r->base, "outside/x", "x");
    assert_int_equal(link(in_base(r, "root/tools.d/tool.lua"), in_base(r, "root/hard")), 0);
    assert_int_equal(link(in_base(r, "root/state.json"), in_base(r, "root/hard2")), 0);
    assert_int_equal(link(in_base(r, "root/a"), in_base(r, "root/sub/twice")), 0);
    assert_int_equal(symlink("a", in_base(r, "root/link")), 0);
    assert_int_equal(symlink("sub", in_base(r, "root/folder")), 0);
    assert_int_equal(symlink(".git", in_base(r, "root/alias")), 0);
    assert_int_equal(symlink("tools.d", in_base(r, "root/tools")), 0);
    assert_int_equal(symlink("../outside", in_base(r, "root/out")), 0);
    assert_int_equal(mkfifo(in_base(r, "root/pipe"), 0600), 0);
}

static void test_judged(void **state)
{
    need_programs();
    struct root *r = *state;
    make_files(r);
    static const char *const none[] = {
        "none",
        "none/x",
        "sub",
        "sub/",
        "",
        ".",
        "..",
        "../outside/x",
        "/etc/passwd",
        "link",
        "pipe",
        "out/x",
        ".git/config",
        "alias/config",
        "sub/.env",
        "folder/.env",
        "hard",
        "hard2",
        "state.json",
        "state.json.journal.1",
        "tools.d/tool.lua",
        "tools/tool.lua",
        "a/b",
    };
    for (int round = 0; round < 2; round++) {
        struct many m;
        struct fail f;
        assert_int_equal(many_begin(&m, &r->op, &f), 0);
        expect(&m, "a", "a");
        expect(&m, "./a", "a");
        expect(&m, "empty", "");
        expect(&m, "sub/b", "b");
        expect(&m, "sub/deep/c", "c");
        expect(&m, "folder/b", "b");
        expect(&m, "sub/../a", "a");
        expect(&m, "sub/twice", "a");
        for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
            expect(&m, none[i], NULL);
            expect(&m, "sub/b", "b"); /* what came before does not matter */
        }
        many_end(&m);
        r->rules.view = NULL; /* the second time each is opened and judged */
    }
}

/* Deeper than folders are held open, back up, beside, and down again. */
static void test_levels(void **state)
{
    need_programs();
    struct root *r = *state;
    struct many m;
    struct fail f;
    char path[512] = "root/", *below = path + 5;
    for (int i = 0; i < MANY_DEPTH + 3; i++)
        memcpy(path + strlen(path), "d/", 3);
    size_t len = strlen(path);
    memcpy(path + len, "x", 2);
    folder_write(r->base, path, "deep");
    folder_write(r->base, "root/d/d/y", "y");
    folder_write(r->base, "root/dd/d/z", "z");
    folder_write(r->base, "root/d/.git/config", "git");
    assert_int_equal(many_begin(&m, &r->op, &f), 0);
    for (int round = 0; round < 2; round++) {
        expect(&m, below, "deep");
        expect(&m, "d/d/y", "y");
        expect(&m, "d/.git/config", NULL);
        expect(&m, "dd/d/z", "z");
        expect(&m, "d/d/none", NULL);
        expect(&m, "d/d/y", "y");
    }
    many_end(&m);
}

/* While its folder is held, the folder above it becomes another one: what it was judged to be and
 * where it lies is looked at again for each folder that is entered. */
static void test_moved(void **state)
{
    need_programs();
    struct root *r = *state;
    struct many m;
    struct fail f;
    folder_write(r->base, "root/sub/a", "a");
    folder_write(r->base, "root/sub/in/b", "b");
    folder_write(r->base, "outside/in/secret", "s");
    assert_int_equal(many_begin(&m, &r->op, &f), 0);
    expect(&m, "sub/a", "a");
    assert_int_equal(rename(in_base(r, "root/sub"), in_base(r, "elsewhere")), 0);
    expect(&m, "sub/in/b", NULL); /* moved out of the root */
    assert_int_equal(symlink("../outside", in_base(r, "root/sub")), 0);
    expect(&m, "sub/in/secret", NULL);
    expect(&m, "sub/in/b", NULL);
    many_end(&m);
}

/* Between the two calls another one got the name. */
static void test_replaced(void **state)
{
    need_programs();
    struct root *r = *state;
    struct many m;
    struct fail f;
    struct stat st;
    struct buf out = { 0 };
    folder_write(r->base, "root/a", "a");
    folder_write(r->base, "root/b", "b");
    assert_int_equal(many_begin(&m, &r->op, &f), 0);
    assert_true(many_stat(&m, "a", &st));
    assert_int_equal(rename(in_base(r, "root/b"), in_base(r, "root/a")), 0);
    assert_int_equal(many_read(&m, "a", &st, 100, &out, &f), 0);
    assert_true(many_stat(&m, "a", &st));
    assert_int_equal(unlink(in_base(r, "root/a")), 0);
    assert_int_equal(many_read(&m, "a", &st, 100, &out, &f), 0);
    assert_int_equal(symlink("/etc/passwd", in_base(r, "root/a")), 0);
    assert_int_equal(many_read(&m, "a", &st, 100, &out, &f), 0);
    buf_fini(&out);
    many_end(&m);
}

static void test_bounds(void **state)
{
    need_programs();
    struct root *r = *state;
    struct many m;
    struct fail f = { .word = "" };
    struct stat st;
    struct buf out = { 0 };
    atomic_bool stop = true;
    char path[PATH_MAX + 10];
    folder_write(r->base, "root/a", "0123456789");
    assert_int_equal(many_begin(&m, &r->op, &f), 0);
    assert_true(many_stat(&m, "a", &st));
    assert_int_equal(many_read(&m, "a", &st, 4, &out, &f), 1); /* grew meanwhile */
    assert_int_equal(out.len, 4);
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_false(many_stat(&m, path, &st));
    path[sizeof path - 3] = '/';
    assert_false(many_stat(&m, path, &st));
    assert_true(many_stat(&m, "a", &st));
    r->op.stop = &stop;
    assert_true(many_read(&m, "a", &st, 100, &out, &f) < 0);
    assert_string_equal(f.word, "CANCELLED");
    r->op.stop = NULL;
    buf_fini(&out);
    many_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_judged, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_levels, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_moved, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_replaced, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_bounds, root_setup, root_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
