#include "store/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)256 * 1024)

void lines_init(struct lines *l, int fd, size_t max)
{
    *l = (struct lines){ .fd = fd, .max = max };
}

void lines_fini(struct lines *l) { buf_fini(&l->ahead); }

static int read_more(struct lines *l)
{
    struct buf *b = &l->ahead;
    ssize_t n;

    buf_consume(b, l->start);
    l->start = 0;
    buf_reserve(b, CHUNK);
    if (!buf_ok(b)) {
        errno = ENOMEM;
        return MG_E_NOMEM;
    }
    do
        n = read(l->fd, b->data + b->len, CHUNK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return MG_E_IO;
    b->len += (size_t)n;
    l->at_end = n == 0;
    return 0;
}

int lines_next(struct lines *l, struct line *out)
{
    size_t searched = 0, len;
    const char *newline = NULL;

    for (;;) {
        len = l->ahead.len - l->start;
        if (len > searched)
            newline = memchr(l->ahead.data + l->start + searched, '\n', len - searched);
        searched = len;
        if (newline || l->at_end || len > l->max)
            break;
        int rc = read_more(l);
        if (rc != 0)
            return rc;
    }
    if (len == 0)
        return 0;
    *out = (struct line){ .text = l->ahead.data + l->start,
                          .offset = l->offset,
                          .number = ++l->number,
                          .is_whole = newline != NULL };
    out->len = newline ? (size_t)(newline - out->text) : len;
    len = out->len + (newline ? 1 : 0);
    l->start += len;
    l->offset += len;
    return 1;
}
