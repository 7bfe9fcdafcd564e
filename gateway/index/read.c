/* read.c - searches and what else only looks. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "index/database.h"
#include "index/excerpt.h"
#include "index/index_struct.h"
#include "index/query.h"

#define STEPS 1000 /* of SQLite's machine between two looks at the time */

struct reading {
    sqlite3 *db;
    struct index_op *op;
    int64_t end_ms;
};

/* ---- time ---- */

/* Whether to stop; also SQLite's own question. */
static int is_over(void *arg)
{
    const struct reading *r = arg;
    return atomic_load(&r->op->is_cancelled) || clock_mono_ms() >= r->end_ms;
}

static int fail_over(const struct reading *r)
{
    struct index_op *op = r->op;
    if (atomic_load(&op->is_cancelled))
        return op->code = err_set(&op->err, MG_E_CANCELLED, "cancelled");
    return op->code = err_set(&op->err, MG_E_TIMEOUT, "the search took too long: at most %d s",
                              INDEX_QUERY_MS / 1000);
}

/* For any failure of SQLite. True: the file is bad. */
static bool fail(const struct reading *r)
{
    bool is_bad = false;
    if (sqlite3_errcode(r->db) == SQLITE_INTERRUPT)
        fail_over(r);
    else
        r->op->code = database_error(r->db, &is_bad, &r->op->err);
    return is_bad;
}

static bool fail_memory(const struct reading *r)
{
    r->op->code = err_set(&r->op->err, MG_E_NOMEM, "no memory for what was found");
    return false;
}

/* ---- rows ---- */

static bool rows_make(const struct reading *r, size_t most)
{
    r->op->rows = calloc(most, sizeof *r->op->rows);
    return r->op->rows != NULL;
}

static struct index_span add_column(struct index_op *op, sqlite3_stmt *stmt, int column)
{
    const void *text = sqlite3_column_text(stmt, column);
    int len = sqlite3_column_bytes(stmt, column);
    struct index_span s = { op->out.len, text ? (size_t)len : 0 };
    buf_append(&op->out, text ? text : "", s.len);
    return s;
}

