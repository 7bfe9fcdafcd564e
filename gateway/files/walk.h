/* walk.h - the names below a folder of the root, in bytewise order of their paths. Left out: what
 * is not for tools, symbolic links (which are not followed either), FIFOs, sockets, devices.
 * Threads: any; may block on a disk. */
#ifndef MG_WALK_H
#define MG_WALK_H
#include "base/buf.h"
#include "files/files.h"
#include "files/globs.h"

#define WALK_DEPTH 64                 /* folders below the one that is asked for */
#define WALK_ENTRIES 1000000          /* that are looked at */
#define WALK_BYTES ((size_t)16 << 20) /* of the paths that are told */

struct walk_options {
    const char *folder;
    bool is_recursive, wants_folders, honours_ignore;
    const struct globs *globs; /* over paths; NULL: all */
    bool from_root;            /* the globs' paths begin at the root; else at the folder */
    size_t max;                /* paths that are told */
};

struct walk_names {
    struct buf text; /* paths relative to the root, each with a zero; a folder's ends with a slash
                      */
    size_t count;
    char missing[160]; /* the first reason why something is missing; "": nothing is */
};

/* 0 or a negative enum mg_err with its reason. names is {0} before, and is to be freed by
 * buf_fini(&names->text) in either case. */
int walk(const struct fileop *op, const struct walk_options *o, struct walk_names *names,
         struct fail *f) MG_NODISCARD;

#endif
