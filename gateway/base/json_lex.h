/* json_lex.h - what reading and writing JSON share. Private to base. Pure. */
#ifndef MG_JSON_LEX_H
#define MG_JSON_LEX_H
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json_scan.h"

/* The type of the valid value that begins with c. */
static inline enum json_type json_type_of(char c)
{
    switch (c) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

#define JSON_LEX_ONES UINT64_C(0x0101010101010101)
#define JSON_LEX_HIGH UINT64_C(0x8080808080808080)

/* The high bit of every byte of w that is zero. Above the first hit there may be false ones. */
static inline uint64_t json_zero_bytes(uint64_t w)
{
    return (w - JSON_LEX_ONES) & ~w & JSON_LEX_HIGH;
}

/* How many bytes from p on stand for themselves in a JSON string: ASCII, neither control characters
 * nor quotes nor backslashes. Eight at a time. */
static inline size_t json_plain_run(const char *p, const char *end)
{
    const char *start = p;

    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, sizeof w);
        w = le64toh(w);
        uint64_t stop = (w & JSON_LEX_HIGH) | ((w - ' ' * JSON_LEX_ONES) & ~w & JSON_LEX_HIGH) |
                        json_zero_bytes(w ^ '"' * JSON_LEX_ONES) |
                        json_zero_bytes(w ^ '\\' * JSON_LEX_ONES);
        if (stop)
            return (size_t)(p - start) + (size_t)__builtin_ctzll(stop) / 8;
        p += 8;
    }
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < ' ' || c >= 0x80 || c == '"' || c == '\\')
            break;
    }
    return (size_t)(p - start);
}

#endif
