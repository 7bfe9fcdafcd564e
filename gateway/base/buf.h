/* buf.h - a growable byte buffer whose failure is sticky.
 * Appends never return an error: when memory runs out (or the size passes max) the buffer sets
 * failed, keeps what it had and ignores everything after; the caller looks once, at the end, at
 * buf_ok(). Lifetime: embedded; {0} is a valid empty buffer. buf_fini() frees and leaves it valid
 * and empty. Threads: one owner. */
#ifndef MG_BUF_H
#define MG_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
    /* NULL while empty and unallocated; not NUL-terminated unless buf_cstr() was called */
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* 0 = no limit; else an append that would pass it fails the buffer */
    bool failed;
    bool is_over; /* it failed at max, not for want of memory */
};

void buf_fini(struct buf *b);
void buf_clear(struct buf *b);                /* len 0, failed false; keeps the memory */
void buf_reserve(struct buf *b, size_t more); /* room for `more` bytes after len */
void buf_append(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s); /* a C string without its NUL */
void buf_printf(struct buf *b, const char *fmt, ...) MG_PRINTF(2, 3);
void buf_consume(struct buf *b, size_t n); /* drops n bytes from the front */

static inline bool buf_ok(const struct buf *b) { return !b->failed; }

static inline void buf_putc(struct buf *b, char c)
{
    if (b->len < b->cap && !b->failed)
        b->data[b->len++] = c;
    else
        buf_append(b, &c, 1);
}

/* The text with a NUL behind it (not counted in len), or NULL when the buffer failed. Owned by the
 * buffer. */
const char *buf_cstr(struct buf *b);

/* Gives the memory away (free() it) and empties the buffer; *len may be NULL. NULL when the buffer
 * failed (then it is freed) ; an empty buffer gives an allocated empty string. The text is
 * NUL-terminated. */
char *buf_take(struct buf *b, size_t *len) MG_NODISCARD;

#endif
