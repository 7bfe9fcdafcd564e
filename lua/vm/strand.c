#include <lauxlib.h>

#include "vm/state.h"

#include <stdlib.h>

/* Runs protected: making a thread and anchoring it may raise. */
static int make_thread(lua_State *L)
{
    struct strand *s = lua_touserdata(L, 1);
    s->L = lua_newthread(L);
    *(struct strand **)lua_getextraspace(s->L) = s;
    s->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static struct strand *strand_make(struct vm *vm)
{
    struct strand *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->vm = vm;
    s->ref = LUA_NOREF;
    /* The thread outlives the task that needs it first: it belongs to nobody. */
    uint32_t payer = vm->memory.current;
    vm->memory.current = 0;
    int code = vm_protect(vm, make_thread, s, NULL);
    vm->memory.current = payer;
    if (code != 0) {
        free(s);
        return NULL;
    }
    return s;
}

struct strand *strand_new(struct vm *vm, struct task *t)
{
    struct strand *s = vm->pool;
    if (s) {
        vm->pool = s->sibling;
        vm->pooled--;
    } else {
        s = strand_make(vm);
        if (!s)
            return NULL;
    }
    s->task = t;
    s->state = STRAND_IDLE;
    s->is_stopping = s->is_dropped = s->is_failed = s->is_orphan = false;
    s->nargs = 0;
    s->op = NULL;
    s->sibling = t->strands;
    t->strands = s;
    t->strand_count++;
    return s;
}

static void thread_release(struct strand *s)
{
    /* luaL_unref only writes to a slot that is there: it cannot raise. */
    luaL_unref(s->vm->L, LUA_REGISTRYINDEX, s->ref);
    free(s);
}

void strand_free(struct strand *s, bool is_reusable)
{
    struct vm *vm = s->vm;
    if (s->grace.armed)
        timer_stop(vm->services.loop, &s->grace);
    s->task = NULL;
    if (!is_reusable || vm->pooled >= POOL_MAX || vm->is_closing) {
        /* Late hooks and finalizers may still look at the thread's owner. */
        *(struct strand **)lua_getextraspace(s->L) = &vm->main;
        thread_release(s);
        return;
    }
    lua_settop(s->L, 0);
    hook_clear(s->L);
    s->state = STRAND_IDLE;
    s->sibling = vm->pool;
    vm->pool = s;
    vm->pooled++;
}

void strand_pool_fini(struct vm *vm)
{
    while (vm->pool) {
        struct strand *s = vm->pool;
        vm->pool = s->sibling;
        thread_release(s);
    }
    vm->pooled = 0;
}

const char *strand_stop_word(const struct strand *s)
{
    if (s->task->is_stopping)
        return s->task->why == TASK_TIMEOUT ? "TIMEOUT" : "CANCELLED";
    return s->is_stopping ? "CANCELLED" : NULL;
}

void strand_interrupt(struct strand *s)
{
    if (s->state != STRAND_WAITING)
        return;
    op_detach(s->op);
    s->op = NULL;
    strand_ready(s);
}
