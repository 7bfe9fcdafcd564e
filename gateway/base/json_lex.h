/* json_lex.h - what reading and writing JSON share. Private to base. Pure. */
#ifndef MG_JSON_LEX_H
#define MG_JSON_LEX_H
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json_scan.h"

#define JSON_LEX_ONES UINT64_C(0x0101010101010101)
#define JSON_LEX_HIGH UINT64_C(0x8080808080808080)

/* The high bit of every byte of w that is zero. Above the first hit there may be false ones. */
static inline uint64_t json_zero_bytes(uint64_t w)
{
    return (w - JSON_LEX_ONES) & ~w & JSON_LEX_HIGH;
}

/* In w, whose first byte in memory is the lowest: the high bit of each byte that does not stand for
 * itself in a JSON string, and of nothing below the first such one. */
static inline uint64_t json_stop_bytes(uint64_t w)
{
    return (w & JSON_LEX_HIGH) | ((w - ' ' * JSON_LEX_ONES) & ~w & JSON_LEX_HIGH) |
           json_zero_bytes(w ^ '"' * JSON_LEX_ONES) | json_zero_bytes(w ^ '\\' * JSON_LEX_ONES);
}

/* The n < 8 bytes at p, zeros behind them. No byte is looked at one by one: most strings are short.
 */
static inline uint64_t json_short_word(const char *p, size_t n)
{
    if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, sizeof low);
        memcpy(&high, p + n - 4, sizeof high);
        return le32toh(low) | (uint64_t)le32toh(high) << (n - 4) * 8;
    }
    if (n == 0)
        return 0;
    return (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << n / 2 * 8 |
           (uint64_t)(unsigned char)p[n - 1] << (n - 1) * 8;
}

/* How many bytes from p on stand for themselves in a JSON string: ASCII, neither control characters
 * nor quotes nor backslashes. Eight at a time. */
static inline size_t json_plain_run(const char *p, const char *end)
{
    const char *start = p;
    uint64_t stop;

    for (; end - p >= 8; p += 8) {
        uint64_t w;
        memcpy(&w, p, sizeof w);
        stop = json_stop_bytes(le64toh(w));
        if (stop)
            return (size_t)(p - start) + (size_t)__builtin_ctzll(stop) / 8;
    }
    /* The zeros behind the last byte are control characters: they stop it. */
    stop = json_stop_bytes(json_short_word(p, (size_t)(end - p)));
    return (size_t)(p - start) + (size_t)__builtin_ctzll(stop) / 8;
}

#endif
