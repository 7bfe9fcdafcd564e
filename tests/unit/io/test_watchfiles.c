/* test_watchfiles.c - what is told of changed files, how soon, and what happens at inotify's
 * limits. The folder is a new one, so nobody else changes anything in it. */
#include "base/clock.h"
#include "io/watchfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/folder.h"

/* ---- inotify, which can be told to fail ---- */

static int no_descriptor, no_watch; /* errno, or 0 */

int inotify_init1(int flags)
{
    errno = no_descriptor;
    return no_descriptor ? -1 : (int)syscall(SYS_inotify_init1, flags);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    errno = no_watch;
    return no_watch ? -1 : (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

/* ---- fixture ---- */

#define POLL_NEVER 3600000
#define HANG_MS 20000

struct site {
    char dir[64], tools[96], ini[96];
    struct loop *loop;
    struct watchfiles *watch;
    int changed, limited;
    char why[200];
    void (*then)(struct site *s); /* called by changed(), once */
};

static void changed(void *arg)
{
    struct site *s = arg;
    void (*then)(struct site * s) = s->then;
    s->changed++;
    s->then = NULL;
    if (then)
        then(s);
}

static void limited(void *arg, const char *why)
{
    struct site *s = arg;
    s->limited++;
    snprintf(s->why, sizeof s->why, "%s", why);
}

static void follow(struct site *s, int64_t poll_ms)
{
    const char *files[] = { s->ini, NULL }, *folders[] = { s->tools, NULL };
    assert_int_equal(watchfiles_set(s->watch, files, folders, poll_ms), 0);
}

static struct site *site_new(int64_t poll_ms)
{
    struct watchfiles_options o = {
        .suffix = ".lua", .enter = "lib", .changed = changed, .limited = limited
    };
    struct err e = { 0 };
    struct site *s = calloc(1, sizeof *s);
    assert_non_null(s);
    folder_make(s->dir, "watch");
    snprintf(s->tools, sizeof s->tools, "%s/tools.d", s->dir);
    snprintf(s->ini, sizeof s->ini, "%s/mcp.ini", s->dir);
    assert_int_equal(mkdir(s->tools, 0700), 0);
    folder_write(s->dir, "mcp.ini", "[x]");
    folder_write(s->dir, "tools.d/a.lua", "1");
    s->loop = loop_new(&e);
    o.arg = s;
    s->watch = watchfiles_new(s->loop, &o);
    assert_non_null(s->watch);
    follow(s, poll_ms);
    return s;
}

static void site_free(struct site *s)
{
    no_descriptor = no_watch = 0;
    watchfiles_free(s->watch);
    loop_free(s->loop);
    folder_remove(s->dir);
    free(s);
}

static void path_of(const struct site *s, const char *name, char out[256])
{
    assert_true(snprintf(out, 256, "%s/%s", s->dir, name) < 256);
}

static void poll_until(struct site *s, int want)
{
    int64_t end = clock_mono_ms() + HANG_MS;
    while (s->changed < want && clock_mono_ms() < end)
        loop_poll(s->loop, 1000);
    assert_int_equal(s->changed, want);
}

/* What is silent in all of this time would have come in a fifth of it. */
static void stays_silent(struct site *s)
{
    int before = s->changed;
    int64_t end = clock_mono_ms() + 5 * WATCHFILES_QUIET_MS;
    while (clock_mono_ms() < end)
        loop_poll(s->loop, end - clock_mono_ms());
    assert_int_equal(s->changed, before);
}

/* ---- what is told ---- */

static void write_a(const struct site *s) { folder_write(s->dir, "tools.d/a.lua", "2"); }
static void write_new(const struct site *s) { folder_write(s->dir, "tools.d/b.lua", "1"); }
static void write_ini(const struct site *s) { folder_write(s->dir, "mcp.ini", "[y]"); }

static void remove_new(const struct site *s)
{
    char path[256];
    path_of(s, "tools.d/b.lua", path);
    assert_int_equal(unlink(path), 0);
}

static void rename_one(const struct site *s, const char *from, const char *to)
{
    char a[256], b[256];
    path_of(s, from, a);
    path_of(s, to, b);
    assert_int_equal(rename(a, b), 0);
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
static const step_fn steps[] = { write_a,    write_new,  remove_new,   write_ini,      rename_ini,
                                 remove_ini, write_ini,  make_lib,     write_lib,      make_deep,
                                 write_deep, link_out,   write_linked, replace_linked, write_linked,
                                 chmod_a,    move_tools, make_tools,   write_a };

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

/* ---- limits ---- */

static void test_no_watches(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    no_watch = ENOSPC;
    follow(s, 50);
    assert_int_equal(s->limited, 1);
    assert_non_null(strstr(s->why, strerror(ENOSPC)));
    follow(s, 50);
    assert_int_equal(s->limited, 1); /* told once */
    int before = s->changed;
    write_a(s);
    poll_until(s, before + 1);
    /* Well again, and told anew when it is not. */
    no_watch = 0;
    follow(s, POLL_NEVER);
    before = s->changed;
    write_new(s);
    poll_until(s, before + 1);
    no_watch = ENOSPC;
    follow(s, POLL_NEVER);
    assert_int_equal(s->limited, 2);
    site_free(s);
}

static void test_descriptor_comes_late(void **state)
{
    (void)state;
    no_descriptor = EMFILE;
    struct site *s = site_new(POLL_NEVER);
    assert_int_equal(s->limited, 1);
    no_descriptor = 0;
    follow(s, POLL_NEVER);
    write_a(s);
    poll_until(s, 1);
    site_free(s);
}

static int queue_length(void)
{
    int n = 16384;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    if (f && fscanf(f, "%d", &n) != 1)
        n = 16384;
    if (f)
        fclose(f);
    return n;
}

/* More happens than the kernel keeps: that something happened is still told. */
static void test_overflow(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    char one[256], two[256];
    path_of(s, "tools.d/.x", one); /* hidden: none of these events matters by itself */
    path_of(s, "tools.d/.y", two);
    folder_write(s->dir, "tools.d/.x", "x");
    stays_silent(s);
    int n = queue_length();
    if (n > 200000)
        skip();
    for (int i = 0; i < n / 2 + 10; i++) /* two events each, and none like the one before */
        assert_int_equal(i % 2 ? rename(two, one) : rename(one, two), 0);
    poll_until(s, 1);
    stays_silent(s);
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
        cmocka_unit_test(test_no_watches),
        cmocka_unit_test(test_descriptor_comes_late),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
