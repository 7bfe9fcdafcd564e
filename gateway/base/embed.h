/* embed.h - files that travel inside the binary: arrays made at build time by embed.sh.
 * Lifetime: constant data, for the whole process.
 * Threads:  any. */
#ifndef MG_EMBED_H
#define MG_EMBED_H
#include <stddef.h>

struct embedded {
    const char *name; /* path below the folder it comes from; NULL ends an array */
    const char *data; /* the file's bytes, followed by a NUL that len does not count */
    size_t len;       /* bytes */
};

/* The entry of that name, or NULL. */
const struct embedded *embedded_find(const struct embedded *array, const char *name);

#endif
