/* write.c - a group of changes in one transaction. */
#include <string.h>

#include "index/database.h"
#include "index/index_struct.h"

static int bind_text(sqlite3_stmt *stmt, int at, const struct index_op *op, int text)
{
    const struct index_span *s = &op->text[text];
    return sqlite3_bind_text64(stmt, at, op->in.data + s->at, s->len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Steps a statement that changes something or gives one number. An SQLite code. */
static int finish(sqlite3_stmt *stmt, sqlite3_int64 *value)
{
    if (!stmt)
        return SQLITE_ERROR;
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && value) {
        *value = sqlite3_column_int64(stmt, 0);
        while (rc == SQLITE_ROW)
            rc = sqlite3_step(stmt);
    }
    return sqlite3_finalize(stmt);
}

static int put(sqlite3 *db, int n, const struct index_op *op)
{
    sqlite3_int64 row = 0;
    sqlite3_stmt *add = database_prepare(db,
                                         "INSERT INTO docs_%d (id, stamp) VALUES (?1, ?2) "
                                         "ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp "
                                         "RETURNING n",
                                         n);
    if (!add)
        return SQLITE_ERROR;
    bind_text(add, 1, op, INDEX_ID);
    bind_text(add, 2, op, INDEX_STAMP_TEXT);
    int rc = finish(add, &row);
    if (rc != SQLITE_OK)
        return rc;
    add = database_prepare(db,
                           "INSERT OR REPLACE INTO text_%d (rowid, title, text, more) "
                           "VALUES (?1, ?2, ?3, ?4)",
                           n);
    if (!add)
        return SQLITE_ERROR;
    sqlite3_bind_int64(add, 1, row);
    bind_text(add, 2, op, INDEX_TITLE);
    bind_text(add, 3, op, INDEX_TEXT);
    bind_text(add, 4, op, INDEX_MORE);
    return finish(add, NULL);
}

static int take_away(sqlite3 *db, int n, struct index_op *op)
{
    sqlite3_int64 row = 0;
    sqlite3_stmt *stmt = database_prepare(db, "DELETE FROM docs_%d WHERE id = ?1 RETURNING n", n);
    if (!stmt)
        return SQLITE_ERROR;
    bind_text(stmt, 1, op, INDEX_ID);
    int rc = finish(stmt, &row);
    if (rc != SQLITE_OK || row == 0)
        return rc;
    stmt = database_prepare(db, "DELETE FROM text_%d WHERE rowid = ?1", n);
    if (!stmt)
        return SQLITE_ERROR;
    sqlite3_bind_int64(stmt, 1, row);
    rc = finish(stmt, NULL);
    op->count = rc == SQLITE_OK;
    return rc;
}

/* An SQLite code; *is_over: the error is op's own, and said. */
static int apply(sqlite3 *db, struct index_op *op, bool *is_over)
{
    int n;
    int rc = database_find(db, op->tool, op->name, op->kind == INDEX_PUT, &n, is_over);
    if (rc != SQLITE_OK || n == 0)
        return rc;
    return op->kind == INDEX_PUT ? put(db, n, op) : take_away(db, n, op);
}

static bool is_skipped(struct index_op *op)
{
    if (!atomic_load(&op->is_cancelled))
        return false;
    op->code = err_set(&op->err, MG_E_CANCELLED, "cancelled");
    return true;
}

/* All or none. NULL when all is committed; else the operation that failed, with its error. */
static struct index_op *transact(sqlite3 *db, struct index_op *first, const struct index_op *end,
                                 bool *is_bad)
{
    struct index_op *op = first;
    bool is_over = false;

    *is_bad = false;
    if (database_run(db, "BEGIN IMMEDIATE") == SQLITE_OK) {
        for (op = first; op != end; op = op->next) {
            index_op_reset(op);
            if (!is_skipped(op) && apply(db, op, &is_over) != SQLITE_OK)
                break;
        }
        if (op == end && database_run(db, "COMMIT") == SQLITE_OK)
            return NULL;
        if (op == end)
            op = first;
    }
    if (is_over)
        op->code =
            err_set(&op->err, MG_E_LIMIT, "there are %d search indexes already", INDEX_NAMES_MAX);
    else
        op->code = database_error(db, is_bad, &op->err);
    if (!sqlite3_get_autocommit(db))
        (void)database_run(db, "ROLLBACK");
    return op;
}

bool index_write(struct runner *r, struct index_op *first)
{
    bool is_bad;
    struct index_op *failed = transact(r->db, first, NULL, &is_bad);

    if (failed && failed != first) {
        first->err = failed->err;
        first->code = failed->code;
    }
    if (!failed || is_bad)
        return is_bad;
    if (first->code == MG_E_CONFLICT) { /* another process: waiting for it once is enough */
        for (struct index_op *op = first->next; op; op = op->next) {
            op->err = first->err;
            op->code = first->code;
        }
        return false;
    }
    if (!first->next)
        return false;
    /* One spoils it for all: each by itself. */
    for (struct index_op *op = first; op; op = op->next)
        if (transact(r->db, op, op->next, &is_bad) && is_bad) {
            first->err = op->err;
            return true;
        }
    return false;
}
