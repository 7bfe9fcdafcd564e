/* Building one line in the caller's frame. Every value ends up as valid UTF-8 without control
 * characters, so that nothing a client sends can forge a line or drive a terminal. */
#include "base/log_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_lex.h"
#include "base/utf8.h"

/* What log_end() adds must always fit: ,"cut":true,"dropped":18446744073709551615}\n */
#define LINE_ROOM (LOG_LINE_MAX - 64)
#define VALUE_ROOM 8 /* at least this much is left for the value behind a key */

static const char *const level_words[] = { "debug", "info", "warn", "error" };

/* Names and values are short: most are copied in two moves that may overlap, quicker than memcpy()
 * finds out. Not inlined, since the compiler then warns of branches that a constant n never takes.
 */
static __attribute__((noinline)) void copy(char *to, const char *from, size_t n)
{
    if (n > 16 || n < 4) {
        memcpy(to, from, n);
    } else if (n >= 8) {
        uint64_t first, last;
        memcpy(&first, from, sizeof first);
        memcpy(&last, from + n - sizeof last, sizeof last);
        memcpy(to, &first, sizeof first);
        memcpy(to + n - sizeof last, &last, sizeof last);
    } else {
        uint32_t first, last;
        memcpy(&first, from, sizeof first);
        memcpy(&last, from + n - sizeof last, sizeof last);
        memcpy(to, &first, sizeof first);
        memcpy(to + n - sizeof last, &last, sizeof last);
    }
}

static void put(struct log_line *l, const char *s, size_t n)
{
    copy(l->data + l->len, s, n);
    l->len += (uint32_t)n;
}

/* The bytes that stand for the character at p in a line; *taken is its length in the text. */
static size_t piece_of(const char *p, size_t len, char out[6], size_t *taken)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*p;

    *taken = 1;
    if (c >= 0x80) {
        size_t n = utf8_sequence(p, len);
        if (n == 0) {
            memcpy(out, "\xEF\xBF\xBD", 3);
            return 3;
        }
        *taken = n;
        if (c != 0xC2 || (unsigned char)p[1] >= 0xA0) {
            memcpy(out, p, n);
            return n;
        }
        c = (unsigned char)p[1]; /* U+0080 to U+009F: control characters too */
    } else if (c == '"' || c == '\\') {
        memcpy(out, c == '"' ? "\\\"" : "\\\\", 2);
        return 2;
    } else if (c == '\n' || c == '\t' || c == '\r') {
        memcpy(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r", 2);
        return 2;
    }
    memcpy(out, "\\u00", 4);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

/* false: cut, because the line may not grow past `limit`. */
static bool put_slowly(struct log_line *l, const char *s, size_t len, size_t limit)
{
    const char *p = s, *end = s + len;

    while (p < end) {
        size_t room = limit - l->len, n = json_plain_run(p, end);
        if (n > 0) {
            put(l, p, n < room ? n : room);
            if (n > room)
                return false;
            p += n;
            continue;
        }
        char piece[6];
        size_t taken;
        n = piece_of(p, (size_t)(end - p), piece, &taken);
        if (n > room)
            return false;
        put(l, piece, n);
        p += taken;
    }
    return true;
}

/* Copies, and tells whether any byte does not stand for itself. */
static inline uint64_t put_looking(char *to, const char *s, size_t len)
{
    uint64_t w, stop = 0;

    if (len < sizeof w) { /* what is not there counts as blanks */
        copy(to, s, len);
        return json_stop_bytes(json_short_word(s, len) | JSON_LEX_ONES * ' ' << len * 8);
    }
    for (size_t i = 0; i < len - sizeof w; i += sizeof w) {
        memcpy(&w, s + i, sizeof w);
        memcpy(to + i, &w, sizeof w);
        stop |= json_stop_bytes(le64toh(w));
    }
    memcpy(&w, s + len - sizeof w, sizeof w);
    memcpy(to + len - sizeof w, &w, sizeof w);
    return stop | json_stop_bytes(le64toh(w));
}

/* Nearly every text stands for itself and fits. */
static inline bool put_escaped(struct log_line *l, const char *s, size_t len, size_t limit)
{
    if (len > limit - l->len || put_looking(l->data + l->len, s, len))
        return put_slowly(l, s, len, limit);
    l->len += (uint32_t)len;
    return true;
}

/* Writes the separator and the key; false when there is no room for them and a short value. */
static bool field_begin(struct log_line *l, const char *key, size_t len)
{
    if (l->off)
        return false;
    if (len > LINE_ROOM || l->len + len + VALUE_ROOM + 4 > LINE_ROOM) {
        l->cut = true;
        return false;
    }
    char *p = l->data + l->len;
    *p++ = l->text ? ' ' : ',';
    if (!l->text)
        *p++ = '"';
    copy(p, key, len);
    p += len;
    if (!l->text)
        *p++ = '"';
    *p++ = l->text ? '=' : ':';
    l->len = (uint32_t)(p - l->data);
    return true;
}

/* Nearly every field's name differs from all that are redacted in its length. */
static bool is_redacted(const struct log_line *l, const char *key, size_t len)
{
    return l->redact_lengths >> len % 64 & 1 && log_redacts(key, len);
}

/* A value that is there whole or not at all. */
static void field_whole(struct log_line *l, const char *key, const char *value, size_t len)
{
    uint32_t start = l->len;
    size_t key_len = strlen(key);

    if (!field_begin(l, key, key_len))
        return;
    if (is_redacted(l, key, key_len)) {
        value = l->text ? "***" : "\"***\"";
        len = strlen(value);
    }
    if (len <= LINE_ROOM - l->len) {
        put(l, value, len);
        return;
    }
    l->len = start;
    l->cut = true;
}

/* In a text line: can the value stand without quotes? */
static bool is_word(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F)
            return false;
    }
    return len > 0;
}

