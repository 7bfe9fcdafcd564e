#include "vm/memory.h"

#include <stdlib.h>
#include <string.h>

struct tag { /* 8 bytes: what Lua needs as alignment stays */
    uint32_t account, generation;
};
_Static_assert(sizeof(struct tag) == 8, "a tag is 8 bytes");

#define NO_ACCOUNT UINT32_MAX

int memory_init(struct memory *m, int64_t limit, void (*over)(void *arg), void *arg)
{
    *m = (struct memory){ .limit = limit, .over = over, .arg = arg, .free = NO_ACCOUNT };
    m->accounts = calloc(16, sizeof *m->accounts);
    if (!m->accounts)
        return MG_E_NOMEM;
    m->capacity = 16;
    m->count = 1;
    m->accounts[0].budget = INT64_MAX;
    return 0;
}

void memory_fini(struct memory *m)
{
    blocks_fini(&m->blocks);
    free(m->accounts);
    m->accounts = NULL;
}

int64_t memory_open(struct memory *m, int64_t budget)
{
    uint32_t i = m->free;
    if (i != NO_ACCOUNT) {
        m->free = m->accounts[i].next_free;
    } else {
        if (m->count == m->capacity) {
            struct account *more =
                realloc(m->accounts, (size_t)m->capacity * 2 * sizeof *m->accounts);
            if (!more)
                return -1;
            m->accounts = more;
            m->capacity *= 2;
        }
        i = m->count++;
        m->accounts[i] = (struct account){ 0 };
    }
    struct account *a = &m->accounts[i];
    a->used = 0;
    a->budget = budget;
    a->is_over = a->is_refused = false;
    return i;
}

void memory_close(struct memory *m, uint32_t index)
{
    struct account *a = &m->accounts[index];
    a->generation++;
    a->next_free = m->free;
    m->free = index;
}

int64_t memory_room(const struct memory *m)
{
    const struct account *a = &m->accounts[m->current];
    int64_t own = a->budget == INT64_MAX ? INT64_MAX : a->budget - a->used + MEMORY_SLACK;
    int64_t all = m->limit - m->total;
    int64_t room = own < all ? own : all;
    return room > 0 ? room : 0;
}

uint64_t memory_most(const struct memory *m)
{
    int64_t budget = m->accounts[m->current].budget;
    return (uint64_t)(budget < m->limit - MEMORY_SLACK ? budget + MEMORY_SLACK : m->limit);
}

void memory_refused(struct memory *m)
{
    if (m->limit - m->total < MEMORY_SLACK)
        m->is_full = true;
}

void memory_settle(struct memory *m, uint32_t index) { m->accounts[index].is_over = false; }

static void credit(struct memory *m, const struct tag *tag, size_t size)
{
    struct account *a = &m->accounts[tag->account];
    m->total -= (int64_t)size;
    if (a->generation == tag->generation)
        a->used -= (int64_t)size;
}

static void charge(struct memory *m, struct tag *tag, size_t size)
{
    struct account *a = &m->accounts[m->current];
    tag->account = m->current;
    tag->generation = a->generation;
    m->total += (int64_t)size;
    m->allocated += (int64_t)size;
    a->used += (int64_t)size;
    if (a->used > a->budget && !a->is_over) {
        a->is_over = true;
        m->over(m->arg);
    }
}

/* Lua collects all garbage and asks once more after a refusal. A second refusal of the same request
 * is the task's end: it must not be able to have all garbage of the worker collected again and
 * again. */
static void *refuse(struct memory *m, const void *block, size_t new_size)
{
    struct account *a = &m->accounts[m->current];
    bool again = m->refused_block == block && m->refused_size == new_size;
    m->refused_block = block;
    m->refused_size = again ? 0 : new_size;
    if (again)
        memory_refused(m);
    if (again && m->current != 0) {
        a->is_refused = true;
        m->over(m->arg);
    }
    return NULL;
}

void *memory_alloc(void *memory, void *block, size_t old_size, size_t new_size)
{
    struct memory *m = memory;
    struct tag *old = block ? (struct tag *)block - 1 : NULL;
    if (new_size == 0) {
        if (old) {
            credit(m, old, old_size + sizeof *old);
            blocks_give(&m->blocks, old, old_size + sizeof *old);
        }
        return NULL;
    }
    if (!block)
        old_size = 0; /* else it tells the kind of the new object */
    if (new_size > SIZE_MAX / 4)
        return NULL;
    bool grows = new_size > old_size;
    if (grows && (int64_t)(new_size - old_size) > memory_room(m))
        return refuse(m, block, new_size);
    struct tag before = old ? *old : (struct tag){ 0 };
    struct tag *tag =
        old ? blocks_resize(&m->blocks, old, old_size + sizeof *tag, new_size + sizeof *tag)
            : blocks_take(&m->blocks, new_size + sizeof *tag);
    if (!tag)
        return grows ? refuse(m, block, new_size) : block; /* Lua relies on shrinking */
    if (grows)
        m->refused_size = 0;
    if (old)
        credit(m, &before, old_size + sizeof *tag);
    charge(m, tag, new_size + sizeof *tag);
    return tag + 1;
}
