/* beneath.h - files below a folder, wherever links on the way lead.   Threads: any. */
#ifndef MG_BENEATH_H
#define MG_BENEATH_H
#include <stdint.h>

/* Opens path below the folder `root` (a descriptor, O_PATH is enough): links are followed as long
 * as they stay below, magic ones never. resolve: further RESOLVE_* of openat2. The descriptor
 * (O_CLOEXEC), or -1 with errno: EXDEV when the path, or a link in it, is absolute or leads out. */
int beneath_open(int root, const char *path, int flags, uint64_t resolve);

#endif
