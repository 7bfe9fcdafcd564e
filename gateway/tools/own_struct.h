/* own_struct.h - what ownfiles.c and ownview.c share. */
#ifndef MG_OWN_STRUCT_H
#define MG_OWN_STRUCT_H
#include <stddef.h>
#include <sys/stat.h>

struct inode {
    dev_t dev;
    ino_t ino;
};

struct ownfiles {
    char *root;
    char **deny, **files, **folders, **prefixes; /* NULL-terminated copies */
    struct inode *inodes; /* of what lay in the folders, sorted: hard links are found by them */
    size_t inode_count, inode_cap;
};

int own_by_inode(const void *a, const void *b); /* for qsort() */

#endif
