/* log_ring.h - bytes of whole lines on their way from one thread to the log thread.
 * Private to the log. Threads: put() by the ring's owner, the rest by the log thread; no locks.
 * head and tail only ever grow; each side keeps its own on a cache line of its own. */
#ifndef MG_LOG_RING_H
#define MG_LOG_RING_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define LOG_RING_SIZE ((size_t)512 * 1024) /* a power of two */
#define LOG_RING_FILLING (LOG_RING_SIZE / 4)

struct log_ring {
    _Alignas(64) atomic_size_t head; /* written by the owner */
    size_t tail_seen;                /* the owner's last look at tail */
    _Alignas(64) atomic_size_t tail; /* written by the log thread */
    _Alignas(64) char data[LOG_RING_SIZE];
};

/* All of the line or nothing; false when it does not fit now. */
bool log_ring_put(struct log_ring *r, const char *line, size_t len);
/* So much waits that it should be taken soon, for nothing to be lost. The owner's to ask. */
bool log_ring_is_filling(struct log_ring *r);
size_t log_ring_len(const struct log_ring *r);
/* The oldest `max` bytes, or as many as there are, in at most two pieces; returns their number. */
int log_ring_peek(struct log_ring *r, size_t max, struct iovec iov[2]);
void log_ring_consume(struct log_ring *r, size_t n);
/* Drops bytes up to and with the next line end: the rest of a line whose beginning went elsewhere.
 */
void log_ring_skip_line(struct log_ring *r);
/* Drops everything; returns the number of lines. */
size_t log_ring_drop(struct log_ring *r);

#endif
