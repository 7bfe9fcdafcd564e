#include "index/tokenizer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NAME "code"

/* What FTS5 keeps for the module: where unicode61's functions are. */
struct module {
    fts5_tokenizer unicode, code;
    void *unicode_context;
};

struct instance { /* an Fts5Tokenizer */
    const struct module *module;
    Fts5Tokenizer *unicode;
};

typedef int token_fn(void *arg, int flags, const char *token, int len, int begin, int end);

struct split {
    const char *text;
    token_fn *emit;
    void *arg;
    bool is_query;
};

/* ---- camelCase ---- */

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

/* Does a part begin at s[i]? fooBar, foo2Bar; HTTPServer: at the S. */
static bool begins_part(const char *s, int len, int i)
{
    if (!is_upper(s[i]))
        return false;
    return !is_upper(s[i - 1]) || (i + 1 < len && is_lower(s[i + 1]));
}

static int emit_cut(const struct split *s, int flags, const char *token, int len, int begin,
                    int end)
{
    if (len > WORD_MAX) { /* whole characters, or it were no text */
        len = WORD_MAX;
        while (len > 0 && ((unsigned char)token[len] & 0xC0) == 0x80)
            len--;
    }
    return s->emit(s->arg, flags, token, len, begin, end);
}

static int split_token(void *arg, int flags, const char *token, int len, int begin, int end)
{
    const struct split *s = arg;
    const char *word = s->text + begin;
    int part = 0, parts = 0, rc = SQLITE_OK;

    (void)flags;
    if (end - begin != len) /* folding changed its length: beyond ASCII */
        return emit_cut(s, 0, token, len, begin, end);
    for (int i = 1; i < len && rc == SQLITE_OK; i++) {
        if (((unsigned char)word[i] | (unsigned char)word[i - 1]) & 0x80)
            break;
        if (!begins_part(word, len, i))
            continue;
        rc = emit_cut(s, 0, token + part, i - part, begin + part, begin + i);
        part = i;
        parts++;
    }
    if (rc == SQLITE_OK)
        rc = emit_cut(s, 0, token + part, len - part, begin + part, end);
    if (rc == SQLITE_OK && parts > 0 && !s->is_query)
        rc = emit_cut(s, FTS5_TOKEN_COLOCATED, token, len, begin, end);
    return rc;
}

/* ---- as FTS5 wants it ---- */

static void code_delete(Fts5Tokenizer *t)
{
    struct instance *i = (struct instance *)(void *)t;
    if (i && i->unicode)
        i->module->unicode.xDelete(i->unicode);
    free(i);
}

static int code_create(void *context, const char **args, int n, Fts5Tokenizer **out)
{
    static const char *unicode_args[] = { "remove_diacritics", "2" };
    const struct module *m = context;
    struct instance *i = calloc(1, sizeof *i);

    (void)args, (void)n;
    if (!i)
        return SQLITE_NOMEM;
    i->module = m;
    int rc = m->unicode.xCreate(m->unicode_context, unicode_args, 2, &i->unicode);
    if (rc != SQLITE_OK) {
        code_delete((Fts5Tokenizer *)(void *)i);
        return rc;
    }
    *out = (Fts5Tokenizer *)(void *)i;
    return SQLITE_OK;
}

static int code_tokenize(Fts5Tokenizer *t, void *arg, int flags, const char *text, int len,
                         token_fn *emit)
{
    const struct instance *i = (const struct instance *)(const void *)t;
    struct split s = {
        .text = text, .emit = emit, .arg = arg, .is_query = (flags & FTS5_TOKENIZE_QUERY) != 0
    };

    return i->module->unicode.xTokenize(i->unicode, &s, flags, text, len, split_token);
}

/* The connection's interface to FTS5, or NULL. */
static fts5_api *api_of(sqlite3 *db)
{
    fts5_api *api = NULL;
    sqlite3_stmt *ask = NULL;

    if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &ask, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(ask, 1, (void *)&api, "fts5_api_ptr", NULL);
        (void)sqlite3_step(ask);
    }
    sqlite3_finalize(ask);
    return api;
}

int tokenizer_register(sqlite3 *db)
{
    fts5_api *api = api_of(db);
    struct module *m = api ? calloc(1, sizeof *m) : NULL;

    if (!m)
        return api ? SQLITE_NOMEM : SQLITE_ERROR;
    int rc = api->xFindTokenizer(api, "unicode61", &m->unicode_context, &m->unicode);
    if (rc != SQLITE_OK) {
        free(m);
        return rc;
    }
    m->code = (fts5_tokenizer){ code_create, code_delete, code_tokenize };
    rc = api->xCreateTokenizer(api, NAME, m, &m->code, free);
    if (rc != SQLITE_OK)
        free(m);
    return rc;
}

/* ---- for ourselves ---- */

struct taking {
    bool (*take)(void *arg, const struct word *w);
    void *arg;
    bool has_stopped;
};

static int take_token(void *arg, int flags, const char *token, int len, int begin, int end)
{
    struct taking *t = arg;
    struct word w = { .text = token,
                      .len = (size_t)len,
                      .begin = (size_t)begin,
                      .end = (size_t)end,
                      .is_whole = (flags & FTS5_TOKEN_COLOCATED) != 0 };

    t->has_stopped = !t->take(t->arg, &w);
    return t->has_stopped ? SQLITE_DONE : SQLITE_OK;
}

int tokenizer_words(sqlite3 *db, const char *text, size_t len, bool is_query,
                    bool (*take)(void *arg, const struct word *w), void *arg)
{
    struct taking t = { .take = take, .arg = arg };
    fts5_api *api = api_of(db);
    fts5_tokenizer code;
    void *context = NULL;
    Fts5Tokenizer *instance = NULL;

    if (!api || len > INT_MAX)
        return SQLITE_ERROR;
    int rc = api->xFindTokenizer(api, NAME, &context, &code);
    if (rc == SQLITE_OK)
        rc = code.xCreate(context, NULL, 0, &instance);
    if (rc != SQLITE_OK)
        return rc;
    rc = code.xTokenize(instance, &t, is_query ? FTS5_TOKENIZE_QUERY : FTS5_TOKENIZE_DOCUMENT, text,
                        (int)len, take_token);
    code.xDelete(instance);
    return t.has_stopped ? SQLITE_OK : rc;
}
