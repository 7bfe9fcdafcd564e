/* tokenizer.h - how texts become words: for prose and for code.
 * Words are runs of letters and digits (also beyond ASCII), without regard to case and accents, as
 * FTS5's unicode61 makes them. An ASCII word in camelCase is several: getUserName and get_user_name
 * are both get, user, name. In documents the whole of a camelCase word stands at the place of its
 * last part as well, so that getusername finds it, and getuserna* too. A word counts with its first
 * 64 bytes.
 * Threads:  a tokenizer belongs to its connection. */
#ifndef MG_INDEX_TOKENIZER_H
#define MG_INDEX_TOKENIZER_H
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define WORD_MAX 64

/* Makes "code" known to the connection. 0 or an SQLite code. */
int tokenizer_register(sqlite3 *db);

struct word {
    const char *text; /* folded; borrowed for the call */
    size_t len;
    size_t begin, end; /* bytes of the text it was made of */
    bool is_whole;     /* a camelCase word beside its parts, at the last one's place */
};

/* Calls take() for each word, in order, until it returns false. is_query: without the wholes.
 * 0, or an SQLite code. */
int tokenizer_words(sqlite3 *db, const char *text, size_t len, bool is_query,
                    bool (*take)(void *arg, const struct word *w), void *arg);

#endif
