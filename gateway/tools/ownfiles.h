/* ownfiles.h - what no tool may open: the gateway's own files, and what [paths] deny names.
 * Own files are known by device and inode, wherever they lie and whatever they are called there:
 * the configuration and every file it names, the tools, the binary, the state with everything
 * beside it, the log. Folders are own with all that is in them, and with what links in them lead
 * to, unless that is the root itself or above it. Immutable; any thread. What changes under it (the
 * state's files are replaced all the time) is looked at anew each time. */
#ifndef MG_OWNFILES_H
#define MG_OWNFILES_H
#include <stdbool.h>

#include "base/err.h"

struct ownfiles_options {       /* all borrowed for the call */
    const char *root;           /* deny globs are relative to it */
    const char *const *deny;    /* NULL-terminated */
    const char *const *files;   /* absolute paths; need not exist yet */
    const char *const *folders; /* absolute paths */
    /* Folders that are own as those are, but full of files: a hard link from elsewhere to one of
     * them is not known. NULL: none. */
    const char *const *places;
    /* absolute: every file whose path begins so ("/srv/.mcp-state.json") */
    const char *const *prefixes;
};

struct ownfiles;
struct ownfiles *ownfiles_new(const struct ownfiles_options *o, struct err *e);
void ownfiles_free(struct ownfiles *o); /* NULL is legal */

/* May a tool have this opened file or folder? Judged by the descriptor, after it was opened and
 * before it is read or written. False also when it cannot be judged. */
bool ownfiles_allows(const struct ownfiles *o, int fd);

/* May a tool make a file of this name in this opened folder? To be asked before it is made, for a
 * name alone may mean something; the folder itself is judged by ownfiles_allows(). The name may be
 * a path of several parts that are not there yet: of what a folder holds that is to be moved. */
bool ownfiles_allows_new(const struct ownfiles *o, int folder, const char *name);

#endif
