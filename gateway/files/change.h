/* change.h - renaming, removing and making what has a name below the root. Each change is synced to
 * disk before the function returns.
 * Threads: any; all of it may block on a disk. 0 or a negative enum mg_err with its reason. */
#ifndef MG_FILES_CHANGE_H
#define MG_FILES_CHANGE_H
#include "files/files.h"

#define MOVE_MAX 10000 /* entries of a folder that is renamed: each is judged */

/* A file, a link itself, or an empty folder. sha256: as in struct write_options, of a file. */
int root_remove(const struct fileop *op, const char *path, const char *sha256,
                struct fail *f) MG_NODISCARD;
/* A file or a folder. overwrite: a file there is replaced; else EEXIST. */
int root_rename(const struct fileop *op, const char *from, const char *to, bool overwrite,
                struct fail *f) MG_NODISCARD;
/* With the folders that it lies in. 1: it was made, 0: it was there. */
int root_mkdir(const struct fileop *op, const char *path, struct fail *f) MG_NODISCARD;

#endif
