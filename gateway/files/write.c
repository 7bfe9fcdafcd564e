#include "files/write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files/leftovers.h"
#include "files/newfile.h"

#define PLACE_TRIES 10 /* while others, not of this process, make and remove that name */
#define PIECE ((size_t)1 << 20)

int check_digest(const struct fileop *op, const struct rootplace *p, const char *path,
                 const char *sha256, struct fail *f)
{
    char now[DIGEST_TEXT];
    if (!sha256 || (sha256[0] == '\0' && p->fd < 0))
        return 0;
    if (p->fd < 0)
        return fail_set(f, MG_E_CONFLICT, "CONFLICT", "%s does not exist now", path);
    int fd = rootplace_reopen(p, O_RDONLY, path, f);
    if (fd < 0)
        return fd;
    int code = root_digest(op, fd, path, now, f);
    close(fd);
    if (code != 0 || strcmp(now, sha256) == 0)
        return code;
    return fail_set(f, MG_E_CONFLICT, "CONFLICT",
                    sha256[0] ? "%s has changed: its sha256 is %s now"
                              : "%s exists already: its sha256 is %s",
                    path, now);
}

/* May what is there be replaced, or added to? */
static int check_target(const struct rootplace *p, const char *path, struct fail *f)
{
    if (p->fd < 0)
        return 0;
    if (S_ISDIR(p->st.st_mode))
        return fail_set(f, MG_E_INVALID, "EISDIR", "%s is a folder", path);
    if (S_ISLNK(p->st.st_mode))
        return fail_set(f, MG_E_DENIED, "DENIED",
                        "%s is a symbolic link, which is not written through: name what it leads "
                        "to, or remove it",
                        path);
    if (faccessat(p->folder, p->base, W_OK, AT_EACCESS) != 0)
        return fail_errno(f, errno, path);
    return 0;
}

static int check_wishes(const struct fileop *op, const struct rootplace *p, const char *path,
                        const struct write_options *o, struct fail *f)
{
    if (p->fd < 0 && o->must_exist)
        return fail_errno(f, ENOENT, path);
    if (p->fd >= 0 && o->must_be_new)
        return fail_set(f, MG_E_CONFLICT, "EEXIST", "%s exists already", path);
    return check_digest(op, p, path, o->sha256, f);
}

