/* What API modules ask of the running task (vm/module.h). */
#include <lauxlib.h>

#include "base/parse.h"
#include "vm/module.h"
#include "vm/state.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int api_fail(lua_State *L, const char *code, const char *fmt, ...)
{
    va_list ap;
    lua_pushnil(L);
    va_start(ap, fmt);
    char text[512];
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lua_pushstring(L, text);
    lua_pushstring(L, code);
    return 3;
}

struct vm *vm_of(lua_State *L) { return strand_of(L)->vm; }

const struct vm_services *vm_services_of(lua_State *L) { return &strand_of(L)->vm->services; }

const struct vm_options *vm_options_of(lua_State *L) { return &strand_of(L)->vm->o; }

const struct tool *tool_of(lua_State *L)
{
    const struct task *t = strand_of(L)->task;
    return t && t->tool ? t->tool->tool : NULL;
}

const struct vm_policy *policy_of(lua_State *L)
{
    static const struct vm_policy nothing = { .enabled = true };
    const struct task *t = strand_of(L)->task;
    return t && t->tool ? t->tool->policy : &nothing;
}

struct task *task_of(lua_State *L)
{
    struct task *t = strand_of(L)->task;
    return t && t->kind != TASK_LOAD ? t : NULL;
}

const struct task_info *task_info_of(lua_State *L)
{
    const struct task *t = task_of(L);
    return t ? t->info : NULL;
}

void setting_push(lua_State *L, const char *key)
{
    const struct task *t = strand_of(L)->task;
    if (!t || !t->tool || t->tool->settings_ref == LUA_NOREF)
        luaL_error(L, "the tool's settings are not known while its file is being loaded");
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->tool->settings_ref);
    if (lua_getfield(L, -1, key) != LUA_TTABLE)
        luaL_error(L, "the tool declares no setting \"%s\"", key);
    lua_rawgeti(L, -1, 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* ---- other tools ---- */

static const struct vm_tool *vm_tool_of(const struct vm *vm, const struct tool *t)
{
    return t->index < vm->tool_count && vm->tools[t->index].tool ? &vm->tools[t->index] : NULL;
}

const struct tool *tool_find(lua_State *L, const char *name)
{
    const struct task_info *i = task_info_of(L);
    struct vm *vm = vm_of(L);
    const struct tool *t = toolset_find(vm->set, name, strlen(name));
    return t && vm_tool_of(vm, t) && i && globs_allow(i->tools, name) ? t : NULL;
}

struct gate *tool_gate(lua_State *L, const struct tool *t)
{
    const struct vm *vm = vm_of(L);
    return vm->gates ? vm->gates[t->index] : NULL;
}

bool calls_take(struct vm *vm, size_t bytes)
{
    if (bytes > CALLS_HELD - vm->calls_held)
        return false;
    vm->calls_held += bytes;
    return true;
}

void calls_give(struct vm *vm, size_t bytes) { vm->calls_held -= bytes; }

unsigned task_depth(const struct task *t) { return t->depth; }

struct task *task_call(const struct task *from, const struct tool *tool, struct json_text args,
                       int64_t timeout_ms, const struct task_ops *ops, void *ops_arg)
{
    struct vm *vm = from->vm;
    struct task *t = task_new(vm, TASK_CALL, vm_tool_of(vm, tool), (int64_t)tool->memory_bytes);
    if (!t)
        return NULL;
    t->info = from->info;
    t->wait_seq = from->wait_seq; /* it may rest on what its caller has written */
    if (task_keep_info(t, NULL) != 0) {
        task_free(t);
        return NULL;
    }
    t->identity->info.tool = tool->name; /* of the set, which the vm holds */
    struct strand *s = task_main(t, call_body);
    if (!s)
        return NULL;
    t->depth = (uint8_t)(from->depth + 1);
    t->args = args;
    t->ops = ops;
    t->ops_arg = ops_arg;
    task_set_timeout(t, timeout_ms);
    strand_ready(s);
    return t;
}

struct task *task_spawn_job(lua_State *L, int fn, int arg, const char *id, int64_t timeout_ms,
                            uint64_t memory_bytes, const struct task_ops *ops, void *ops_arg)
{
    struct task *from = task_of(L);
    luaL_checktype(L, fn, LUA_TFUNCTION);
    if (!from || !from->tool)
        luaL_error(L, "a job cannot be started while the file is being loaded");
    uint64_t memory = memory_bytes ? memory_bytes : from->tool->tool->memory_bytes;
    struct task *t = task_new(from->vm, TASK_JOB, from->tool, (int64_t)memory);
    if (!t)
        return NULL;
    t->info = from->info;
    t->wait_seq = from->wait_seq; /* it may rest on what its caller has written */
    if (task_keep_info(t, id) != 0) {
        task_free(t);
        return NULL;
    }
    struct strand *s = task_main(t, function_body);
    if (!s)
        return NULL;
    fn = lua_absindex(L, fn);
    arg = lua_absindex(L, arg);
    lua_pushvalue(L, fn);
    lua_pushvalue(L, arg);
    lua_xmove(L, s->L, 2);
    s->nargs = 2;
    t->ops = ops;
    t->ops_arg = ops_arg;
    task_set_timeout(t, timeout_ms);
    strand_ready(s);
    return t;
}
