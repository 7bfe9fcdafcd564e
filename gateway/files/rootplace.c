#include "files/rootplace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/utf8.h"

#define FOLDERS_MAX 128 /* between a file and the root */
#define LOOK_TRIES 100  /* while others rename folders on the way */

static int refuse(struct fail *f, const char *path)
{
    return fail_set(f, MG_E_DENIED, "DENIED", "%s is not for tools", path);
}

/* path is relative to the root; links in it are followed while they stay below. */
static int open_beneath(const struct rootfile_rules *r, const char *path, int flags,
                        uint64_t resolve, struct fail *f)
{
    if (path[0] == '/')
        return fail_set(f, MG_E_DENIED, "DENIED", "the path is not relative to the root: %s", path);
    int root = open(r->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail_errno(f, errno, r->root);
    int fd = beneath_open(root, path, flags, resolve);
    int reason = errno;
    close(root);
    return fd >= 0 ? fd : fail_errno(f, reason, path);
}

/* Walks from the folder up to the root. 0: all of them may be touched. Takes fd over. */
static int check_folders(const struct rootfile_rules *r, int fd, const char *path, struct fail *f)
{
    struct stat root, st;
    int code = refuse(f, path);

    if (stat(r->root, &root) != 0) {
        code = fail_errno(f, errno, r->root);
        close(fd);
        return code;
    }
    for (int i = 0; i < FOLDERS_MAX && fstat(fd, &st) == 0; i++) {
        if (!r->may_open || !r->may_open(r->arg, fd))
            break;
        if (st.st_dev == root.st_dev && st.st_ino == root.st_ino) {
            code = 0;
            break;
        }
        int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = up;
        if (fd < 0)
            return code;
    }
    close(fd);
    return code;
}

/* Takes fd over on failure. */
static int judge_folder(const struct rootfile_rules *r, int fd, const char *path, struct fail *f)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int code = copy < 0 ? fail_errno(f, errno, path) : check_folders(r, copy, path, f);
    if (code == 0)
        return fd;
    close(fd);
    return code;
}

int rootplace_folder(const struct rootfile_rules *r, const char *path, struct fail *f)
{
    int fd = open_beneath(r, path[0] ? path : ".", O_PATH | O_DIRECTORY, 0, f);
    return fd < 0 ? fd : judge_folder(r, fd, path[0] ? path : ".", f);
}

static bool is_dots(const char *name)
{
    return name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int rootplace_parent(const struct rootfile_rules *r, const char *path, const char **base,
                     struct fail *f)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";

    *base = slash ? slash + 1 : path;
    if (is_dots(*base))
        return fail_set(f, MG_E_INVALID, "INVALID", "not the name of a file: %s", path);
    if (path[0] == '/')
        return fail_set(f, MG_E_DENIED, "DENIED", "the path is not relative to the root: %s", path);
    if (slash && snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path) >= PATH_MAX)
        return fail_errno(f, ENAMETOOLONG, "");
    int fd = open_beneath(r, folder, O_PATH | O_DIRECTORY, 0, f);
    return fd < 0 ? fd : judge_folder(r, fd, path, f);
}

static int link_of(int fd, const char *path, char out[PATH_MAX], struct fail *f)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX);
    if (n < 0)
        return fail_errno(f, errno, path);
    if (n >= PATH_MAX)
        return fail_errno(f, ENAMETOOLONG, path);
    out[n] = '\0';
    return 0;
}

int rootplace_relative(const struct rootfile_rules *r, int fd, const char *path, char out[PATH_MAX],
                       struct fail *f)
{
    char root[PATH_MAX], real[PATH_MAX];
    int top = open(r->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return fail_errno(f, errno, r->root);
    int code = link_of(top, path, root, f);
    close(top);
    if (code == 0)
        code = link_of(fd, path, real, f);
    if (code != 0)
        return code;
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(real, root, n) != 0 || (real[n] != '/' && real[n] != '\0'))
        return fail_errno(f, EXDEV, path);
    const char *rest = real[n] ? real + n + 1 : "";
    memmove(out, *rest ? rest : ".", strlen(*rest ? rest : ".") + 1);
    return 0;
}

/* ---- places ---- */

