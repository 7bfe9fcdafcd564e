/* ini_file.h - a folder of its own with an mcp.ini and a tools.d, loaded under an environment of
 * its own.
 * Lifetime: ini_file_new() to ini_file_free(), which removes the folder. */
#ifndef MG_TEST_INI_FILE_H
#define MG_TEST_INI_FILE_H
#include <stddef.h>

#include "config/config.h"

struct ini_file {
    char dir[64];             /* absolute; the working folder of what is loaded */
    char path[80];            /* dir/mcp.ini */
    struct problems problems; /* of the last load */
    struct config *config;    /* of the last load; NULL when it failed */
};

void ini_file_new(struct ini_file *f);
void ini_file_free(struct ini_file *f);

/* Writes a file into the folder. */
void ini_file_write(struct ini_file *f, const char *name, const void *data, size_t len,
                    unsigned mode);
/* Writes text as mcp.ini and loads it; what was loaded before is gone. env may be NULL. */
struct config *ini_file_load(struct ini_file *f, const char *text, const char *const *env);
struct config *ini_file_load_bytes(struct ini_file *f, const void *data, size_t len,
                                   const char *const *env);

/* The problems of the last load, a line each, with the folder's name taken away. */
const char *ini_file_problems(struct ini_file *f);
/* Loads text and asserts exactly these problems. */
void ini_file_assert(struct ini_file *f, const char *text, const char *const *env,
                     const char *problems);

#endif
