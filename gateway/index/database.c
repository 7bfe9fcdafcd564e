#include "index/database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "index/index.h"
#include "index/tokenizer.h"

#define LOCK_MS 1000 /* how long another process's lock is waited for */
#define PAGE_BYTES 4096
#define HEADER_BYTES 100
#define APPLICATION_ID_AT 68 /* in the header of an SQLite file */

/* ---- errors ---- */

static int code_of(int primary)
{
    switch (primary) {
    case SQLITE_NOMEM: return MG_E_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return MG_E_CONFLICT;
    case SQLITE_FULL:
    case SQLITE_TOOBIG: return MG_E_LIMIT;
    case SQLITE_READONLY: return MG_E_READONLY;
    case SQLITE_INTERRUPT: return MG_E_TIMEOUT;
    default: return MG_E_IO;
    }
}

int database_error(sqlite3 *db, bool *is_bad, struct err *e)
{
    int primary = sqlite3_errcode(db) & 0xFF;
    const char *reason = primary == SQLITE_BUSY ? "another process holds it"
                         : primary == SQLITE_FULL
                             ? "no room: the disk or [search] path's largest size is full"
                             : sqlite3_errmsg(db);

    if (is_bad)
        *is_bad = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
                  sqlite3_extended_errcode(db) == SQLITE_IOERR_SHORT_READ;
    return err_set(e, code_of(primary), "the search index: %s", reason);
}

/* ---- statements ---- */

int database_run(sqlite3 *db, const char *sql) { return sqlite3_exec(db, sql, NULL, NULL, NULL); }

sqlite3_stmt *database_prepare(sqlite3 *db, const char *format, int n)
{
    char sql[512];
    sqlite3_stmt *stmt = NULL;

    sqlite3_snprintf((int)sizeof sql, sql, format, n, n, n, n);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return NULL;
    return stmt;
}

static int pragma_value(sqlite3 *db, const char *sql, int *value)
{
    sqlite3_stmt *ask = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &ask, NULL);

    *value = 0;
    if (rc == SQLITE_OK && (rc = sqlite3_step(ask)) == SQLITE_ROW) {
        *value = sqlite3_column_int(ask, 0);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    sqlite3_finalize(ask);
    return rc;
}

/* ---- names ---- */

