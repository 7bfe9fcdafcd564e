/* arena.h - memory that lives and dies together: what one configuration, or one schema, holds.
 * Lifetime: embedded; {0} is a valid empty arena. arena_fini() wipes what it frees: keys are in it.
 * Threads:  one owner while it is filled; anybody reads afterwards.
 * A failed allocation returns NULL and sets `failed`, looked at once at the end. */
#ifndef MG_ARENA_H
#define MG_ARENA_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct arena {
    struct arena_block *head;
    bool failed;
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for anything */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) MG_PRINTF(2, 3);
void arena_fini(struct arena *a);

#endif
