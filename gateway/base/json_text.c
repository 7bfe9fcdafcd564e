/* Walking through text that json_scan() accepted: extents instead of a tree. */
#include <string.h>

#include "base/buf.h"
#include "base/json_lex.h"
#include "base/json_scan.h"

static const char *blanks_pass(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* From the opening quote to behind the closing one. */
static const char *string_pass(const char *p, const char *end)
{
    for (p++; p < end && *p != '"';) {
        if (*p == '\\')
            p += 2;
        else if ((unsigned char)*p >= 0x80)
            p++;
        else
            p += json_plain_run(p, end);
    }
    return p < end ? p + 1 : end;
}

static const char *value_pass(const char *p, const char *end)
{
    size_t depth = 0;

    do {
        switch (*p) {
        case '"': p = string_pass(p, end); break;
        case '{':
        case '[':
            depth++;
            p++;
            break;
        case '}':
        case ']':
            depth--;
            p++;
            break;
        case ',':
        case ':':
        case ' ':
        case '\t':
        case '\r':
        case '\n': p++; break;
        default: /* numbers and words have no structure inside */
            do
                p++;
            while (p < end && !strchr(",:]} \t\r\n", *p));
        }
    } while (depth > 0 && p < end);
    return p;
}

struct json_iter json_iter(struct json_text container)
{
    struct json_iter it = { NULL, NULL };

    if (container.type == JSON_OBJECT || container.type == JSON_ARRAY) {
        it.p = container.p + 1;
        it.end = container.p + container.len - 1;
    }
    return it;
}

bool json_next_item(struct json_iter *it, struct json_text *value)
{
    const char *p = blanks_pass(it->p, it->end);

    if (p == it->end)
        return false;
    const char *behind = value_pass(p, it->end);
    *value = (struct json_text){ p, (size_t)(behind - p), json_type_of(*p) };
    behind = blanks_pass(behind, it->end);
    it->p = behind < it->end ? behind + 1 : behind; /* the comma */
    return true;
}

bool json_next_member(struct json_iter *it, struct json_text *key, struct json_text *value)
{
    const char *p = blanks_pass(it->p, it->end);

    if (p == it->end)
        return false;
    const char *behind = string_pass(p, it->end);
    *key = (struct json_text){ p, (size_t)(behind - p), JSON_STRING };
    it->p = blanks_pass(behind, it->end) + 1; /* the colon */
    return json_next_item(it, value);
}

/* Of a string without escapes; one with them is never equal. Names are short, and most differ in
 * the first byte. */
static bool plain_eq(struct json_text string, const char *name)
{
    const char *p = string.p + 1, *end = string.p + string.len - 1;

    for (; p < end; p++, name++)
        if (*p != *name || *p == '\\')
            return false;
    return *name == '\0';
}

static void match(struct json_text key, struct json_text value, const char *const names[],
                  struct json_text out[], size_t n)
{
    size_t i = 0;

    while (i < n && !plain_eq(key, names[i]))
        i++;
    if (i == n && memchr(key.p, '\\', key.len))
        for (i = 0; i < n && !json_string_eq(key, names[i], strlen(names[i]));)
            i++;
    if (i < n && out[i].type == JSON_NONE)
        out[i] = value;
}

static void clear(struct json_text out[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct json_text){ NULL, 0, JSON_NONE };
}

size_t json_find(struct json_text object, const char *const names[], struct json_text out[],
                 size_t n)
{
    struct json_iter it = json_iter(object);
    struct json_text key, value;
    size_t members = 0;

    clear(out, n);
    if (object.type != JSON_OBJECT)
        return 0;
    for (; json_next_member(&it, &key, &value); members++)
        match(key, value, names, out, n);
    return members;
}

struct json_text json_get(struct json_text value, const char *name)
{
    struct json_text found;

    json_find(value, &name, &found, 1);
    return found;
}

void json_outline_find(const struct json_outline *o, struct json_text object,
                       const char *const names[], struct json_text out[], size_t n)
{
    uint32_t i = 0, depth = 1;

    if (object.p != o->root.p) {
        while (i < o->count && o->member[i].value.p != object.p)
            i++;
        depth = i < o->count ? o->member[i++].depth + 1 : UINT32_MAX;
    }
    if (o->is_cut || depth > JSON_OUTLINE_DEPTH) {
        json_find(object, names, out, n);
        return;
    }
    clear(out, n);
    for (; i < o->count && o->member[i].depth >= depth; i++)
        if (o->member[i].depth == depth)
            match(o->member[i].key, o->member[i].value, names, out, n);
}

/* ---- strings ---- */

static unsigned hex4(const char *p)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static size_t utf8_put(char out[4], unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* The escape at *p: its bytes into out; *p moves behind it. */
static size_t escape_decode(const char **p, char out[4])
{
    const char *s = *p;
    unsigned c;

    *p += 2;
    switch (s[1]) {
    case 'b': out[0] = '\b'; return 1;
    case 'f': out[0] = '\f'; return 1;
    case 'n': out[0] = '\n'; return 1;
    case 'r': out[0] = '\r'; return 1;
    case 't': out[0] = '\t'; return 1;
    case 'u': break;
    default: out[0] = s[1]; return 1;
    }
    c = hex4(s + 2);
    *p += 4;
    if (c >= 0xD800 && c <= 0xDBFF) {
        c = 0x10000 + ((c - 0xD800) << 10) + (hex4(s + 8) - 0xDC00);
        *p += 6;
    }
    return utf8_put(out, c);
}

void json_string_decode(struct json_text string, struct buf *out)
{
    const char *p = string.p + 1, *end = string.p + string.len - 1;

    while (p < end) {
        const char *esc = memchr(p, '\\', (size_t)(end - p));
        buf_append(out, p, (size_t)((esc ? esc : end) - p));
        if (!esc)
            return;
        char bytes[4];
        p = esc;
        size_t n = escape_decode(&p, bytes);
        buf_append(out, bytes, n);
    }
}

bool json_string_eq(struct json_text string, const char *s, size_t n)
{
    const char *p = string.p + 1, *end = string.p + string.len - 1;
    size_t raw = (size_t)(end - p);

    /* Decoding makes no string longer, and at most six times shorter. */
    if (string.type != JSON_STRING || n > raw || n < raw / 6)
        return false;
    /* Nearly every string stands for itself. */
    if (n == raw)
        return memcmp(p, s, n) == 0 && !memchr(s, '\\', n);
    if (!memchr(p, '\\', raw))
        return false;
    while (p < end) {
        if (*p != '\\') {
            if (n == 0 || *s != *p)
                return false;
            p++, s++, n--;
            continue;
        }
        char bytes[4];
        size_t len = escape_decode(&p, bytes);
        if (n < len || memcmp(s, bytes, len) != 0)
            return false;
        s += len;
        n -= len;
    }
    return n == 0;
}

/* ---- numbers ---- */

bool json_integer(struct json_text number, int64_t *out)
{
    char digit[64];
    size_t n = 0;
    int64_t exponent = 0, written = 0, v = 0;
    bool minus = false, is_fraction = false, exp_minus = false;

    if (number.type != JSON_NUMBER || number.len >= sizeof digit) /* absent: p is NULL */
        return false;
    const char *p = number.p, *end = p + number.len;
    if (*p == '-') {
        minus = true;
        p++;
    }
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            is_fraction = true;
            continue;
        }
        exponent -= is_fraction;
        if (n > 0 || *p != '0')
            digit[n++] = *p;
    }
    if (p < end) {
        p++;
        exp_minus = *p == '-';
        if (*p == '-' || *p == '+')
            p++;
        for (; p < end; p++)
            if (written < 100000)
                written = written * 10 + (*p - '0');
        exponent += exp_minus ? -written : written;
    }
    while (n > 0 && digit[n - 1] == '0') {
        n--;
        exponent++;
    }
    if (n > 0 && (exponent < 0 || (int64_t)n + exponent > 16))
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (digit[i] - '0');
    for (; n > 0 && exponent > 0; exponent--)
        v *= 10;
    if (v > INT64_C(1) << 53)
        return false;
    *out = minus ? -v : v;
    return true;
}
