#include "watching.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/folder.h"

/* ---- inotify, which can be told to fail ---- */

int no_descriptor, no_watch;

/* They stand before the library's. */
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

void follow(struct site *s, int64_t poll_ms)
{
    const char *files[] = { s->ini, NULL }, *folders[] = { s->tools, NULL };
    assert_int_equal(watchfiles_set(s->watch, files, folders, poll_ms), 0);
}

struct site *site_new(int64_t poll_ms)
{
    struct watchfiles_options o = {
        .suffix = ".lua", .enter = "lib", .whole = "skills", .changed = changed, .limited = limited
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

void site_free(struct site *s)
{
    no_descriptor = no_watch = 0;
    watchfiles_free(s->watch);
    loop_free(s->loop);
    folder_remove(s->dir);
    free(s);
}

void path_of(const struct site *s, const char *name, char out[256])
{
    assert_true(snprintf(out, 256, "%s/%s", s->dir, name) < 256);
}

void poll_until(struct site *s, int want)
{
    int64_t end = clock_mono_ms() + HANG_MS;
    while (s->changed < want && clock_mono_ms() < end)
        loop_poll(s->loop, 1000);
    assert_int_equal(s->changed, want);
}

/* What is silent in all of this time would have come in a fifth of it. */
void stays_silent(struct site *s)
{
    int before = s->changed;
    int64_t end = clock_mono_ms() + 5 * WATCHFILES_QUIET_MS;
    while (clock_mono_ms() < end)
        loop_poll(s->loop, end - clock_mono_ms());
    assert_int_equal(s->changed, before);
}

void write_a(const struct site *s) { folder_write(s->dir, "tools.d/a.lua", "2"); }
void write_new(const struct site *s) { folder_write(s->dir, "tools.d/b.lua", "1"); }
void rename_one(const struct site *s, const char *from, const char *to)
{
    char a[256], b[256];
    path_of(s, from, a);
    path_of(s, to, b);
    assert_int_equal(rename(a, b), 0);
}
