#include "api/line_queue.h"

#include <stdlib.h>
#include <string.h>

static void push(struct line_queue *q, int fd, const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\r')
        len--;
    struct line *line = malloc(sizeof *line + len);
    if (!line) {
        q->is_lossy = true;
        return;
    }
    line->next = NULL;
    line->fd = fd;
    line->len = len;
    if (len > 0)
        memcpy(line->text, text, len);
    if (q->first)
        q->end->next = line;
    else
        q->first = line;
    q->end = line;
    q->bytes += sizeof *line + len;
}

static void push_partial(struct line_queue *q, int fd)
{
    struct buf *partial = &q->partial[fd - 1];
    if (!buf_ok(partial))
        q->is_lossy = true;
    push(q, fd, partial->data ? partial->data : "", partial->len);
    buf_clear(partial);
}

void line_queue_add(struct line_queue *q, int fd, const char *data, size_t len)
{
    struct buf *partial = &q->partial[fd - 1];

    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t n = newline ? (size_t)(newline - data) : len;
        size_t room = LINE_MAX_BYTES - partial->len;
        bool is_piece = n > room;
        if (is_piece)
            n = room;
        if (newline && !is_piece && partial->len == 0) {
            push(q, fd, data, n);
        } else {
            buf_append(partial, data, n);
            if (newline || is_piece)
                push_partial(q, fd);
        }
        n += newline && !is_piece;
        data += n;
        len -= n;
    }
}

void line_queue_end(struct line_queue *q)
{
    for (int fd = 1; fd <= 2; fd++)
        if (q->partial[fd - 1].len > 0)
            push_partial(q, fd);
}

struct line *line_queue_take(struct line_queue *q)
{
    struct line *line = q->first;
    if (!line)
        return NULL;
    q->first = line->next;
    q->bytes -= sizeof *line + line->len;
    return line;
}

void line_queue_fini(struct line_queue *q)
{
    struct line *line;
    while ((line = line_queue_take(q)))
        free(line);
    buf_fini(&q->partial[0]);
    buf_fini(&q->partial[1]);
}
