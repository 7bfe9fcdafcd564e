#include "base/json_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_lex.h"
#include "base/utf8.h"

/* A comma belongs before a value or key unless the text so far ends in what no value ends in. */
static void comma(struct buf *b)
{
    if (b->len == 0)
        return;
    switch (b->data[b->len - 1]) {
    case '{':
    case '[':
    case ':':
    case ',':
    case ' ':
    case '\n': return;
    default: buf_putc(b, ',');
    }
}

void json_open(struct buf *b, char bracket)
{
    comma(b);
    buf_putc(b, bracket);
}

void json_close(struct buf *b, char bracket) { buf_putc(b, bracket); }

void json_key(struct buf *b, const char *key)
{
    comma(b);
    buf_putc(b, '"');
    buf_str(b, key);
    buf_append(b, "\":", 2);
}

void json_key_n(struct buf *b, const char *key, size_t len)
{
    json_str_n(b, key, len);
    buf_putc(b, ':');
}

void json_null(struct buf *b) { json_raw(b, "null", 4); }

void json_bool(struct buf *b, bool v)
{
    if (v)
        json_raw(b, "true", 4);
    else
        json_raw(b, "false", 5);
}

void json_int(struct buf *b, int64_t v)
{
    char text[24], *p = text + sizeof text;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        *--p = '-';
    json_raw(b, p, (size_t)(text + sizeof text - p));
}

void json_double(struct buf *b, double v)
{
    char text[40];
    int n = 0;

    if (!isfinite(v)) {
        json_null(b);
        return;
    }
    if (v >= -9007199254740992.0 && v <= 9007199254740992.0 && v == (double)(int64_t)v &&
        (v != 0 || !signbit(v))) {
        json_int(b, (int64_t)v);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    json_raw(b, text, (size_t)n);
}

void json_str(struct buf *b, const char *s) { json_str_n(b, s, strlen(s)); }

void json_str_n(struct buf *b, const char *s, size_t len)
{
    comma(b);
    buf_putc(b, '"');
    json_escape(b, s, len);
    buf_putc(b, '"');
}

void json_raw(struct buf *b, const char *text, size_t len)
{
    comma(b);
    buf_append(b, text, len);
}

void json_raw_text(struct buf *b, struct json_text t)
{
    if (t.type == JSON_NONE)
        json_null(b);
    else
        json_raw(b, t.p, t.len);
}

void json_member_text(struct buf *b, struct json_text key, struct json_text value)
{
    json_raw_text(b, key);
    buf_putc(b, ':');
    json_raw_text(b, value);
}

void json_member_str(struct buf *b, const char *key, const char *s)
{
    if (!s)
        return;
    json_key(b, key);
    json_str(b, s);
}

void json_member_raw(struct buf *b, const char *key, const char *text)
{
    if (!text)
        return;
    json_key(b, key);
    json_raw(b, text, strlen(text));
}

static void control_escape(struct buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    switch (c) {
    case '\b': text[1] = 'b'; break;
    case '\f': text[1] = 'f'; break;
    case '\n': text[1] = 'n'; break;
    case '\r': text[1] = 'r'; break;
    case '\t': text[1] = 't'; break;
    case '"':
    case '\\': text[1] = (char)c; break;
    default: buf_append(b, text, 6); return;
    }
    buf_append(b, text, 2);
}

/* Nearly all of nearly every text: ASCII, quotes and backslashes, copied in the very words that are
 * looked through, as long as the buffer certainly has room. Returns where something else, or the
 * end of the room, begins. */
static const char *common_escape(struct buf *b, const char *p, const char *end)
{
    char *to = b->data + b->len;
    /* A buffer that is used again may have more memory than its new user allows. */
    size_t room = b->max && b->max < b->cap ? b->max : b->cap;
    if (room < b->len)
        return p;
    const char *full = b->data + room;

    while (full - to > 8 + 2) {
        if (end - p >= 8) {
            uint64_t w;
            memcpy(&w, p, sizeof w);
            memcpy(to, &w, sizeof w);
            uint64_t stop = json_stop_bytes(le64toh(w));
            size_t n = stop ? (size_t)__builtin_ctzll(stop) / 8 : 8;
            p += n;
            to += n;
            if (!stop)
                continue;
        } else if (p == end) {
            break;
        }
        unsigned char c = (unsigned char)*p;
        if (c < ' ' || c >= 0x80)
            break;
        if (c == '"' || c == '\\')
            *to++ = '\\';
        *to++ = *p++;
    }
    b->len = (size_t)(to - b->data);
    return p;
}

void json_escape(struct buf *b, const char *s, size_t len)
{
    const char *p = s, *end = s + len;

    while (p < end) {
        if (b->data && !b->failed)
            p = common_escape(b, p, end);
        const char *run = p;
        size_t n;

        /* A run is plain ASCII and whole sequences; it is copied at once. */
        do {
            p += json_plain_run(p, end);
            n = p < end && (unsigned char)*p >= 0x80 ? utf8_sequence(p, (size_t)(end - p)) : 0;
            p += n;
        } while (n > 0);
        buf_append(b, run, (size_t)(p - run));
        if (p == end)
            return;
        if ((unsigned char)*p >= 0x80)
            buf_append(b, "\xEF\xBF\xBD", 3);
        else
            control_escape(b, (unsigned char)*p);
        p++;
    }
}

void json_compact(struct buf *b, const char *text, size_t len)
{
    const char *p = text, *end = text + len, *run = text;
    bool in_string = false;

    comma(b);
    for (; p < end; p++) {
        if (in_string) {
            if (*p == '\\')
                p++;
            else if (*p == '"')
                in_string = false;
        } else if (*p == '"') {
            in_string = true;
        } else if (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') {
            buf_append(b, run, (size_t)(p - run));
            run = p + 1;
        }
    }
    buf_append(b, run, (size_t)(end - run));
}
