/* lines.h - reads a file line by line, knowing where each begins.
 * Lifetime: embedded. Threads: one owner. */
#ifndef MG_STORE_LINES_H
#define MG_STORE_LINES_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct line {
    const char *text; /* valid until the next call; without its newline */
    size_t len;
    uint64_t offset; /* of its first byte in the file */
    uint64_t number; /* from 1 */
    bool is_whole;   /* false: the file ends without a newline, or it is longer than the bound: then
                      * text is its beginning, and the rest follows as further lines */
};

struct lines {
    int fd;     /* borrowed */
    size_t max; /* bytes of the longest line */
    struct buf ahead;
    size_t start;            /* in ahead, of what was not given out yet */
    uint64_t offset, number; /* of the byte at start; of the last line */
    bool at_end;
};

void lines_init(struct lines *l, int fd, size_t max); /* reads from the descriptor's position */
void lines_fini(struct lines *l);
/* 1: a line; 0: the end; negative: MG_E_IO or MG_E_NOMEM, with errno set. */
int lines_next(struct lines *l, struct line *out) MG_NODISCARD;

#endif
