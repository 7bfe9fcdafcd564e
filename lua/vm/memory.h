/* memory.h - the allocator of a Lua state: who holds how much, and who may still have more.
 * Every block carries a tag of 8 bytes in front: the account that paid for it. Allocating charges
 * the account that runs; freeing credits the one that paid, if it still lives. So the collector may
 * free one task's garbage in another one's time, and a task is charged for what it left in shared
 * tables until they are freed. A charge past the budget succeeds and reports: the task dies (or its
 * garbage is collected) at its next instruction. Only one request larger than the rest of the
 * budget + 1 MB, and the state's own limit, are refused. Lifetime: embedded in struct vm, from
 * before lua_newstate() until after lua_close(). Threads: the vm's. Units: bytes. */
#ifndef MG_VM_MEMORY_H
#define MG_VM_MEMORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/blocks.h"

#define MEMORY_SLACK (INT64_C(1) << 20)

struct account {
    int64_t used, budget;
    uint32_t generation;
    uint32_t next_free; /* index of the next free account; meaningless while in use */
    bool is_over;       /* reported: nothing more is until memory_settle() */
    bool is_refused;    /* a request was refused although garbage had just been collected */
};

struct memory {
    struct blocks blocks;
    struct account *accounts; /* [0] pays for what belongs to no task and has no budget */
    uint32_t count, capacity, free;
    uint32_t current;                /* who pays now */
    int64_t total, limit, allocated; /* held; at most; ever asked for */
    bool is_full; /* the limit refused a request although garbage had just been collected */
    const void *refused_block; /* the request that was refused last, to know its second try */
    size_t refused_size;
    void (*over)(void *arg); /* the current account has passed its budget, or was refused twice */
    void *arg;
};

int memory_init(struct memory *m, int64_t limit, void (*over)(void *arg), void *arg) MG_NODISCARD;
void memory_fini(struct memory *m);

/* A lua_Alloc. */
void *memory_alloc(void *memory, void *block, size_t old_size, size_t new_size);

/* An account for one task; its index, or -1 without memory. */
int64_t memory_open(struct memory *m, int64_t budget) MG_NODISCARD;
/* What it still holds belongs to nobody from now on. */
void memory_close(struct memory *m, uint32_t index);
/* How much the current account may still ask for at once. */
int64_t memory_room(const struct memory *m);
/* As much as that would be if nothing were held. */
uint64_t memory_most(const struct memory *m);
/* There was no room for something although garbage had just been collected: is the state full? */
void memory_refused(struct memory *m);
/* Forgets that the account was over: it may be reported again. */
void memory_settle(struct memory *m, uint32_t index);

#endif
