/* test_watchfiles.c - what is told of changed files, how soon, and what is not. */
#include "watching.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/folder.h"

/* ---- what is told ---- */

static void write_ini(const struct site *s) { folder_write(s->dir, "mcp.ini", "[y]"); }

static void remove_new(const struct site *s)
{
    char path[256];
    path_of(s, "tools.d/b.lua", path);
    assert_int_equal(unlink(path), 0);
}


static void rename_ini(const struct site *s)
{
    folder_write(s->dir, "mcp.ini.new", "[z]");
    rename_one(s, "mcp.ini.new", "mcp.ini");
}

static void remove_ini(const struct site *s) { assert_int_equal(unlink(s->ini), 0); }

static void make_lib(const struct site *s)
{
    char path[256];
    path_of(s, "tools.d/lib", path);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void write_lib(const struct site *s) { folder_write(s->dir, "tools.d/lib/h.lua", "1"); }

static void make_deep(const struct site *s)
{
    char path[256];
    path_of(s, "tools.d/lib/deep", path);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void write_deep(const struct site *s)
{
    folder_write(s->dir, "tools.d/lib/deep/h.lua", "1");
}

static void make_skills(const struct site *s)
{
    char path[256];
    path_of(s, "tools.d/skills", path);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_skill(const struct site *s)
{
    char path[256];
    path_of(s, "tools.d/skills/a", path);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void write_skill(const struct site *s)
{
    folder_write(s->dir, "tools.d/skills/a/SKILL.md", "1");
}

static void link_out(const struct site *s)
{
    char path[256], target[256];
    folder_write(s->dir, "elsewhere.lua", "1");
    path_of(s, "elsewhere.lua", target);
    path_of(s, "tools.d/l.lua", path);
    assert_int_equal(symlink(target, path), 0);
}

static void write_linked(const struct site *s) { folder_write(s->dir, "elsewhere.lua", "2"); }

static void replace_linked(const struct site *s)
{
    folder_write(s->dir, "elsewhere.new", "3");
    rename_one(s, "elsewhere.new", "elsewhere.lua");
}

static void chmod_a(const struct site *s)
{
    char path[256];
    path_of(s, "tools.d/a.lua", path);
    assert_int_equal(chmod(path, 0640), 0);
}

static void move_tools(const struct site *s) { rename_one(s, "tools.d", "gone.d"); }

static void make_tools(const struct site *s) { assert_int_equal(mkdir(s->tools, 0700), 0); }

typedef void (*step_fn)(const struct site *s);

/* In this order: each stands on those before. */
static const step_fn steps[] = { write_a,        write_new,    remove_new, write_ini,
                                 rename_ini,     remove_ini,   write_ini,  make_lib,
                                 write_lib,      make_deep,    write_deep, make_skills,
                                 make_skill,     write_skill,  link_out,   write_linked,
                                 replace_linked, write_linked, chmod_a,    move_tools,
                                 make_tools,     write_a };

static void test_told_by_inotify(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    stays_silent(s);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        steps[i](s);
        poll_until(s, (int)i + 1);
        stays_silent(s);
    }
    assert_int_equal(s->limited, 0);
    site_free(s);
}

/* The same without any inotify; what was changed so shortly before is looked at again, so only the
 * least count is known. */
static void test_told_by_polling(void **state)
{
    (void)state;
    no_descriptor = EMFILE;
    struct site *s = site_new(10);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int before = s->changed;
        steps[i](s);
        int64_t end = clock_mono_ms() + HANG_MS;
        while (s->changed == before && clock_mono_ms() < end)
            loop_poll(s->loop, 1000);
        assert_true(s->changed > before);
    }
    assert_int_equal(s->limited, 1);
    assert_non_null(strstr(s->why, strerror(EMFILE)));
    site_free(s);
}

/* When the file's clock has gone on nothing is suspected any more. */
static void test_polling_comes_to_rest(void **state)
{
    (void)state;
    no_descriptor = EMFILE;
    struct site *s = site_new(50);
    int64_t end = clock_mono_ms() + HANG_MS;
    int last = -1;
    for (int64_t since = clock_mono_ms(); clock_mono_ms() < end;) {
        loop_poll(s->loop, 100);
        if (s->changed != last) {
            last = s->changed;
            since = clock_mono_ms();
        } else if (clock_mono_ms() - since > 1000) {
            break;
        }
    }
    assert_true(clock_mono_ms() < end);
    site_free(s);
}

static void test_what_does_not_matter(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    folder_write(s->dir, "other.ini", "x");
    folder_write(s->dir, "tools.d/.a.lua.swp", "x");
    folder_write(s->dir, "state.json", "x");
    rename_one(s, "state.json", "state.json.2");
    stays_silent(s);
    assert_int_equal(s->changed, 0);
    site_free(s);
}

/* ---- the way to a path ---- */

static void test_links_that_are_swapped(void **state)
{
    char path[256], link[256], other[256];
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    path_of(s, "r1", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(s, "r2", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(s, "current", link);
    path_of(s, "next", other);
    assert_int_equal(symlink("r1", link), 0);
    const char *folders[] = { link, NULL };
    assert_int_equal(watchfiles_set(s->watch, NULL, folders, POLL_NEVER), 0);
    assert_int_equal(symlink("./r2", other), 0);
    rename_one(s, "next", "current");
    poll_until(s, 1);
    folder_write(s->dir, "r1/a.lua", "1");
    stays_silent(s);
    folder_write(s->dir, "r2/a.lua", "1");
    poll_until(s, 2);
    /* A link to itself leads nowhere, and is left again. */
    assert_int_equal(symlink("current", other), 0);
    rename_one(s, "next", "current");
    poll_until(s, 3);
    assert_int_equal(symlink("r1/../r2", other), 0);
    rename_one(s, "next", "current");
    poll_until(s, 4);
    folder_write(s->dir, "r2/a.lua", "2");
    poll_until(s, 5);
    site_free(s);
}

static void test_a_way_that_is_made_later(void **state)
{
    char path[256], deep[256];
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    path_of(s, "x/y/z.ini", deep);
    const char *files[] = { deep, NULL };
    assert_int_equal(watchfiles_set(s->watch, files, NULL, POLL_NEVER), 0);
    path_of(s, "x", path);
    assert_int_equal(mkdir(path, 0700), 0);
    poll_until(s, 1);
    path_of(s, "x/y", path);
    assert_int_equal(mkdir(path, 0700), 0);
    poll_until(s, 2);
    folder_write(s->dir, "x/y/z.ini", "1");
    poll_until(s, 3);
    site_free(s);
}

/* A folder that is in itself is walked to a bounded depth. */
static void test_a_loop_of_links(void **state)
{
    char path[256];
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    path_of(s, "tools.d/lib", path);
    for (int i = 0; i < 8; i++) {
        char name[300];
        if (i == 0)
            assert_int_equal(mkdir(path, 0700), 0);
        snprintf(name, sizeof name, "%s/self%d", path, i);
        assert_int_equal(symlink(".", name), 0);
    }
    poll_until(s, 1);
    assert_int_equal(s->limited, 1);
    assert_non_null(strstr(s->why, "more than"));
    site_free(s);
}

/* ---- how soon ---- */

static int open_a(const struct site *s, int flags)
{
    char path[256];
    path_of(s, "tools.d/a.lua", path);
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    assert_true(fd >= 0);
    return fd;
}

/* Truncated, and written only later: until it is closed nothing is told. */
static void test_an_open_file_is_waited_for(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    int64_t begin = clock_mono_ms();
    int fd = open_a(s, O_TRUNC);
    while (clock_mono_ms() - begin < 3 * WATCHFILES_QUIET_MS)
        loop_poll(s->loop, 5);
    if (clock_mono_ms() - begin < WATCHFILES_MOST_MS) /* else the machine was too slow to tell */
        assert_int_equal(s->changed, 0);
    assert_int_equal(write(fd, "2", 1), 1);
    close(fd);
    poll_until(s, 1);
    stays_silent(s);
    site_free(s);
}

/* One who writes all the time is waited for so long and no longer. */
static void test_never_silent(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    int fd = open_a(s, O_APPEND);
    int64_t begin = clock_mono_ms(), end = begin + HANG_MS;
    while (s->changed < 3 && clock_mono_ms() < end) {
        assert_int_equal(write(fd, "x", 1), 1);
        loop_poll(s->loop, 2);
    }
    assert_int_equal(s->changed, 3);
    assert_true(clock_mono_ms() - begin >= 3 * WATCHFILES_MOST_MS);
    close(fd);
    poll_until(s, 4);
    stays_silent(s);
    site_free(s);
}

static void write_while_read(struct site *s)
{
    write_a(s);
    assert_true(watchfiles_stirred(s->watch));
}

static void read_in_peace(struct site *s) { assert_false(watchfiles_stirred(s->watch)); }

static void test_stirred_while_read(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    s->then = write_while_read;
    write_new(s);
    poll_until(s, 1);
    s->then = read_in_peace;
    poll_until(s, 2);
    stays_silent(s);
    /* Three times, then it has to be good enough; what came last is told all the same. */
    for (int i = 0; i < 3; i++) {
        s->then = write_while_read;
        if (i == 0)
            write_new(s);
        poll_until(s, 3 + i);
    }
    poll_until(s, 6);
    write_a(s);
    assert_false(watchfiles_stirred(s->watch));
    poll_until(s, 7);
    site_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_by_inotify),
        cmocka_unit_test(test_told_by_polling),
        cmocka_unit_test(test_polling_comes_to_rest),
        cmocka_unit_test(test_what_does_not_matter),
        cmocka_unit_test(test_links_that_are_swapped),
        cmocka_unit_test(test_a_way_that_is_made_later),
        cmocka_unit_test(test_a_loop_of_links),
        cmocka_unit_test(test_an_open_file_is_waited_for),
        cmocka_unit_test(test_never_silent),
        cmocka_unit_test(test_stirred_while_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
