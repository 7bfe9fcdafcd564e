#include "files/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files/write.h"

#define DEPTH_MAX 64

static int fail_exists(struct fail *f, const char *path)
{
    return fail_set(f, MG_E_CONFLICT, "EEXIST", "%s exists already", path);
}

static int fail_changed(struct fail *f, const char *path)
{
    return fail_set(f, MG_E_CONFLICT, "CONFLICT", "%s has changed just now", path);
}

static int sync_folder(int folder, const char *path, struct fail *f)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd >= 0 && fsync(fd) == 0 ? 0 : fail_errno(f, errno, path);
    if (fd >= 0)
        close(fd);
    return code;
}

static int need_name(const struct rootplace *p, const char *path, struct fail *f)
{
    return p->folder >= 0
               ? 0
               : fail_set(f, MG_E_INVALID, "INVALID", "not the name of a file: %s", path);
}

/* ---- remove ---- */

static int remove_locked(const struct fileop *op, struct rootplace *p, const char *path,
                         const char *sha256, struct fail *f)
{
    int code = rootplace_again(op->rules, p, path, f);
    if (code != 0)
        return code;
    if (p->fd < 0)
        return fail_errno(f, ENOENT, path);
    bool is_folder = S_ISDIR(p->st.st_mode);
    if (sha256 && !S_ISREG(p->st.st_mode))
        return is_folder ? fail_set(f, MG_E_INVALID, "EISDIR", "%s is a folder", path)
                         : fail_errno(f, ELOOP, path);
    if (sha256)
        code = check_digest(op, p, path, sha256, f);
    if (code != 0)
        return code;
    if (sha256 && !is_unchanged(p)) /* hashing takes its time, and removing goes by the name */
        return fail_changed(f, path);
    if (unlinkat(p->folder, p->base, is_folder ? AT_REMOVEDIR : 0) != 0)
        return fail_errno(f, errno, path);
    return sync_folder(p->folder, path, f);
}

int root_remove(const struct fileop *op, const char *path, const char *sha256, struct fail *f)
{
    struct rootplace p;
    struct filelock lock;
    int code = rootplace_open(op->rules, path, LINK_KEEP, &p, f);
    if (code != 0)
        return code;
    code = need_name(&p, path, f);
    if (code == 0)
        code = filelock_take(op, &p, NULL, &lock, f);
    if (code == 0) {
        code = remove_locked(op, &p, path, sha256, f);
        filelock_release(op->shared, &lock);
    }
    rootplace_close(&p);
    return code;
}

/* ---- rename ---- */

/* Of a folder that moves: what is in it is judged under the path it has and under the one it gets.
 */
struct move {
    const struct fileop *op;
    int to;              /* the folder that it moves to */
    char name[PATH_MAX]; /* what is looked at, relative to that */
    const char *path;
    unsigned count;
};

static int check_tree(struct move *m, int folder, size_t len, int depth, struct fail *f);

static int check_entry(struct move *m, int dir, const char *name, size_t len, int depth,
                       struct fail *f)
{
    const struct rootfile_rules *r = m->op->rules;
    struct stat st;
    int n = snprintf(m->name + len, sizeof m->name - len, "/%s", name);
    if (++m->count > MOVE_MAX || depth > DEPTH_MAX || (size_t)n >= sizeof m->name - len)
        return fail_set(f, MG_E_LIMIT, "TOO_LARGE",
                        "%s holds more than %d entries, or lies too deep: rename what is in it",
                        m->path, MOVE_MAX);
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail_errno(f, errno, m->path);
    int code = 0;
    if (fstat(fd, &st) != 0)
        code = fail_errno(f, errno, m->path);
    else if (!r->may_open(r->arg, fd) ||
             !rootplace_may_name(r, m->to, m->name, S_ISDIR(st.st_mode)))
        code = fail_set(f, MG_E_DENIED, "DENIED", "%s holds what is not for tools", m->path);
    else if (S_ISDIR(st.st_mode))
        code = check_tree(m, fd, len + (size_t)n, depth, f);
    close(fd);
    return code;
}

static int check_tree(struct move *m, int folder, size_t len, int depth, struct fail *f)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        int code = fail_errno(f, errno, m->path);
        if (fd >= 0)
            close(fd);
        return code;
    }
    int code = 0;
    for (struct dirent *entry; code == 0 && (entry = readdir(d));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        code = fileop_stopped(m->op, f);
        if (code == 0)
            code = check_entry(m, dirfd(d), entry->d_name, len, depth + 1, f);
    }
    closedir(d);
    return code;
}

static int check_source(const struct fileop *op, const struct rootplace *p,
                        const struct rootplace *to, const char *path, struct fail *f)
{
    if (p->fd < 0)
        return fail_errno(f, ENOENT, path);
    if (S_ISLNK(p->st.st_mode))
        return fail_errno(f, ELOOP, path);
    if (!S_ISDIR(p->st.st_mode))
        return 0;
    if (!rootplace_may_name(op->rules, to->folder, to->base, true))
        return fail_set(f, MG_E_DENIED, "DENIED", "%s is not for tools", to->path);
    struct move m = { .op = op, .to = to->folder, .path = path };
    int n = snprintf(m.name, sizeof m.name, "%s", to->base);
    return check_tree(&m, p->fd, (size_t)n, 0, f);
}

