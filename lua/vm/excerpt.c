#include "vm/excerpt.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WIDTH 100 /* bytes shown of a long line */

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* ---- lines ---- */

struct line {
    const char *p;
    size_t len;
};

static bool line_at(const struct source *s, int number, struct line *out)
{
    const char *p = s->text, *end = p + s->len;
    for (int n = 1; p && p <= end; n++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;
        if (n == number) {
            *out = (struct line){ p, (size_t)(stop - p) };
            return true;
        }
        if (!nl)
            return false;
        p = nl + 1;
    }
    return false;
}

static struct place place_of(const struct source *s, const char *at, size_t len)
{
    struct place found = { .line = 1, .len = len };
    const char *begin = s->text;
    for (const char *p = s->text; p < at; p++)
        if (*p == '\n') {
            found.line++;
            begin = p + 1;
        }
    found.column = (size_t)(at - begin);
    return found;
}

/* ---- finding ---- */

/* Behind a comment, a string in quotes or in long brackets that begins at p; else p. */
static const char *skip_text(const char *p, const char *end)
{
    bool is_comment = end - p > 1 && p[0] == '-' && p[1] == '-';
    const char *from = is_comment ? p + 2 : p;
    if (end - from > 1 && from[0] == '[' && (from[1] == '[' || from[1] == '=')) {
        const char *level = from + 1 + strspn(from + 1, "=");
        size_t n = (size_t)(level - from - 1);
        if (*level == '[') {
            for (p = level + 1; p < end; p++)
                if (*p == ']' && strspn(p + 1, "=") == n && p[n + 1] == ']')
                    return p + n + 2;
            return end;
        }
    }
    if (is_comment)
        return p + strcspn(p, "\n");
    if (*p != '"' && *p != '\'')
        return p;
    for (const char *q = p + 1; q < end && *q != '\n'; q++) {
        if (*q == *p)
            return q + 1;
        q += *q == '\\' && q + 1 < end;
    }
    return p + 1;
}

/* Is this word a key: `word =`, `["word"] =`? Behind the sign, or NULL. */
static const char *key_value(const char *word, size_t len, const char *end)
{
    const char *p = word + len + strspn(word + len, "\"'] \t");
    if (p >= end || *p != '=' || p[1] == '=')
        return NULL;
    return p + 1 + strspn(p + 1, " \t\r\n");
}

/* The key between p and end that is in no comment and no other text; *value gets what stands behind
 * it. */
static const char *find_key(const char *p, const char *end, const char *word, size_t len,
                            const char **value)
{
    for (const char *begin = p; p < end;) {
        const char *next = skip_text(p, end);
        bool is_text = next > p;
        const char *at = is_text && (*p == '"' || *p == '\'') ? p + 1 : p;
        bool fits = (size_t)(end - at) >= len && memcmp(at, word, len) == 0 &&
                    (at == begin || !is_word(at[-1])) && !is_word(at[len]);
        if (fits && (!is_text || at[len] == *p) && (*value = key_value(at, len, end)))
            return at;
        p = is_text ? next : p + 1;
    }
    return NULL;
}

/* The end of the table that begins at p, or NULL when none does. */
static const char *table_end(const char *p, const char *end)
{
    int depth = 0;
    if (p >= end || *p != '{')
        return NULL;
    while (p < end) {
        const char *next = skip_text(p, end);
        if (next > p) {
            p = next;
            continue;
        }
        depth += (*p == '{') - (*p == '}');
        if (depth == 0)
            return p;
        p++;
    }
    return end;
}

struct place excerpt_find(const struct source *s, int line, const char *path)
{
    struct line first;
    struct place found = { .line = line };
    if (!s->text || !line_at(s, line > 0 ? line : 1, &first))
        return found;
    const char *p = first.p, *end = s->text + s->len;
    while (p && *path) {
        size_t len = strcspn(path, "/");
        bool is_index = strspn(path, "0123456789") == len;
        const char *value, *at = len && !is_index ? find_key(p, end, path, len, &value) : NULL;
        if (!at && !is_index)
            break;
        if (at) {
            found = place_of(s, at, len);
            end = table_end(value, end);
            p = end ? value : NULL;
        }
        path += len + (path[len] == '/');
    }
    return found;
}

struct place excerpt_word(const struct source *s, int line, const char *word, size_t len)
{
    struct line l;
    struct place found = { .line = line };
    if (!s->text || !line_at(s, line, &l))
        return found;
    for (size_t i = 0; len && i + len <= l.len; i++)
        if (memcmp(l.p + i, word, len) == 0 &&
            !(is_word(word[0]) && i > 0 && is_word(l.p[i - 1])) &&
            !(is_word(word[len - 1]) && i + len < l.len && is_word(l.p[i + len]))) {
            found.column = i;
            found.len = len;
            return found;
        }
    return found;
}

/* ---- showing ---- */

/* A file may hold what a terminal would obey. */
static void put_plain(struct buf *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_putc(out, p[i] == '\t' || (unsigned char)p[i] >= 0x20 ? p[i] : '?');
}

/* As wide as the text above it. */
static void put_blank(struct buf *out, const char *p, size_t len, char blank)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] == '\t')
            buf_putc(out, '\t');
        else if (((unsigned char)p[i] & 0xC0) != 0x80) /* one mark for one character of UTF-8 */
            buf_putc(out, blank);
}

static bool is_inside_character(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

void excerpt_show(struct buf *out, const struct source *s, const struct place *at)
{
    struct line l;
    if (!s->text || at->line < 1 || !line_at(s, at->line, &l))
        return;
    size_t column = at->column, len = at->len, from = 0;
    if (l.len > 0 && l.p[l.len - 1] == '\r')
        l.len--;
    if (len == 0) { /* all that is written there */
        while (column < l.len && isspace((unsigned char)l.p[column]))
            column++;
        len = l.len - column;
    }
    if (column + len > WIDTH)
        from = column > WIDTH / 4 ? column - WIDTH / 4 : 0;
    while (from > 0 && is_inside_character(l.p[from]))
        from--;
    size_t to = l.len - from > WIDTH ? from + WIDTH : l.len;
    while (to < l.len && is_inside_character(l.p[to]))
        to--;
    if (column + len > to)
        len = to - column;
    buf_printf(out, "\n%5d | %s", at->line, from > 0 ? "..." : "");
    put_plain(out, l.p + from, to - from);
    buf_printf(out, "%s\n      | %s", to < l.len ? "..." : "", from > 0 ? "   " : "");
    put_blank(out, l.p + from, column - from, ' ');
    if (len == 0)
        buf_putc(out, '^');
    put_blank(out, l.p + column, len, '^');
}