void log_begin(struct log_line *l, enum log_level level, const char *msg)
{
    char ts[CLOCK_ISO_SIZE];

    l->len = 0;
    l->cut = false;
    l->level = level;
    l->off = level >= LOG_OFF || !log_admits(l);
    if (l->off)
        return;
    clock_iso(ts, clock_wall_ms());
    const char *word = level_words[level];
    if (l->text) {
        ts[10] = ' ';
        put(l, ts, CLOCK_ISO_SIZE - 2); /* without the Z */
        put(l, " ", 1);
        put(l, word, strlen(word));
        put(l, "  ", 6 - strlen(word));
        l->cut = !put_escaped(l, msg, strlen(msg), LINE_ROOM);
        return;
    }
    put(l, "{\"ts\":\"", 7);
    put(l, ts, CLOCK_ISO_SIZE - 1);
    put(l, "\",\"level\":\"", 11);
    put(l, word, strlen(word));
    put(l, "\",\"msg\":\"", 9);
    l->cut = !put_escaped(l, msg, strlen(msg), LINE_ROOM - 1);
    put(l, "\"", 1);
}

void log_text(struct log_line *l, const char *key, size_t key_len, const char *value, size_t len)
{
    if (!field_begin(l, key, key_len))
        return;
    if (is_redacted(l, key, key_len)) {
        value = "***";
        len = 3;
    }
    if (l->text && is_word(value, len < LINE_ROOM ? len : LINE_ROOM)) {
        l->cut |= !put_escaped(l, value, len, LINE_ROOM);
        return;
    }
    l->data[l->len++] = '"';
    l->cut |= !put_escaped(l, value, len, LINE_ROOM - 1);
    l->data[l->len++] = '"';
}

/* Writes the digits of value / 10^decimals in front of end; returns where they begin. */
static char *decimal_put(char *end, int64_t value, int decimals)
{
    uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    for (int i = 0; u > 0 || i <= decimals; i++, u /= 10) {
        if (i == decimals && decimals > 0)
            *--end = '.';
        *--end = (char)('0' + u % 10);
    }
    if (value < 0)
        *--end = '-';
    return end;
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
    char text[24], *p = decimal_put(text + sizeof text, value, 0);

    field_whole(l, key, p, (size_t)(text + sizeof text - p));
}

void log_double(struct log_line *l, const char *key, double value)
{
    char text[40], *p = text;
    int n;

    if (fabs(value) < 1e12) {
        p = decimal_put(text + sizeof text, llround(value * 1000), 3);
        n = (int)(text + sizeof text - p);
    } else if (isfinite(value)) {
        n = snprintf(text, sizeof text, "%.17g", value);
    } else {
        n = snprintf(text, sizeof text, "null");
    }
    field_whole(l, key, p, (size_t)n);
}

void log_bool(struct log_line *l, const char *key, bool value)
{
    field_whole(l, key, value ? "true" : "false", value ? 4 : 5);
}

/* The one name that comes from outside: a tool's. It too may forge nothing. */
void log_raw(struct log_line *l, const char *key, const char *json, size_t len)
{
    struct log_line name;

    if (json_plain_run(key, key + strlen(key)) == strlen(key)) {
        field_whole(l, key, json, len);
        return;
    }
    name.len = 0;
    l->cut |= !put_slowly(&name, key, strlen(key), LINE_ROOM / 2);
    name.data[name.len] = '\0';
    field_whole(l, name.data, json, len);
}

void log_end(struct log_line *l)
{
    if (l->off)
        return;
    if (l->cut)
        put(l, l->text ? " cut=true" : ",\"cut\":true", l->text ? 9 : 11);
    uint64_t missing = log_missing();
    if (missing > 0) {
        char digits[24], *p = decimal_put(digits + sizeof digits, (int64_t)missing, 0);
        put(l, l->text ? " dropped=" : ",\"dropped\":", l->text ? 9 : 11);
        put(l, p, (size_t)(digits + sizeof digits - p));
    }
    if (l->text)
        put(l, "\n", 1);
    else
        put(l, "}\n", 2);
    log_submit(l);
}

void log_printf(enum log_level level, const char *fmt, ...)
{
    struct log_line l;
    char msg[1024];
    va_list ap;

    if (!log_enabled(level))
        return;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    log_begin(&l, level, msg);
    log_end(&l);
}
