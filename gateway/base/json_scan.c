#include "base/json_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_keys.h"
#include "base/json_lex.h"
#include "base/utf8.h"

/* cJSON copies a number into 64 bytes and takes what is behind them for a syntax error. */
#define NUMBER_MAX 63

struct frame {
    const char *start;
    struct json_member *member; /* the one that is open, if it is noted */
    bool is_object;
    struct json_keys_mark mark;
};

struct scan {
    const char *text, *p, *end;
    uint32_t depth, max_depth;
    uint32_t values, max_values;
    struct json_keys keys; /* of all objects that are open */
    const char *value;     /* where the last whole value begins */
    struct json_outline *outline;
    bool takes_nul;
    struct err *e;
    struct frame frames[JSON_MAX_DEPTH];
};

static int scan_fail(struct scan *s, const char *at, int code, const char *reason)
{
    return err_set(s->e, code, "offset %zu: %s", (size_t)(at - s->text), reason);
}

static int scan_unexpected(struct scan *s, const char *reason)
{
    return scan_fail(s, s->p, MG_E_INVALID, s->p < s->end ? reason : "the text ends too early");
}

static void blanks_skip(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

static bool byte_is(const struct scan *s, char c) { return s->p < s->end && *s->p == c; }

static bool is_digit_at(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* ---- strings ---- */

/* Four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        if (c >= '0' && c <= '9')
            v = v << 4 | (c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            v = v << 4 | (c - 'A' + 10);
        else
            return -1;
    }
    return v;
}

/* s->p is at the backslash. */
static int escape_scan(struct scan *s)
{
    const char *at = s->p++;

    if (s->p == s->end)
        return scan_unexpected(s, "");
    if (*s->p != 'u') {
        if (!memchr("\"\\/bfnrt", *s->p, 8))
            return scan_fail(s, at, MG_E_INVALID, "unknown escape in a string");
        s->p++;
        return 0;
    }
    int unit = hex4(s->p + 1, s->end);
    if (unit < 0)
        return scan_fail(s, at, MG_E_INVALID, "\\u needs four hex digits");
    if (unit == 0 && !s->takes_nul)
        return scan_fail(s, at, MG_E_INVALID, "\\u0000 is not accepted");
    s->p += 5;
    if (unit < 0xD800 || unit > 0xDFFF)
        return 0;
    if (unit > 0xDBFF || s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
        return scan_fail(s, at, MG_E_INVALID, "half of a surrogate pair");
    unit = hex4(s->p + 2, s->end);
    if (unit < 0xDC00 || unit > 0xDFFF)
        return scan_fail(s, at, MG_E_INVALID, "half of a surrogate pair");
    s->p += 6;
    return 0;
}

/* s->p is at the opening quote and ends behind the closing one. */
static int string_scan(struct scan *s, bool *has_escapes)
{
    bool escapes = false;

    s->p++;
    for (;;) {
        s->p += json_plain_run(s->p, s->end);
        if (s->p == s->end)
            return scan_unexpected(s, "");
        unsigned char c = (unsigned char)*s->p;
        if (c == '"') {
            s->p++;
            *has_escapes = escapes;
            return 0;
        }
        if (c == '\\') {
            int rc = escape_scan(s);
            if (rc < 0)
                return rc;
            escapes = true;
        } else if (c < 0x20) {
            return scan_fail(s, s->p, MG_E_INVALID, "control character in a string");
        } else {
            do {
                size_t n = utf8_sequence(s->p, (size_t)(s->end - s->p));
                if (n == 0)
                    return scan_fail(s, s->p, MG_E_INVALID, "invalid UTF-8");
                s->p += n;
            } while (s->p < s->end && (unsigned char)*s->p >= 0x80);
        }
    }
}

/* ---- numbers and words ---- */

static bool number_overflows(const char *p, size_t len)
{
    char text[NUMBER_MAX + 1];

    memcpy(text, p, len);
    text[len] = '\0';
    return isinf(strtod(text, NULL));
}

static int number_scan(struct scan *s)
{
    const char *start = s->p, *p = start, *end = s->end;
    bool has_exponent = false;

    if (*p == '-')
        p++;
    const char *digits = p;
    while (is_digit_at(p, end))
        p++;
    if (p == digits)
        goto bad;
    if (*digits == '0' && p - digits > 1)
        return scan_fail(s, digits, MG_E_INVALID, "a number does not begin with 0");
    if (p < end && *p == '.') {
        if (!is_digit_at(++p, end))
            goto bad;
        while (is_digit_at(p, end))
            p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!is_digit_at(p, end))
            goto bad;
        while (is_digit_at(p, end))
            p++;
        has_exponent = true;
    }
    if (p - start > NUMBER_MAX)
        return scan_fail(s, start, MG_E_LIMIT, "a number of more than 63 bytes");
    if (has_exponent && number_overflows(start, (size_t)(p - start)))
        return scan_fail(s, start, MG_E_INVALID, "the number is too large for a double");
    s->p = p;
    return 0;
bad:
    s->p = p;
    return scan_unexpected(s, "expected a digit");
}

static int word_scan(struct scan *s, const char *word, size_t len)
{
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return scan_fail(s, s->p, MG_E_INVALID, "expected a value");
    s->p += len;
    return 0;
}

/* ---- the outline ---- */

static struct json_member *member_open(struct scan *s, struct json_text key)
{
    struct json_outline *o = s->outline;

    if (!o || s->depth > JSON_OUTLINE_DEPTH)
        return NULL;
    if (o->count == JSON_OUTLINE_MAX) {
        o->is_cut = true;
        return NULL;
    }
    struct json_member *m = &o->member[o->count++];
    m->key = key;
    m->depth = s->depth;
    return m;
}

/* Behind a whole value. */
static void member_close(struct scan *s)
{
    struct json_member *m = s->frames[s->depth - 1].member;

    if (m)
        m->value =
            (struct json_text){ s->value, (size_t)(s->p - s->value), json_type_of(*s->value) };
}

/* ---- structure ---- */

static int container_open(struct scan *s)
{
    if (s->depth == s->max_depth)
        return scan_fail(s, s->p, MG_E_LIMIT, "nested too deep");
    struct frame *f = &s->frames[s->depth++];
    f->start = s->p;
    f->member = NULL;
    f->is_object = *s->p == '{';
    f->mark = json_keys_mark(&s->keys);
    s->p++;
    return 0;
}

static void container_close(struct scan *s)
{
    struct frame *f = &s->frames[--s->depth];

    s->p++;
    s->value = f->start;
    if (f->is_object)
        json_keys_release(&s->keys, &f->mark);
}

/* A whole scalar, or only the bracket that opens a container. */
static int value_scan(struct scan *s, bool *opened)
{
    bool escapes = false;

    *opened = false;
    blanks_skip(s);
    if (s->p == s->end)
        return scan_unexpected(s, "");
    if (s->max_values && s->values == s->max_values)
        return scan_fail(s, s->p, MG_E_LIMIT, "too many values");
    s->values++;
    s->value = s->p;
    switch (*s->p) {
    case '{':
    case '[': *opened = true; return container_open(s);
    case '"': return string_scan(s, &escapes);
    case 't': return word_scan(s, "true", 4);
    case 'f': return word_scan(s, "false", 5);
    case 'n': return word_scan(s, "null", 4);
    case '-': return number_scan(s);
    default:
        if (is_digit_at(s->p, s->end))
            return number_scan(s);
        return scan_unexpected(s, "expected a value");
    }
}

static int key_scan(struct scan *s)
{
    struct json_text key = { .type = JSON_STRING };
    bool escapes = false;
    int rc;

    blanks_skip(s);
    if (!byte_is(s, '"'))
        return scan_unexpected(s, "expected a key in quotes");
    key.p = s->p;
    rc = string_scan(s, &escapes);
    if (rc < 0)
        return rc;
    key.len = (size_t)(s->p - key.p);
    rc = json_keys_add(&s->keys, &s->frames[s->depth - 1].mark, key, escapes);
    if (rc == MG_E_CONFLICT)
        return scan_fail(s, key.p, MG_E_INVALID, "a key that the object already has");
    if (rc < 0)
        return scan_fail(s, key.p, rc, "out of memory");
    s->frames[s->depth - 1].member = member_open(s, key);
    blanks_skip(s);
    if (!byte_is(s, ':'))
        return scan_unexpected(s, "expected a colon");
    s->p++;
    return 0;
}

/* Behind a value: closes what ends here and passes the comma. *more is false at the end. */
static int value_end(struct scan *s, bool *more)
{
    while (s->depth > 0) {
        bool is_object = s->frames[s->depth - 1].is_object;
        member_close(s);
        blanks_skip(s);
        if (byte_is(s, ',')) {
            s->p++;
            *more = true;
            return is_object ? key_scan(s) : 0;
        }
        if (!byte_is(s, is_object ? '}' : ']'))
            return scan_unexpected(s, is_object ? "expected , or }" : "expected , or ]");
        container_close(s);
    }
    *more = false;
    return 0;
}

static int document_scan(struct scan *s)
{
    bool opened, more = true;

    while (more) {
        int rc = value_scan(s, &opened);
        if (rc == 0 && opened) {
            bool is_object = s->frames[s->depth - 1].is_object;
            blanks_skip(s);
            if (!byte_is(s, is_object ? '}' : ']')) {
                rc = is_object ? key_scan(s) : 0;
                if (rc < 0)
                    return rc;
                continue;
            }
            container_close(s);
        }
        if (rc == 0)
            rc = value_end(s, &more);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int text_scan(const char *text, size_t len, const struct json_limits *limits,
                     struct json_outline *outline, struct json_text *root, struct err *e)
{
    struct scan s;
    int rc;

    s.text = s.p = text;
    s.end = text + len;
    s.depth = s.values = 0;
    s.max_depth = limits && limits->max_depth ? limits->max_depth : JSON_MAX_DEPTH;
    if (s.max_depth > JSON_MAX_DEPTH)
        s.max_depth = JSON_MAX_DEPTH;
    s.max_values = limits ? limits->max_values : 0;
    s.takes_nul = limits && limits->takes_nul;
    s.outline = outline;
    s.e = e;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        return scan_fail(&s, text, MG_E_INVALID, "a byte order mark");
    blanks_skip(&s);
    const char *start = s.p;
    json_keys_init(&s.keys);
    rc = document_scan(&s);
    json_keys_fini(&s.keys);
    if (rc < 0)
        return rc;
    *root = (struct json_text){ start, (size_t)(s.p - start), json_type_of(*start) };
    blanks_skip(&s);
    return s.p == s.end ? 0 : scan_fail(&s, s.p, MG_E_INVALID, "text behind the value");
}

int json_scan(const char *text, size_t len, const struct json_limits *limits,
              struct json_text *root, struct err *e)
{
    return text_scan(text, len, limits, NULL, root, e);
}

int json_scan_outline(const char *text, size_t len, const struct json_limits *limits,
                      struct json_outline *o, struct err *e)
{
    o->count = 0;
    o->is_cut = false;
    return text_scan(text, len, limits, o, &o->root, e);
}
