/* write.c - a group of changes in one transaction. */
#include <string.h>

#include "index/database.h"
#include "index/index_struct.h"

enum { ADD_DOC, ADD_TEXT, REMOVE_DOC, REMOVE_TEXT, STATEMENTS };

static const char *const sql[STATEMENTS] = {
    "INSERT INTO docs_%d (id, stamp) VALUES (?1, ?2) "
    "ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp RETURNING n",
    "INSERT OR REPLACE INTO text_%d (rowid, title, text, more) VALUES (?1, ?2, ?3, ?4)",
    "DELETE FROM docs_%d WHERE id = ?1 RETURNING n",
    "DELETE FROM text_%d WHERE rowid = ?1",
};

/* One transaction: most of its operations are of one index, whose statements are kept. */
struct transaction {
    sqlite3 *db;
    const struct index_op *last; /* of the index n; NULL: none yet */
    int n;
    sqlite3_stmt *statement[STATEMENTS];
};

static void forget(struct transaction *t)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(t->statement[i]);
        t->statement[i] = NULL;
    }
    t->last = NULL;
}

/* An SQLite code; *is_over: there are too many indexes already. t->n is 0 when there is none. */
static int find(struct transaction *t, const struct index_op *op, bool *is_over)
{
    if (t->last && strcmp(t->last->tool, op->tool) == 0 && strcmp(t->last->name, op->name) == 0)
        return SQLITE_OK;
    forget(t);
    int rc = database_find(t->db, op->tool, op->name, op->kind == INDEX_PUT, &t->n, is_over);
    if (rc == SQLITE_OK && t->n > 0)
        t->last = op;
    return rc;
}

static sqlite3_stmt *statement(struct transaction *t, int which)
{
    if (!t->statement[which])
        t->statement[which] = database_prepare(t->db, sql[which], t->n);
    return t->statement[which];
}

static void bind_text(sqlite3_stmt *stmt, int at, const struct index_op *op, int text)
{
    const struct index_span *s = &op->text[text];
    sqlite3_bind_text64(stmt, at, op->in.data + s->at, s->len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Runs it to its end; *value: the number it gives, if any. An SQLite code. */
static int finish(sqlite3_stmt *stmt, sqlite3_int64 *value)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && value)
        *value = sqlite3_column_int64(stmt, 0);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(stmt);
    rc = sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc;
}

static int put(struct transaction *t, const struct index_op *op)
{
    sqlite3_int64 row = 0;
    sqlite3_stmt *doc = statement(t, ADD_DOC), *text = statement(t, ADD_TEXT);

    if (!doc || !text)
        return SQLITE_ERROR;
    bind_text(doc, 1, op, INDEX_ID);
    bind_text(doc, 2, op, INDEX_STAMP_TEXT);
    int rc = finish(doc, &row);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(text, 1, row);
    bind_text(text, 2, op, INDEX_TITLE);
    bind_text(text, 3, op, INDEX_TEXT);
    bind_text(text, 4, op, INDEX_MORE);
    return finish(text, NULL);
}

static int take_away(struct transaction *t, struct index_op *op)
{
    sqlite3_int64 row = 0;
    sqlite3_stmt *doc = statement(t, REMOVE_DOC), *text = statement(t, REMOVE_TEXT);

    if (!doc || !text)
        return SQLITE_ERROR;
    bind_text(doc, 1, op, INDEX_ID);
    int rc = finish(doc, &row);
    if (rc != SQLITE_OK || row == 0)
        return rc;
    sqlite3_bind_int64(text, 1, row);
    rc = finish(text, NULL);
    op->count = rc == SQLITE_OK;
    return rc;
}

static int apply(struct transaction *t, struct index_op *op, bool *is_over)
{
    int rc = find(t, op, is_over);
    if (rc != SQLITE_OK || t->n == 0)
        return rc;
    return op->kind == INDEX_PUT ? put(t, op) : take_away(t, op);
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
    struct transaction t = { .db = db };
    struct index_op *op = first;
    bool is_over = false;

    *is_bad = false;
    if (database_run(db, "BEGIN IMMEDIATE") == SQLITE_OK) {
        for (op = first; op != end; op = op->next) {
            index_op_reset(op);
            if (!is_skipped(op) && apply(&t, op, &is_over) != SQLITE_OK)
                break;
        }
        if (op == end && database_run(db, "COMMIT") == SQLITE_OK) {
            forget(&t);
            return NULL;
        }
        if (op == end)
            op = first;
    }
    if (is_over)
        op->code =
            err_set(&op->err, MG_E_LIMIT, "there are %d search indexes already", INDEX_NAMES_MAX);
    else
        op->code = database_error(db, is_bad, &op->err);
    forget(&t);
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
