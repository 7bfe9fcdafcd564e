#include "vm/state.h"

#include <lauxlib.h>

#include "base/log.h"
#include "vm/chunks.h"
#include "vm/load.h"
#include "vm/sandbox.h"
#include "vm/value.h"

#include <stdlib.h>

static void over_budget(void *vm) { hook_arm(vm); }

/* Only an error outside of every protected call comes here: a fault of this program. */
static int panic(lua_State *L)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
    log_printf(LOG_ERROR, "lua panic: %s", text);
    log_flush();
    return 0;
}

static int open_state(lua_State *L)
{
    struct vm *like = lua_touserdata(L, 1);
    lua_settop(L, 0);
    value_open(L);
    sandbox_open(L);
    sandbox_compile_library(L, like ? like->L : NULL);
    ctx_open(L);
    return 0;
}

/* like: a machine of this thread's, which has compiled the library already; or NULL. */
static struct vm *vm_make(const struct vm_options *o, struct vm *like)
{
    struct vm *vm = calloc(1, sizeof *vm);
    if (!vm)
        return NULL;
    vm->o = *o;
    int64_t limit = o->worker_memory ? (int64_t)o->worker_memory : INT64_MAX;
    if (memory_init(&vm->memory, limit, over_budget, vm) != 0) {
        free(vm);
        return NULL;
    }
    vm->gc.threshold = INT64_MAX; /* until gc_init() Lua paces itself */
    vm->main.vm = vm;
    vm->main.ref = LUA_NOREF;
    vm->cases = LUA_NOREF;
    vm->L = lua_newstate(memory_alloc, &vm->memory);
    if (!vm->L) {
        vm_free(vm);
        return NULL;
    }
    lua_atpanic(vm->L, panic);
    vm->main.L = vm->L;
    *(struct strand **)lua_getextraspace(vm->L) = &vm->main;
    if (vm_protect(vm, open_state, like, NULL) != 0) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

struct vm *vm_new(const struct vm_options *o, struct toolset *set, struct vm *like, struct err *e)
{
    struct vm *vm = vm_make(o, set ? NULL : like);
    if (!vm) {
        err_set(e, MG_E_NOMEM, "not enough memory for a Lua state");
        return NULL;
    }
    vm->set = toolset_ref(set ? set : like->set);
    vm->is_loading = true;
    vm->like = set ? NULL : like;
    int code = set ? load_all(vm, set, like, e) : load_again(vm, like, e);
    vm->like = NULL;
    vm->is_loading = false;
    if (code != 0) {
        vm_free(vm);
        return NULL;
    }
    for (size_t i = 0; i < vm->file_count; i++)
        if (vm->files[i].has_tools)
            vm->files[i].tool = &vm->tools[vm->files[i].tool_index];
    strand_pool_fini(vm); /* their hooks are the loader's */
    return vm;
}

void vm_settle(struct vm *vm)
{
    if (vm->is_settled)
        return;
    vm->is_settled = true;
    chunks_forget(vm->L);
    gc_init(vm);
}

void vm_attach(struct vm *vm, const struct vm_services *s)
{
    vm_settle(vm);
    vm->services = *s;
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    vm->is_closing = true;
    while (vm->tasks) {
        struct task *t = vm->tasks;
        task_kill(t, OUT_CANCELLED);
        task_end(t);
    }
    if (vm->L) {
        strand_pool_fini(vm);
        lua_close(vm->L);
    }
    while (vm->free_tasks) {
        struct task *t = vm->free_tasks;
        vm->free_tasks = t->next;
        free(t);
    }
    every_free(vm);
    load_fini(vm);
    toolset_unref(vm->set);
    memory_fini(&vm->memory);
    buf_fini(&vm->scratch);
    buf_fini(&vm->fitted);
    free(vm);
}

void vm_set_gates(struct vm *vm, struct gate *const *gates) { vm->gates = gates; }

size_t vm_task_count(const struct vm *vm) { return vm->task_count; }

uint64_t vm_memory(const struct vm *vm) { return (uint64_t)vm->memory.total; }

bool vm_is_full(const struct vm *vm) { return vm->memory.is_full; }

void vm_shutdown(struct vm *vm)
{
    for (struct task *t = vm->tasks; t; t = t->next)
        task_cancel(t, TASK_SHUTDOWN);
}
