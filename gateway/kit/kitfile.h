/* kitfile.h - an SQLite file that is not ours, opened without touching it or its folder.
 * What is opened is a copy, with what its -wal holds: SQLite reads no WAL file without writing
 * beside it. The copy is taken while nobody uses the original, by the locks that SQLite itself
 * would take; it has names only until it is open, and what a killed process left goes with the next
 * copy that is made there. Lifetime: embedded. Threads: one owner. */
#ifndef MG_KITFILE_H
#define MG_KITFILE_H
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct kitfile {
    sqlite3 *db;
    const char *path;      /* as given, for messages; borrowed */
    char folder[PATH_MAX]; /* of the copy, for messages */
    bool has_copy;         /* while it is made and opened: then its names are gone */
    int lock;              /* on the folder, while there is a copy */
};

/* Codes as of kit_state_read(). kitfile_close() is legal after any. */
int kitfile_open(struct kitfile *f, const char *path, uint64_t max_bytes,
                 struct err *e) MG_NODISCARD;
void kitfile_close(struct kitfile *f); /* and removes the copy; legal on {0} */

/* The err for what SQLite said last: MG_E_NOMEM, MG_E_IO or MG_E_INVALID. */
int kitfile_error(const struct kitfile *f, struct err *e);

#endif
