#include "kit/kitrows.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "kit/kittime.h"

#define OBJECT_DEPTH 59 /* what the store lets stand inside an object */

/* ---- the table ---- */

/* What the file says it is. A view could run anything for as long as it likes. */
static int find_table(const struct kitrows *r, bool *is_there, bool *has_rowid, struct err *e)
{
    sqlite3_stmt *ask = NULL;
    *is_there = false;
    if (sqlite3_prepare_v2(r->file->db,
                           "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND "
                           "type = 'table' AND name = ?1 COLLATE NOCASE",
                           -1, &ask, NULL) != SQLITE_OK)
        return kitfile_error(r->file, e);
    sqlite3_bind_text(ask, 1, r->table, -1, SQLITE_STATIC);
    int rc = sqlite3_step(ask);
    if (rc == SQLITE_ROW) {
        *is_there = true;
        *has_rowid = sqlite3_column_int(ask, 0) == 0;
    }
    int code = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : kitfile_error(r->file, e);
    sqlite3_finalize(ask);
    return code;
}

static int note_name(struct kitrows *r, const char *name, struct err *e)
{
    size_t len = name ? strlen(name) : 0;
    if (r->count == KITROWS_COLUMNS)
        return err_set(e, MG_E_LIMIT, "%s: table %s: has more than %d columns", r->file->path,
                       r->table, KITROWS_COLUMNS);
    if (len == 0 || len >= KITROWS_NAME || utf8_valid(name, len) != len)
        return err_set(e, MG_E_INVALID,
                       "%s: table %s: column %d has a name that is not UTF-8 of 1 to %d bytes",
                       r->file->path, r->table, r->count + 1, KITROWS_NAME - 1);
    memcpy(r->names[r->count++], name, len + 1);
    return 0;
}

/* Columns that are computed are not among them. */
static int list_columns(struct kitrows *r, struct err *e)
{
    sqlite3_stmt *ask = NULL;
    int code = 0, rc = SQLITE_DONE;
    if (sqlite3_prepare_v2(r->file->db, "SELECT name FROM pragma_table_info(?1)", -1, &ask, NULL) !=
        SQLITE_OK)
        return kitfile_error(r->file, e);
    sqlite3_bind_text(ask, 1, r->table, -1, SQLITE_STATIC);
    while (code == 0 && (rc = sqlite3_step(ask)) == SQLITE_ROW)
        code = note_name(r, (const char *)sqlite3_column_text(ask, 0), e);
    if (code == 0 && rc != SQLITE_DONE)
        code = kitfile_error(r->file, e);
    sqlite3_finalize(ask);
    return code;
}

static void add_name(struct buf *sql, const char *name)
{
    buf_putc(sql, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_putc(sql, '"');
        buf_putc(sql, *name);
    }
    buf_putc(sql, '"');
}

/* The number of a row has three names; a column may have taken one. */
static const char *rowid_name(const struct kitrows *r)
{
    static const char *const names[] = { "rowid", "_rowid_", "oid" };
    for (size_t i = 0; i < 3; i++) {
        bool is_taken = false;
        for (int c = 0; c < r->count; c++)
            is_taken |= strcasecmp(r->names[c], names[i]) == 0;
        if (!is_taken)
            return names[i];
    }
    return NULL;
}

static int prepare(struct kitrows *r, struct err *e)
{
    struct buf sql = { 0 };
    const char *rowid = r->has_rowid ? rowid_name(r) : NULL;
    int code = 0;

    r->has_rowid = rowid != NULL;
    buf_str(&sql, "SELECT ");
    for (int i = 0; i < r->count; i++) {
        buf_str(&sql, i > 0 ? ", " : "");
        add_name(&sql, r->names[i]);
    }
    if (rowid)
        buf_printf(&sql, ", %s", rowid);
    buf_str(&sql, " FROM ");
    add_name(&sql, r->table);
    buf_str(&sql, " NOT INDEXED"); /* in the order of the rows */
    if (!buf_cstr(&sql))
        code = err_set(e, MG_E_NOMEM, "%s: not enough memory", r->file->path);
    else if (sqlite3_prepare_v2(r->file->db, sql.data, -1, &r->rows, NULL) != SQLITE_OK)
        code = kitfile_error(r->file, e);
    buf_fini(&sql);
    return code;
}

