/* kitrows.h - the rows of one table, their values by the name of the column, each as what the state
 * wants it to be. A value that is not refuses the file: the err names table, row and column.
 * Lifetime: embedded. Threads: one owner. */
#ifndef MG_KITROWS_H
#define MG_KITROWS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "kit/kitfile.h"

#define KITROWS_COLUMNS 100
#define KITROWS_NAME 64

struct kitrows {
    const struct kitfile *file;
    const char *table; /* borrowed */
    sqlite3_stmt *rows;
    int count; /* of columns */
    char names[KITROWS_COLUMNS][KITROWS_NAME];
    bool is_used[KITROWS_COLUMNS];
    bool has_rowid; /* it stands behind the last column */
    int64_t number; /* of the row, from 1 */
};

/* is_there false: the file has no such table; a view or the like is none. */
int kitrows_open(struct kitrows *r, const struct kitfile *f, const char *table, bool *is_there,
                 struct err *e) MG_NODISCARD;
void kitrows_close(struct kitrows *r); /* legal on {0} */
/* 1: a row; 0: the end. */
int kitrows_next(struct kitrows *r, struct err *e) MG_NODISCARD;

/* *at is the column's number, -1 when there is none and it is not needed. Two columns of one name,
 * such as jobId and job_id, are refused. */
int kitrows_column(struct kitrows *r, const char *name, bool is_needed, int *at,
                   struct err *e) MG_NODISCARD;
/* Appends the columns that kitrows_column() found for nobody to out, as a list. False: there is
 * none. */
bool kitrows_unused(const struct kitrows *r, struct buf *out);

bool kitrows_is_null(const struct kitrows *r, int at); /* also when at is -1 */
/* A text of at least one byte, or an integer's digits: UTF-8 without a zero byte. */
int kitrows_text(const struct kitrows *r, int at, struct buf *out, struct err *e) MG_NODISCARD;
/* A time as ISO text, in UTC where it names no zone, or in milliseconds since 1970; from 2000 on.
 */
int kitrows_time(const struct kitrows *r, int at, int64_t *wall_ms, struct err *e) MG_NODISCARD;
int kitrows_bool(const struct kitrows *r, int at, bool *out, struct err *e) MG_NODISCARD;
/* A text that is a JSON object, appended on one line. */
int kitrows_object(const struct kitrows *r, int at, struct buf *out, struct err *e) MG_NODISCARD;
/* Whatever it is, as JSON. */
int kitrows_any(const struct kitrows *r, int at, struct buf *out, struct err *e) MG_NODISCARD;

/* An err about a value of the current row. at -1: about the row. */
int kitrows_fail(const struct kitrows *r, int at, struct err *e, const char *format, ...)
    MG_PRINTF(4, 5);

#endif
