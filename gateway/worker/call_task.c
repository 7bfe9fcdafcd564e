#include "worker/call_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/log.h"
#include "base/utf8.h"
#include "config/config.h"
#include "worker/call_task_struct.h"
#include "worker/task_record.h"

#define PACE_MS 50 /* between two messages that a client may read */

/* ---- the state's side ---- */

static void task_free(struct call_task *t)
{
    store_op_fini(&t->op);
    task_free_questions(t);
    buf_fini(&t->members);
    buf_fini(&t->end);
    buf_fini(&t->record);
    free(t);
}

void task_unref(struct call_task *t)
{
    if (--t->refs == 0)
        task_free(t);
}

void task_encode(struct call_task *t)
{
    struct task_record r = { .id = t->id,
                             .tool = t->call->mcp->tool->name,
                             .principal = t->call->principal->number,
                             .created_ms = t->view.created_ms,
                             .ttl_ms = t->view.ttl_ms,
                             .poll_ms = t->view.poll_ms };
    buf_clear(&t->members);
    buf_clear(&t->record);
    mcp_encode_task(&t->view, &t->members);
    task_record_write(&r, t->members.data, t->members.len, &t->record);
    t->record.failed |= !buf_ok(&t->members) || !buf_ok(&t->end);
}

void task_submit(struct call_task *t, void (*done)(struct store_op *op))
{
    struct task_record r = { .created_ms = t->view.created_ms, .ttl_ms = t->view.ttl_ms };
    bool is_put = t->record.len > 0;
    t->change = (struct store_change){ .collection = STORE_TASKS,
                                       .key = t->id,
                                       .key_len = strlen(t->id),
                                       .text = is_put ? t->record.data : NULL,
                                       .len = t->record.len,
                                       .expect = STORE_ANY };
    if (is_put)
        t->change.ttl_ms = task_record_ttl(&r, clock_wall_ms());
    store_op_fini(&t->op);
    t->op = (struct store_op){ .loop = t->worker->loop,
                               .done = done,
                               .kind = STORE_WRITE,
                               .changes = &t->change,
                               .change_count = 1 };
    if (store_submit(t->worker->gateway->store, &t->op) == 1)
        done(&t->op);
}

static struct call_task *op_task(struct store_op *op)
{
    return (struct call_task *)((char *)op - offsetof(struct call_task, op));
}

static void removed(struct store_op *op) { task_unref(op_task(op)); }

/* The last that is done with it. What could not be removed is found at the next start, and by
 * nobody who knows its id. */
static void record_remove(struct call_task *t)
{
    buf_clear(&t->record);
    task_submit(t, removed);
}

/* ---- its creation ---- */

/* No more of it than of a call that never asked. Its call's reference goes, or, where there may be
 * a record, is the one with which that is removed. */
static void task_leave(struct call_task *t)
{
    t->creation = NULL;
    t->call->tasked = NULL;
    t->call = NULL;
    tasks_drop(t->entry);
    t->entry = NULL;
    if (t->phase == TASK_SAVED)
        record_remove(t);
    else
        task_unref(t);
}

static void refuse(struct call_task *t, int code, const char *text)
{
    struct task_creation *creation = t->creation;
    char copy[200];
    snprintf(copy, sizeof copy, "%s", text);
    task_leave(t);
    creation->done(creation, code, copy);
}

void call_task_refuse(struct call *c, int code)
{
    refuse(c->tasked, code, "the task could not be made durable");
}

void call_as_task_cancel(void *arg, struct task_creation *creation)
{
    struct call *c = arg;
    (void)creation;
    task_leave(c->tasked);
}

static void written(struct store_op *op)
{
    struct call_task *t = op_task(op);
    if (!t->call && op->code == 0) { /* taken back meanwhile */
        record_remove(t);
    } else if (!t->call) {
        task_unref(t);
    } else if (op->code != 0) {
        t->refs--; /* its call's is left */
        refuse(t, op->code, op->err.text);
    } else {
        t->refs--;
        t->phase = TASK_SAVED;
        t->call->seq = op->seq;
        call_advance(t->call);
    }
}

static void cancel_asked(void *arg)
{
    struct call_task *t = arg;
    t->is_cancelled = true;
    if (t->call->task)
        task_cancel(t->call->task, TASK_CANCELLED);
}

void call_tasks_judge_all(struct worker *w)
{
    const struct keyring *keys = w->serving->keyring;
    int64_t now = clock_wall_ms();
    for (struct call *c = w->calls, *next; c; c = next) {
        next = c->next;
        if (!call_task_is_working(c) || !c->task)
            continue;
        const struct principal *p = keyring_numbered(keys, c->principal->number);
        if (!p || !keyring_has(keys, p->number, now) || !principal_may(p, c->mcp->tool->name))
            cancel_asked(c->tasked);
    }
}

static const struct tasks_ops entry_ops = { .cancel = cancel_asked, .answered = task_take_answers };