int kitrows_open(struct kitrows *r, const struct kitfile *f, const char *table, bool *is_there,
                 struct err *e)
{
    *r = (struct kitrows){ .file = f, .table = table };
    int code = find_table(r, is_there, &r->has_rowid, e);
    if (code != 0 || !*is_there)
        return code;
    code = list_columns(r, e);
    return code == 0 ? prepare(r, e) : code;
}

void kitrows_close(struct kitrows *r)
{
    sqlite3_finalize(r->rows);
    r->rows = NULL;
}

int kitrows_next(struct kitrows *r, struct err *e)
{
    int rc = sqlite3_step(r->rows);
    if (rc == SQLITE_DONE)
        return 0;
    r->number++;
    if (rc == SQLITE_ROW)
        return 1;
    if ((rc & 0xFF) == SQLITE_TOOBIG)
        return err_set(e, MG_E_LIMIT, "%s: table %s: row %lld has a value of more than 16 MB",
                       r->file->path, r->table, (long long)r->number);
    return kitfile_error(r->file, e);
}

/* ---- columns ---- */

/* jobId, job_id, JOBID */
static bool is_alike(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == '_')
            a++;
        while (*b == '_')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (!*a)
            return true;
    }
}

static int missing(const struct kitrows *r, const char *name, struct err *e)
{
    struct buf have = { 0 };
    for (int i = 0; i < r->count; i++)
        buf_printf(&have, "%s%s", i > 0 ? ", " : "", r->names[i]);
    const char *names = buf_cstr(&have);
    int code = err_set(e, MG_E_INVALID, "%s: table %s: there is no column %s; it has %s",
                       r->file->path, r->table, name, names ? names : "others");
    buf_fini(&have);
    return code;
}

int kitrows_column(struct kitrows *r, const char *name, bool is_needed, int *at, struct err *e)
{
    *at = -1;
    for (int i = 0; i < r->count; i++) {
        if (!is_alike(r->names[i], name))
            continue;
        if (*at >= 0)
            return err_set(e, MG_E_INVALID,
                           "%s: table %s: both %s and %s are there: which one counts?",
                           r->file->path, r->table, r->names[*at], r->names[i]);
        *at = i;
        r->is_used[i] = true;
    }
    return *at < 0 && is_needed ? missing(r, name, e) : 0;
}

bool kitrows_unused(const struct kitrows *r, struct buf *out)
{
    bool has_any = false;
    for (int i = 0; i < r->count; i++) {
        if (r->is_used[i])
            continue;
        buf_printf(out, "%s%s", has_any ? ", " : "", r->names[i]);
        has_any = true;
    }
    return has_any;
}

/* ---- values ---- */

int kitrows_fail(const struct kitrows *r, int at, struct err *e, const char *format, ...)
{
    char reason[256], row[40];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (r->has_rowid)
        snprintf(row, sizeof row, "rowid %lld", (long long)sqlite3_column_int64(r->rows, r->count));
    else
        snprintf(row, sizeof row, "row %lld", (long long)r->number);
    return err_set(e, MG_E_INVALID, "%s: table %s, %s%s%s: %s", r->file->path, r->table, row,
                   at >= 0 ? ", column " : "", at >= 0 ? r->names[at] : "", reason);
}

static int no_memory(const struct kitrows *r, struct err *e)
{
    return err_set(e, MG_E_NOMEM, "%s: not enough memory", r->file->path);
}

bool kitrows_is_null(const struct kitrows *r, int at)
{
    return at < 0 || sqlite3_column_type(r->rows, at) == SQLITE_NULL;
}

/* The bytes of a value that is text, or bytes that are: drivers write a text as a blob when they
 * are given a buffer. */
static int bytes_of(const struct kitrows *r, int at, const char **out, size_t *len, struct err *e)
{
    const void *p = sqlite3_column_type(r->rows, at) == SQLITE_BLOB
                        ? sqlite3_column_blob(r->rows, at)
                        : sqlite3_column_text(r->rows, at);
    *len = (size_t)sqlite3_column_bytes(r->rows, at);
    *out = p ? p : "";
    if (!p && *len > 0)
        return no_memory(r, e);
    if (!p && sqlite3_errcode(r->file->db) == SQLITE_NOMEM)
        return no_memory(r, e);
    if (memchr(*out, '\0', *len))
        return kitrows_fail(r, at, e, "a zero byte stands in it");
    size_t valid = utf8_valid(*out, *len);
    if (valid != *len)
        return kitrows_fail(r, at, e, "is not UTF-8 at byte %zu", valid);
    return 0;
}

