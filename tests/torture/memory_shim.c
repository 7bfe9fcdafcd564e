/* memory_shim.c - preloaded into a program, lets chosen allocations fail: of those made since the
 * program, or whoever tests it, last set `seen` to 0, the ones numbered first to last.
 *
 * What to do stands in a file that is mapped and may be written at any time, struct orders; so a
 * test turns it on and off while the program serves. lib/memory.mjs is the other end.
 *
 * Blocks that only shrink are always granted, as the real allocator does; Lua relies on that.
 *
 * Environment:
 *   MEMORY_SHIM_ORDERS  that file; without it nothing fails
 *   MEMORY_SHIM_NOTES   a file to which each first failure since `seen` was 0 is written, with the
 *                       calls that led to it, one line an address; and when places are asked for,
 *                       a line "place N" for each allocation whose callers were not seen before */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CALLERS 10
#define PLACES 16384

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

struct orders {
    _Atomic uint32_t first, last; /* first 0: none fails */
    _Atomic uint32_t seen, failed;
    _Atomic uint32_t wants_places;
};

static struct orders none;
static struct orders *orders = &none;
static int notes = -1;
static _Atomic uint64_t places[PLACES]; /* open addressing; 0 is free */
static _Thread_local bool is_noting __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void begin(void)
{
    const char *file = getenv("MEMORY_SHIM_ORDERS");
    const char *out = getenv("MEMORY_SHIM_NOTES");
    void *callers[2];
    if (!file)
        return;
    (void)backtrace(callers, 2); /* its first call allocates */
    notes = out ? open(out, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED
                       : mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || (out && notes < 0)) {
        fprintf(stderr, "memory_shim: %s: %s\n", file, strerror(errno));
        abort();
    }
    close(fd);
    unsetenv("LD_PRELOAD"); /* programs of tools are not meant */
    orders = map;
}

static bool is_new_place(void *const *callers, int count)
{
    uint64_t hash = 1469598103934665603u;
    for (int i = 0; i < count; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)callers[i]) * 1099511628211u;
    hash |= 1;
    for (size_t i = hash % PLACES, tried = 0; tried < PLACES; i = (i + 1) % PLACES, tried++) {
        uint64_t there = 0;
        if (atomic_compare_exchange_strong(&places[i], &there, hash))
            return true;
        if (there == hash)
            return false;
    }
    return false;
}

static void note(const char *what, uint32_t number, void *const *callers, int count)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s %u\n", what, number);
    if (write(notes, line, (size_t)len) == len && count > 0)
        backtrace_symbols_fd(callers, count, notes);
}

/* Is this one to fail? */
static bool fails(void)
{
    void *callers[CALLERS + 2];
    uint32_t number = atomic_fetch_add(&orders->seen, 1) + 1;
    uint32_t first = atomic_load(&orders->first);
    if (is_noting)
        return false;
    if (first > 0 && number >= first && number <= atomic_load(&orders->last)) {
        if (atomic_fetch_add(&orders->failed, 1) == 0 && notes >= 0) {
            is_noting = true;
            int count = backtrace(callers, CALLERS + 2);
            note("failed", number, callers + 2, count - 2);
            is_noting = false;
        }
        errno = ENOMEM;
        return true;
    }
    if (atomic_load(&orders->wants_places) && notes >= 0) {
        is_noting = true;
        int count = backtrace(callers, CALLERS + 2);
        if (is_new_place(callers + 2, count - 2))
            note("place", number, callers, 0);
        is_noting = false;
    }
    return false;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }

void *realloc(void *block, size_t size)
{
    bool shrinks = block && size <= malloc_usable_size(block);
    return !shrinks && fails() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *got = fails() ? NULL : __libc_memalign(alignment, size);
    if (!got)
        return ENOMEM;
    *block = got;
    return 0;
}