/* What is there, not followed: p->fd and p->st. Nothing there is no failure. */
static int look(const struct rootfile_rules *r, struct rootplace *p, const char *path,
                struct fail *f)
{
    bool may = false;
    for (int i = 0; !may && i < LOOK_TRIES; i++) {
        if (p->fd >= 0)
            close(p->fd);
        p->fd = openat(p->folder, p->base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (p->fd < 0 && errno == ENOENT)
            return 0;
        if (p->fd < 0)
            return fail_errno(f, errno, path);
        may = r->may_open(r->arg, p->fd);
        if (fstat(p->fd, &p->st) != 0)
            return fail_errno(f, errno, path);
        if (!may && p->st.st_nlink > 0)
            break; /* else it was replaced just now, and had no name to be judged by */
    }
    if (!may)
        return refuse(f, path);
    if (!S_ISREG(p->st.st_mode) && !S_ISDIR(p->st.st_mode) && !S_ISLNK(p->st.st_mode))
        return fail_set(f, MG_E_INVALID, "INVALID",
                        "not a regular file: %s (FIFOs, sockets and devices are not for tools)",
                        path);
    return 0;
}

static int open_named_folder(const struct rootfile_rules *r, const char *path, struct rootplace *p,
                             struct fail *f)
{
    p->fd = rootplace_folder(r, path, f);
    if (p->fd < 0)
        return p->fd;
    return fstat(p->fd, &p->st) == 0 ? 0 : fail_errno(f, errno, path);
}

/* The path of what the link leads to now, which is then opened without following any. */
static int follow(const struct rootfile_rules *r, const char *path, struct rootplace *p,
                  struct fail *f)
{
    char real[PATH_MAX];
    int fd = open_beneath(r, path, O_PATH, 0, f);
    if (fd < 0)
        return fd;
    int code = rootplace_relative(r, fd, path, real, f);
    close(fd);
    if (code != 0)
        return code;
    rootplace_close(p);
    code = rootplace_open(r, real, LINK_KEEP, p, f);
    if (code != 0)
        return code == MG_E_DENIED ? refuse(f, path) : code;
    p->is_link = true;
    if (p->fd >= 0 && S_ISLNK(p->st.st_mode)) { /* put there just now */
        rootplace_close(p);
        return fail_errno(f, ELOOP, path);
    }
    return 0;
}

int rootplace_open(const struct rootfile_rules *r, const char *path, enum rootplace_link link,
                   struct rootplace *p, struct fail *f)
{
    size_t len = strlen(path);
    p->folder = p->fd = -1;
    p->is_link = false;
    p->base = "";
    if (len >= sizeof p->path)
        return fail_errno(f, ENAMETOOLONG, "");
    memcpy(p->path, path, len + 1);
    while (len > 1 && p->path[len - 1] == '/') /* a folder's name may end so */
        p->path[--len] = '\0';
    const char *slash = strrchr(p->path, '/');
    if (is_dots(slash ? slash + 1 : p->path) && path[0] != '/')
        return open_named_folder(r, p->path, p, f);
    p->folder = rootplace_parent(r, p->path, &p->base, f);
    if (p->folder < 0)
        return p->folder;
    int code = look(r, p, path, f);
    if (code == 0 && link == LINK_FOLLOW && p->fd >= 0 && S_ISLNK(p->st.st_mode))
        code = follow(r, path, p, f);
    if (code != 0)
        rootplace_close(p);
    return code;
}

int rootplace_again(const struct rootfile_rules *r, struct rootplace *p, const char *path,
                    struct fail *f)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    return look(r, p, path, f);
}

void rootplace_close(struct rootplace *p)
{
    if (p->folder >= 0)
        close(p->folder);
    if (p->fd >= 0)
        close(p->fd);
    p->folder = p->fd = -1;
}

int rootplace_reopen(const struct rootplace *p, int flags, const char *path, struct fail *f)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", p->fd);
    int fd = open(link, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 ? fd : fail_errno(f, errno, path);
}

/* A name that no terminal and no JSON text can show is not made. */
static bool is_printable(const char *name)
{
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return utf8_valid(name, strlen(name)) == strlen(name);
}

bool rootplace_may_name(const struct rootfile_rules *r, int folder, const char *name,
                        bool is_folder)
{
    char within[PATH_MAX + 1];
    if (!r->may_make || !r->may_make(r->arg, folder, name))
        return false;
    return !is_folder || ((size_t)snprintf(within, sizeof within, "%s/", name) < sizeof within &&
                          r->may_make(r->arg, folder, within));
}

int rootplace_may_make(const struct rootfile_rules *r, const struct rootplace *p, const char *path,
                       bool is_folder, struct fail *f)
{
    if (p->folder < 0)
        return fail_set(f, MG_E_INVALID, "INVALID", "not the name of a file: %s", path);
    if (p->fd < 0 && !is_printable(p->base))
        return fail_set(f, MG_E_INVALID, "INVALID",
                        "a new name is UTF-8 without control characters: %s", path);
    return rootplace_may_name(r, p->folder, p->base, is_folder) ? 0 : refuse(f, path);
}
