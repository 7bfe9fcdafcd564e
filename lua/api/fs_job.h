/* fs_job.h - one file operation of a tool, done by a helper thread: a disk can hang.
 * Lifetime: a job lives until its results are pushed. A call that ends before leaves it behind: the
 *           helper stops it between two pieces of work, or ends it whole, and the answer frees it.
 * Threads:  work() on a helper's, push() on the state's. */
#ifndef MG_FS_JOB_H
#define MG_FS_JOB_H
#include <lua.h>

#include "api/helped.h"
#include "files/change.h"
#include "files/read.h"
#include "files/walk.h"
#include "files/write.h"

struct fs_input {                   /* texts are borrowed from the stack, then copied */
    const char *path, *to, *sha256; /* what is not given is NULL */
    const char *data;
    size_t len;
    const char *glob;
    struct read_options read;
    struct write_options write; /* data, len and sha256 are filled in */
    struct walk_options walk;   /* folder and globs are filled in */
    bool overwrite;
};

struct fs_type;
struct fs_job {
    struct helped helped;
    const struct fs_type *type;
    atomic_bool stop;
    struct rootfile_rules rules;
    struct fileop at;
    struct fs_input in;
    size_t taken; /* bytes of at.shared */
    int code;     /* what work() returned; negative: fail says why */
    struct fail fail;
    struct buf out;
    struct file_info info;
    struct written written;
    struct walk_names names;
    char texts[]; /* root, path, to, sha256, glob, data */
};

struct fs_type {
    const char *name;                            /* "read" */
    int (*work)(struct fs_job *j);               /* no Lua; < 0: it failed */
    int (*push)(lua_State *L, struct fs_job *j); /* the results of success; may raise */
};

/* `return fs_run(L, ...)`. Pushes nil, message, code when it fails. Raises where the running code
 * cannot wait. */
int fs_run(lua_State *L, const struct fs_type *type, const struct fs_input *in);

#endif
