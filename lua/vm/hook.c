/* The one place that sets a hook: preemption on demand, and the end of what must die.
 * The watchdog signals a thread whose slice is over; the handler arms a count hook on the Lua
 * thread that runs there, the one thing that Lua allows a signal handler to do. Nothing is armed
 * within a slice. */
#include "vm/slice.h"
#include "vm/state.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define PERMANENT_COUNT 1000

#ifdef __SANITIZE_THREAD__
/* Packaged Lua leaves a protected call by the checking form of longjmp, which ThreadSanitizer does
 * not know: its record of the call stack would grow with every error and every yield. It knows the
 * plain form. */
_Noreturn void __longjmp_chk(jmp_buf env, int value);
_Noreturn void __longjmp_chk(jmp_buf env, int value) { longjmp(env, value); }
#endif

static _Thread_local lua_State *volatile running;

static const char kill_value; /* its address is the error that unwinds what cannot yield */

static void hook_fired(lua_State *L, lua_Debug *ar);

/* Lua marks every frame of the stack when a hook is set, which lasts longer than a slice where a
 * function has called itself 200,000 times. A signal for which the hook is there already must cost
 * nothing, or one after the other would leave the thread no time for its next instruction. */
static void arm(lua_State *L)
{
    if (lua_gethookmask(L) == 0 || lua_gethookcount(L) != 1)
        lua_sethook(L, hook_fired, LUA_MASKCOUNT, 1);
}

static void on_signal(int number)
{
    (void)number;
    lua_State *L = running;
    if (L)
        arm(L);
}

/* ThreadSanitizer hands a signal on only where the thread makes a call that it knows: never, in an
 * endless loop. */
int vm_preempt_signal(void)
{
#ifdef __SANITIZE_THREAD__
    return 0;
#else
    return SIGURG;
#endif
}

int vm_install_signal(struct err *e)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigemptyset(&sa.sa_mask);
    if (sigaction(SIGURG, &sa, NULL) != 0)
        return err_set(e, MG_E_IO, "sigaction: %s", strerror(errno));
    return 0;
}

static bool is_permanent(const struct vm *vm) { return vm->is_loading || vm->o.permanent_hook; }

void hook_clear(lua_State *L)
{
    if (lua_gethookmask(L) != 0)
        lua_sethook(L, NULL, 0, 0);
}

/* Back to what holds within a slice. */
static void hook_rest(struct vm *vm, lua_State *L)
{
    if (is_permanent(vm))
        lua_sethook(L, hook_fired, LUA_MASKCOUNT, PERMANENT_COUNT);
    else
        lua_sethook(L, NULL, 0, 0);
}

void hook_enter(struct strand *s)
{
    if (is_permanent(s->vm))
        lua_sethook(s->L, hook_fired, LUA_MASKCOUNT, PERMANENT_COUNT);
    s->vm->pinned_us = 0;
    running = s->L;
    atomic_signal_fence(memory_order_seq_cst);
}

void hook_leave(struct strand *s)
{
    atomic_signal_fence(memory_order_seq_cst);
    running = NULL;
    (void)s;
}

void hook_arm(struct vm *vm)
{
    if (vm->running)
        arm(vm->running->L);
}

/* The strand does not go on: by a yield after which it is dropped, or, where it cannot yield, by an
 * error that nothing catches: pcall and xpcall raise it again, and the hook stays armed for what
 * runs in between. */
static void die(lua_State *L)
{
    if (lua_isyieldable(L)) {
        lua_yield(L, 0);
        return;
    }
    lua_pushlightuserdata(L, (void *)&kill_value);
    lua_error(L);
}

/* Stops to run for now, as `state` says. */
static void leave(struct strand *s, enum strand_state state)
{
    hook_rest(s->vm, s->L);
    s->state = state;
    lua_yield(s->L, 0);
}

/* Looks again later, and whenever a function returns: the one whose end makes the strand able to
 * yield must not be missed, or many short stays in callbacks would pass for one long one. */
static void look_again(lua_State *L)
{
    lua_sethook(L, hook_fired, LUA_MASKCOUNT | LUA_MASKRET, 1000);
}

/* A function has returned: back to where the next instruction can yield? (This event cannot.) */
static void returned(struct vm *vm, lua_State *L)
{
    if (!lua_isyieldable(L))
        return;
    vm->pinned_us = 0;
    lua_sethook(L, hook_fired, LUA_MASKCOUNT, 1);
}

/* The slice is over where the strand cannot yield: it has a little more time. */
static void pinned(struct vm *vm, struct task *t, lua_State *L)
{
    int64_t now = cpu_time_us();
    if (!vm->pinned_us || vm->is_opening)
        vm->pinned_us = now;
    if (now - vm->pinned_us < PINNED_US) {
        look_again(L);
        return;
    }
    task_kill(t, OUT_KILLED);
    die(L);
}

static void hook_fired(lua_State *L, lua_Debug *ar)
{
    struct strand *s = strand_of(L);
    struct vm *vm = s->vm;
    if (s != vm->running) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    if (ar->event != LUA_HOOKCOUNT) {
        returned(vm, L);
        return;
    }
    struct task *t = s->task;
    const struct account *a = &vm->memory.accounts[t->account];
    bool yieldable = lua_isyieldable(L);
    if (a->is_refused || (a->is_over && !yieldable && a->used > a->budget + MEMORY_SLACK))
        task_kill(t, OUT_NO_MEMORY);
    if (t->is_killed || s->is_dropped) {
        die(L);
        return;
    }
    int64_t now = clock_mono_us();
    if (yieldable && a->is_over) {
        s->gc_ends = 0;
        leave(s, STRAND_SQUEEZED);
    } else if (now - vm->slice_us < SLICE_US && !a->is_over) {
        hook_rest(vm, L); /* a signal that was meant for the slice before */
    } else if (yieldable) {
        leave(s, STRAND_PREEMPTED);
    } else {
        pinned(vm, t, L);
    }
}
