#include "io/timers.h"

#include <stddef.h>

/* prev is the left sibling, or the parent for a first child; NULL for a root. */

static struct loop_timer *heap_merge(struct loop_timer *a, struct loop_timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->due_ms < a->due_ms) {
        struct loop_timer *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

/* Melts a list of siblings into one heap: pairs from left to right, then the pairs from right to
 * left. Both passes are loops, because a list may be as long as the heap. */
static struct loop_timer *heap_melt(struct loop_timer *first)
{
    struct loop_timer *pairs = NULL;
    while (first) {
        struct loop_timer *a = first;
        struct loop_timer *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = heap_merge(a, b);
        a->next = pairs;
        pairs = a;
    }
    struct loop_timer *root = NULL;
    while (pairs) {
        struct loop_timer *rest = pairs->next;
        pairs->next = NULL;
        root = heap_merge(root, pairs);
        pairs = rest;
    }
    return root;
}

struct loop_timer *timers_insert(struct loop_timer *root, struct loop_timer *t)
{
    t->child = t->next = t->prev = NULL;
    return heap_merge(root, t);
}

struct loop_timer *timers_remove(struct loop_timer *root, struct loop_timer *t)
{
    struct loop_timer *melted = heap_melt(t->child);
    if (t == root) {
        root = melted;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        root = heap_merge(root, melted);
    }
    t->child = t->next = t->prev = NULL;
    return root;
}
