/* leftovers.h - files of newfile.h's that a process left when it was killed: it had no time to take
 * their names away.
 * Threads: any; it reads a folder, so it may block on a disk. */
#ifndef MG_LEFTOVERS_H
#define MG_LEFTOVERS_H
#include "files/files.h"

/* Removes them from the folder, which may be an O_PATH descriptor: once for each folder, at the
 * first write there. Only what has such a name, is this user's, was not written to for a minute and
 * is locked by nobody. What fails is left for the next process. */
void leftovers_sweep(struct files *s, int folder);

#endif
