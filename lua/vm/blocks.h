/* blocks.h - small blocks of memory, kept for the next who wants one of their size. A call makes
 * and drops a handful of them: so it has them without the C library. At most BLOCKS_KEPT bytes are
 * kept. Under AddressSanitizer none are, for it to see who uses one that was given back.
 * Lifetime: embedded, from zeroed until blocks_fini(). Threads: the owner's. Units: bytes. */
#ifndef MG_VM_BLOCKS_H
#define MG_VM_BLOCKS_H
#include <stddef.h>

#define BLOCKS_STEP 16
#define BLOCKS_CLASSES 32 /* the largest has 512 bytes */
#define BLOCKS_KEPT (1024U << 10)

struct blocks {
    struct block *kept[BLOCKS_CLASSES]; /* by size: lists, the newest first */
    size_t kept_bytes;
};

/* size > 0. NULL: no memory. */
void *blocks_take(struct blocks *b, size_t size);
/* What blocks_take(size) or blocks_resize(new_size = size) returned. */
void blocks_give(struct blocks *b, void *block, size_t size);
/* As realloc(): NULL leaves the old block as it was. Never NULL where both are of one class. */
void *blocks_resize(struct blocks *b, void *block, size_t old_size, size_t new_size);
void blocks_fini(struct blocks *b);

#endif
