/* test_walk.c - listings at their bounds: deep folders, too many names, nobody who waits. */
#include "root.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/ignore.h"
#include "files/newfile.h"
#include "files/walk.h"

static size_t list(struct root *r, const struct walk_options *o, char missing[160])
{
    struct walk_names names = { .count = 0 };
    struct fail f;
    assert_int_equal(walk(&r->op, o, &names, &f), 0);
    memcpy(missing, names.missing, 160);
    size_t count = names.count;
    buf_fini(&names.text);
    return count;
}

/* A file in each folder of a chain of `depth` below root/deep. */
static void make_deep(struct root *r, int depth)
{
    char name[512] = "root/deep/";
    for (int i = 0; i <= depth; i++) {
        size_t len = strlen(name);
        snprintf(name + len, sizeof name - len, "f");
        folder_write(r->base, name, "");
        snprintf(name + len, sizeof name - len, "d/");
    }
}

static void test_depth(void **state)
{
    need_programs();
    struct root *r = *state;
    char missing[160];
    const struct walk_options o = { .folder = "deep", .is_recursive = true, .max = 1000 };
    make_deep(r, WALK_DEPTH);
    assert_int_equal(list(r, &o, missing), WALK_DEPTH + 1);
    assert_string_equal(missing, "");
    make_deep(r, WALK_DEPTH + 1);
    assert_int_equal(list(r, &o, missing), WALK_DEPTH + 1);
    assert_memory_equal(missing, "not entered, it lies too deep: deep/d/d", 39);
}

static void test_notes(void **state)
{
    need_programs();
    struct root *r = *state;
    char missing[160];
    struct walk_options o = {
        .folder = "sub", .is_recursive = true, .honours_ignore = true, .max = 1000
    };
    folder_write(r->base, "root/sub/a", "");
    folder_write(r->base, "root/sub/" NEWFILE_PREFIX "0123", "");
    folder_write(r->base, "root/sub/in/b", "");
    folder_write(r->base, "root/sub/in/.gitignore", "b\n");
    assert_int_equal(list(r, &o, missing), 2); /* a and in/.gitignore */
    assert_string_equal(missing, "");
    assert_int_equal(truncate(in_base(r, "root/sub/in/.gitignore"), (off_t)IGNORE_BYTES + 1), 0);
    assert_int_equal(list(r, &o, missing), 3);
    assert_string_equal(missing, "a .gitignore is too large and was not looked at, in: sub/in/");
    o.honours_ignore = false;
    if (geteuid() != 0) {
        assert_int_equal(chmod(in_base(r, "root/sub/in"), 0300), 0);
        assert_int_equal(list(r, &o, missing), 1);
        assert_string_equal(missing, "cannot be read: sub/in");
        assert_int_equal(chmod(in_base(r, "root/sub/in"), 0700), 0);
    }
    o.max = 3;
    assert_int_equal(list(r, &o, missing), 3);
    assert_string_equal(missing, "");
    o.max = 2;
    assert_int_equal(list(r, &o, missing), 2);
    assert_string_equal(missing, "there are more names than max");
}

static void test_stopped(void **state)
{
    need_programs();
    struct root *r = *state;
    struct walk_names names = { .count = 0 };
    struct fail f;
    atomic_bool stop = true;
    const struct walk_options o = { .folder = "", .max = 10 };
    folder_write(r->base, "root/a", "");
    r->op.stop = &stop;
    assert_int_equal(walk(&r->op, &o, &names, &f), MG_E_CANCELLED);
    buf_fini(&names.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_depth, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_notes, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_stopped, root_setup, root_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
