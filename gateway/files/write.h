/* write.h - writing a file below the root: whole and at once, or at its end.
 * A file is replaced by a new one that was synced to disk before it got the name, and so is the
 * folder afterwards: whoever reads, also after a power cut, finds the old bytes or the new ones.
 * Threads: any; all of it may block on a disk. 0 or a negative enum mg_err with its reason. */
#ifndef MG_FILES_WRITE_H
#define MG_FILES_WRITE_H
#include "files/files.h"
#include "files/read.h"

struct write_options {
    const char *data;
    size_t len;
    bool must_be_new; /* else EEXIST */
    bool must_exist;  /* else ENOENT */
    /* NULL: no matter. What is there has this digest (lower-case hex), or, for "", nothing is
     * there; else CONFLICT. */
    const char *sha256;
};

struct written {
    bool is_new;
    uint64_t size;
    double modified;
    char sha256[DIGEST_TEXT]; /* of what was written; "" for append */
};

int root_write(const struct fileop *op, const char *path, const struct write_options *o,
               struct written *w, struct fail *f) MG_NODISCARD;
/* Makes the file when there is none. What could be written of it when it fails is taken back. */
int root_append(const struct fileop *op, const char *path, const char *data, size_t len,
                struct written *w, struct fail *f) MG_NODISCARD;

/* For those who change names. The digest of what is there is the one that was asked for? "": there
 * is nothing. */
int check_digest(const struct fileop *op, const struct rootplace *p, const char *path,
                 const char *sha256, struct fail *f) MG_NODISCARD;
/* Is what lies under the name still what was judged? */
bool is_unchanged(const struct rootplace *p);
int write_all(const struct fileop *op, int fd, const char *path, const char *data, size_t len,
              struct fail *f) MG_NODISCARD;

#endif
