/* file.h - reads one small regular file whole; a pipe or a device is refused, never waited for.
 * Threads: any. */
#ifndef MG_CONFIG_FILE_H
#define MG_CONFIG_FILE_H
#include <stddef.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the bytes of path to out; *st tells owner and mode of what was read. The text in e is the
 * reason alone, without the path. MG_E_LIMIT: more than max bytes. */
int file_read(const char *path, size_t max, struct buf *out, struct stat *st,
              struct err *e) MG_NODISCARD;

#endif
