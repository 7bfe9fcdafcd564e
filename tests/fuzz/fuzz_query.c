/* fuzz_query.c - what people search for: no text is an error of syntax, an excerpt is short and on
 * one line. Input: the query, a newline, the document. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "index/excerpt.h"
#include "index/query.h"
#include "index/tokenizer.h"

static sqlite3 *db;
static sqlite3_stmt *insert, *find, *clear;

static void prepare(void)
{
    fuzz_hold(sqlite3_open(":memory:", &db) == SQLITE_OK && tokenizer_register(db) == SQLITE_OK &&
                  sqlite3_exec(db, "CREATE VIRTUAL TABLE t USING fts5(x, tokenize = 'code')", NULL,
                               NULL, NULL) == SQLITE_OK &&
                  sqlite3_prepare_v2(db, "INSERT INTO t(rowid, x) VALUES (1, ?)", -1, &insert,
                                     NULL) == SQLITE_OK &&
                  sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ?", -1, &find, NULL) ==
                      SQLITE_OK &&
                  sqlite3_prepare_v2(db, "DELETE FROM t", -1, &clear, NULL) == SQLITE_OK,
              "there is a table to search");
}

/* Runs with an optional text; whether it gave a row. Any error is a finding. */
static bool run(sqlite3_stmt *s, const char *text, size_t len)
{
    if (text)
        sqlite3_bind_text(s, 1, text, (int)len, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    fuzz_hold(rc == SQLITE_ROW || rc == SQLITE_DONE, sqlite3_errmsg(db));
    sqlite3_reset(s);
    return rc == SQLITE_ROW;
}

struct seen {
    size_t len;
};

static bool see(void *arg, const struct word *w)
{
    struct seen *s = arg;

    fuzz_hold(w->begin <= w->end && w->end <= s->len, "a word lies within its text");
    fuzz_hold(w->len > 0, "a word has letters");
    return true;
}

static int never_over(void *arg)
{
    (void)arg;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct excerpt_stop never = { .is_over = never_over };
    struct query q = { 0 };
    struct buf out = { 0 };
    size_t text_len, doc_len;

    if (!db)
        prepare();
    char *text = fuzz_take(&data, &size, '\n', &text_len);
    char *doc = fuzz_take(&data, &size, '\0', &doc_len);
    struct seen seen = { .len = doc_len };
    fuzz_hold(tokenizer_words(db, doc, doc_len, false, see, &seen) == SQLITE_OK, "words are made");
    if (query_parse(&q, db, text, text_len, doc_len & 1, NULL) == 0) {
        run(insert, doc, doc_len);
        bool found = q.match.len > 0 && run(find, q.match.data, q.match.len);
#ifdef FUZZ_PLANT
        if (found && q.count > 2 && q.word[1].follows && q.word[2].is_prefix)
            fuzz_overrun(doc, doc_len);
#endif
        (void)found;
        fuzz_hold(excerpt_make(db, &q, doc, doc_len, &never, &out) == SQLITE_OK && buf_ok(&out),
                  "an excerpt is made");
        fuzz_hold(out.len <= EXCERPT_MAX, "an excerpt is short");
        fuzz_hold(!out.len || !memchr(out.data, '\n', out.len), "an excerpt is one line");
        run(clear, NULL, 0);
    }
    query_fini(&q);
    buf_fini(&out);
    free(text);
    free(doc);
    return 0;
}
