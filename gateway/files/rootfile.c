#include "files/rootfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_err(struct err *e, const char *path)
{
    struct fail f;
    int code = fail_errno(&f, errno, path);
    return err_set(e, code, "%s", f.err.text);
}

/* As rootplace_parent(), for those who want no word. */
static int open_parent(const struct rootfile_rules *r, const char *path, const char **base,
                       struct err *e)
{
    struct fail f;
    int fd = rootplace_parent(r, path, base, &f);
    return fd >= 0 ? fd : err_set(e, fd, "%s", f.err.text);
}

/* A regular file that tools may touch? Then blocking is switched on again. Takes fd over on
 * failure. */
static int check_file(const struct rootfile_rules *r, int fd, const char *path, struct err *e)
{
    struct stat st;
    int code = 0;

    if (fstat(fd, &st) != 0)
        code = fail_err(e, path);
    else if (!S_ISREG(st.st_mode))
        code = err_set(e, MG_E_INVALID, "not a regular file: %s", path);
    else if (!r->may_open(r->arg, fd))
        code = err_set(e, MG_E_DENIED, "%s is not for tools", path);
    else if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0)
        code = fail_err(e, path);
    if (code == 0)
        return fd;
    close(fd);
    return code;
}

int rootfile_read(const struct rootfile_rules *r, const char *path, struct err *e)
{
    const char *base;
    int folder = open_parent(r, path, &base, e);
    if (folder < 0)
        return folder;
    int fd = openat(folder, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int code = fd < 0 ? fail_err(e, path) : 0;
    close(folder);
    return fd < 0 ? code : check_file(r, fd, path, e);
}

#define WRITE_TRIES 10 /* while others make and remove a file of that name */

/* Opens it, or makes it, whichever it is; *is_new says so. */
static int open_output(const struct rootfile_rules *r, int folder, const char *path,
                       const char *base, bool *is_new, struct err *e)
{
    const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = -1;
    for (int i = 0; i < WRITE_TRIES; i++) {
        *is_new = false;
        fd = openat(folder, base, flags);
        if (fd >= 0 || errno != ENOENT)
            break;
        if (!r->may_make || !r->may_make(r->arg, folder, base))
            return err_set(e, MG_E_DENIED, "%s is not for tools", path);
        *is_new = true;
        fd = openat(folder, base, flags | O_CREAT | O_EXCL, 0666);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    return fd >= 0 ? fd : fail_err(e, path);
}

/* Removes what turned out to be refused when it was there: an own file that is known under a
 * symbolic link to this name, say. */
static void remove_made(int folder, const char *base, const struct stat *made)
{
    struct stat now;
    if (fstatat(folder, base, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == made->st_dev &&
        now.st_ino == made->st_ino)
        (void)unlinkat(folder, base, 0);
}

int rootfile_write(const struct rootfile_rules *r, const char *path, struct err *e)
{
    const char *base;
    bool is_new;
    struct stat made;
    int folder = open_parent(r, path, &base, e);
    if (folder < 0)
        return folder;
    int fd = open_output(r, folder, path, base, &is_new, e);
    if (fd < 0) {
        close(folder);
        return fd;
    }
    is_new = is_new && fstat(fd, &made) == 0;
    fd = check_file(r, fd, path, e);
    if (fd < 0 && is_new)
        remove_made(folder, base, &made);
    close(folder);
    if (fd >= 0 && ftruncate(fd, 0) != 0) {
        int code = fail_err(e, path);
        close(fd);
        return code;
    }
    return fd;
}

int rootfile_named(const struct rootfile_rules *r, const char *folder, const char *name,
                   struct err *e)
{
    int from = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = from < 0 ? -1 : openat(from, name, O_PATH | O_CLOEXEC);
    if (from >= 0)
        close(from);
    if (fd < 0)
        return 0;
    bool may = r->may_open && r->may_open(r->arg, fd);
    close(fd);
    return may ? 0 : err_set(e, MG_E_DENIED, "%s is not for tools", name);
}

/* Appends the path that the folder has now. */
static int append_path(int fd, const char *path, struct buf *out, struct err *e)
{
    char link[64], target[PATH_MAX];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, target, sizeof target);
    if (len < 0 || (size_t)len == sizeof target)
        return fail_err(e, path);
    buf_append(out, target, (size_t)len);
    return 0;
}

int rootfile_folder(const struct rootfile_rules *r, const char *path, struct buf *out,
                    struct err *e)
{
    struct fail f;
    int fd = rootplace_folder(r, path, &f);
    if (fd < 0)
        return err_set(e, fd, "%s", f.err.text);
    int code = append_path(fd, path, out, e);
    close(fd);
    return code;
}
