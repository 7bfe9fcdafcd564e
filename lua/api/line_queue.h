/* line_queue.h - a queue of the lines that a program prints on its two streams, in the order in
 * which they were complete. Pure. Lifetime: embedded; {0} is empty; line_queue_fini() frees. */
#ifndef MG_LINE_QUEUE_H
#define MG_LINE_QUEUE_H
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

struct line_queue {
    struct line *first, *end; /* end: the last one, if there is a first */
    size_t bytes;             /* queued, with the overhead of each line */
    bool is_lossy;            /* memory ran out */
    struct buf partial[2];    /* of fd 1 and 2 */
};

void line_queue_add(struct line_queue *q, int fd, const char *data, size_t len);
/* The streams have ended: what is left without a line end is a line too. */
void line_queue_end(struct line_queue *q);
/* The next line, which the caller frees; NULL: none. */
struct line *line_queue_take(struct line_queue *q);
static inline bool line_queue_full(const struct line_queue *q)
{
    return q->bytes >= LINES_FULL_BYTES;
}
void line_queue_fini(struct line_queue *q);

#endif
