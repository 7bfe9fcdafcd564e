/* parse.h - the small texts people write: numbers, durations, sizes, booleans, lists, globs.
 * Pure: no allocation but where said, no locale, no errno. All refuse signs, blanks and trailing
 * bytes. */
#ifndef MG_PARSE_H
#define MG_PARSE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Decimal digits only, at most max. */
int parse_uint(const char *s, uint64_t max, uint64_t *out) MG_NODISCARD;
/* "250ms" "30s" "5m" "2h" "7d"; a bare number is seconds, decimals allowed ("1.5s"). Milliseconds
 * out. */
int parse_duration(const char *s, int64_t *ms) MG_NODISCARD;
/* "512" "512K" "8M" "1G" (powers of 1024). Bytes out. */
int parse_size(const char *s, uint64_t *bytes) MG_NODISCARD;
/* yes/no, true/false, on/off, 1/0, any case. */
int parse_bool(const char *s, bool *out) MG_NODISCARD;

/* Matches the whole of s against a glob of a name: `*` any bytes (none too), `?` one byte,
 * everything else itself. Linear in strlen(s) * strlen(glob). */
bool glob_match(const char *glob, const char *s, size_t len);
/* Does a glob of a comma-separated list match? NULL is no list: everything does. */
bool globs_allow(const char *globs, const char *s);

/* How many bytes at the begin of s[0..len) are of a token, as names of headers are (RFC 9110,
 * 5.6.2). */
size_t token_span(const char *s, size_t len);

/* The next item of a comma-separated list: blanks around it trimmed, empty items skipped. Moves
 * *list behind it. Returns the item's start and sets *len, or NULL at the end. */
const char *list_next(const char **list, size_t *len);

/* Damerau-Levenshtein distance of two short names (each cut at 63 bytes), for "did you mean". */
unsigned edit_distance(const char *a, const char *b);

#endif