static int make_index(sqlite3 *db, const char *tool, const char *name, int *n, bool *is_over)
{
    char sql[512];
    sqlite3_stmt *add;
    int count;
    int rc = pragma_value(db, "SELECT count(*) FROM names", &count);

    *is_over = count >= INDEX_NAMES_MAX;
    if (rc != SQLITE_OK || *is_over)
        return rc != SQLITE_OK ? rc : SQLITE_FULL;
    rc = sqlite3_prepare_v2(db, "INSERT INTO names (tool, name) VALUES (?1, ?2)", -1, &add, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(add, 1, tool, -1, SQLITE_STATIC);
    sqlite3_bind_text(add, 2, name, -1, SQLITE_STATIC);
    (void)sqlite3_step(add);
    rc = sqlite3_finalize(add);
    if (rc != SQLITE_OK)
        return rc;
    *n = (int)sqlite3_last_insert_rowid(db);
    sqlite3_snprintf((int)sizeof sql, sql,
                     "CREATE TABLE docs_%d (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
                     "stamp TEXT);"
                     "CREATE VIRTUAL TABLE text_%d USING fts5 (title, text, more, "
                     "tokenize = 'code', prefix = '1 2 3')",
                     *n, *n);
    return database_run(db, sql);
}

int database_find(sqlite3 *db, const char *tool, const char *name, bool make, int *n, bool *is_over)
{
    sqlite3_stmt *ask;
    int rc =
        sqlite3_prepare_v2(db, "SELECT n FROM names WHERE tool = ?1 AND name = ?2", -1, &ask, NULL);
    *n = 0;
    *is_over = false;
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(ask, 1, tool, -1, SQLITE_STATIC);
    sqlite3_bind_text(ask, 2, name, -1, SQLITE_STATIC);
    if (sqlite3_step(ask) == SQLITE_ROW)
        *n = sqlite3_column_int(ask, 0);
    rc = sqlite3_finalize(ask);
    if (rc != SQLITE_OK || *n > 0 || !make)
        return rc;
    return make_index(db, tool, name, n, is_over);
}

/* ---- opening ---- */

/* NORMAL: a commit is not synced by itself, so a power cut may lose the last ones; what was there
 * before it cannot lose. */
static int set_up(sqlite3 *db, const struct database_options *o)
{
    char sql[256];

    sqlite3_busy_timeout(db, LOCK_MS);
    sqlite3_extended_result_codes(db, 1);
    sqlite3_snprintf((int)sizeof sql, sql,
                     "PRAGMA cache_size = %d; PRAGMA synchronous = NORMAL; "
                     "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 16777216",
                     o->is_writer ? -4096 : -1024);
    return database_run(db, sql);
}

/* Changes the file: once it is known to be ours, or empty. */
static int set_up_writer(sqlite3 *db, const struct database_options *o)
{
    char sql[256];
    struct stat st;
    unsigned long long bytes = o->max_bytes;

    /* Becoming a WAL file takes a journal of the old kind: not one more file, there is nothing yet
     * that it would save. */
    if (stat(o->path, &st) == 0 && st.st_size == 0)
        (void)database_run(db, "PRAGMA journal_mode = MEMORY");
    sqlite3_snprintf((int)sizeof sql, sql,
                     "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; "
                     "PRAGMA max_page_count = %llu",
                     PAGE_BYTES, bytes / PAGE_BYTES);
    return database_run(db, sql);
}

static int make_tables(sqlite3 *db)
{
    char sql[512];
    sqlite3_snprintf((int)sizeof sql, sql,
                     "BEGIN IMMEDIATE;"
                     "CREATE TABLE names (n INTEGER PRIMARY KEY, tool TEXT NOT NULL, "
                     "name TEXT NOT NULL, UNIQUE (tool, name));"
                     "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                     DATABASE_ID, DATABASE_VERSION);
    int rc = database_run(db, sql);
    if (rc != SQLITE_OK)
        (void)database_run(db, "ROLLBACK");
    return rc;
}

/* Is it ours? An empty file is made so by the writer. */
static int check_version(sqlite3 *db, const struct database_options *o, bool *is_bad, struct err *e)
{
    int id = 0, version = 0, tables = 0;
    int rc = pragma_value(db, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK)
        rc = pragma_value(db, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = pragma_value(db, "SELECT count(*) FROM sqlite_schema", &tables);
    bool is_empty = id == 0 && tables == 0;
    bool is_ours = id == DATABASE_ID && version == DATABASE_VERSION;
    if (rc == SQLITE_OK && (is_empty || is_ours) && o->is_writer)
        rc = set_up_writer(db, o);
    if (rc == SQLITE_OK && is_empty && o->is_writer) {
        rc = make_tables(db);
        if (rc == SQLITE_OK)
            return 0;
    }
    if (rc != SQLITE_OK)
        return database_error(db, is_bad, e);
    if (is_ours && pragma_value(db, "SELECT n FROM names LIMIT 1", &tables) == SQLITE_OK)
        return 0;
    if (is_empty)
        return err_set(e, MG_E_NOTFOUND, "the search index is empty");
    *is_bad = true;
    return err_set(e, MG_E_INVALID, "%s is no search index of this version", o->path);
}

/* With a mode that keeps others out: what is indexed may be nobody else's business. SQLite gives
 * what lies beside it the same. Never opens a file that is there: closing it would let go of the
 * locks of this process. */
static void make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

sqlite3 *database_open(const struct database_options *o, bool *is_bad, struct err *e)
{
    sqlite3 *db = NULL;
    struct stat st;
    int flags = SQLITE_OPEN_NOMUTEX | (o->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

    *is_bad = false;
    if (!o->is_writer && stat(o->path, &st) != 0) {
        err_set(e, errno == ENOENT ? MG_E_NOTFOUND : MG_E_IO, "%s: %s", o->path, strerror(errno));
        return NULL;
    }
    if (o->is_writer)
        make_file(o->path);
    int rc = sqlite3_open_v2(o->path, &db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = set_up(db, o);
    if (rc == SQLITE_OK)
        rc = tokenizer_register(db);
    if (rc == SQLITE_OK && check_version(db, o, is_bad, e) == 0)
        return db;
    if (rc != SQLITE_OK && db) {
        database_error(db, is_bad, e);
        err_prefix(e, "%s", o->path);
    } else if (rc != SQLITE_OK) {
        err_set(e, MG_E_NOMEM, "no memory for the search index");
    }
    database_close(db);
    return NULL;
}

void database_close(sqlite3 *db) { (void)sqlite3_close(db); }

/* ---- putting away ---- */

static const char *const beside[] = { "-wal", "-shm" };
#define BESIDE (sizeof beside / sizeof *beside)
#define BACKUPS_MAX 100

static bool is_ours(const char *path)
{
    unsigned char header[HEADER_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, header, sizeof header) : -1;

    if (fd >= 0)
        close(fd);
    if (n != (ssize_t)sizeof header)
        return false;
    const unsigned char *id = header + APPLICATION_ID_AT;
    return ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]) ==
           DATABASE_ID;
}

static int fail_away(const char *path, struct err *e)
{
    return err_set(e, MG_E_IO, "%s cannot be put away: %s", path, strerror(errno));
}

/* Of FILE, FILE-wal and FILE-shm. 0 also when it is not there. */
static int remove_part(const char *path, const char *suffix, struct err *e)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof name, "%s%s", path, suffix) >= sizeof name)
        return err_set(e, MG_E_IO, "%s cannot be put away: the name is too long", path);
    return unlink(name) == 0 || errno == ENOENT ? 0 : fail_away(name, e);
}

/* MG_E_CONFLICT: something has the new name already. */
static int move_part(const char *path, const char *suffix, const char *to, struct err *e)
{
    char old[PATH_MAX], new[PATH_MAX];
    if ((size_t)snprintf(old, sizeof old, "%s%s", path, suffix) >= sizeof old ||
        (size_t)snprintf(new, sizeof new, "%s%s%s", path, to, suffix) >= sizeof new)
        return err_set(e, MG_E_IO, "%s cannot be put away: the name is too long", path);
    if (renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE) == 0 || errno == ENOENT)
        return 0;
    bool is_taken = errno == EEXIST;
    fail_away(old, e);
    return is_taken ? MG_E_CONFLICT : MG_E_IO;
}

/* To the first of FILE.bak, FILE.bak.1, ... that is free. What is in -wal belongs to the file: it
 * goes with it. */
static int move_away(const char *path, struct err *e)
{
    char to[24] = ".bak";
    int code = move_part(path, "", to, e);
    for (int i = 1; code == MG_E_CONFLICT && i < BACKUPS_MAX; i++) {
        snprintf(to, sizeof to, ".bak.%d", i);
        code = move_part(path, "", to, e);
    }
    for (size_t i = 0; code == 0 && i < BESIDE; i++)
        code = move_part(path, beside[i], to, e);
    return code == 0 ? 0 : MG_E_IO;
}

int database_put_away(const char *path, struct err *e)
{
    if (!is_ours(path))
        return move_away(path, e);
    int code = remove_part(path, "", e);
    for (size_t i = 0; code == 0 && i < BESIDE; i++)
        code = remove_part(path, beside[i], e);
    return code;
}
