/* ctx:as_task: the call is answered with a task, and its tool goes on behind the answer. */
#include <lauxlib.h>
#include <string.h>

#include "vm/op.h"
#include "vm/reading.h"
#include "vm/state.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define TIMEOUT_MAX_MS (7 * DAY_MS)
#define TTL_MAX_MS (3650 * DAY_MS)
#define POLL_MAX_MS (DAY_MS / 24)

struct as_task_op {
    struct op op;
    struct task_creation creation;
    struct task *task;
    int64_t timeout_ms;
    int code;
    bool is_asked; /* the host has creation */
    char text[200];
};

static void created(struct task_creation *c, int code, const char *text)
{
    struct as_task_op *a = (struct as_task_op *)((char *)c - offsetof(struct as_task_op, creation));
    a->is_asked = false;
    a->code = code;
    strncpy(a->text, text, sizeof a->text - 1);
    op_complete(&a->op);
}

static void as_task_cancel(struct op *op)
{
    struct as_task_op *a = (struct as_task_op *)op;
    if (a->is_asked)
        a->task->ops->as_task_cancel(a->task->ops_arg, &a->creation);
    a->is_asked = false;
}

/* From now on progress is what its client reads of the task, and nobody hears its log. */
static int become(struct task *t, int64_t timeout_ms)
{
    if (t->is_client_task)
        return 0;
    if (!t->identity && task_keep_info(t, NULL) != 0)
        return MG_E_NOMEM;
    t->is_client_task = true;
    t->identity->info.wants_progress = true;
    t->identity->info.wants_log = false;
    task_restart_timeout(t, timeout_ms);
    return 0;
}

static int as_task_results(lua_State *L, struct op *op)
{
    struct as_task_op *a = (struct as_task_op *)op;
    if (a->code != 0)
        return api_fail(L, err_word(a->code), "%s", a->text);
    if (become(a->task, a->timeout_ms) != 0)
        return luaL_error(L, "not enough memory");
    lua_pushstring(L, a->text);
    return 1;
}

static const struct op_type as_task_type = {
    .name = "ctx:as_task",
    .size = sizeof(struct as_task_op),
    .cancel = as_task_cancel,
    .results = as_task_results,
};

static int64_t check_duration(lua_State *L, const char *name, int64_t fallback_ms, int64_t max_ms)
{
    int64_t ms = opts_duration(L, 2, name, fallback_ms, max_ms);
    bool is_given = lua_istable(L, 2) && lua_getfield(L, 2, name) != LUA_TNIL;
    if (is_given && ms < 1)
        luaL_error(L, "%s: expected more than 0", name);
    return ms;
}

int task_as_task(lua_State *L, struct task *t)
{
    static const char *const names[] = { "ttl", "poll", "timeout", NULL };
    const struct vm_options *o = vm_options_of(L);
    struct task_terms terms;
    opts_check(L, 2, names);
    if (strand_of(L)->task != t || t->is_ended)
        return luaL_error(L, "ctx:as_task: only the call itself can become a task");
    terms.ttl_ms = check_duration(L, "ttl", 0, TTL_MAX_MS);
    terms.poll_ms = check_duration(L, "poll", 0, POLL_MAX_MS);
    int64_t timeout_ms =
        check_duration(L, "timeout", o->max_timeout_ms ? o->max_timeout_ms : 600000,
                       TIMEOUT_MAX_MS);
    if (!t->ops || !t->ops->as_task) {
        lua_pushboolean(L, 0);
        return 1;
    }
    struct as_task_op *a = (struct as_task_op *)op_push(L, &as_task_type);
    if (!a)
        return 3;
    a->task = t;
    a->timeout_ms = timeout_ms;
    a->creation.done = created;
    a->is_asked = true;
    if (!t->ops->as_task(t->ops_arg, &terms, &a->creation)) {
        a->is_asked = false;
        op_drop(&a->op);
        lua_pushboolean(L, 0);
        return 1;
    }
    return op_wait(L, &a->op);
}

/* ---- the declaration ---- */

/* task = "required": whoever cannot take a task cannot call the tool. */
void reading_task(struct reading *x)
{
    lua_State *L = x->L;
    int type = reading_field(x, "task");
    const char *word = type == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (strcmp(word, "required") == 0)
        x->d->tool.needs_task = true;
    else if (type != LUA_TNIL && strcmp(word, "optional") != 0)
        report_add(x->r, "task", "task: expected \"required\" or \"optional\"");
    lua_pop(L, 1);
}