static int check_target(const struct rootplace *from, const struct rootplace *to, const char *path,
                        bool overwrite, struct fail *f)
{
    if (to->fd < 0)
        return 0;
    if (S_ISLNK(to->st.st_mode))
        return fail_errno(f, ELOOP, path);
    if (S_ISDIR(to->st.st_mode))
        return fail_set(f, MG_E_INVALID, overwrite ? "EISDIR" : "EEXIST", "%s is a folder", path);
    if (!overwrite)
        return fail_exists(f, path);
    if (S_ISDIR(from->st.st_mode))
        return fail_set(f, MG_E_INVALID, "ENOTDIR", "a folder does not replace the file %s", path);
    return 0;
}

static int fail_rename(struct fail *f, const char *from, const char *to)
{
    if (errno == EXDEV)
        return fail_set(f, MG_E_INVALID, "EXDEV",
                        "%s lies on another file system than %s: write it there, then remove it",
                        from, to);
    if (errno == EINVAL)
        return fail_set(f, MG_E_INVALID, "INVALID", "%s cannot be renamed to %s, which lies in it",
                        from, to);
    return errno == EEXIST ? fail_exists(f, to) : fail_errno(f, errno, from);
}

static bool is_same_name(const struct rootplace *a, const struct rootplace *b)
{
    struct stat x, y;
    return strcmp(a->base, b->base) == 0 && fstat(a->folder, &x) == 0 &&
           fstat(b->folder, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A folder's times change with what is in it: that does not matter. */
static bool is_same_inode(const struct rootplace *p)
{
    struct stat now;
    return fstatat(p->folder, p->base, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           now.st_dev == p->st.st_dev && now.st_ino == p->st.st_ino;
}

/* Two names of one file: the system would keep both. */
static int drop_name(const struct rootplace *p, const char *path, struct fail *f)
{
    return unlinkat(p->folder, p->base, 0) == 0 ? sync_folder(p->folder, path, f)
                                                : fail_errno(f, errno, path);
}

static int rename_locked(const struct fileop *op, struct rootplace *a, struct rootplace *b,
                         const char *from, const char *to, bool overwrite, struct fail *f)
{
    int code = rootplace_again(op->rules, a, from, f);
    if (code == 0)
        code = rootplace_again(op->rules, b, to, f);
    if (code == 0)
        code = check_source(op, a, b, from, f);
    if (code != 0)
        return code;
    if (is_same_name(a, b))
        return 0;
    code = check_target(a, b, to, overwrite, f);
    if (code != 0)
        return code;
    /* What came there meanwhile is neither moved nor replaced: it was not judged. */
    if (!is_same_inode(a) || (b->fd >= 0 && !is_same_inode(b)))
        return fail_changed(f, from);
    if (b->fd >= 0 && a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino)
        return drop_name(a, from, f);
    const unsigned flags = b->fd < 0 ? (unsigned)RENAME_NOREPLACE : 0;
    if (renameat2(a->folder, a->base, b->folder, b->base, flags) != 0)
        return fail_rename(f, from, to);
    code = sync_folder(b->folder, to, f);
    return code == 0 ? sync_folder(a->folder, from, f) : code;
}

int root_rename(const struct fileop *op, const char *from, const char *to, bool overwrite,
                struct fail *f)
{
    struct rootplace a, b;
    struct filelock lock;
    int code = rootplace_open(op->rules, from, LINK_KEEP, &a, f);
    if (code != 0)
        return code;
    code = need_name(&a, from, f);
    if (code == 0)
        code = rootplace_open(op->rules, to, LINK_KEEP, &b, f);
    if (code != 0) {
        rootplace_close(&a);
        return code;
    }
    code = rootplace_may_make(op->rules, &b, to, false, f);
    if (code == 0)
        code = filelock_take(op, &a, &b, &lock, f);
    if (code == 0) {
        code = rename_locked(op, &a, &b, from, to, overwrite, f);
        filelock_release(op->shared, &lock);
    }
    rootplace_close(&a);
    rootplace_close(&b);
    return code;
}

/* ---- mkdir ---- */

/* One level: 1 made, 0 there already. */
static int make_one(const struct fileop *op, const char *path, struct fail *f)
{
    struct rootplace p;
    int code = rootplace_open(op->rules, path, LINK_FOLLOW, &p, f);
    if (code != 0)
        return code;
    if (p.fd >= 0) {
        code = S_ISDIR(p.st.st_mode) ? 0 : fail_exists(f, path);
    } else {
        code = rootplace_may_make(op->rules, &p, path, true, f);
        if (code == 0 && mkdirat(p.folder, p.base, 0777) == 0)
            code = sync_folder(p.folder, path, f) == 0 ? 1 : f->err.code;
        else if (code == 0 && errno != EEXIST)
            code = fail_errno(f, errno, path);
    }
    rootplace_close(&p);
    return code;
}

int root_mkdir(const struct fileop *op, const char *path, struct fail *f)
{
    char part[PATH_MAX];
    int code = 0;
    if (strlen(path) >= sizeof part)
        return fail_errno(f, ENAMETOOLONG, "");
    for (const char *end = path; code >= 0 && *end;) {
        end += strspn(end, "/");
        if (!*end && end > path + 1)
            break;
        end += strcspn(end, "/");
        snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
        code = make_one(op, part, f);
    }
    return code;
}
