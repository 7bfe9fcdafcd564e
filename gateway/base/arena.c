#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 8192

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

static struct arena_block *block_new(struct arena *a, size_t size)
{
    if (size < BLOCK_BYTES)
        size = BLOCK_BYTES;
    struct arena_block *b = size <= SIZE_MAX - sizeof *b ? calloc(1, sizeof *b + size) : NULL;
    if (!b) {
        a->failed = true;
        return NULL;
    }
    b->size = size;
    b->next = a->head;
    a->head = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t align = sizeof(max_align_t);

    if (size > SIZE_MAX - align) {
        a->failed = true;
        return NULL;
    }
    size = (size + align - 1) / align * align;
    struct arena_block *b = a->head;
    if (!b || size > b->size - b->used) {
        b = block_new(a, size);
        if (!b)
            return NULL;
    }
    void *p = (char *)b->data + b->used;
    b->used += size;
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;

    if (!copy) {
        a->failed = true;
        return NULL;
    }
    memcpy(copy, s, len);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = len >= 0 ? arena_alloc(a, (size_t)len + 1) : NULL;
    if (!text) {
        a->failed = true;
        return NULL;
    }
    va_start(ap, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return text;
}

void arena_fini(struct arena *a)
{
    while (a->head) {
        struct arena_block *b = a->head;
        a->head = b->next;
        explicit_bzero(b->data, b->used);
        free(b);
    }
    a->failed = false;
}
