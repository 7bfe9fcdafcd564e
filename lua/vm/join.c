/* mcp.spawn, mcp.all, mcp.race: several strands of one task. The waiting is written in Lua
 * (lua/lib/mcp/spawn.lua) over five primitives, so that it may wait and be preempted like anything
 * else. */
#include <lauxlib.h>

#include "vm/state.h"

#define HANDLE "mg.strand"

struct handle {
    struct strand *strand; /* NULL: its results were taken */
    struct task *task;
    uint64_t serial; /* strands end with their task */
};

static struct handle *check_handle(lua_State *L)
{
    struct handle *h = luaL_checkudata(L, 1, HANDLE);
    if (h->task != strand_of(L)->task || h->serial != h->task->serial)
        luaL_error(L, "this handle belongs to another call");
    return h;
}

/* Out of its task's list and back to the pool, or to the collector. */
static void strand_leave(struct strand *s)
{
    struct strand **at = &s->task->strands;
    while (*at != s)
        at = &(*at)->sibling;
    *at = s->sibling;
    s->task->strand_count--;
    ops_orphan(s);
    strand_free(s, !s->is_failed);
}

static int handle_gc(lua_State *L)
{
    struct handle *h = lua_touserdata(L, 1);
    if (!h->strand || h->serial != h->task->serial || h->task->is_ended)
        return 0;
    if (h->strand->state == STRAND_ENDED && !h->strand->is_failed)
        strand_leave(h->strand);
    else
        h->strand->is_orphan = true;
    h->strand = NULL;
    return 0;
}

void strand_orphaned(struct strand *s)
{
    if (s->is_failed && !s->is_dropped)
        return; /* its error is logged when the task ends */
    strand_leave(s);
}

static const struct op_type join_type;

void joins_wake(struct task *t)
{
    for (struct op *op = t->ops_pending, *next; op; op = next) {
        next = op->next;
        if (op->type == &join_type)
            op_complete(op);
    }
}

static int join_results(lua_State *L, struct op *op)
{
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

static const struct op_type join_type = { .name = "wait",
                                          .size = sizeof(struct op),
                                          .is_inner = true,
                                          .results = join_results };

/* join() -> true when some strand of the call has ended since; nil, "cancelled", code */
static int l_join(lua_State *L)
{
    struct op *op = op_push(L, &join_type);
    return op ? op_wait(L, op) : 3;
}

/* spawn(fn, ...) -> handle */
static int l_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    struct task *t = task_of(L);
    if (!t)
        return luaL_error(L, "cannot spawn while the file is being loaded");
    if (t->strand_count >= TASK_MAX_STRANDS)
        return luaL_error(L, "at most %d functions of a call run at once", TASK_MAX_STRANDS);
    int n = lua_gettop(L);
    struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);
    *h = (struct handle){ NULL, t, t->serial };
    luaL_setmetatable(L, HANDLE);
    lua_insert(L, 1);
    struct strand *s = strand_new(t->vm, t);
    if (!s || !lua_checkstack(s->L, n + 1)) {
        if (s) {
            s->state = STRAND_ENDED;
            strand_leave(s);
        }
        return luaL_error(L, "not enough memory");
    }
    lua_pushcfunction(s->L, function_body);
    lua_xmove(L, s->L, n);
    s->nargs = n;
    h->strand = s;
    const struct strand *from = strand_of(L);
    s->is_stopping = from->is_stopping;
    strand_ready(s);
    return 1;
}

/* state(handle) -> "running", "done", "failed" */
static int l_state(lua_State *L)
{
    const struct handle *h = check_handle(L);
    const struct strand *s = h->strand;
    if (!s)
        return luaL_error(L, "its results were taken already");
    lua_pushstring(L, s->state != STRAND_ENDED ? "running" : s->is_failed ? "failed" : "done");
    return 1;
}

/* take(handle) -> its results; raises its error. Once. */
static int l_take(lua_State *L)
{
    struct handle *h = check_handle(L);
    struct strand *s = h->strand;
    if (!s || s->state != STRAND_ENDED)
        return luaL_error(L, "its results were taken already");
    int n = s->is_dropped ? 0 : s->is_failed ? 1 : lua_gettop(s->L);
    luaL_checkstack(L, n + 3, "too many results");
    lua_xmove(s->L, L, n);
    h->strand = NULL;
    bool is_failed = s->is_failed, is_dropped = s->is_dropped;
    strand_leave(s);
    if (is_dropped)
        return op_stopped(L, "CANCELLED");
    return is_failed ? lua_error(L) : n;
}

/* Its grace is over: it ends where it stands, and so does what it has begun, such as a process. */
static void strand_drop(void *arg)
{
    struct strand *s = arg;
    struct vm *vm = s->vm;
    if (s->state == STRAND_ENDED)
        return;
    if (s->state == STRAND_READY)
        queue_remove(&vm->ready, s);
    else if (s->state != STRAND_WAITING)
        queue_remove(&vm->preempted, s);
    ops_drop_of(s);
    s->state = STRAND_ENDED;
    s->is_dropped = s->is_failed = true;
    joins_wake(s->task);
}

/* cancel(handle): in two steps, as a call is cancelled. */
static int l_cancel(lua_State *L)
{
    struct handle *h = check_handle(L);
    struct strand *s = h->strand;
    if (!s || s->state == STRAND_ENDED || s->is_stopping)
        return 0;
    s->is_stopping = true;
    strand_interrupt(s);
    if (s->vm->services.loop)
        timer_start(s->vm->services.loop, &s->grace, task_grace_ms(s->vm), strand_drop, s);
    return 0;
}

/* mcp.spawn, mcp.all, mcp.race */
static int open_join(lua_State *L)
{
    static const lua_CFunction primitives[] = { l_spawn, l_join, l_state, l_take, l_cancel };
    int n = sizeof primitives / sizeof *primitives;
    for (int i = 0; i < n; i++)
        lua_pushcfunction(L, primitives[i]);
    lib_run(L, "mcp/spawn.lua", n, 2); /* the functions, the methods of a handle */
    if (luaL_newmetatable(L, HANDLE)) {
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, handle_gc);
        lua_setfield(L, -2, "__gc");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_pop(L, 2);
    return 1;
}

const struct api_module join_module = { .name = "", .open = open_join };
