/* globs.h - a glob with alternatives, {a,b}, taken apart once into plain ones (tools/pathglob.h).
 * Threads: immutable once made. */
#ifndef MG_GLOBS_H
#define MG_GLOBS_H
#include <stdbool.h>
#include <stddef.h>

#include "files/fail.h"

#define GLOBS_MAX 100   /* alternatives */
#define GLOB_BYTES 1024 /* of the text */

struct globs {
    char *items[GLOBS_MAX];
    size_t count;
};

/* 0, MG_E_LIMIT, MG_E_NOMEM; globs_fini() after all of them. A brace that is not closed is a brace.
 */
int globs_init(struct globs *g, const char *text, struct fail *f) MG_NODISCARD;
void globs_fini(struct globs *g);
bool globs_match(const struct globs *g, const char *path, size_t len);
/* How many folders below the top a path that matches can lie; SIZE_MAX: any. */
size_t globs_depth(const struct globs *g);
/* The length of the leading folders that are no glob ("src/lib" of "src/lib/x*.c"). */
size_t glob_base(const char *text);

#endif