static void bind_id(sqlite3_stmt *stmt, int at, const struct index_op *op)
{
    const struct index_span *id = &op->text[INDEX_ID];
    const char *text = id->len > 0 ? op->in.data + id->at : "";
    sqlite3_bind_text64(stmt, at, text, id->len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Steps until there is no row any more, calling take() for each. True: the file is bad. */
static bool each_row(const struct reading *r, sqlite3_stmt *stmt,
                     bool (*take)(const struct reading *r, sqlite3_stmt *stmt))
{
    int rc;
    bool has_failed = false;

    if (!stmt)
        return fail(r);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        if (!take(r, stmt)) {
            has_failed = true;
            break;
        }
    bool is_bad = rc != SQLITE_DONE && rc != SQLITE_ROW && fail(r);
    sqlite3_finalize(stmt);
    if (has_failed && r->op->code == 0)
        return fail_memory(r);
    return is_bad;
}

/* ---- one document, lists ---- */

static bool take_stamp(const struct reading *r, sqlite3_stmt *stmt)
{
    struct index_op *op = r->op;
    if (!rows_make(r, 1))
        return false;
    op->rows[0].text[0] = add_column(op, stmt, 0);
    op->row_count = 1;
    return buf_ok(&op->out);
}

static bool read_stamp(const struct reading *r, int n)
{
    sqlite3_stmt *ask = database_prepare(r->db, "SELECT stamp FROM docs_%d WHERE id = ?1", n);
    if (ask)
        bind_id(ask, 1, r->op);
    return each_row(r, ask, take_stamp);
}

static bool take_count(const struct reading *r, sqlite3_stmt *stmt)
{
    r->op->count = (uint64_t)sqlite3_column_int64(stmt, 0);
    return true;
}

static bool read_count(const struct reading *r, int n)
{
    return each_row(r, database_prepare(r->db, "SELECT count(*) FROM docs_%d", n), take_count);
}

static bool take_entry(const struct reading *r, sqlite3_stmt *stmt)
{
    struct index_op *op = r->op;
    if (op->row_count == op->limit) {
        op->has_more = true;
        return true;
    }
    struct index_row *row = &op->rows[op->row_count++];
    row->text[0] = add_column(op, stmt, 0);
    row->text[1] = add_column(op, stmt, 1);
    return buf_ok(&op->out);
}

static bool read_list(const struct reading *r, int n)
{
    sqlite3_stmt *ask;
    if (!rows_make(r, r->op->limit))
        return fail_memory(r);
    ask = database_prepare(r->db,
                           "SELECT id, stamp FROM docs_%d WHERE id > ?1 ORDER BY id LIMIT ?2", n);
    if (ask) {
        bind_id(ask, 1, r->op);
        sqlite3_bind_int64(ask, 2, (sqlite3_int64)r->op->limit + 1);
    }
    return each_row(r, ask, take_entry);
}

/* ---- search ---- */

struct ranked {
    sqlite3_int64 row;
    double score;
};

/* The best rows. bm25() is smaller for the better ones. */
static bool rank(const struct reading *r, int n, const struct query *q, struct ranked *best,
                 size_t *count)
{
    int rc;
    /* A word in the title counts as much as eight in the text. */
    sqlite3_stmt *ask =
        database_prepare(r->db,
                         "SELECT rowid, bm25(text_%d, 8.0, 1.0, 1.0) AS score FROM text_%d "
                         "WHERE text_%d MATCH ?1 ORDER BY score, rowid LIMIT ?2",
                         n);
    if (!ask)
        return fail(r);
    sqlite3_bind_text64(ask, 1, q->match.data, q->match.len, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(ask, 2, r->op->limit);
    for (*count = 0; (rc = sqlite3_step(ask)) == SQLITE_ROW && *count < r->op->limit; ++*count)
        best[*count] =
            (struct ranked){ sqlite3_column_int64(ask, 0), -sqlite3_column_double(ask, 1) };
    bool is_bad = rc != SQLITE_DONE && rc != SQLITE_ROW && fail(r);
    sqlite3_finalize(ask);
    return is_bad;
}

static bool add_hit(const struct reading *r, sqlite3_stmt *ask, const struct query *q,
                    const struct ranked *best)
{
    struct index_op *op = r->op;
    struct index_row *row = &op->rows[op->row_count];

    sqlite3_bind_int64(ask, 1, best->row);
    if (sqlite3_step(ask) != SQLITE_ROW)
        return fail(r);
    row->score = best->score;
    row->text[0] = add_column(op, ask, 0);
    row->text[1] = add_column(op, ask, 1);
    row->text[2].at = op->out.len;
    const char *text = (const char *)sqlite3_column_text(ask, 2);
    size_t len = (size_t)sqlite3_column_bytes(ask, 2);
    const struct excerpt_stop stop = { is_over, (void *)(uintptr_t)r };
    int rc = excerpt_make(r->db, q, text ? text : "", text ? len : 0, &stop, &op->out);
    row->text[2].len = op->out.len - row->text[2].at;
    sqlite3_reset(ask);
    if (rc != SQLITE_OK || !buf_ok(&op->out))
        return fail_memory(r);
    op->row_count++;
    return false;
}

static bool show(const struct reading *r, int n, const struct query *q, const struct ranked *best,
                 size_t count)
{
    bool is_bad = false;
    sqlite3_stmt *ask = database_prepare(r->db,
                                         "SELECT d.id, t.title, t.text FROM docs_%d d "
                                         "JOIN text_%d t ON t.rowid = d.n WHERE d.n = ?1",
                                         n);
    if (!ask)
        return fail(r);
    for (size_t i = 0; i < count && r->op->code == 0; i++) {
        if (is_over((void *)(uintptr_t)r))
            fail_over(r);
        else
            is_bad = add_hit(r, ask, q, &best[i]);
    }
    sqlite3_finalize(ask);
    return is_bad;
}

static bool search(const struct reading *r, int n, const struct query *q)
{
    size_t count = 0;
    struct ranked *best = calloc(r->op->limit, sizeof *best);

    if (!best || !rows_make(r, r->op->limit)) {
        free(best);
        return fail_memory(r);
    }
    bool is_bad = rank(r, n, q, best, &count);
    if (r->op->code == 0 && count > 0)
        is_bad = show(r, n, q, best, count);
    free(best);
    return is_bad;
}

static bool read_search(const struct reading *r, int n)
{
    struct index_op *op = r->op;
    struct query *q = calloc(1, sizeof *q);
    bool is_bad = false;

    if (!q)
        return fail_memory(r);
    const struct index_span *text = &op->text[INDEX_ID];
    if (text->len > 0)
        op->code = query_parse(q, r->db, op->in.data + text->at, text->len, op->any, &op->err);
    if (op->code == 0 && q->match.len > 0)
        is_bad = search(r, n, q);
    query_fini(q);
    free(q);
    return is_bad;
}

/* ---- all of them ---- */

static bool read_index(const struct reading *r, int n)
{
    switch (r->op->kind) {
    case INDEX_SEARCH: return read_search(r, n);
    case INDEX_STAMP: return read_stamp(r, n);
    case INDEX_LIST: return read_list(r, n);
    case INDEX_COUNT: return read_count(r, n);
    case INDEX_PUT:
    case INDEX_REMOVE: break;
    }
    return false;
}

bool index_read(struct runner *runner, struct index_op *op)
{
    struct reading r = { runner->db, op, clock_mono_ms() + INDEX_QUERY_MS };
    bool is_bad = false, too_many;
    int n;

    index_op_reset(op);
    if (op->deadline_ms < r.end_ms)
        r.end_ms = op->deadline_ms;
    if (is_over(&r)) {
        fail_over(&r);
        return false;
    }
    sqlite3_progress_handler(r.db, STEPS, is_over, &r);
    /* One look at the file for all that is asked. */
    if (database_run(r.db, "BEGIN") != SQLITE_OK ||
        database_find(r.db, op->tool, op->name, false, &n, &too_many) != SQLITE_OK)
        is_bad = fail(&r);
    else if (n > 0)
        is_bad = read_index(&r, n);
    sqlite3_progress_handler(r.db, 0, NULL, NULL);
    if (!sqlite3_get_autocommit(r.db))
        (void)database_run(r.db, "ROLLBACK");
    return is_bad;
}
