#include "files/read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

#define PIECE ((size_t)1 << 20) /* between two looks at whether anybody waits */

double root_time(const struct stat *st)
{
    return (double)st->st_mtim.tv_sec + (double)st->st_mtim.tv_nsec / 1e9;
}

static void info_fill(const struct rootplace *p, struct file_info *info)
{
    info->type = S_ISDIR(p->st.st_mode) ? 'd' : S_ISLNK(p->st.st_mode) ? 'l' : 'f';
    info->is_link = p->is_link || info->type == 'l';
    info->size = (uint64_t)p->st.st_size;
    info->modified = root_time(&p->st);
    info->dev = p->st.st_dev;
    info->ino = p->st.st_ino;
    info->mode = p->st.st_mode & 07777;
}

/* How much is to be read. */
static int wanted(const char *path, const struct read_options *o, uint64_t size, size_t *out,
                  struct fail *f)
{
    uint64_t rest = o->offset < size ? size - o->offset : 0;
    if (o->has_length)
        rest = rest < o->length ? rest : o->length;
    else if (rest > o->max)
        return fail_set(f, MG_E_LIMIT, "TOO_LARGE",
                        "%s has %" PRIu64 " bytes to read, more than max = %" PRIu64
                        ": raise max (up to %" PRIu64 "), or read parts with offset and length",
                        path, rest, o->max, READ_MAX);
    *out = (size_t)(rest < READ_MAX ? rest : READ_MAX);
    return 0;
}

/* Fewer bytes than wanted are no failure: somebody cut the file meanwhile. */
static int read_all(const struct fileop *op, int fd, const char *path, uint64_t offset, size_t len,
                    struct buf *out, struct fail *f)
{
    buf_reserve(out, len);
    if (!buf_ok(out))
        return fail_errno(f, ENOMEM, path);
    while (len > 0) {
        size_t piece = len < PIECE ? len : PIECE;
        int code = fileop_stopped(op, f);
        if (code != 0)
            return code;
        ssize_t n = pread(fd, out->data + out->len, piece, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(f, errno, path);
        if (n == 0)
            break;
        out->len += (size_t)n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_place(const struct fileop *op, const struct rootplace *p, const char *path,
                      const struct read_options *o, struct buf *out, size_t *taken, struct fail *f)
{
    size_t len = 0;
    if (p->fd < 0)
        return fail_errno(f, ENOENT, path);
    if (S_ISDIR(p->st.st_mode))
        return fail_set(f, MG_E_INVALID, "EISDIR", "%s is a folder; list names what is in it",
                        path);
    int code = wanted(path, o, (uint64_t)p->st.st_size, &len, f);
    if (code != 0)
        return code;
    if (!files_take(op->shared, len))
        return fail_set(f, MG_E_LIMIT, "LIMIT", "too much is read and written at once; try again");
    *taken = len;
    int fd = rootplace_reopen(p, O_RDONLY, path, f);
    if (fd < 0)
        return fd;
    code = read_all(op, fd, path, o->offset, len, out, f);
    close(fd);
    return code;
}

int root_read(const struct fileop *op, const char *path, const struct read_options *o,
              struct buf *out, size_t *taken, struct file_info *info, struct fail *f)
{
    struct rootplace p;
    *taken = 0;
    int code = rootplace_open(op->rules, path, LINK_FOLLOW, &p, f);
    if (code != 0)
        return code;
    code = read_place(op, &p, path, o, out, taken, f);
    if (code == 0)
        info_fill(&p, info);
    rootplace_close(&p);
    return code;
}

/* Nothing is there. Whether a tool may know more than that, its name says: a file that was removed
 * is told as one that is not for tools when it was none. */
static int missing(const struct rootfile_rules *r, const struct rootplace *p, const char *path,
                   struct fail *f)
{
    bool may = p->folder < 0 || rootplace_may_name(r, p->folder, p->base, false);
    return may ? fail_errno(f, ENOENT, path)
               : fail_set(f, MG_E_DENIED, "DENIED", "%s is not for tools", path);
}

/* Nor is a folder that it would lie in, as f says already: what the nearest one that is there says
 * of the rest. */
static int missing_folder(const struct rootfile_rules *r, const char *path, struct fail *f)
{
    char above[PATH_MAX];
    struct fail unseen;
    int folder = -1;
    int code = f->err.code;
    snprintf(above, sizeof above, "%s", path);
    for (char *slash; folder < 0 && (slash = strrchr(above, '/'));) {
        *slash = '\0';
        folder = rootplace_folder(r, above, &unseen);
    }
    const char *rest = folder < 0 ? path : path + strlen(above) + 1;
    if (folder < 0)
        folder = rootplace_folder(r, "", &unseen);
    if (folder >= 0 && !rootplace_may_name(r, folder, rest, false))
        code = fail_set(f, MG_E_DENIED, "DENIED", "%s is not for tools", path);
    if (folder >= 0)
        close(folder);
    return code;
}

int root_stat(const struct fileop *op, const char *path, struct file_info *info, struct fail *f)
{
    struct rootplace p;
    struct fail unseen;
    int code = rootplace_open(op->rules, path, LINK_FOLLOW, &p, f);
    /* A link that leads nowhere is told as what it is; one to what is refused is refused. */
    if (code == MG_E_NOTFOUND || (code == 0 && p.fd < 0)) {
        if (code == 0)
            rootplace_close(&p);
        if (rootplace_open(op->rules, path, LINK_KEEP, &p, &unseen) != 0)
            return code == 0 ? fail_errno(f, ENOENT, path) : missing_folder(op->rules, path, f);
        code = 0;
    }
    if (code != 0)
        return code;
    code = p.fd < 0 ? missing(op->rules, &p, path, f)
                    : rootplace_relative(op->rules, p.fd, path, info->path, f);
    if (code == 0)
        info_fill(&p, info);
    rootplace_close(&p);
    return code;
}

/* ---- digests ---- */

static void digest_hex(const uint8_t digest[SHA256_SIZE], char hex[DIGEST_TEXT])
{
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void digest_text(const void *data, size_t len, char hex[DIGEST_TEXT])
{
    uint8_t digest[SHA256_SIZE];
    hash_sha256(data, len, digest);
    digest_hex(digest, hex);
}

int root_digest(const struct fileop *op, int fd, const char *path, char hex[DIGEST_TEXT],
                struct fail *f)
{
    uint8_t digest[SHA256_SIZE] = { 0 };
    struct sha256 *hash = sha256_begin();
    char *piece = hash ? malloc(PIECE) : NULL;
    off_t at = 0;
    int code = piece ? 0 : fail_errno(f, ENOMEM, path);

    while (code == 0) {
        ssize_t n = pread(fd, piece, PIECE, at);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            code = fail_errno(f, errno, path);
        else if (n > 0)
            sha256_add(hash, piece, (size_t)n);
        at += n > 0 ? n : 0;
        if (code == 0)
            code = fileop_stopped(op, f);
    }
    free(piece);
    if (hash)
        sha256_end(hash, digest);
    if (code == 0)
        digest_hex(digest, hex);
    return code;
}
