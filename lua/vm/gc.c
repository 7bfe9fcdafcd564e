#include "vm/gc.h"

#include <malloc.h>

#include "base/clock.h"
#include "io/watchdog.h"
#include "vm/state.h"

/* Measured on the runtime's own heap (1 MB): a basic step with these values takes 5 to 25 us. */
#define STEP_MUL 100
#define STEP_SIZE_LOG2 7
#define BYTES_PER_STEP 8192 /* allocated bytes that call for one step while a cycle is active */
#define PACE_US 2000        /* longest pause between two slices; more when memory is short */
#define PACE_SHORT_US 5000
#define EXPECT_MIN (INT64_C(64) << 10) /* what every call leaves is reckoned with already */
#define IDLE_STEPS 8                   /* some 100 us: a call that arrives meanwhile hardly waits */
#define RESERVE 65536
#define MIN_HEADROOM (INT64_C(512) << 10)
#define TRIM_BYTES (INT64_C(16) << 20) /* collected: worth some ms of asking for whole pages */

/* What tasks held that ended within the cycle was marked as alive: it is garbage all the same. */
static void set_threshold(struct vm *vm)
{
    int64_t live = vm->memory.total - vm->gc.expected;
    vm->gc.threshold = live + (live > MIN_HEADROOM ? live : MIN_HEADROOM);
}

void gc_init(struct vm *vm)
{
    lua_gc(vm->L, LUA_GCCOLLECT);
    lua_gc(vm->L, LUA_GCINC, 100, STEP_MUL, STEP_SIZE_LOG2);
    lua_gc(vm->L, LUA_GCSTOP);
    vm->gc.seen = vm->memory.allocated;
    set_threshold(vm);
}

static const char newest_key;

/* The collector sweeps from the newest object on, and its first step does not end before it has met
 * one that is alive: after a burst of garbage that would be all of it. So the newest object is
 * always one that is alive. */
static int renew_newest(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &newest_key);
    return 0;
}

/* The C library keeps what was freed between blocks that are in use: after an answer made of forty
 * thousand tables that was most of the process. */
static void give_back(struct vm *vm)
{
    if (vm->gc.most - vm->memory.total < TRIM_BYTES)
        return;
    vm->gc.most = vm->memory.total;
    (void)malloc_trim(0);
}

/* One basic step; true at the end of a cycle. */
static bool step(struct vm *vm)
{
    /* Without memory the step may take longer, no more. */
    if (vm->memory.limit - vm->memory.total > RESERVE &&
        vm_protect(vm, renew_newest, NULL, NULL) != 0)
        return false;
    if (!lua_gc(vm->L, LUA_GCSTEP, 0))
        return false;
    vm->gc.ends++;
    vm->gc.is_active = false;
    set_threshold(vm);
    give_back(vm);
    return true;
}

/* The last step of a cycle is as long as the heap makes it, so collecting is watched as running is;
 * the label is that of whoever ran before. */
static void enter(const struct vm *vm)
{
    if (vm->services.watch)
        watch_enter(vm->services.watch, clock_mono_us());
}

static void leave(const struct vm *vm)
{
    if (vm->services.watch)
        watch_leave(vm->services.watch);
}

static void begin(struct vm *vm)
{
    struct gc *gc = &vm->gc;
    gc->is_active = true;
    gc->expected = 0;
    if (vm->memory.total > gc->most)
        gc->most = vm->memory.total;
}

static int64_t pace_us(const struct vm *vm)
{
    return vm->memory.total < vm->memory.limit / 2 ? PACE_US : PACE_SHORT_US;
}

void gc_pace(struct vm *vm)
{
    struct gc *gc = &vm->gc;
    int64_t fresh = vm->memory.allocated - gc->seen;
    if (!gc->is_active) {
        if (vm->memory.total < gc->threshold)
            return;
        begin(vm);
        fresh = 0;
    }
    gc->seen = vm->memory.allocated;
    int64_t steps = 1 + fresh / BYTES_PER_STEP, until = 0;
    enter(vm);
    for (int64_t i = 1; i <= steps && !step(vm); i++) {
        if (i % 8 == 0) {
            int64_t now = clock_mono_us();
            if (!until)
                until = now + pace_us(vm);
            else if (now >= until)
                break;
        }
    }
    leave(vm);
}

void gc_expect(struct vm *vm, int64_t bytes)
{
    if (bytes <= EXPECT_MIN)
        return;
    vm->gc.threshold -= bytes;
    vm->gc.expected += bytes;
}

bool gc_has_work(const struct vm *vm)
{
    return vm->gc.is_active || vm->memory.total >= vm->gc.threshold;
}

void gc_idle(struct vm *vm)
{
    if (!gc_has_work(vm))
        return;
    if (!vm->gc.is_active)
        begin(vm);
    enter(vm);
    for (int i = 0; i < IDLE_STEPS && !step(vm); i++)
        ;
    leave(vm);
    vm->gc.seen = vm->memory.allocated;
}

bool gc_squeeze(struct vm *vm, unsigned *ends, int64_t budget_us)
{
    struct gc *gc = &vm->gc;
    /* The cycle that is active has marked some of what is garbage now: one more must follow it. */
    if (*ends == 0)
        *ends = gc->ends + (gc->is_active ? 2 : 1);
    int64_t until = clock_mono_us() + budget_us;
    enter(vm);
    while ((int)(gc->ends - *ends) < 0) {
        if (!gc->is_active)
            begin(vm);
        step(vm);
        if (clock_mono_us() >= until)
            break;
    }
    leave(vm);
    gc->seen = vm->memory.allocated;
    return (int)(gc->ends - *ends) >= 0;
}
