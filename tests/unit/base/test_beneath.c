/* test_beneath.c - which links are followed below a folder, and which are not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/beneath.h"
#include "support/folder.h"
#include "support/slow.h"

struct place {
    char path[FOLDER_PATH];
    int root;
};

static int setup(void **state)
{
    static struct place p;
    char root[FOLDER_PATH + 8];
    folder_make(p.path, "beneath");
    folder_write(p.path, "root/in/file", "in");
    folder_write(p.path, "secret", "out");
    snprintf(root, sizeof root, "%s/root", p.path);
    p.root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(p.root >= 0);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    close(p->root);
    folder_remove(p->path);
    return 0;
}

/* 0, or why it could not be opened. */
static int tried(const struct place *p, const char *path, int flags, uint64_t resolve)
{
    int before = descriptors_open();
    int fd = beneath_open(p->root, path, flags, resolve);
    int reason = fd < 0 ? errno : 0;
    if (fd >= 0) {
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
    assert_int_equal(descriptors_open(), before);
    return reason;
}

static void test_links(void **state)
{
    need_programs();
    struct place *p = *state;
    char inside[FOLDER_PATH + 24];
    snprintf(inside, sizeof inside, "%s/root/in/file", p->path);
    static const struct {
        const char *name, *target;
        int reason;
    } links[] = {
        { "near", "in/file", 0 },
        { "in/up", "../in/file", 0 },
        { "folder", "in", 0 },
        { "chain", "near", 0 },
        { "out", "../secret", EXDEV },
        { "far", "/etc/passwd", EXDEV },
        { "through", "out", EXDEV },
        { "self", "/proc/self/root", EXDEV },
        { "back", "../root/in/file", EXDEV },
        { "loop", "loop", ELOOP },
        { "none", "nothing", ENOENT },
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        assert_int_equal(symlinkat(links[i].target, p->root, links[i].name), 0);
        assert_int_equal(tried(p, links[i].name, O_RDONLY, 0), links[i].reason);
    }
    assert_int_equal(symlinkat(inside, p->root, "absolute"), 0);
    assert_int_equal(tried(p, "absolute", O_RDONLY, 0), EXDEV);
    assert_int_equal(tried(p, "folder/file", O_RDONLY, 0), 0);
    assert_int_equal(tried(p, "near", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
}

static void test_paths(void **state)
{
    need_programs();
    struct place *p = *state;
    assert_int_equal(tried(p, "in/file", O_RDONLY, 0), 0);
    assert_int_equal(tried(p, "in/../in/file", O_RDONLY, 0), 0);
    assert_int_equal(tried(p, ".", O_RDONLY | O_DIRECTORY, 0), 0);
    assert_int_equal(tried(p, "..", O_RDONLY | O_DIRECTORY, 0), EXDEV);
    assert_int_equal(tried(p, "in/../../secret", O_RDONLY, 0), EXDEV);
    assert_int_equal(tried(p, "/etc/passwd", O_RDONLY, 0), EXDEV);
    assert_int_equal(tried(p, "in/file", O_RDONLY | O_DIRECTORY, 0), ENOTDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
