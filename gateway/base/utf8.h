/* utf8.h - is it UTF-8? Shortest form only, no surrogates, at most U+10FFFF. Pure. */
#ifndef MG_UTF8_H
#define MG_UTF8_H
#include <stdbool.h>
#include <stddef.h>

/* The offset of the first byte that is not well-formed UTF-8, or len when all of it is. */
size_t utf8_valid(const char *s, size_t len);

/* Length in bytes of the well-formed sequence at s (len > 0 bytes there), or 0. */
size_t utf8_sequence(const char *s, size_t len);

#endif
