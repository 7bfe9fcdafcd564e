#include "tools/frontmatter.h"

#include <stdbool.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/utf8.h"

#define KEYS_MAX 64

struct line {
    const char *p; /* behind the indent */
    size_t len;    /* without blanks at its end */
    size_t indent;
    bool is_ragged; /* there were some */
};

struct head {
    const char *at, *end;
    unsigned number; /* of the line that was read last */
    struct line line;
    bool has_line; /* false: behind the head */
    struct buf *json;
    struct err *e;
    struct {
        const char *p;
        size_t len;
    } keys[KEYS_MAX];
    size_t key_count;
};

static int wrong(struct head *h, const char *why)
{
    err_set(h->e, MG_E_INVALID, "line %u: %s", h->number, why);
    return MG_E_INVALID;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* ---- lines ---- */

static bool line_is(const struct line *l, const char *text)
{
    return l->indent == 0 && l->len == strlen(text) && memcmp(l->p, text, l->len) == 0;
}

/* The next line of the file; false: there is none. */
static bool line_next(struct head *h)
{
    if (h->at == h->end)
        return false;
    const char *begin = h->at, *eol = memchr(begin, '\n', (size_t)(h->end - begin));
    const char *end = eol ? eol : h->end, *p = begin;
    h->at = eol ? eol + 1 : h->end;
    h->number++;
    if (end > p && end[-1] == '\r')
        end--;
    const char *whole = end;
    while (end > p && is_blank(end[-1]))
        end--;
    while (p < end && *p == ' ')
        p++;
    h->line = (struct line){ p, (size_t)(end - p), (size_t)(p - begin), end < whole };
    return true;
}

/* Goes to the next line of the head that says something. */
static int advance(struct head *h)
{
    h->has_line = false;
    for (;;) {
        if (!line_next(h))
            return wrong(h, "the head does not end: a line of \"---\" is missing");
        if (line_is(&h->line, "---"))
            return 0;
        if (h->line.len == 0 || *h->line.p == '#')
            continue;
        if (*h->line.p == '\t')
            return wrong(h, "a tab before the text: indent by blanks");
        h->has_line = true;
        return 0;
    }
}

/* ---- values on one line ---- */

static bool among(const char *s, size_t len, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == len && memcmp(*words, s, len) == 0)
            return true;
    return false;
}

/* What some readers take for something else than a text, in any case of its letters. */
static bool is_doubtful(const char *s, size_t len)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on",
                                         "off",  "y",     "n",    "~",   NULL };
    char lower[8] = "";
    if (len < sizeof lower) {
        for (size_t i = 0; i < len; i++)
            lower[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
        if (among(lower, len, words))
            return true;
    }
    for (size_t i = 0; i < len; i++) /* numbers, dates and times of whatever notation */
        if (!strchr("0123456789abcdefxABCDEFXoO.+-:_", s[i]))
            return false;
    return strchr("0123456789+.", s[0]) || (s[0] == '-' && len > 1);
}

static bool is_number(const char *s, size_t len)
{
    struct json_text t;
    struct err e;
    for (size_t i = 0; i < len; i++)
        if (!strchr("0123456789.-", s[i]))
            return false;
    return len <= 15 && json_scan(s, len, NULL, &t, &e) == 0 && t.type == JSON_NUMBER;
}

static int plain_write(struct head *h, const char *s, size_t len)
{
    static const char *const same[] = { "true", "false", "null", NULL };
    for (size_t i = 0; i + 1 < len; i++) {
        if (s[i] == ':' && s[i + 1] == ' ')
            return wrong(h, "\": \" within a text: put it in quotes");
        if (is_blank(s[i]) && s[i + 1] == '#')
            return wrong(h, "\" #\" within a text: put it in quotes");
    }
    if (strchr(",[]{}#&*!|>'\"%@`", s[0]) || s[len - 1] == ':' ||
        (strchr("-?:", s[0]) && (len == 1 || s[1] == ' ')))
        return wrong(h, "a text that begins or ends like this needs quotes");
    if (among(s, len, same) || is_number(s, len))
        json_raw(h->json, s, len);
    else if (is_doubtful(s, len))
        return wrong(h, "readers of YAML disagree what this is: put it in quotes");
    else
        json_str_n(h->json, s, len);
    return 0;
}

/* "...": what JSON has of it. */
static int double_write(struct head *h, const char *s, size_t len)
{
    struct json_text t;
    struct err e;
    if (json_scan(s, len, NULL, &t, &e) != 0 || t.type != JSON_STRING)
        return wrong(h, "no text in double quotes as JSON has them");
    json_raw(h->json, s, len);
    return 0;
}

/* '...', where '' is one quote. */
static int single_write(struct head *h, const char *s, size_t len)
{
    struct buf text = { 0 };
    bool is_right = len >= 2 && s[len - 1] == '\'';
    for (size_t i = 1; is_right && i + 1 < len; i++) {
        buf_putc(&text, s[i]);
        if (s[i] == '\'')
            is_right = i + 2 < len && s[++i] == '\'';
    }
    if (is_right)
        json_str_n(h->json, text.len ? text.data : "", text.len);
    h->json->failed |= text.failed;
    buf_fini(&text);
    return is_right ? 0 : wrong(h, "no text in single quotes");
}

static int scalar_write(struct head *h, const char *s, size_t len)
{
    if (*s == '"')
        return double_write(h, s, len);
    return *s == '\'' ? single_write(h, s, len) : plain_write(h, s, len);
}

/* ---- blocks of lines ---- */

