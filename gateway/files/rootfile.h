/* rootfile.h - opening what lies below [paths] root for a program, and nothing else: no way out by
 * "..", an absolute path or a symbolic link, no magic link, no file or folder of the gateway's own.
 * Threads: any. All functions return a descriptor (O_CLOEXEC), or a negative enum mg_err with its
 * reason. */
#ifndef MG_ROOTFILE_H
#define MG_ROOTFILE_H
#include "base/buf.h"
#include "base/err.h"
#include "files/rootplace.h"

/* path is relative to the root. A regular file that exists. */
int rootfile_read(const struct rootfile_rules *r, const char *path, struct err *e) MG_NODISCARD;
/* A regular file, made or emptied. A name that is refused is never made: it alone may mean
 * something, to the gateway (a file of its state) or to others (.env). */
int rootfile_write(const struct rootfile_rules *r, const char *path, struct err *e) MG_NODISCARD;
/* Does a name that a program is given lead, from the folder it runs in, to what is not for tools?
 * 0: no, also when there is nothing of that name, or when it is a file that nobody denies. */
int rootfile_named(const struct rootfile_rules *r, const char *folder, const char *name,
                   struct err *e) MG_NODISCARD;
/* An existing folder that tools may touch: its absolute path without symbolic links is appended to
 * out; returns 0. */
int rootfile_folder(const struct rootfile_rules *r, const char *path, struct buf *out,
                    struct err *e) MG_NODISCARD;

#endif
