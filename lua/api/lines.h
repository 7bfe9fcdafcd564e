/* lines.h - a queue of the lines that a program prints on its two streams, in the order in which
 * they were complete. Pure. Lifetime: embedded; {0} is empty; lines_fini() frees. */
#ifndef MG_LINES_H
#define MG_LINES_H
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define LINE_MAX_BYTES 65536    /* a longer line comes in pieces */
#define LINES_FULL_BYTES 262144 /* queued: the reader should stop reading */

struct line {
    struct line *next;
    int fd;     /* 1 or 2 */
    size_t len; /* without its line end */
    char text[];
};

struct lines {
    struct line *first, *end; /* end: the last one, if there is a first */
    size_t bytes;             /* queued, with the overhead of each line */
    bool is_lossy;            /* memory ran out */
    struct buf partial[2];    /* of fd 1 and 2 */
};

void lines_add(struct lines *q, int fd, const char *data, size_t len);
/* The streams have ended: what is left without a line end is a line too. */
void lines_end(struct lines *q);
/* The next line, which the caller frees; NULL: none. */
struct line *lines_take(struct lines *q);
static inline bool lines_full(const struct lines *q) { return q->bytes >= LINES_FULL_BYTES; }
void lines_fini(struct lines *q);

#endif
