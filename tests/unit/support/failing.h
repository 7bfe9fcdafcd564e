/* failing.h - memory that runs out when a test says so. Include it, then the .c files under test:
 * their requests go through here, and the linker leaves the archive's copy of them out. Works under
 * every sanitizer and valgrind, because the real functions do the rest. */
#ifndef MG_TEST_FAILING_H
#define MG_TEST_FAILING_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Requests that still succeed, of all threads; -1: all of them. */
static atomic_long failing_after = -1;

static inline bool failing_now(void)
{
    long left = failing_after;

    while (left > 0 && !atomic_compare_exchange_weak(&failing_after, &left, left - 1))
        ;
    return left == 0;
}

static inline void *failing_malloc(size_t size) { return failing_now() ? NULL : malloc(size); }

static inline void *failing_calloc(size_t n, size_t size)
{
    return failing_now() ? NULL : calloc(n, size);
}

static inline void *failing_realloc(void *p, size_t size)
{
    return failing_now() ? NULL : realloc(p, size);
}

static inline void *failing_aligned_alloc(size_t alignment, size_t size)
{
    return failing_now() ? NULL : aligned_alloc(alignment, size);
}

static inline char *failing_strdup(const char *s) { return failing_now() ? NULL : strdup(s); }

static inline char *failing_strndup(const char *s, size_t n)
{
    return failing_now() ? NULL : strndup(s, n);
}

#undef strdup
#undef strndup
#define malloc(size) failing_malloc(size)
#define calloc(n, size) failing_calloc(n, size)
#define realloc(p, size) failing_realloc(p, size)
#define aligned_alloc(alignment, size) failing_aligned_alloc(alignment, size)
#define strdup(s) failing_strdup(s)
#define strndup(s, n) failing_strndup(s, n)

#endif
