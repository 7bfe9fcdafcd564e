#include <lauxlib.h>

#include "vm/state.h"

#include <assert.h>
#include <stdlib.h>

enum op_state {
    OP_PUSHED, /* nobody waits for it yet */
    OP_WAITING,
    OP_DONE,       /* complete; its results are not pushed yet */
    OP_TAKEN,      /* results() was called */
    OP_CANCELLING, /* inside cancel() */
    OP_LATE,       /* cancelled; kept until its completion comes; has no task any more */
};

static void op_link(struct op *op, struct task *t)
{
    op->task = t;
    op->next = t->ops_pending;
    op->prev = &t->ops_pending;
    if (op->next)
        op->next->prev = &op->next;
    t->ops_pending = op;
}

static void op_unlink(struct op *op)
{
    *op->prev = op->next;
    if (op->next)
        op->next->prev = op->prev;
}

static void op_free(struct op *op)
{
    if (op->type->release)
        op->type->release(op);
    free(op);
}

/* Out of its task's list; nobody waits for it any more. */
static void op_leave(struct op *op)
{
    if (op->strand && op->strand->op == op)
        op->strand->op = NULL;
    op_unlink(op);
    op->strand = NULL;
    op->task = NULL;
}

static void op_release(struct op *op)
{
    op_leave(op);
    op_free(op);
}

int op_stopped(lua_State *L, const char *word)
{
    lua_pushnil(L);
    lua_pushstring(L, "cancelled");
    lua_pushstring(L, word);
    return 3;
}

struct op *op_push(lua_State *L, const struct op_type *type)
{
    struct strand *s = strand_of(L);
    if (!s->task || s->task->kind == TASK_LOAD)
        luaL_error(L, "cannot wait here (%s): the file is being loaded", type->name);
    if (!lua_isyieldable(L))
        luaL_error(L, "cannot wait here (%s): inside a metamethod that a C function calls",
                   type->name);
    const char *word = strand_stop_word(s);
    if (word) {
        op_stopped(L, word);
        return NULL;
    }
    if (s->op && s->op->state == OP_TAKEN) /* its results() raised */
        op_release(s->op);
    struct op *op = calloc(1, type->size);
    if (!op)
        luaL_error(L, "not enough memory");
    op->type = type;
    op->strand = s;
    op->state = OP_PUSHED;
    op_link(op, s->task);
    return op;
}

static int op_take(lua_State *L, struct op *op)
{
    strand_of(L)->op = op;
    op->strand = strand_of(L);
    op->state = OP_TAKEN;
    int n = op->type->results(L, op);
    op_release(op);
    return n;
}

static int op_resumed(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct strand *s = strand_of(L);
    if (!s->op) { /* cancelled and detached meanwhile */
        const char *word = strand_stop_word(s);
        return op_stopped(L, word ? word : "CANCELLED");
    }
    return op_take(L, s->op);
}

int op_wait(lua_State *L, struct op *op)
{
    struct strand *s = strand_of(L);
    if (op->state == OP_DONE)
        return op_take(L, op);
    const char *word = strand_stop_word(s);
    if (word) { /* since op_push(): by what the action has called */
        op_detach(op);
        return op_stopped(L, word);
    }
    op->state = OP_WAITING;
    op->strand = s;
    s->op = op;
    s->state = STRAND_WAITING;
    return lua_yieldk(L, 0, 0, op_resumed);
}

void op_complete(struct op *op)
{
    switch (op->state) {
    case OP_WAITING:
        op->state = OP_DONE;
        strand_ready(op->strand);
        break;
    case OP_LATE: op_free(op); break;
    default: op->state = OP_DONE; break;
    }
}

void op_detach(struct op *op)
{
    if (op->state == OP_PUSHED || op->state == OP_WAITING) {
        op->state = OP_CANCELLING;
        if (op->type->cancel)
            op->type->cancel(op);
        if (op->type->late && op->state == OP_CANCELLING) {
            op_leave(op);
            op->state = OP_LATE;
            return;
        }
    }
    op_release(op);
}

void op_drop(struct op *op) { op_detach(op); }

bool vm_awaits_world(const struct vm *vm)
{
    for (const struct task *t = vm->tasks; t; t = t->next)
        for (const struct op *op = t->ops_pending; op; op = op->next)
            if (!op->type->is_inner && (op->state == OP_PUSHED || op->state == OP_WAITING))
                return true;
    return false;
}

void ops_drop(struct task *t)
{
    for (struct op *op; (op = t->ops_pending) != NULL;) {
        op_detach(op);
        assert(t->ops_pending != op);
    }
}

/* The newest first: a wait refers to what it waits for. */
void ops_drop_of(struct strand *s)
{
    for (struct op *op = s->task->ops_pending, *next; op; op = next) {
        next = op->next;
        if (op->strand == s)
            op_detach(op);
    }
}

void ops_orphan(struct strand *s)
{
    for (struct op *op = s->task->ops_pending; op; op = op->next)
        if (op->strand == s)
            op->strand = NULL;
}
