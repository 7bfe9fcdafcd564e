#include "mcp/text.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

struct span span_trim(const char *header)
{
    if (!header)
        return (struct span){ NULL, 0 };
    while (is_blank(*header))
        header++;
    size_t len = strlen(header);
    while (len > 0 && is_blank(header[len - 1]))
        len--;
    return (struct span){ header, len };
}

bool span_is(struct span s, const char *text)
{
    return s.p && s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

bool span_eq_json(struct span s, struct json_text string)
{
    return s.p && string.type == JSON_STRING && json_string_eq(string, s.p, s.len);
}

bool text_is(struct json_text string, const char *text)
{
    return string.type == JSON_STRING && json_string_eq(string, text, strlen(text));
}

bool text_cut(struct json_text string, char *out, size_t size)
{
    size_t len = string.len - 2; /* the quotes */
    const char *p = string.p + 1;

    if (memchr(p, '\\', len)) {
        /* A buffer that is full at size - 1 never asks for memory; what does not fit is left out as
         * whole runs and whole characters. */
        struct buf b = { .data = out, .cap = size - 1, .max = size - 1 };
        json_string_decode(string, &b);
        out[b.len] = '\0';
        return buf_ok(&b);
    }
    bool fits = len < size;
    if (!fits)
        len = utf8_valid(p, size - 1);
    memcpy(out, p, len);
    out[len] = '\0';
    return fits;
}

bool text_is_absent(struct json_text t) { return t.type == JSON_NONE || t.type == JSON_NULL; }
