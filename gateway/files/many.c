#include "files/many.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tools/ownview.h"

int many_begin(struct many *m, const struct fileop *op, struct fail *f)
{
    const struct rootfile_rules *r = op->rules;
    m->op = op;
    m->folder = -1;
    m->is_known = m->is_level = false;
    m->depth = 0;
    m->view = r->view ? r->view(r->arg) : NULL;
    return r->view && !m->view ? fail_errno(f, ENOMEM, "") : 0;
}

static void leave(struct many *m)
{
    if (m->folder >= 0 && !m->is_level)
        close(m->folder);
    m->folder = -1;
    m->is_level = false;
}

static void pop_levels(struct many *m, size_t depth)
{
    while (m->depth > depth)
        close(m->levels[--m->depth].fd);
}

void many_end(struct many *m)
{
    leave(m);
    pop_levels(m, 0);
    ownview_free(m->view);
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Its first len bytes are names, each with a slash behind it, and no "." or "..". */
static bool is_plain(const char *path, size_t len)
{
    for (size_t at = 0; at < len; at++) {
        const char *name = path + at;
        size_t n = (size_t)((const char *)memchr(name, '/', len - at) - name);
        if (n == 0 || (n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
            return false;
        at += n;
    }
    return true;
}

/* The folder way (len bytes, no slash) in the last level: opened and judged as it is, and lying
 * where way says. -1: it has to be judged from the root on. */
static int open_level(struct many *m, size_t at, size_t len)
{
    char now[PATH_MAX];
    struct fail unseen;
    struct stat st;
    int fd = openat(m->levels[m->depth - 1].fd, m->way + at,
                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && ownview_allows(m->view, m->way, len, true, st.st_dev, st.st_ino) &&
        rootplace_relative(m->op->rules, fd, m->way, now, &unseen) == 0 && strcmp(now, m->way) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Goes down to the folder from the last level that is on its way: most folders of a repository lie
 * beside the one before, and judging each from the root on took most of the time. False: it cannot
 * be reached so, which says nothing of it. */
static bool go_down(struct many *m, const char *path, size_t len)
{
    struct fail unseen;
    if (!m->view || len >= PATH_MAX || !is_plain(path, len))
        return false;
    if (m->depth == 0) {
        int top = rootplace_folder(m->op->rules, "", &unseen);
        if (top < 0)
            return false;
        m->levels[m->depth++] = (struct many_level){ .fd = top };
    }
    size_t keep = m->depth;
    while (keep > 1 &&
           (m->levels[keep - 1].len > len || memcmp(m->way, path, m->levels[keep - 1].len) != 0))
        keep--;
    pop_levels(m, keep);
    for (size_t at = m->levels[m->depth - 1].len; at < len;) {
        size_t n = (size_t)((const char *)memchr(path + at, '/', len - at) - path) - at;
        memcpy(m->way + at, path + at, n);
        m->way[at + n] = '\0';
        int fd = m->depth < MANY_DEPTH ? open_level(m, at, at + n) : -1;
        if (fd < 0)
            return false;
        m->way[at + n] = '/';
        at += n + 1;
        m->levels[m->depth++] = (struct many_level){ .fd = fd, .len = at };
    }
    memcpy(m->path, m->way, len);
    m->path_len = len;
    m->folder = m->levels[m->depth - 1].fd;
    m->is_level = m->is_known = true;
    return true;
}

/* The folder that the path lies in, unless it is the one of the path before. */
static bool enter(struct many *m, const char *path)
{
    const char *base;
    struct fail unseen;
    size_t len = (size_t)(base_of(path) - path);
    if (m->is_known && len == m->name_len && memcmp(m->asked, path, len) == 0)
        return true;
    leave(m);
    m->is_known = false; /* what fails may fail for the file's own name */
    if (len >= sizeof m->asked)
        return false;
    memcpy(m->asked, path, len);
    m->name_len = len;
    if (go_down(m, path, len))
        return true;
    int fd = rootplace_parent(m->op->rules, path, &base, &unseen);
    if (fd < 0)
        return false;
    if (rootplace_relative(m->op->rules, fd, path, m->path, &unseen) != 0) {
        close(fd);
        return false;
    }
    m->path_len = strcmp(m->path, ".") == 0 ? 0 : strlen(m->path);
    if (m->path_len > 0)
        m->path[m->path_len++] = '/';
    m->folder = fd;
    m->is_known = true;
    return true;
}

static bool is_allowed(struct many *m, const char *base, const struct stat *st, int fd)
{
    const struct rootfile_rules *r = m->op->rules;
    size_t len = m->path_len + strlen(base);
    if (len + 2 >= sizeof m->path)
        return false;
    if (!m->view || st->st_nlink > 1)
        return r->may_open && r->may_open(r->arg, fd);
    memcpy(m->path + m->path_len, base, strlen(base) + 1);
    return ownview_allows(m->view, m->path, len, false, st->st_dev, st->st_ino);
}

bool many_stat(struct many *m, const char *path, struct stat *st)
{
    const char *base = base_of(path);
    if (!*base || !enter(m, path))
        return false;
    if (fstatat(m->folder, base, st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st->st_mode))
        return false;
    if (m->view && st->st_nlink == 1)
        return is_allowed(m, base, st, -1);
    int fd = openat(m->folder, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool may = fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) && is_allowed(m, base, st, fd);
    if (fd >= 0)
        close(fd);
    return may;
}

/* 1, 0 or negative, as many_read(). */
static int read_all(struct many *m, int fd, size_t len, struct buf *out, struct fail *f)
{
    buf_clear(out);
    buf_reserve(out, len);
    if (!buf_ok(out))
        return fail_errno(f, ENOMEM, m->path);
    while (out->len < len) {
        int code = fileop_stopped(m->op, f);
        if (code != 0)
            return code;
        size_t rest = len - out->len, piece = (size_t)1 << 20;
        ssize_t n = pread(fd, out->data + out->len, rest < piece ? rest : piece, (off_t)out->len);
        if (n < 0 && errno != EINTR)
            return 0;
        if (n == 0)
            break; /* somebody cut it meanwhile */
        out->len += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

int many_read(struct many *m, const char *path, const struct stat *st, size_t max, struct buf *out,
              struct fail *f)
{
    struct stat now;
    if (m->folder < 0)
        return 0;
    int fd =
        openat(m->folder, base_of(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    bool is_same = fstat(fd, &now) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino &&
                   S_ISREG(now.st_mode) && now.st_size >= 0;
    size_t len = is_same && (uint64_t)now.st_size < max ? (size_t)now.st_size : max;
    int code = is_same ? read_all(m, fd, len, out, f) : 0;
    close(fd);
    return code;
}
