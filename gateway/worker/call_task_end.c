/* How a task ends: what its tool has answered becomes the record that stays for its client. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/call_task_struct.h"
#include "worker/task_record.h"

static void view_fail(struct call_task *t, const char *text)
{
    buf_fini(&t->end);
    task_error(text, &t->end);
    t->view.status = MCP_TASK_FAILED;
    t->view.result = (struct json_text){ 0 };
    t->view.error = (struct json_text){ t->end.data, t->end.len, JSON_OBJECT };
}

/* The text of a result that the gateway made: one block. */
static void view_fail_as_told(struct call_task *t, const struct tool_result *r)
{
    static const char *const names[] = { "text" };
    struct json_iter it =
        json_iter((struct json_text){ r->content.data, r->content.len, JSON_ARRAY });
    struct json_text block, text = { 0 };
    struct buf plain = { 0 };
    if (r->content.len && json_next_item(&it, &block) && block.type == JSON_OBJECT)
        json_find(block, names, &text, 1);
    if (text.type == JSON_STRING)
        json_string_decode(text, &plain);
    const char *why = plain.len ? buf_cstr(&plain) : NULL;
    view_fail(t, why ? why : "internal error");
    buf_fini(&plain);
}

/* An error of the tool's own is its answer; that it did not come to one is the task's failure. */
static void view_settle(struct call_task *t)
{
    const struct tool_result *r = &t->call->result;
    t->view.updated_ms = clock_wall_ms();
    t->view.inputs = (struct json_text){ 0 };
    if (r->outcome == OUT_CANCELLED && t->is_cancelled) {
        t->view.status = MCP_TASK_CANCELLED;
    } else if (r->outcome == OUT_CANCELLED) {
        view_fail(t, "the gateway stopped the tool before it had ended");
    } else if ((r->outcome == OUT_OK || r->outcome == OUT_TOOL_ERROR) && !r->is_internal) {
        mcp_encode_task_result(r, &t->end);
        t->view.status = MCP_TASK_COMPLETED;
        t->view.result = (struct json_text){ t->end.data, t->end.len, JSON_OBJECT };
    } else {
        view_fail_as_told(t, r);
    }
}

/* ---- its record ---- */

static void finish(struct call_task *t, const struct tasks_text *text)
{
    if (text)
        tasks_end(t->entry, text);
    else
        tasks_drop(t->entry);
    t->entry = NULL;
    notices_task(t->worker->gateway->notices, t->id, strlen(t->id));
    call_finish(t->call);
}

/* Told as long as the process lives; the state has it at work, and so fails it at the next start.
 */
static void finish_unkept(struct call_task *t, const char *why)
{
    char text[300];
    snprintf(text, sizeof text, "the result could not be kept: %s", why);
    view_fail(t, text);
    task_encode(t);
    size_t len = t->members.len;
    char *members = buf_ok(&t->end) ? buf_take(&t->members, NULL) : NULL;
    struct tasks_text told = { members, len, members, free };
    finish(t, members ? &told : NULL);
}

static void value_release(void *v) { store_value_unref(v); }

static void finish_kept(struct call_task *t)
{
    struct store_value *v = t->op.values[0];
    struct json_text members = { 0 };
    size_t len;
    const char *text = store_value_text(v, &len);
    (void)task_record_members(text, len, &members); /* as it was written */
    struct tasks_text told = { members.p, members.len, store_value_ref(v), value_release };
    finish(t, &told);
}

/* ---- through trouble with the disk: until it is over, its client reads what it read last ---- */

/* Nobody can read any more what it came to. */
static bool is_past(const struct call_task *t)
{
    return clock_wall_ms() >= t->view.created_ms + t->view.ttl_ms;
}

/* Its call's reference is enough: with it the timer goes. */
static void hold(struct call_task *t, void (*again)(void *arg))
{
    t->is_held = true;
    timer_start(t->worker->loop, &t->pace, TASK_RETRY_MS, again, t);
}

static void end_wait(void *arg);
static void end_submit(void *arg);

static void end_durable(struct store_wait *w, int code)
{
    struct call_task *t = (struct call_task *)((char *)w - offsetof(struct call_task, ended));
    if (!t->call)
        ;                              /* dropped with its worker */
    else if (code != 0 && !is_past(t)) /* the state has it, and may keep it: it has not failed */
        hold(t, end_wait);
    else
        finish_kept(t);
    task_unref(t);
}

static void end_wait(void *arg)
{
    struct call_task *t = arg;
    struct store *store = t->worker->gateway->store;
    if (!store)
        return;
    t->refs++;
    t->ended.loop = t->worker->loop;
    t->ended.seq = t->op.seq;
    t->ended.done = end_durable;
    store_wait(store, &t->ended);
}

static void end_written(struct store_op *op)
{
    struct call_task *t = (struct call_task *)((char *)op - offsetof(struct call_task, op));
    struct store *store = t->worker->gateway->store;
    if (!t->call || !store)
        ; /* dropped with its worker */
    else if (op->code == 0 && store_is_durable(store, op->seq))
        finish_kept(t);
    else if (op->code == 0)
        end_wait(t);
    else if (op->code == MG_E_READONLY && !is_past(t))
        hold(t, end_submit);
    else
        finish_unkept(t, op->err.text);
    task_unref(t);
}

static void end_submit(void *arg)
{
    struct call_task *t = arg;
    if (!t->worker->gateway->store)
        return;
    t->refs++;
    task_submit(t, end_written);
}

void call_task_end(struct call *c)
{
    struct call_task *t = c->tasked;
    char text[200];
    timer_stop(t->worker->loop, &t->expiry);
    timer_stop(t->worker->loop, &t->pace);
    t->phase = TASK_ENDING;
    call_bound_result(c);
    view_settle(t);
    task_encode(t);
    if (!buf_ok(&t->record)) {
        finish_unkept(t, "the gateway is out of memory");
        return;
    }
    if (tasks_reserve(t->entry, t->record.len) != 0) {
        snprintf(text, sizeof text,
                 "no room for a result of %zu bytes beside those of other tasks ([tasks] "
                 "max_bytes)",
                 t->record.len);
        view_fail(t, text);
        task_encode(t);
    }
    end_submit(t);
}
