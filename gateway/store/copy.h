/* copy.h - the state's files as they are now, copied into a folder of their own: for who wants the
 * state without a part in it. A gateway may be at work on them meanwhile. */
#ifndef MG_STORE_COPY_H
#define MG_STORE_COPY_H
#include "store/files.h"

/* Fills *copy, which files_close() closes after copy_remove(). On failure nothing is left. */
int copy_make(const char *path, struct files *copy, struct err *e) MG_NODISCARD;
/* Removes the copies and their folder. */
void copy_remove(struct files *copy);

#endif
