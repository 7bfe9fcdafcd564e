/* gc.h - when garbage is collected: between slices, never inside one, a bounded time at once.
 * Lua's own pacing pays the whole debt of a large allocation in one step; a slice would then last
 * as long as a full collection. So the collector is stopped and driven from here, in steps of some
 * 10 us. The watchdog sees all of it. Threads: the vm's. Units: bytes, microseconds. */
#ifndef MG_VM_GC_H
#define MG_VM_GC_H
#include <stdbool.h>
#include <stdint.h>

struct vm;
struct gc {
    int64_t threshold; /* total at which the next cycle begins */
    int64_t expected;  /* garbage that tasks left since the cycle began */
    int64_t seen;      /* memory.allocated at the last look */
    int64_t most;      /* total at the begin of a cycle, since memory was given back */
    unsigned ends;     /* cycles finished so far */
    bool is_active;    /* within a cycle */
};

void gc_init(struct vm *vm); /* stops Lua's own pacing */
/* After a slice: does work in proportion to what was allocated since the last look. */
void gc_pace(struct vm *vm);
/* Between two calls: is there garbage to look for? A little of the work. */
bool gc_has_work(const struct vm *vm);
void gc_idle(struct vm *vm);
/* A task has ended that held `bytes`: most of them are garbage now, so the next cycle begins
 * sooner. */
void gc_expect(struct vm *vm, int64_t bytes);
/* Works for at most budget_us on a cycle; true: one that began after the caller's first call, which
 * passed *ends = 0, is finished, so that what is still charged is in use. */
bool gc_squeeze(struct vm *vm, unsigned *ends, int64_t budget_us);

#endif
