/* database.h - one connection to the index's file, and what the file looks like.
 *   names                 tool, index -> number N
 *   docs_N                document id, stamp; its rowid is that of the text
 *   text_N                FTS5 table: title, text, more
 * Threads: a connection is used by one thread at a time. */
#ifndef MG_INDEX_DATABASE_H
#define MG_INDEX_DATABASE_H
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define DATABASE_ID 0x4D6F6F67 /* "Moog": the file's application id */
#define DATABASE_VERSION 1

struct database_options { /* borrowed for the call */
    const char *path;
    bool is_writer; /* makes the file when it is not there, and its tables */
    bool read_only; /* is never written by anybody here */
    uint64_t max_bytes;
};

/* NULL with the reason; *is_bad: the file is no index of this version, or is damaged, and should be
 * put away. With read_only, or for a reader, a file that is not there is MG_E_NOTFOUND. */
sqlite3 *database_open(const struct database_options *o, bool *is_bad, struct err *e);
void database_close(sqlite3 *db); /* NULL is legal */

/* Removes a file that is an index, with what lies beside it; any other is renamed to PATH.bak (or
 * .bak.1 and so on, where that is taken), likewise: it may be what somebody needs. */
int database_put_away(const char *path, struct err *e) MG_NODISCARD;

/* The err for what SQLite said of this connection last; *is_bad (may be NULL) as above. */
int database_error(sqlite3 *db, bool *is_bad, struct err *e);

int database_run(sqlite3 *db, const char *sql); /* an SQLite code */
/* printf of SQL with N for %d, prepared. NULL when that failed: database_error(). */
sqlite3_stmt *database_prepare(sqlite3 *db, const char *format, int n);

/* The number of the tool's index. 0 with *n = 0: there is none (only with !make). Else an SQLite
 * code, or SQLITE_FULL with *is_over when there are too many. */
int database_find(sqlite3 *db, const char *tool, const char *name, bool make, int *n,
                  bool *is_over);

#endif
