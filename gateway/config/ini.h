/* ini.h - the lines of an ini file, each with its number.
 * inih splits a line into key and value. What it does not do is done here: line numbers, and an
 * error for everything that it would silently cut or join (lines of 200 bytes, section names of
 * 50, text behind a heading, indented lines).
 * Pure but for ini_read_file(). Threads: any. */
#ifndef MG_CONFIG_INI_H
#define MG_CONFIG_INI_H
#include <stddef.h>
#include <stdint.h>

#include "config/problems.h"

#define INI_LINE_BYTES 190 /* inih cuts near 200 */
#define INI_FILE_BYTES (1024 * 1024)

struct ini_ops { /* all strings are borrowed for the call */
    void (*section)(void *arg, const char *name, uint32_t line);
    void (*pair)(void *arg, const char *key, const char *value, uint32_t line);
};

/* Reads the whole file; every bad line is one problem, named file:line, and is left out. Negative:
 * the file could not be read, which is a problem too. */
int ini_read_file(const char *path, const struct ini_ops *ops, void *arg,
                  struct problems *p) MG_NODISCARD;
/* The same for a text; name is what problems call it. text[len] must be a writable byte. */
void ini_read_text(const char *name, char *text, size_t len, const struct ini_ops *ops, void *arg,
                   struct problems *p);

#endif
