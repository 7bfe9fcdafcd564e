#include "stdio/line_reader.h"

#include <string.h>

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return false;
    return true;
}

static void line_give(const struct line_reader *r, const char *text, size_t len,
                      const struct line_ops *ops, void *arg)
{
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (len > r->max)
        ops->fault(arg, LINE_TOO_LONG);
    else if (!is_blank(text, len))
        ops->line(arg, text, len);
}

/* One byte more than max is kept: it may be the CR of the end. */
static void part_add(struct line_reader *r, const char *data, size_t len,
                     const struct line_ops *ops, void *arg)
{
    enum line_fault fault = LINE_TOO_LONG;
    if (r->is_skipping)
        return;
    if (len <= r->max + 1 - r->part.len) {
        buf_append(&r->part, data, len);
        if (buf_ok(&r->part))
            return;
        fault = LINE_NO_MEMORY;
    }
    r->is_skipping = true;
    buf_fini(&r->part);
    ops->fault(arg, fault);
}

static void part_end(struct line_reader *r, const struct line_ops *ops, void *arg)
{
    if (!r->is_skipping && r->part.len > 0)
        line_give(r, r->part.data, r->part.len, ops, arg);
    r->is_skipping = false;
    if (r->part.cap > 65536)
        buf_fini(&r->part);
    else
        buf_clear(&r->part);
}

void line_reader_feed(struct line_reader *r, const char *data, size_t len,
                      const struct line_ops *ops, void *arg)
{
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;
        if (end && r->part.len == 0 && !r->is_skipping) { /* whole, as most are: not copied */
            line_give(r, data, n, ops, arg);
        } else {
            part_add(r, data, n, ops, arg);
            if (end)
                part_end(r, ops, arg);
        }
        n += end != NULL;
        data += n;
        len -= n;
    }
}

void line_reader_end(struct line_reader *r, const struct line_ops *ops, void *arg)
{
    part_end(r, ops, arg);
}

void line_reader_fini(struct line_reader *r) { buf_fini(&r->part); }