int kitrows_text(const struct kitrows *r, int at, struct buf *out, struct err *e)
{
    const char *text;
    size_t len;
    int type = sqlite3_column_type(r->rows, at);
    if (type == SQLITE_NULL)
        return kitrows_fail(r, at, e, "is NULL");
    if (type == SQLITE_FLOAT)
        return kitrows_fail(r, at, e, "a text is needed, it is a number");
    int code = bytes_of(r, at, &text, &len, e);
    if (code == 0 && len == 0)
        return kitrows_fail(r, at, e, "is empty");
    if (code == 0)
        buf_append(out, text, len);
    return code;
}

int kitrows_time(const struct kitrows *r, int at, int64_t *wall_ms, struct err *e)
{
    static const char want[] = "a time is needed: ISO 8601, or milliseconds since 1970";
    const char *text;
    size_t len;
    int type = sqlite3_column_type(r->rows, at);
    if (type == SQLITE_NULL)
        return kitrows_fail(r, at, e, "is NULL");
    if (type == SQLITE_FLOAT) {
        double v = sqlite3_column_double(r->rows, at);
        if (!(v >= 0 && v < 1e15))
            return kitrows_fail(r, at, e, "%s", want);
        *wall_ms = (int64_t)v;
    } else {
        int code = bytes_of(r, at, &text, &len, e);
        if (code != 0)
            return code;
        if (!kittime_parse(text, len, wall_ms))
            return kitrows_fail(r, at, e, "%s; it is %.*s%s", want, len < 40 ? (int)len : 40, text,
                                len < 40 ? "" : "...");
    }
    if (!kittime_is_plausible(*wall_ms))
        return kitrows_fail(r, at, e, "%lld is no time in milliseconds since 1970, from 2000 on",
                            (long long)*wall_ms);
    return 0;
}

int kitrows_bool(const struct kitrows *r, int at, bool *out, struct err *e)
{
    struct buf text = { 0 };
    if (kitrows_is_null(r, at))
        return kitrows_fail(r, at, e, "is NULL");
    int code = kitrows_text(r, at, &text, e);
    const char *word = code == 0 ? buf_cstr(&text) : NULL;
    if (code == 0 && !word)
        code = no_memory(r, e);
    else if (code == 0 && parse_bool(word, out) != 0)
        code = kitrows_fail(r, at, e, "0 or 1 is needed; it is %.40s", word);
    buf_fini(&text);
    return code;
}

int kitrows_object(const struct kitrows *r, int at, struct buf *out, struct err *e)
{
    const char *text;
    size_t len;
    struct json_text root;
    struct err why = { 0 };
    int code = bytes_of(r, at, &text, &len, e);
    if (code != 0)
        return code;
    static const struct json_limits limits = { .max_depth = OBJECT_DEPTH };
    code = json_scan(text, len, &limits, &root, &why);
    if (code == MG_E_NOMEM)
        return no_memory(r, e);
    if (code != 0)
        return kitrows_fail(r, at, e, "is no JSON: %s", why.text);
    if (root.type != JSON_OBJECT)
        return kitrows_fail(r, at, e, "a JSON object is needed");
    json_compact(out, root.p, root.len);
    return 0;
}

int kitrows_any(const struct kitrows *r, int at, struct buf *out, struct err *e)
{
    const char *text;
    size_t len;
    switch (sqlite3_column_type(r->rows, at)) {
    case SQLITE_NULL: json_null(out); return 0;
    case SQLITE_INTEGER: json_int(out, sqlite3_column_int64(r->rows, at)); return 0;
    case SQLITE_FLOAT: {
        double v = sqlite3_column_double(r->rows, at);
        if (!isfinite(v))
            return kitrows_fail(r, at, e, "is no finite number");
        json_double(out, v);
        return 0;
    }
    default: break;
    }
    int code = bytes_of(r, at, &text, &len, e);
    if (code == 0)
        json_str_n(out, text, len);
    return code;
}