/* Nobody can read any more what it will have done. */
static void expired(void *arg)
{
    struct call_task *t = arg;
    if (t->call->task)
        task_cancel(t->call->task, TASK_CANCELLED);
}

/* Within what [tasks] allows. */
static int terms_settle(const struct config *c, const struct task_terms *terms, struct mcp_task *v,
                        struct err *e)
{
    v->ttl_ms = terms->ttl_ms ? terms->ttl_ms : c->tasks.ttl_ms;
    v->poll_ms = terms->poll_ms ? terms->poll_ms : c->tasks.poll_ms;
    if (v->ttl_ms > c->tasks.max_ttl_ms)
        return err_set(e, MG_E_LIMIT, "ttl: at most %lld seconds ([tasks] max_ttl)",
                       (long long)(c->tasks.max_ttl_ms / 1000));
    return 0;
}

static int task_new(struct call *c, const struct mcp_task *view, struct err *e)
{
    struct gateway *g = c->worker->gateway;
    struct call_task *t = calloc(1, sizeof *t);
    struct tasks_spec spec = { .principal = c->principal->number,
                               .tool = c->mcp->tool->name,
                               .expires_ms = view->created_ms + view->ttl_ms,
                               .loop = c->worker->loop,
                               .ops = &entry_ops,
                               .arg = t };
    int code = t ? store_declare(g->store, STORE_TASKS, TASK_KEY, e)
                 : err_set(e, MG_E_NOMEM, "no memory for a task");
    if (code == 0)
        code = tasks_open(g->tasks, &spec, view->created_ms, &t->entry, e);
    if (code != 0) {
        free(t);
        return code;
    }
    t->refs = 1;
    t->call = c;
    t->worker = c->worker;
    t->view = *view;
    memcpy(t->id, tasks_id(t->entry), sizeof t->id);
    t->view.id = t->id;
    c->tasked = t;
    return 0;
}

bool call_as_task(void *arg, const struct task_terms *terms, struct task_creation *creation)
{
    struct call *c = arg;
    struct mcp_task view = { .created_ms = clock_wall_ms() };
    struct err e = { 0 };
    if (c->tasked) {
        bool is_there = c->tasked->phase == TASK_AT_WORK;
        creation->done(creation, is_there ? 0 : MG_E_CONFLICT,
                       is_there ? c->tasked->id : "the call is becoming a task already");
        return true;
    }
    if (!mcp_call_may_be_task(c->mcp))
        return false;
    view.updated_ms = view.created_ms;
    int code = terms_settle(c->worker->serving->config, terms, &view, &e);
    if (code == 0)
        code = task_new(c, &view, &e);
    if (code != 0) {
        creation->done(creation, code, e.text);
        return true;
    }
    struct call_task *t = c->tasked;
    t->creation = creation;
    task_encode(t);
    if (buf_ok(&t->record)) {
        t->refs++;
        task_submit(t, written);
    } else {
        refuse(t, MG_E_NOMEM, "no memory for a task");
    }
    return true;
}

/* ---- its answer ---- */

bool call_task_is_saved(const struct call *c)
{
    return c->tasked && c->tasked->phase == TASK_SAVED;
}

bool call_task_is_working(const struct call *c)
{
    return c->tasked && c->tasked->phase == TASK_AT_WORK;
}

/* Made before it was promised that there is one. */
void call_task_answer(struct call *c, struct buf *out)
{
    *out = c->tasked->record;
    c->tasked->record = (struct buf){ 0 };
}

static void sink_watch(struct call *c) { (void)c; }

static void sink_note(struct call *c, struct buf *json, bool must)
{
    (void)c, (void)json, (void)must;
}

/* What it asks stands in the task. */
static bool sink_can_ask(struct call *c)
{
    (void)c;
    return false;
}

static void sink_end(struct call *c)
{
    const struct call_task *t = c->tasked;
    enum outcome o = c->result.outcome;
    struct log_line line;
    log_begin(&line, o == OUT_OK || o == OUT_CANCELLED ? LOG_INFO : LOG_WARN, "task ended");
    log_str(&line, "tool", c->mcp->tool->name);
    log_str(&line, "call_id", c->id);
    log_str(&line, "task", t->id);
    log_str(&line, "key", c->principal->name);
    log_str(&line, "status", mcp_task_status_text(t->view.status));
    log_str(&line, "outcome", outcome_word(o));
    log_double(&line, "latency_ms", (double)(c->access.now_us - c->started_us) / 1000.0);
    log_end(&line);
}

/* The worker ends: the next start finds the task as it was left. */
static void sink_drop(struct call *c)
{
    tasks_drop(c->tasked->entry);
    c->tasked->entry = NULL;
}

static uint64_t sink_peer(const struct call *c)
{
    (void)c;
    return 0;
}

