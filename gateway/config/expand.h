/* expand.h - what a value may refer to: the environment (${NAME}) and key files (@/path).
 * Threads: any. */
#ifndef MG_CONFIG_EXPAND_H
#define MG_CONFIG_EXPAND_H
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* The value of a variable in a "NAME=VALUE" list, or NULL; name need not end after len. */
const char *env_get(const char *const *env, const char *name, size_t len);

/* Appends s[0..len) with every ${NAME} replaced; $${ stands for ${. */
int expand_refs(struct buf *out, const char *s, size_t len, const char *const *env,
                struct err *e) MG_NODISCARD;

/* Appends what a key file holds, without the newlines at its end. Refuses a file that others may
 * read or that anybody but its owner may write. */
int expand_file(struct buf *out, const char *path, struct err *e) MG_NODISCARD;

/* Appends an absolute path: path itself, or path below dir. */
void path_join(struct buf *out, const char *dir, const char *path);

#endif