/* Behind "|" or ">": lines that are further in than the key. */
static int block_write(struct head *h, const char *s, size_t len)
{
    bool folds = *s == '>', strips = len == 2 && s[1] == '-', is_first = true;
    struct buf text = { 0 };
    size_t indent = 0, empty = 0;
    int code = 0;

    if (len > 2 || (len == 2 && !strips))
        return wrong(h, "of blocks only | |- > and >- are read");
    while ((h->has_line = line_next(h))) {
        const struct line *l = &h->line;
        if (l->len == 0 && !is_first) {
            empty++;
            continue;
        }
        if (l->indent == 0)
            break;
        if (is_first)
            indent = l->indent;
        if (l->indent < indent || (folds && l->indent > indent) || l->is_ragged) {
            code = wrong(h, "the lines of a block begin at one place, and end without blanks");
            break;
        }
        for (size_t i = 0; i < (folds && empty ? empty : is_first ? 0 : empty + 1); i++)
            buf_putc(&text, folds && !empty ? ' ' : '\n');
        for (size_t i = indent; i < l->indent; i++)
            buf_putc(&text, ' ');
        buf_append(&text, l->p, l->len);
        is_first = false;
        empty = 0;
    }
    if (!strips && !is_first)
        buf_putc(&text, '\n');
    if (code == 0 && !h->has_line)
        code = wrong(h, "the head does not end: a line of \"---\" is missing");
    if (code == 0)
        json_str_n(h->json, text.len ? text.data : "", text.len);
    h->json->failed |= text.failed;
    buf_fini(&text);
    if (code == 0 && line_is(&h->line, "---"))
        h->has_line = false;
    else if (code == 0 && *h->line.p == '#')
        code = advance(h);
    return code;
}

/* ---- keys ---- */

/* "key: value" -> value, of no length when there is none. */
static int key_split(struct head *h, const char **value, size_t *len, size_t first)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";
    const struct line *l = &h->line;
    size_t n = 0;
    while (n < l->len && strchr(allowed, l->p[n]))
        n++;
    if (n == 0 || n == l->len || l->p[n] != ':' || (n + 1 < l->len && l->p[n + 1] != ' '))
        return wrong(h, "expected \"key: value\"");
    if (l->p[0] == '-' || is_doubtful(l->p, n))
        return wrong(h, "this is no key");
    for (size_t i = first; i < h->key_count; i++)
        if (h->keys[i].len == n && memcmp(h->keys[i].p, l->p, n) == 0)
            return wrong(h, "this key stands there twice");
    if (h->key_count == KEYS_MAX)
        return wrong(h, "too many keys");
    h->keys[h->key_count].p = l->p;
    h->keys[h->key_count++].len = n;
    json_key_n(h->json, l->p, n);
    *value = l->p + n + 1;
    *len = l->len - n - 1;
    while (*len && is_blank(**value)) {
        (*value)++;
        (*len)--;
    }
    return 0;
}

static bool is_item(const struct line *l)
{
    return l->len > 0 && l->p[0] == '-' && (l->len == 1 || l->p[1] == ' ');
}

static int list_write(struct head *h)
{
    size_t indent = h->line.indent;
    int code = 0;
    json_open(h->json, '[');
    while (code == 0 && h->has_line && h->line.indent == indent && is_item(&h->line)) {
        const char *s = h->line.p + 1;
        size_t len = h->line.len - 1;
        while (len && is_blank(*s)) {
            s++;
            len--;
        }
        code = len ? scalar_write(h, s, len) : wrong(h, "an item of a list is one text");
        if (code == 0)
            code = advance(h);
    }
    json_close(h->json, ']');
    return code;
}

static int inner_write(struct head *h)
{
    size_t indent = h->line.indent, first = h->key_count;
    int code = 0;
    json_open(h->json, '{');
    while (code == 0 && h->has_line && h->line.indent == indent) {
        const char *s = "";
        size_t len = 0;
        code = key_split(h, &s, &len, first);
        if (code == 0 && len == 0)
            code = wrong(h, "a value is missing; values of inner keys stand on their line");
        if (code == 0)
            code = scalar_write(h, s, len);
        if (code == 0)
            code = advance(h);
    }
    json_close(h->json, '}');
    h->key_count = first;
    return code;
}

static int member_write(struct head *h)
{
    const char *s = "";
    size_t len = 0;
    int code = key_split(h, &s, &len, 0);
    if (code != 0)
        return code;
    if (len && (*s == '|' || *s == '>'))
        return block_write(h, s, len);
    if (len) {
        code = scalar_write(h, s, len);
        return code == 0 ? advance(h) : code;
    }
    code = advance(h);
    if (code == 0 && h->has_line && is_item(&h->line))
        return list_write(h);
    if (code == 0 && h->has_line && h->line.indent > 0)
        return inner_write(h);
    if (code == 0)
        json_null(h->json);
    return code;
}

int frontmatter_read(const char *text, size_t len, struct buf *json, struct err *e)
{
    struct head h = { .at = text, .end = text + len, .json = json, .e = e };
    if (!line_next(&h) || !line_is(&h.line, "---"))
        return err_set(e, MG_E_NOTFOUND, "there is no head between lines of \"---\"");
    int code = advance(&h);
    json_open(json, '{');
    while (code == 0 && h.has_line) {
        if (h.line.indent > 0)
            code = wrong(&h, "indented, and no part of the line above");
        else
            code = member_write(&h);
    }
    json_close(json, '}');
    size_t head = (size_t)(h.at - text);
    if (code == 0 && (utf8_valid(text, head) != head || memchr(text, '\0', head)))
        code = err_set(e, MG_E_INVALID, "the head is no UTF-8, or holds a zero byte");
    if (code == 0 && !buf_ok(json))
        code = err_set(e, MG_E_NOMEM, "not enough memory");
    return code;
}
