/* query.h - what a person searches for, as FTS5 wants it: words, all of which must be there,
 * "quoted phrases" and prefix*. Everything else is taken as it stands; nothing is an error of
 * syntax. What has no letter and no digit is passed over. Pure but for the tokenizer. */
#ifndef MG_INDEX_QUERY_H
#define MG_INDEX_QUERY_H
#include <sqlite3.h>

#include "base/buf.h"

#define QUERY_TERMS_MAX 32 /* words and phrases */
#define QUERY_WORDS_MAX 64 /* words, also those within phrases */

struct query_word {
    size_t at, len; /* of query.words */
    bool is_prefix;
    bool follows; /* directly behind the word before it: they are of one phrase */
};

struct query {        /* {0} is valid and empty */
    struct buf match; /* an FTS5 expression; empty: nothing can be found */
    struct buf words;
    struct query_word word[QUERY_WORDS_MAX];
    size_t count;
};

/* any: one of the words is enough. 0; MG_E_INVALID for more words than the limits; MG_E_NOMEM. */
int query_parse(struct query *q, sqlite3 *db, const char *text, size_t len, bool any,
                struct err *e) MG_NODISCARD;
void query_fini(struct query *q);

#endif
