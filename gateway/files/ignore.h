/* ignore.h - what .gitignore files say: negation, anchoring, **, a / at the end, one file a folder,
 * the deeper one wins. Named classes in sets ([[:alpha:]]) are not known; nor are excludes of git's
 * own configuration.
 * Lifetime: a level refers to those above it, which outlive it. Threads: belongs to its caller. */
#ifndef MG_IGNORE_H
#define MG_IGNORE_H
#include <stdbool.h>
#include <stddef.h>

#include "files/fail.h"

#define IGNORE_BYTES ((size_t)256 << 10) /* of one .gitignore */

struct ignore;
/* What the .gitignore in the opened folder says, below the level `up` (NULL: none). at: the length
 * of the folder's path relative to the root, with a slash at the end; 0 for the root. *out is NULL
 * where there is no such file. MG_E_LIMIT: it is too large, and not looked at. */
int ignore_read(int folder, size_t at, const struct ignore *up, struct ignore **out,
                struct fail *f) MG_NODISCARD;
void ignore_free(struct ignore *g); /* this level alone; NULL is legal */

/* path: relative to the root, below the level's folder. */
bool ignore_has(const struct ignore *g, const char *path, size_t len, bool is_folder);

#endif
