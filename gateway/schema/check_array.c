#include <stdlib.h>
#include <string.h>

#include "schema/check.h"

static bool item_fits(struct check *c, const struct frame *f, const struct subschema *s,
                      uint32_t node, uint32_t index)
{
    struct place place = { .up = f->place, .index = index };

    return check_value(c, s, node, NULL, &place, f->scope);
}

static bool check_items(struct check *c, const struct frame *f)
{
    const struct subschema *s = f->s;
    uint32_t index = 0, end = c->tape.node[f->node].next;

    for (uint32_t i = f->node + 1; i < end; i = c->tape.node[i].next, index++) {
        const struct subschema *one = index < s->prefix.count ? s->prefix.item[index] : s->items;
        if (!one)
            return true;
        if (!item_fits(c, f, one, i, index))
            return false;
        if (f->seen)
            f->seen[index] = 1;
    }
    return true;
}

static bool check_contains(struct check *c, const struct frame *f)
{
    const struct range *r = &f->s->matches;
    uint32_t index = 0, end = c->tape.node[f->node].next;
    uint64_t n = 0;

    if (!f->s->contains)
        return true;
    c->mute++;
    for (uint32_t i = f->node + 1; i < end && !c->failure; i = c->tape.node[i].next, index++) {
        if (!item_fits(c, f, f->s->contains, i, index))
            continue;
        n++;
        if (f->seen)
            f->seen[index] = 1;
    }
    c->mute--;
    if (c->failure)
        return false;
    if (n < r->min)
        return check_fail(c, f, "at least %llu items of a kind (contains)",
                          (unsigned long long)r->min);
    if (n > r->max)
        return check_fail(c, f, "at most %llu items of a kind (contains)",
                          (unsigned long long)r->max);
    return true;
}

struct hashed {
    uint64_t hash;
    uint32_t node;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Only what has equal hashes is compared; with a secret hash nobody can make many such. */
static bool check_unique(struct check *c, const struct frame *f)
{
    const struct tape_node *n = &c->tape.node[f->node];
    uint32_t count = 0;

    if (!f->s->is_unique || n->count < 2)
        return true;
    struct hashed *items = arena_alloc(&c->arena, n->count * sizeof *items);
    if (!items)
        return check_no_memory(c);
    for (uint32_t i = f->node + 1; i < n->next; i = c->tape.node[i].next)
        items[count++] = (struct hashed){ equal_hash(c, &c->tape, i), i };
    if (!check_work(c, n->count))
        return false;
    qsort(items, count, sizeof *items, by_hash);
    for (uint32_t i = 0; i < count && !c->failure; i++)
        for (uint32_t k = i + 1; k < count && items[k].hash == items[i].hash; k++)
            if (equal_values(c, &c->tape, items[i].node, &c->tape, items[k].node))
                return check_fail(c, f, "items that differ");
    return !c->failure;
}

bool check_array(struct check *c, const struct frame *f)
{
    uint32_t count = c->tape.node[f->node].count;

    if (count < f->s->items_count.min)
        return check_fail(c, f, "at least %llu item%s", (unsigned long long)f->s->items_count.min,
                          f->s->items_count.min == 1 ? "" : "s");
    if (count > f->s->items_count.max)
        return check_fail(c, f, "at most %llu item%s", (unsigned long long)f->s->items_count.max,
                          f->s->items_count.max == 1 ? "" : "s");
    return check_items(c, f) && check_contains(c, f) && check_unique(c, f);
}
