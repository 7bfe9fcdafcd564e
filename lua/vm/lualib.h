/* lualib.h - the runtime library in Lua (lua/lib), embedded in the binary at build time.
 * Lifetime: constant data, for the whole process.
 * Threads:  any. */
#ifndef MG_LUALIB_H
#define MG_LUALIB_H
#include <stddef.h>

struct lualib_file {
    const char *name;          /* path below lua/lib, such as "mcp/init.lua" */
    const unsigned char *data; /* the file's bytes, followed by a NUL that len does not count */
    size_t len;                /* bytes */
};

/* Sorted by name; one more entry than lualib_count, whose name is NULL, ends the array. */
extern const struct lualib_file lualib_files[];
extern const size_t lualib_count;
#endif
