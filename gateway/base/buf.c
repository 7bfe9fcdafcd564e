#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_MIN 64

/* Every allocation holds cap + 1 bytes, so that a NUL always fits; cap never passes max, which is
 * what lets buf_putc() look at cap alone. */
static bool buf_grow(struct buf *b, size_t more)
{
    size_t limit = b->max ? b->max : SIZE_MAX / 2;

    if (b->failed)
        return false;
    if (b->len > limit || more > limit - b->len) {
        b->is_over = b->max > 0;
        goto fail;
    }
    if (b->data && more <= b->cap - b->len)
        return true;

    size_t need = b->len + more;
    size_t cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
    while (cap < need)
        cap *= 2;
    if (cap > limit)
        cap = limit;
    char *data = realloc(b->data, cap + 1);
    if (!data)
        goto fail;
    b->data = data;
    b->cap = cap;
    return true;
fail:
    b->failed = true;
    return false;
}

void buf_fini(struct buf *b)
{
    size_t max = b->max;

    free(b->data);
    *b = (struct buf){ .max = max };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = b->is_over = false;
}

void buf_reserve(struct buf *b, size_t more) { buf_grow(b, more); }

void buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !buf_grow(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buf_str(struct buf *b, const char *s) { buf_append(b, s, strlen(s)); }

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (!buf_grow(b, 0))
        return;
    va_start(ap, fmt);
    n = vsnprintf(b->data + b->len, b->cap - b->len + 1, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return;
    }
    if ((size_t)n > b->cap - b->len) {
        if (!buf_grow(b, (size_t)n))
            return;
        va_start(ap, fmt);
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    b->len += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    if (n > 0)
        memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

const char *buf_cstr(struct buf *b)
{
    if (!buf_grow(b, 0))
        return NULL;
    b->data[b->len] = '\0';
    return b->data;
}

char *buf_take(struct buf *b, size_t *len)
{
    size_t n = b->len;

    if (!buf_cstr(b)) {
        buf_fini(b);
        return NULL;
    }
    char *data = b->data;
    b->data = NULL;
    buf_fini(b);
    if (len)
        *len = n;
    return data;
}
