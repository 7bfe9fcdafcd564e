/* One tool calls another. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/scratch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "limit/gate.h"
#include "vm/op.h"

#define GATE_WAIT_MS 1000          /* as a client's call waits for a place */
#define ARGS_MAX ((size_t)1 << 20) /* bytes of JSON */
#define TASKS_MAX 1000             /* of this machine, from which on no tool calls another */

struct call_op {
    struct op op;
    const struct vm_services *services;
    const struct tool *tool;
    const struct task *from;
    struct task *child; /* NULL: not begun, or over */
    struct gate *gate;  /* NULL: any number at once */
    bool is_queued, has_place;
    struct gate_waiter waiter;
    struct loop_timer timer;
    struct vm *vm;
    struct buf text; /* of args */
    size_t held;     /* bytes taken by calls_take() */
    struct json_text args;
    int64_t timeout_ms, started_us;
    struct err error; /* it was not begun */
    struct tool_result result;
    uint64_t wait;
    char call_id[40]; /* of the client's call, or the job */
};

/* ---- its course ---- */

static void log_end_of(const struct call_op *c, int64_t us)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "tool called by a tool");
    log_str(&line, "tool", c->tool->name);
    log_str(&line, "call_id", c->call_id);
    log_str(&line, "outcome", outcome_word(c->result.outcome));
    log_int(&line, "latency_ms", us / 1000);
    log_end(&line);
}

static void call_done(void *arg, struct tool_result *r, uint64_t wait)
{
    struct call_op *c = arg;
    int64_t us = clock_mono_us() - c->started_us;
    c->child = NULL;
    c->result = *r;
    memset(r, 0, sizeof *r);
    c->wait = wait;
    if (c->has_place)
        gate_leave(c->gate);
    c->has_place = false;
    if (c->services->metrics)
        metrics_call(c->services->metrics, c->tool->metric, c->result.outcome, us);
    log_end_of(c, us);
    op_complete(&c->op);
}

static void call_run(struct call_op *c)
{
    static const struct task_ops ops = { .done = call_done };
    c->started_us = clock_mono_us();
    c->child = task_call(c->from, c->tool, c->args, c->timeout_ms, &ops, c);
    if (c->child)
        return;
    err_set(&c->error, MG_E_NOMEM, "no memory to call %s", c->tool->name);
    op_complete(&c->op);
}

static void call_unqueue(struct call_op *c)
{
    timer_stop(c->services->loop, &c->timer);
    c->is_queued = false;
}

static void gate_entered(struct gate_waiter *waiter)
{
    struct call_op *c = (struct call_op *)((char *)waiter - offsetof(struct call_op, waiter));
    call_unqueue(c);
    c->has_place = true;
    call_run(c);
}

static void gate_timed_out(void *arg)
{
    struct call_op *c = arg;
    if (!gate_cancel(&c->waiter)) {
        gate_entered(&c->waiter);
        return;
    }
    c->is_queued = false;
    err_set(&c->error, MG_E_LIMIT, "too many calls of %s at once: its limit is %u (concurrent)",
            c->tool->name, c->tool->concurrent);
    op_complete(&c->op);
}

static void call_enter(struct call_op *c)
{
    c->waiter.loop = c->services->loop;
    c->waiter.entered = gate_entered;
    if (!c->gate || gate_enter(c->gate, &c->waiter)) {
        c->has_place = c->gate != NULL;
        call_run(c);
        return;
    }
    c->is_queued = true;
    timer_start(c->services->loop, &c->timer, GATE_WAIT_MS, gate_timed_out, c);
}

/* The called tool gets its two seconds, too: until it has ended the operation stays. */
static void call_cancel(struct op *op)
{
    struct call_op *c = (struct call_op *)op;
    if (c->is_queued) {
        call_unqueue(c);
        c->has_place = !gate_cancel(&c->waiter);
    }
    if (c->child) {
        task_cancel(c->child, TASK_CANCELLED);
        return;
    }
    if (c->has_place)
        gate_leave(c->gate);
    c->has_place = false;
    op_complete(op);
}

static void call_release(struct op *op)
{
    struct call_op *c = (struct call_op *)op;
    calls_give(c->vm, c->held);
    buf_fini(&c->text);
    tool_result_fini(&c->result);
}

/* ---- its results ---- */

/* The text of a content that is one text block; type JSON_NONE: it is something else. */
static struct json_text only_text(struct json_text content)
{
    static const char *const names[] = { "type", "text" };
    struct json_text block, more, found[2], none = { NULL, 0, JSON_NONE };
    struct json_iter it = json_iter(content);
    if (!json_next_item(&it, &block) || json_next_item(&it, &more))
        return none;
    json_find(block, names, found, 2);
    return found[0].type == JSON_STRING && json_string_eq(found[0], "text", 4) ? found[1] : none;
}

