/* read.h - the bytes of a file below the root, and what is known of it.
 * Threads: any; all of it may block on a disk. 0 or a negative enum mg_err with its reason. */
#ifndef MG_FILES_READ_H
#define MG_FILES_READ_H
#include <stdint.h>

#include "base/buf.h"
#include "files/files.h"

#define READ_MAX ((uint64_t)16 << 20) /* bytes at once */

struct read_options {
    uint64_t offset;
    uint64_t length; /* with has_length: up to so many bytes; at most READ_MAX */
    bool has_length;
    uint64_t max; /* without: more than this is refused; at most READ_MAX */
};

struct file_info {
    char type;    /* 'f' a file, 'd' a folder, 'l' a link that leads nowhere, or out of the root */
    bool is_link; /* the path's last part is a link, which was followed */
    uint64_t size;
    double modified; /* seconds since 1970 */
    uint64_t dev, ino;
    unsigned mode;       /* permission bits */
    char path[PATH_MAX]; /* relative to the root, links resolved */
};

/* Appends to out; out->cap bytes are taken from op->shared: *taken, to be given back when out is
 * freed, also after a failure. */
int root_read(const struct fileop *op, const char *path, const struct read_options *o,
              struct buf *out, size_t *taken, struct file_info *info, struct fail *f) MG_NODISCARD;
int root_stat(const struct fileop *op, const char *path, struct file_info *info,
              struct fail *f) MG_NODISCARD;

/* Of all the bytes of fd, from its start; hex and a zero. */
#define DIGEST_TEXT 65
int root_digest(const struct fileop *op, int fd, const char *path, char hex[DIGEST_TEXT],
                struct fail *f) MG_NODISCARD;
void digest_text(const void *data, size_t len, char hex[DIGEST_TEXT]);
double root_time(const struct stat *st);

#endif
