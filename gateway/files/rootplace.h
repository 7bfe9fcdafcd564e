/* rootplace.h - where a path of a tool leads: the folder it lies in and what is there now, opened
 * without touching it and judged. Whoever goes on uses these descriptors and never the path again,
 * so that nothing can be put in its place meanwhile.
 * Threads: any; a place belongs to its caller. Functions return 0, or a descriptor (O_CLOEXEC), or
 * a negative enum mg_err with its reason. */
#ifndef MG_ROOTPLACE_H
#define MG_ROOTPLACE_H
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "files/fail.h"

struct ownview;

struct rootfile_rules {
    const char *root;                                          /* absolute */
    bool (*may_open)(void *arg, int fd);                       /* NULL: nothing may be opened */
    bool (*may_make)(void *arg, int folder, const char *name); /* NULL: nothing may be made */
    /* What may_open() says of everything below the root, for listings; NULL: ask it each time.
     * Returns NULL for want of memory. */
    struct ownview *(*view)(void *arg);
    void *arg;
};

struct rootplace {
    int folder;          /* judged; -1: the path names a folder by "." or ".." or the root */
    int fd;              /* O_PATH, judged; -1: nothing is there */
    struct stat st;      /* of fd */
    bool is_link;        /* the path's last part is a symbolic link, which was followed */
    const char *base;    /* its name in folder; points into path */
    char path[PATH_MAX]; /* of a link: where it leads */
};

enum rootplace_link {
    LINK_FOLLOW, /* if it leads to what lies below the root */
    LINK_KEEP,   /* the link itself is meant */
};

/* With nothing there, fd is -1 and that is no failure. A special file (FIFO, device, socket) is
 * refused. To be closed after success only. */
int rootplace_open(const struct rootfile_rules *r, const char *path, enum rootplace_link link,
                   struct rootplace *p, struct fail *f) MG_NODISCARD;
void rootplace_close(struct rootplace *p);
/* Looks again at what lies under the name: under a lock, say. */
int rootplace_again(const struct rootfile_rules *r, struct rootplace *p, const char *path,
                    struct fail *f) MG_NODISCARD;
/* Opens what is there for reading or writing: exactly that, whatever lies under its name now. */
int rootplace_reopen(const struct rootplace *p, int flags, const char *path,
                     struct fail *f) MG_NODISCARD;
/* May the name that the place stands for be made, or be given something new? is_folder: a folder,
 * which a glob for all that is in it (.git/ and two stars) names as well. */
int rootplace_may_make(const struct rootfile_rules *r, const struct rootplace *p, const char *path,
                       bool is_folder, struct fail *f) MG_NODISCARD;
/* Likewise, of a name, or of several parts that are not there yet, in an opened folder. */
bool rootplace_may_name(const struct rootfile_rules *r, int folder, const char *name,
                        bool is_folder);

/* An existing folder (O_PATH), judged with all that it lies in. "" is the root. */
int rootplace_folder(const struct rootfile_rules *r, const char *path, struct fail *f) MG_NODISCARD;
/* The folder that path's last part lies in; *base is that part, in path. */
int rootplace_parent(const struct rootfile_rules *r, const char *path, const char **base,
                     struct fail *f) MG_NODISCARD;
/* The path that fd has now, relative to the root ("." for the root itself). */
int rootplace_relative(const struct rootfile_rules *r, int fd, const char *path, char out[PATH_MAX],
                       struct fail *f) MG_NODISCARD;

#endif
