#include "base/heaps.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/clock.h"

#define LOOK_EVERY_MS 1000
#define FREE_MAX ((size_t)4 << 20) /* bytes that may stay for what comes next */

static _Atomic int64_t looked_ms;

void heaps_bound(unsigned workers)
{
    (void)mallopt(M_ARENA_MAX, workers > 2 ? (int)workers : 2);
    (void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

void heaps_trim(void)
{
    int64_t now = clock_mono_ms(), last = atomic_load(&looked_ms);
    if (now - last < LOOK_EVERY_MS || !atomic_compare_exchange_strong(&looked_ms, &last, now))
        return;
    if (mallinfo2().fordblks > FREE_MAX)
        (void)malloc_trim(0);
}
