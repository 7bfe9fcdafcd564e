#include "index/query.h"

#include <string.h>

#include "index/tokenizer.h"

struct term {
    const char *text;
    size_t len;
    bool is_prefix;
};

struct adding { /* the words of one term */
    struct query *q;
    size_t first; /* of q->word */
    bool is_over;
};

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

/* Takes the next term from *text; false: there is none. */
static bool next_term(const char **text, const char *end, struct term *t)
{
    const char *p = *text;
    while (p < end && is_space(*p))
        p++;
    if (p == end)
        return false;
    bool is_quoted = *p == '"';
    p += is_quoted;
    t->text = p;
    while (p < end && *p != '"' && (is_quoted || !is_space(*p)))
        p++;
    t->len = (size_t)(p - t->text);
    t->is_prefix = false;
    if (is_quoted) {
        p += p < end;
        t->is_prefix = p < end && *p == '*';
        p += t->is_prefix;
    } else if (t->len > 0 && p[-1] == '*') {
        t->is_prefix = true;
        t->len--;
    }
    *text = p;
    return true;
}

static bool add_word(void *arg, const struct word *w)
{
    struct adding *a = arg;
    struct query *q = a->q;

    a->is_over = q->count == QUERY_WORDS_MAX;
    if (a->is_over)
        return false;
    q->word[q->count] =
        (struct query_word){ .at = q->words.len, .len = w->len, .follows = q->count > a->first };
    buf_append(&q->words, w->text, w->len);
    q->count++;
    return true;
}

/* fooBar is also looked for as foobar, which is how the whole of it is kept. */
static bool has_parts(const struct term *t)
{
    for (size_t i = 1; i < t->len; i++) {
        bool is_upper = t->text[i] >= 'A' && t->text[i] <= 'Z';
        bool is_after_lower = t->text[i - 1] >= 'a' && t->text[i - 1] <= 'z';
        if (is_upper && is_after_lower)
            return true;
    }
    return false;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

static void add_string(struct buf *b, const struct term *t, bool in_lower)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < t->len; i++)
        buf_putc(b, t->text[i] == '\0' ? ' ' : in_lower ? lower(t->text[i]) : t->text[i]);
    buf_str(b, t->is_prefix ? "\" *" : "\"");
}

static int add_words(struct query *q, sqlite3 *db, const struct term *t, struct err *e)
{
    struct adding a = { .q = q, .first = q->count };
    int rc = tokenizer_words(db, t->text, t->len, true, add_word, &a);
    if (a.is_over)
        return err_set(e, MG_E_INVALID, "the query has more than %d words", QUERY_WORDS_MAX);
    if (rc != SQLITE_OK || !buf_ok(&q->words))
        return err_set(e, MG_E_NOMEM, "no memory for the query");
    if (q->count > a.first)
        q->word[q->count - 1].is_prefix = t->is_prefix;
    return 0;
}

/* The parts of a term were added; now the whole, for excerpts. */
static int add_whole(struct query *q, sqlite3 *db, const struct term *t, struct err *e)
{
    struct buf whole = { 0 };
    for (size_t i = 0; i < t->len; i++)
        buf_putc(&whole, lower(t->text[i]));
    struct term folded = { whole.data, whole.len, t->is_prefix };
    int code = buf_ok(&whole) ? add_words(q, db, &folded, e)
                              : err_set(e, MG_E_NOMEM, "no memory for the query");
    buf_fini(&whole);
    return code;
}

static int add_term(struct query *q, sqlite3 *db, const struct term *t, bool any, struct err *e)
{
    size_t before = q->count;
    int code = add_words(q, db, t, e);
    if (code != 0 || q->count == before)
        return code;
    if (q->match.len > 0)
        buf_str(&q->match, any ? " OR " : " AND ");
    if (!has_parts(t)) {
        add_string(&q->match, t, false);
        return 0;
    }
    buf_putc(&q->match, '(');
    add_string(&q->match, t, false);
    buf_str(&q->match, " OR ");
    add_string(&q->match, t, true);
    buf_putc(&q->match, ')');
    return add_whole(q, db, t, e);
}

/* The same word once more asks for nothing new, and costs as much as another one. */
static bool is_among(const struct term *seen, size_t count, const struct term *t)
{
    for (size_t i = 0; i < count; i++)
        if (seen[i].len == t->len && seen[i].is_prefix == t->is_prefix &&
            memcmp(seen[i].text, t->text, t->len) == 0)
            return true;
    return false;
}

int query_parse(struct query *q, sqlite3 *db, const char *text, size_t len, bool any, struct err *e)
{
    const char *end = text + len;
    struct term seen[QUERY_TERMS_MAX], t;
    size_t terms = 0;

    while (next_term(&text, end, &t)) {
        if (is_among(seen, terms, &t))
            continue;
        if (terms == QUERY_TERMS_MAX)
            return err_set(e, MG_E_INVALID, "the query has more than %d words and phrases",
                           QUERY_TERMS_MAX);
        seen[terms++] = t;
        int code = add_term(q, db, &t, any, e);
        if (code != 0)
            return code;
    }
    return buf_ok(&q->match) ? 0 : err_set(e, MG_E_NOMEM, "no memory for the query");
}

void query_fini(struct query *q)
{
    buf_fini(&q->match);
    buf_fini(&q->words);
    q->count = 0;
}
