/* line_reader.h - lines out of bytes as they come: one message a line, ended by LF or CRLF.
 * Blank lines are skipped. A line of more than max bytes is told of once, when its end is there or
 * cannot be waited for, and dropped; what follows it is read as ever. Holds at most max bytes.
 * Lifetime: embedded; zeroed but for max; line_reader_fini().   Threads: one.   Pure. */
#ifndef MG_LINE_READER_H
#define MG_LINE_READER_H
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct line_reader {
    struct buf part; /* of a line whose end has not come */
    size_t max;      /* bytes of a line without its end; at least 1 */
    bool is_skipping;
};

enum line_fault { LINE_TOO_LONG, LINE_NO_MEMORY };

struct line_ops {
    void (*line)(void *arg, const char *text, size_t len); /* borrowed; any bytes but LF */
    void (*fault)(void *arg, enum line_fault fault);       /* instead of one line */
};

void line_reader_feed(struct line_reader *r, const char *data, size_t len,
                      const struct line_ops *ops, void *arg);
/* No more bytes will come: a last line without its end counts as one. */
void line_reader_end(struct line_reader *r, const struct line_ops *ops, void *arg);
void line_reader_fini(struct line_reader *r);

#endif
