/* pathglob.h - globs over paths: `**` any number of folders, also none; `*` and `?` do not cross a
 * slash; [..] a set of bytes, [!..] its complement. Pure; time at most proportional to strlen(glob)
 * * len. */
#ifndef MG_PATHGLOB_H
#define MG_PATHGLOB_H
#include <stdbool.h>
#include <stddef.h>

/* path is relative, without a leading slash. */
bool pathglob_match(const char *glob, const char *path, size_t len);

#endif