static int call_results(lua_State *L, struct op *op)
{
    struct call_op *c = (struct call_op *)op;
    const struct tool_result *r = &c->result;
    if (c->error.code)
        return api_fail(L, err_word(c->error.code), "%s", c->error.text);
    task_wait_for(task_of(L), c->wait);
    struct json_text content = { r->content.data, r->content.len, JSON_ARRAY };
    struct json_text text = only_text(content);
    if (r->is_error) {
        lua_pushnil(L);
        if (text.type == JSON_STRING)
            value_push(L, text.p, text.len);
        else
            lua_pushliteral(L, "the tool failed");
        lua_pushstring(L, outcome_word(r->outcome));
        return 3;
    }
    if (r->structured.len > 0)
        value_push(L, r->structured.data, r->structured.len);
    else if (text.type == JSON_STRING)
        value_push(L, text.p, text.len);
    else if (content.len > 2)
        value_push(L, content.p, content.len);
    else
        lua_pushnil(L);
    return 1;
}

static const struct op_type call_type = {
    .name = "call",
    .is_inner = true,
    .size = sizeof(struct call_op),
    .late = true,
    .cancel = call_cancel,
    .release = call_release,
    .results = call_results,
};

/* The arguments as the tool's schema means them. 0, or 3 with nil, message, code pushed. */
static int read_args(lua_State *L, const struct tool *tool, struct buf *text,
                     struct json_text *args)
{
    struct err e = { 0 };
    text->max = ARGS_MAX;
    if (lua_istable(L, 2) && value_encode(L, 2, text, &e) != 0 && !text->is_over)
        return luaL_error(L, "mcp.call: %s", e.text);
    if (text->is_over)
        return api_fail(L, "TOO_LARGE", "the arguments have more than %d bytes", (int)ARGS_MAX);
    if (text->len == 0 || (text->len == 2 && text->data[0] == '[')) {
        buf_clear(text);
        buf_append(text, "{}", 2);
    }
    if (!buf_ok(text))
        return api_fail(L, "NOMEM", "no memory for the arguments");
    if (text->data[0] != '{')
        return api_fail(L, "INVALID", "the arguments must be a table with names, not a list");
    text->max = 0;
    int code = tool_arguments(tool, text, args, &e);
    return code == 0 ? 0 : api_fail(L, err_word(code), "%s", e.text);
}

/* mcp.call(tool [, args]) -> what the tool's run returned; or nil, message, code (w). Runs another
 * tool under its own grants and limits, for the same caller: one that may not call it is told that
 * there is none (NOTFOUND). What `start`, `every` and their jobs call, no caller limits. A table,
 * number or boolean comes as itself, a text as text, other content as the list of its blocks,
 * nothing as nil. The code of a failure is its outcome: TOOL_ERROR, TIMEOUT, NO_MEMORY, KILLED,
 * CANCELLED; LIMIT when the tool's `concurrent` is reached for a second, calls are more than 8
 * deep, or a worker has too many; TOO_LARGE for arguments of more than 1 MB of JSON. It has no
 * longer than the calling tool has left. */
static int l_call(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct task *from = task_of(L);
    const struct vm_services *services = vm_services_of(L);
    struct json_text args = { 0 };

    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    if (!from || !services || !services->loop)
        return luaL_error(L, "mcp.call: no tool can be called while a file is loaded");
    const struct tool *tool = tool_find(L, name);
    if (!tool)
        return api_fail(L, "NOTFOUND", "unknown tool: %.140s", name);
    if (task_depth(from) + 1 > TASK_DEPTH)
        return api_fail(L, "LIMIT", "calls of tools by tools go at most %d deep", TASK_DEPTH);
    if (vm_task_count(vm_of(L)) >= TASKS_MAX)
        return api_fail(L, "LIMIT", "%d calls and jobs run in this worker already", TASKS_MAX);
    struct buf *text = scratch_push(L);
    if (read_args(L, tool, text, &args))
        return 3;
    struct call_op *c = (struct call_op *)op_push(L, &call_type);
    if (!c)
        return 3;
    int64_t left = task_deadline(from) - clock_mono_ms();
    c->services = services;
    c->vm = vm_of(L);
    c->tool = tool;
    c->from = from;
    c->gate = tool_gate(L, tool);
    snprintf(c->call_id, sizeof c->call_id, "%s", task_info_of(L)->call_id);
    c->timeout_ms = tool->timeout_ms < left ? tool->timeout_ms : left > 1 ? left : 1;
    c->text = *text; /* args point into it */
    *text = (struct buf){ 0 };
    c->args = args;
    if (calls_take(c->vm, c->text.len)) {
        c->held = c->text.len;
        call_enter(c);
    } else {
        err_set(&c->error, MG_E_LIMIT, "the arguments of all calls by tools are too large now");
        op_complete(&c->op);
    }
    return op_wait(L, &c->op);
}

int mgl_open_call(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_call);
    lua_setfield(L, -2, "call");
    return 1;
}
