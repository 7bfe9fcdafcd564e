#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Copies one line of text: line ends become blanks and a cut never splits a UTF-8 sequence. */
static void text_copy(char *dst, size_t cap, const char *src)
{
    size_t len = strlen(src);

    if (len >= cap) {
        len = cap - 1;
        for (size_t back = 1; back <= 3 && back <= len; back++) {
            unsigned char c = (unsigned char)src[len - back];
            if (c < 0x80)
                break;
            if (c >= 0xC0) {
                if (utf8_sequence(src + len - back, back) == 0)
                    len -= back;
                break;
            }
        }
    }
    while (len > 0 && (src[len - 1] == '\n' || src[len - 1] == '\r'))
        len--;
    for (size_t i = 0; i < len; i++)
        dst[i] = src[i] == '\n' || src[i] == '\r' ? ' ' : src[i];
    dst[len] = '\0';
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    /* Formatted aside, because the arguments may be e->text itself. */
    char line[2 * sizeof e->text];
    va_list ap;

    if (!e)
        return code;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    text_copy(e->text, sizeof e->text, line);
    e->code = code;
    return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    char line[3 * sizeof e->text];
    char prefix[sizeof e->text];
    va_list ap;

    if (!e)
        return MG_E_INVALID;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    snprintf(line, sizeof line, "%s: %s", prefix, e->text);
    text_copy(e->text, sizeof e->text, line);
    return e->code;
}

const char *err_word(int code)
{
    switch (code) {
    case MG_OK: return "OK";
    case MG_E_NOMEM: return "NOMEM";
    case MG_E_IO: return "IO";
    case MG_E_INVALID: return "INVALID";
    case MG_E_LIMIT: return "LIMIT";
    case MG_E_NOTFOUND: return "NOTFOUND";
    case MG_E_CONFLICT: return "CONFLICT";
    case MG_E_DENIED: return "DENIED";
    case MG_E_READONLY: return "READONLY";
    case MG_E_CLOSED: return "CLOSED";
    case MG_E_TIMEOUT: return "TIMEOUT";
    case MG_E_CANCELLED: return "CANCELLED";
    case MG_E_UNSURE: return "UNSURE";
    default: return "UNKNOWN";
    }
}
