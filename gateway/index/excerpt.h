/* excerpt.h - the part of a text that shows why a query found it: plain text on one line, at most
 * EXCERPT_MAX bytes, cut between words where it can be, with "..." where something is left out. */
#ifndef MG_INDEX_EXCERPT_H
#define MG_INDEX_EXCERPT_H
#include <sqlite3.h>

#include "base/buf.h"
#include "index/query.h"

#define EXCERPT_MAX 240

/* Asked now and then: the caller's time may be over. Then what was found until now is shown. */
struct excerpt_stop {
    int (*is_over)(void *arg);
    void *arg;
};

/* Appends to out. The place with the most different words of the query in it is shown, the first of
 * several; the begin of the text when none is in it. 0 or an SQLite code. */
int excerpt_make(sqlite3 *db, const struct query *q, const char *text, size_t len,
                 const struct excerpt_stop *stop, struct buf *out);

#endif