bool is_unchanged(const struct rootplace *p)
{
    struct stat now;
    return fstatat(p->folder, p->base, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           now.st_dev == p->st.st_dev && now.st_ino == p->st.st_ino &&
           now.st_size == p->st.st_size && now.st_mtim.tv_sec == p->st.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == p->st.st_mtim.tv_nsec;
}

int write_all(const struct fileop *op, int fd, const char *path, const char *data, size_t len,
              struct fail *f)
{
    while (len > 0) {
        int code = fileop_stopped(op, f);
        if (code != 0)
            return code;
        ssize_t n = write(fd, data, len < PIECE ? len : PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(f, errno, path);
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Under the lock, once: MG_E_CLOSED means that the name was taken or left meanwhile. */
static int place(const struct fileop *op, const struct rootplace *p, const char *path,
                 const struct write_options *o, struct written *w, struct fail *f)
{
    struct newfile n;
    struct stat st = { 0 };
    leftovers_sweep(op->shared, p->folder);
    int code = newfile_open(&n, p->folder, path, f);
    if (code != 0)
        return code;
    code = write_all(op, n.fd, path, o->data, o->len, f);
    if (code == 0 && p->fd >= 0 && fchmod(n.fd, p->st.st_mode & 0777) != 0)
        code = fail_errno(f, errno, path);
    if (code == 0 && (fsync(n.fd) != 0 || fstat(n.fd, &st) != 0))
        code = fail_errno(f, errno, path);
    if (code == 0)
        code = fileop_stopped(op, f);
    if (code == 0 && p->fd >= 0)
        code = is_unchanged(p) ? newfile_replace(&n, p->base, path, f) : MG_E_CLOSED;
    else if (code == 0)
        code = newfile_place(&n, p->base, path, f);
    newfile_close(&n);
    if (code == 0) {
        w->is_new = p->fd < 0;
        w->size = (uint64_t)st.st_size;
        w->modified = root_time(&st);
    }
    return code;
}

/* ---- at the end ---- */

/* Under the lock. */
static int append_to(const struct fileop *op, const struct rootplace *p, const char *path,
                     const char *data, size_t len, struct written *w, struct fail *f)
{
    struct stat before = { 0 }, after = { 0 };
    int fd = rootplace_reopen(p, O_WRONLY | O_APPEND, path, f);
    if (fd < 0)
        return fd;
    int code = fstat(fd, &before) == 0 ? write_all(op, fd, path, data, len, f)
                                       : fail_errno(f, errno, path);
    if (code == 0 && (fdatasync(fd) != 0 || fstat(fd, &after) != 0))
        code = fail_errno(f, errno, path);
    if (code == 0) {
        w->size = (uint64_t)after.st_size;
        w->modified = root_time(&after);
    } else if (fstat(fd, &after) == 0 && after.st_size > before.st_size &&
               (size_t)(after.st_size - before.st_size) <= len &&
               ftruncate(fd, before.st_size) != 0) {
        (void)fail_set(f, MG_E_IO, f->word, "%s (a part of it was written)", f->err.text);
    }
    close(fd);
    return code;
}

/* ---- both ---- */

struct change {
    const struct write_options *o; /* its data alone, where it is appended */
    bool is_append;
    struct written *w;
};

/* Under the lock. */
static int change_now(const struct fileop *op, struct rootplace *p, const char *path,
                      const struct change *c, struct fail *f)
{
    if (c->is_append && p->fd >= 0)
        return append_to(op, p, path, c->o->data, c->o->len, c->w, f);
    int code = c->is_append ? 0 : check_wishes(op, p, path, c->o, f);
    return code == 0 ? place(op, p, path, c->o, c->w, f) : code;
}

/* Looks and writes under the lock. */
static int change_once(const struct fileop *op, const char *path, const struct change *c,
                       struct fail *f)
{
    struct rootplace p;
    struct filelock lock;
    int code = rootplace_open(op->rules, path, LINK_KEEP, &p, f);
    if (code != 0)
        return code;
    if (p.folder >= 0 && path[strlen(path) - 1] == '/')
        code =
            fail_set(f, MG_E_INVALID, "EISDIR", "%s ends in / as the name of a folder does", path);
    else
        code = rootplace_may_make(op->rules, &p, path, false, f);
    if (code == 0)
        code = filelock_take(op, &p, NULL, &lock, f);
    if (code == 0) {
        code = rootplace_again(op->rules, &p, path, f);
        if (code == 0)
            code = check_target(&p, path, f);
        if (code == 0)
            code = change_now(op, &p, path, c, f);
        filelock_release(op->shared, &lock);
    }
    rootplace_close(&p);
    return code;
}

static int change_file(const struct fileop *op, const char *path, const struct change *c,
                       struct fail *f)
{
    for (int i = 0; i < PLACE_TRIES; i++) {
        int code = change_once(op, path, c, f);
        if (code != MG_E_CLOSED)
            return code;
    }
    return fail_set(f, MG_E_CONFLICT, "CONFLICT", "others change %s all the time", path);
}

int root_write(const struct fileop *op, const char *path, const struct write_options *o,
               struct written *w, struct fail *f)
{
    const struct change c = { .o = o, .w = w };
    digest_text(o->data, o->len, w->sha256);
    return change_file(op, path, &c, f);
}

int root_append(const struct fileop *op, const char *path, const char *data, size_t len,
                struct written *w, struct fail *f)
{
    const struct write_options o = { .data = data, .len = len };
    const struct change c = { .o = &o, .is_append = true, .w = w };
    w->is_new = false;
    w->sha256[0] = '\0';
    return change_file(op, path, &c, f);
}
