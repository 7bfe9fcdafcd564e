#include "vm/blocks.h"

#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
};

/* BLOCKS_CLASSES: too large to be kept. */
static size_t class_of(size_t size)
{
#if defined(__SANITIZE_ADDRESS__)
    (void)size;
    return BLOCKS_CLASSES;
#else
    size_t class = (size - 1) / BLOCKS_STEP;
    return class < BLOCKS_CLASSES ? class : BLOCKS_CLASSES;
#endif
}

static size_t size_of(size_t class) { return (class + 1) * BLOCKS_STEP; }

void *blocks_take(struct blocks *b, size_t size)
{
    size_t class = class_of(size);
    if (class == BLOCKS_CLASSES)
        return malloc(size);
    struct block *block = b->kept[class];
    if (!block)
        return malloc(size_of(class));
    b->kept[class] = block->next;
    /* Kept since the last collection, so in none of the nearer caches by now: the next taker would
     * wait for it. */
    __builtin_prefetch(block->next, 1);
    b->kept_bytes -= size_of(class);
    return block;
}

void blocks_give(struct blocks *b, void *block, size_t size)
{
    size_t class = class_of(size);
    if (class == BLOCKS_CLASSES || b->kept_bytes + size_of(class) > BLOCKS_KEPT) {
        free(block);
        return;
    }
    struct block *kept = block;
    kept->next = b->kept[class];
    b->kept[class] = kept;
    b->kept_bytes += size_of(class);
}

void *blocks_resize(struct blocks *b, void *block, size_t old_size, size_t new_size)
{
    size_t old_class = class_of(old_size), new_class = class_of(new_size);
    if (old_class == BLOCKS_CLASSES && new_class == BLOCKS_CLASSES)
        return realloc(block, new_size);
    if (old_class == new_class)
        return block;
    void *moved = blocks_take(b, new_size);
    if (!moved)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    blocks_give(b, block, old_size);
    return moved;
}

void blocks_fini(struct blocks *b)
{
    for (size_t class = 0; class < BLOCKS_CLASSES; class ++)
        for (struct block *block = b->kept[class], *next; block; block = next) {
            next = block->next;
            free(block);
        }
    *b = (struct blocks){ 0 };
}
