/* many.h - looking at many files below the root, one after the other: a folder is judged when the
 * first of its files comes: from the judged folder it lies in, where the path is plain, and else
 * from the root on. A file is judged by what no tool may open as it is at the begin (ownview.h),
 * or, where it has several names, as any other. Links are not followed in the last part of a path.
 * Threads: belongs to its caller; may block on a disk. */
#ifndef MG_MANY_H
#define MG_MANY_H
#include "base/buf.h"
#include "files/files.h"

#define MANY_DEPTH 48 /* judged folders that are held open, the root among them */

struct many_level {
    int fd;
    size_t len; /* of its path in way, with the slash; the root's is 0 */
};

struct many {
    const struct fileop *op;
    struct ownview *view;    /* NULL: every file is asked for */
    int folder;              /* -1: none, or one that tools may not touch */
    bool is_level;           /* folder is the last level's */
    size_t name_len;         /* of the folder's name in asked, with the slash */
    size_t path_len;         /* of its path in path, likewise */
    bool is_known;           /* asked names the folder */
    char asked[PATH_MAX];    /* as the caller writes it */
    char path[PATH_MAX + 2]; /* relative to the root, links resolved */
    char way[PATH_MAX + 2];  /* of the last level */
    size_t depth;
    struct many_level levels[MANY_DEPTH];
};

/* 0 or a negative enum mg_err with its reason. many_end() after success. */
int many_begin(struct many *m, const struct fileop *op, struct fail *f) MG_NODISCARD;
void many_end(struct many *m);

/* Is it a regular file for tools? Not opened. */
bool many_stat(struct many *m, const char *path, struct stat *st) MG_NODISCARD;
/* All bytes of the file that many_stat() just told of, at most max, replacing those in out: 1. 0:
 * it is another one now, or cannot be read. Negative: no memory, or nobody waits any more. */
int many_read(struct many *m, const char *path, const struct stat *st, size_t max, struct buf *out,
              struct fail *f) MG_NODISCARD;

#endif
