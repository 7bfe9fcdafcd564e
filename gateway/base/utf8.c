#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c) { return (c & 0xC0) == 0x80; }

size_t utf8_sequence(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    unsigned char c = p[0];

    if (c < 0x80)
        return 1;
    if (c < 0xC2) /* a tail byte, or a two-byte form of ASCII */
        return 0;
    if (c < 0xE0)
        return len >= 2 && is_tail(p[1]) ? 2 : 0;
    if (c < 0xF0) {
        if (len < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F)) /* too long; surrogates */
            return 0;
        return 3;
    }
    if (c < 0xF5) {
        if (len < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
            return 0;
        if ((c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F)) /* too long; too large */
            return 0;
        return 4;
    }
    return 0;
}

size_t utf8_valid(const char *s, size_t len)
{
    size_t i = 0;

    while (i < len) {
        uint64_t w;
        while (len - i >= sizeof w) {
            memcpy(&w, s + i, sizeof w);
            if (w & UINT64_C(0x8080808080808080))
                break;
            i += sizeof w;
        }
        if (i == len)
            break;
        size_t n = utf8_sequence(s + i, len - i);
        if (n == 0)
            return i;
        i += n;
    }
    return len;
}
