/* test_faults.c - a disk that fails at each step, and one that knows no files without a name: the
 * old bytes stay or the new ones are there, the failure is told, and nothing is left behind. */
#include "root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int steps;        /* that still succeed; -1: all of them */
static int reason;       /* errno of the one that does not */
static bool has_tmpfile; /* the disk knows O_TMPFILE */
static bool has_links;   /* and hard links */

static bool fails(void)
{
    if (steps < 0 || steps-- > 0)
        return false;
    errno = reason;
    return true;
}

static int faulty_openat(int folder, const char *name, int flags, mode_t mode)
{
    if (!has_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return fails() ? -1 : openat(folder, name, flags, mode);
}

static ssize_t faulty_write(int fd, const void *data, size_t len)
{
    return fails() ? -1 : write(fd, data, len > 3 ? 3 : len); /* in pieces */
}

static int faulty_linkat(int from, const char *a, int to, const char *b, int flags)
{
    if (!has_links) {
        errno = EPERM;
        return -1;
    }
    return fails() ? -1 : linkat(from, a, to, b, flags);
}

#define openat4(folder, name, flags, mode, ...) faulty_openat(folder, name, flags, mode)
#define openat(...) openat4(__VA_ARGS__, 0, 0)
#define write(fd, data, len) faulty_write(fd, data, len)
#define linkat(a, b, c, d, e) faulty_linkat(a, b, c, d, e)
#define fsync(fd) (fails() ? -1 : fsync(fd))
#define fdatasync(fd) (fails() ? -1 : fdatasync(fd))
#define fchmod(fd, mode) (fails() ? -1 : fchmod(fd, mode))
#define renameat(a, b, c, d) (fails() ? -1 : renameat(a, b, c, d))
#define renameat2(a, b, c, d, e) (fails() ? -1 : renameat2(a, b, c, d, e))
#define mkdirat(a, b, c) (fails() ? -1 : mkdirat(a, b, c))

#include "files/change.c"
#undef DEPTH_MAX
#define sync_folder newfile_sync_folder
#include "files/newfile.c"
#undef sync_folder
#define check_target write_check_target
#include "files/write.c"

#undef openat
#undef write

static struct root *r;

static int replace(struct fail *f)
{
    struct write_options o = { .data = "new bytes", .len = 9 };
    struct written w;
    return root_write(&r->op, "a", &o, &w, f);
}

static int make(struct fail *f)
{
    struct write_options o = { .data = "made bytes", .len = 10, .must_be_new = true };
    struct written w;
    return root_write(&r->op, "b", &o, &w, f);
}

static int append(struct fail *f)
{
    struct written w;
    return root_append(&r->op, "log", "more", 4, &w, f);
}

static int move(struct fail *f) { return root_rename(&r->op, "a", "c", false, f); }
static int drop(struct fail *f) { return root_remove(&r->op, "a", NULL, f); }
static int make_folder(struct fail *f)
{
    int code = root_mkdir(&r->op, "d", f);
    return code < 0 ? code : 0;
}

/* "": there is none. */
static void bytes_of(const char *name, char *out, size_t size)
{
    FILE *in = fopen(in_base(r, name), "re");
    size_t n = in ? fread(out, 1, size - 1, in) : 0;
    out[n] = '\0';
    if (in)
        fclose(in);
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static void look(const char *what, int step)
{
    char a[64], b[64], c[64], log[64];
    bytes_of("root/a", a, sizeof a);
    bytes_of("root/b", b, sizeof b);
    bytes_of("root/c", c, sizeof c);
    bytes_of("root/log", log, sizeof log);
    bool is_there = is_one_of(a, "old", "new bytes") || strcmp(c, "old") == 0 ||
                    (strcmp(what, "drop") == 0 && a[0] == '\0');
    if (!is_there || !is_one_of(b, "", "made bytes") || !is_one_of(log, "line\n", "line\nmore"))
        fail_msg("%s, step %d: a '%s', b '%s', c '%s', log '%s'", what, step, a, b, c, log);
    DIR *dir = opendir(in_base(r, "root"));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, ".moongate", 9) == 0)
            fail_msg("%s, step %d: %s stayed behind", what, step, entry->d_name);
    closedir(dir);
}

/* Fails at the first step, at the second, and so on, until all of it succeeds. */
static void fail_everywhere(const char *what, int (*change)(struct fail *f), int at_least)
{
    struct fail f = { .word = "" };
    int step = 0;
    for (;; step++) {
        folder_write(r->base, "root/a", "old");
        folder_write(r->base, "root/log", "line\n");
        (void)remove(in_base(r, "root/b"));
        (void)remove(in_base(r, "root/c"));
        (void)remove(in_base(r, "root/d"));
        steps = step;
        int code = change(&f);
        bool was_hit = steps < 0;
        steps = -1;
        look(what, step);
        if (!was_hit) {
            assert_int_equal(code, 0);
            break;
        }
        if (code >= 0)
            fail_msg("%s, step %d: the failure was not told", what, step);
        assert_string_equal(f.word, strerrorname_np(reason));
        assert_true(step < 100);
    }
    if (step < at_least)
        fail_msg("%s: only %d steps were seen", what, step);
}

static void test_each_step(void **state)
{
    need_programs();
    static const int reasons[] = { EIO, ENOSPC, EDQUOT };
    r = *state;
    steps = -1;
    for (unsigned i = 0; i < 9; i++) {
        reason = reasons[i % 3];
        has_tmpfile = i < 3;
        has_links = i < 6;
        fail_everywhere("replace", replace, 8);
        fail_everywhere("make", make, 6);
        fail_everywhere("append", append, 3);
        fail_everywhere("move", move, 4);
        fail_everywhere("drop", drop, 2);
        fail_everywhere("make_folder", make_folder, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_step, root_setup, root_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