static const struct call_sink task_sink = { .watch = sink_watch,
                                            .note = sink_note,
                                            .can_ask = sink_can_ask,
                                            .end = sink_end,
                                            .drop = sink_drop,
                                            .peer = sink_peer };

/* From here on there is no request that could be cancelled, and no client that could be lost. Its
 * tool's own gate it holds on to; the one of all calls it leaves, [tasks] max_running counts it. */
static void call_detach(struct call *c)
{
    c->sink->end(c);
    c->sink = &task_sink;
    c->to = c->x = NULL;
    c->is_gone = false;
    c->is_watched = true;
    inflight_remove(c->worker->gateway->calls, c->entry);
    c->entry = NULL;
    call_leave_all(c);
    c->access.now_us = 0;
}

void call_task_begin(struct call *c)
{
    struct call_task *t = c->tasked;
    struct task_creation *creation = t->creation;
    buf_clear(&t->record);
    mcp_encode_task_created(&t->worker->serving->mcp, c->mcp, t->members.data, t->members.len,
                            &t->record);
    if (!buf_ok(&t->record) || tasks_tell(t->entry, t->members.data, t->members.len) != 0) {
        call_task_refuse(c, MG_E_NOMEM);
        return;
    }
    call_list(c);
    c->access.protocol = mcp_revision_text(c->mcp->revision);
    c->access.task = t->id;
    call_detach(c);
    t->phase = TASK_AT_WORK;
    t->creation = NULL;
    timer_start(t->worker->loop, &t->expiry, t->view.created_ms + t->view.ttl_ms - clock_wall_ms(),
                expired, t);
    creation->done(creation, 0, t->id);
}

bool call_task_is_held(const struct call *c) { return c->tasked && c->tasked->is_held; }

void call_task_free(struct call_task *t)
{
    if (!t)
        return;
    timer_stop(t->worker->loop, &t->expiry);
    timer_stop(t->worker->loop, &t->pace);
    t->call = NULL;
    task_unref(t);
}

/* ---- what it says while it is at work ---- */

static void say(void *arg);

static void told_durable(struct store_wait *w, int code)
{
    struct call_task *t = (struct call_task *)((char *)w - offsetof(struct call_task, told));
    t->is_telling = false;
    bool is_at_work = t->call && t->phase == TASK_AT_WORK;
    if (code == 0 && is_at_work)
        say(t);
    else if (is_at_work && t->worker->gateway->store) /* its disk may work again */
        timer_start(t->worker->loop, &t->pace, TASK_RETRY_MS, say, t);
    task_unref(t);
}

/* What is told of the state must be durable. */
static void say(void *arg)
{
    struct call_task *t = arg;
    struct store *store = t->worker->gateway->store;
    if (!t->has_next || t->is_telling || !store)
        return;
    if (!store_is_durable(store, t->next_seq)) {
        t->told.loop = t->worker->loop;
        t->told.seq = t->next_seq;
        t->told.done = told_durable;
        t->is_telling = true;
        t->refs++;
        store_wait(store, &t->told);
        return;
    }
    memcpy(t->message, t->next_message, sizeof t->message);
    t->view.message = t->message[0] ? t->message : NULL;
    task_write_questions(t);
    t->view.status = t->pending ? MCP_TASK_INPUT_REQUIRED : MCP_TASK_WORKING;
    t->view.inputs =
        (struct json_text){ t->inputs.data, t->inputs.len, t->pending ? JSON_OBJECT : JSON_NONE };
    t->view.updated_ms = clock_wall_ms();
    task_encode(t);
    /* What found no memory is said when the pace allows the next. */
    t->has_next = !buf_ok(&t->inputs) || !buf_ok(&t->members) ||
                  tasks_tell(t->entry, t->members.data, t->members.len) != 0;
    notices_task(t->worker->gateway->notices, t->id, strlen(t->id));
    timer_start(t->worker->loop, &t->pace, PACE_MS, say, t);
}

void task_say(struct call_task *t, uint64_t wait)
{
    if (t->phase != TASK_AT_WORK)
        return;
    if (wait > t->next_seq)
        t->next_seq = wait;
    t->has_next = true;
    say(t);
}

void call_task_progress(struct call *c, const struct task_progress *p, uint64_t wait)
{
    struct call_task *t = c->tasked;
    size_t len = p->message ? strlen(p->message) : 0;
    if (len > TASK_MESSAGE_MAX)
        len = utf8_valid(p->message, TASK_MESSAGE_MAX);
    if (p->message)
        snprintf(t->next_message, sizeof t->next_message, "%.*s", (int)len, p->message);
    else if (p->has_total)
        snprintf(t->next_message, sizeof t->next_message, "%.15g of %.15g", p->done, p->total);
    else
        snprintf(t->next_message, sizeof t->next_message, "%.15g", p->done);
    if (wait > t->next_seq)
        t->next_seq = wait;
    t->has_next = true;
    if (!t->pace.armed)
        say(t);
}
