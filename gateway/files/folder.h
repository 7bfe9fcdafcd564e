/* folder.h - the names in one folder, sorted as their paths are: a folder's as if a slash stood
 * behind it. Files and folders alone.
 * Threads: belongs to its caller; may block on a disk. */
#ifndef MG_FOLDER_H
#define MG_FOLDER_H
#include <sys/types.h>

#include "files/files.h"

struct folder_entry {
    const char *name;
    ino_t ino;
    bool is_folder;
};

struct folder_names {
    struct folder_entry *entries;
    size_t count, cap;
    char *text; /* what the names point into */
    bool is_cut;
};

/* At most max of them. folder is opened for reading and stays open. 0 or a negative enum mg_err;
 * folder_names_fini() in either case. */
int folder_read(const struct fileop *op, int folder, size_t max, struct folder_names *names,
                struct fail *f) MG_NODISCARD;
void folder_names_fini(struct folder_names *names);

#endif
