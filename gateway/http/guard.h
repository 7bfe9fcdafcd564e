/* guard.h - what libmicrohttpd lets through and must not pass: requests that two servers in a row
 * may read in two ways (request smuggling), and headers that decide something and stand there
 * twice. Usage: guard_begin(), guard_field() for every header, guard_end(). Pure: no allocation,
 * all texts borrowed. Headers whose values are lists (Accept, X-Forwarded-For) may repeat:
 * `repeated` says so and the first is kept. */
#ifndef MG_GUARD_H
#define MG_GUARD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/exchange.h"

#define GUARD_OTHERS 16

struct guard {
    struct http_headers *headers; /* filled; the caller's */
    const char *reason;           /* of the first thing that is wrong; NULL: nothing is */
    uint64_t length;              /* Content-Length */
    bool has_length, is_chunked;
    bool expects_continue;
    bool repeated;     /* Accept or X-Forwarded-For came in several lines */
    unsigned n_others; /* Mcp-* headers that this file does not know, to find repeated ones */
    const char *others[GUARD_OTHERS];
};

void guard_begin(struct guard *g, struct http_headers *headers);
/* Both texts have a NUL behind their length and are where libmicrohttpd put them: whether the value
 * follows its name in memory, and what follows the value, tell a header that came in one line from
 * one that did not. So two more bytes behind value's NUL are read: the end of the head, at least. A
 * value of NULL is legal, and refused. */
void guard_field(struct guard *g, const char *name, size_t name_len, const char *value, size_t len);
/* NULL, or why the request is refused with 400. version as in the request line, "HTTP/1.1". */
const char *guard_end(struct guard *g, const char *version);

/* Why this request target is refused with 400, or NULL: only the origin form ("/path?query") and
 * "*", printable, without an encoded NUL, at which C programs would cut it. */
const char *guard_target(const char *target);

/* Writes the target for the log: the value of every argument named "key", however it is encoded,
 * becomes "***". What does not fit ends in "...". size is at least 16. */
void target_mask(const char *target, char *out, size_t size);

#endif
