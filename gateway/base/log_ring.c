#include "base/log_ring.h"

#include <string.h>

#include "base/log.h"

#define RING_MASK (LOG_RING_SIZE - 1)

bool log_ring_put(struct log_ring *r, const char *line, size_t len)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    if (len > LOG_RING_SIZE - (head - r->tail_seen)) {
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (len > LOG_RING_SIZE - (head - r->tail_seen))
            return false;
    }
    size_t at = head & RING_MASK;
    size_t first = len < LOG_RING_SIZE - at ? len : LOG_RING_SIZE - at;
    memcpy(r->data + at, line, first);
    memcpy(r->data, line + first, len - first);
    /* Sequentially consistent, because the next thing is to look whether the log thread sleeps. */
    atomic_store(&r->head, head + len);
    return true;
}

bool log_ring_is_filling(struct log_ring *r)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    if (head - r->tail_seen <= LOG_RING_FILLING)
        return false;
    r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
    return head - r->tail_seen > LOG_RING_FILLING;
}

size_t log_ring_len(const struct log_ring *r)
{
    return atomic_load(&r->head) - atomic_load_explicit(&r->tail, memory_order_relaxed);
}

int log_ring_peek(struct log_ring *r, size_t max, struct iovec iov[2])
{
    size_t len = log_ring_len(r);
    size_t at = atomic_load_explicit(&r->tail, memory_order_relaxed) & RING_MASK;
    size_t first = LOG_RING_SIZE - at;

    if (len > max)
        len = max;
    if (first > len)
        first = len;
    iov[0] = (struct iovec){ r->data + at, first };
    iov[1] = (struct iovec){ r->data, len - first };
    return (len > 0) + (len > first);
}

void log_ring_consume(struct log_ring *r, size_t n)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    atomic_store_explicit(&r->tail, tail + n, memory_order_release);
}

void log_ring_skip_line(struct log_ring *r)
{
    struct iovec iov[2];
    int n = log_ring_peek(r, LOG_LINE_MAX, iov);
    size_t skipped = 0;

    for (int i = 0; i < n; i++) {
        const char *end = memchr(iov[i].iov_base, '\n', iov[i].iov_len);
        if (end) {
            skipped += (size_t)(end - (const char *)iov[i].iov_base) + 1;
            break;
        }
        skipped += iov[i].iov_len;
    }
    log_ring_consume(r, skipped);
}

size_t log_ring_drop(struct log_ring *r)
{
    size_t lines = 0;

    for (; log_ring_len(r) > 0; lines++)
        log_ring_skip_line(r);
    return lines;
}
