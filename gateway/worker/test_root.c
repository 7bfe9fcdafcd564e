#include "worker/test_root.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FOLDERS 16

int test_root_make(struct test_root *r, struct err *e)
{
    char made[PATH_MAX];
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(made, sizeof made, "%s/moongate-test-XXXXXX", tmp && tmp[0] ? tmp : P_tmpdir);
    r->folder[0] = '\0';
    if (n < 0 || (size_t)n >= sizeof made)
        return err_set(e, MG_E_LIMIT, "TMPDIR is too long");
    if (!mkdtemp(made))
        return err_set(e, MG_E_IO, "cannot make a folder as %s: %s", made, strerror(errno));
    if (!realpath(made, r->folder)) {
        r->folder[0] = '\0';
        (void)rmdir(made);
        return err_set(e, MG_E_IO, "%s: %s", made, strerror(errno));
    }
    n = snprintf(r->path, sizeof r->path, "%s/root", r->folder);
    int m = snprintf(r->index, sizeof r->index, "%s/index", r->folder);
    if (n > 0 && (size_t)n < sizeof r->path && m > 0 && (size_t)m < sizeof r->index &&
        mkdir(r->path, 0755) == 0)
        return 0;
    err_set(e, MG_E_IO, "cannot make %s/root: %s", r->folder, strerror(errno));
    test_root_remove(r);
    return e->code;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    (void)(type == FTW_DP ? rmdir(path) : unlink(path));
    return 0;
}

void test_root_remove(struct test_root *r)
{
    if (r->folder[0])
        (void)nftw(r->folder, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    r->folder[0] = '\0';
}

/* The next part of the path, or false when it is no name of a file. */
static bool part_take(const char **path, char part[NAME_MAX + 1])
{
    size_t len = strcspn(*path, "/");
    if (len == 0 || len > NAME_MAX)
        return false;
    memcpy(part, *path, len);
    part[len] = '\0';
    *path += len + ((*path)[len] == '/');
    return strcmp(part, ".") != 0 && strcmp(part, "..") != 0;
}

/* Takes dir; returns the folder in it, which may have to be made. */
static int folder_enter(int dir, const char *name)
{
    (void)mkdirat(dir, name, 0755);
    int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    close(dir);
    return next;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return MG_E_IO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int test_root_write(const struct test_root *r, const char *path, const char *data, size_t len,
                    struct err *e)
{
    char part[NAME_MAX + 1];
    const char *rest = path;
    if (!part_take(&rest, part))
        return err_set(e, MG_E_INVALID, "expected a relative path without . and ..");
    int dir = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (dir >= 0 && *rest) {
        dir = folder_enter(dir, part);
        if (dir >= 0 && !part_take(&rest, part)) {
            close(dir);
            return err_set(e, MG_E_INVALID, "expected a relative path without . and ..");
        }
    }
    int fd = dir < 0
                 ? -1
                 : openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    int code = fd < 0 ? MG_E_IO : write_all(fd, data, len);
    if (code != 0)
        err_set(e, MG_E_IO, "%s", strerror(errno));
    if (fd >= 0 && close(fd) != 0 && code == 0)
        code = err_set(e, MG_E_IO, "%s", strerror(errno));
    if (dir >= 0)
        close(dir);
    return code;
}
