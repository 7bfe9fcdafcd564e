#include "worker/call.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/log.h"
#include "base/rand.h"
#include "config/config.h"
#include "hub/sessions.h"
#include "vm/ask.h"
#include "worker/call_struct.h"

#define GATE_WAIT_MS 1000 /* how long a call waits for a place before it is refused */
#define POOL_MAX 256

size_t call_inflight_key(char *out, size_t size, const char *session, uint64_t principal,
                         uint64_t peer, const char *request_id, size_t len)
{
    int n = session && session[0] ? snprintf(out, size, "s:%s\n%.*s", session, (int)len, request_id)
                                  : snprintf(out, size, "p:%016" PRIx64 "%016" PRIx64 "\n%.*s",
                                             principal, peer, (int)len, request_id);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static struct call *call_new(struct worker *w)
{
    struct call *c = w->call_pool;
    if (!c)
        return calloc(1, sizeof *c);
    w->call_pool = c->next;
    w->call_pool_size--;
    memset(c, 0, sizeof *c);
    return c;
}

void call_list(struct call *c)
{
    if (c->is_listed)
        return;
    struct worker *w = c->worker;
    c->is_listed = true;
    c->serving = serving_ref(w->serving);
    c->next = w->calls;
    c->prev = &w->calls;
    if (c->next)
        c->next->prev = &c->next;
    w->calls = c;
}

void call_release(struct call *c)
{
    struct worker *w = c->worker;
    if (c->holds_session)
        sessions_release(w->gateway->sessions, c->mcp->session_id, c->principal->number,
                         clock_mono_ms());
    if (c->is_listed) {
        *c->prev = c->next;
        if (c->next)
            c->next->prev = c->prev;
        serving_unref(c->serving);
    }
    timer_stop(w->loop, &c->late);
    call_drop_notes(c, UINT64_MAX);
    call_drop_asks(c);
    call_drop_pages(c);
    call_task_free(c->tasked);
    mcp_call_free(c->mcp);
    tool_result_fini(&c->result);
    if (w->call_pool_size >= POOL_MAX) {
        free(c);
        return;
    }
    c->next = w->call_pool;
    w->call_pool = c;
    w->call_pool_size++;
}

void call_pool_free(struct worker *w)
{
    while (w->call_pool) {
        struct call *c = w->call_pool;
        w->call_pool = c->next;
        free(c);
    }
    w->call_pool_size = 0;
}

/* Until it has left the queue of a gate, the machine it will run on stays, whatever is reloaded. */
static void call_queue(struct call *c)
{
    c->is_queued = true;
    c->serving->generation->queued[c->worker->index]++;
}

static void call_unqueue(struct call *c)
{
    timer_stop(c->worker->loop, &c->gate_timer);
    c->is_queued = false;
    c->serving->generation->queued[c->worker->index]--;
}

/* The place for which it was queued is its own now. */
static void call_take_place(struct call *c)
{
    if (c->tool_gate && !c->holds_tool_gate)
        c->holds_tool_gate = true;
    else
        c->holds_all_gate = true;
}

void call_leave_all(struct call *c)
{
    if (c->holds_all_gate)
        gate_leave(c->worker->gateway->all_calls);
    c->holds_all_gate = false;
}

void call_leave_gates(struct call *c)
{
    call_leave_all(c);
    if (c->holds_tool_gate)
        gate_leave(c->tool_gate);
    c->holds_tool_gate = false;
}

/* The tool has ended. Called inside task_start() for one that did not wait: then call_run() goes on
 * from there. */
static void call_done(void *arg, struct tool_result *r, uint64_t seq)
{
    struct call *c = arg;
    c->result = *r;
    memset(r, 0, sizeof *r);
    /* Of several that fill a list, an earlier one may have seen more. */
    if (!c->mcp->listing || seq > c->seq)
        c->seq = seq;
    c->is_over = true;
    c->task = NULL;
    if (c->is_starting)
        return;
    call_leave_gates(c);
    if (c->tasked)
        call_task_end(c);
    else if (call_goes_on(c))
        call_run_fresh(c->worker);
    else
        call_answer(c);
}

static bool call_close_stream(void *arg, int64_t retry_ms)
{
    return call_stream_pause(arg, retry_ms);
}

static const struct task_ops call_ops = { .progress = call_note_progress,
                                          .log = call_note_log,
                                          .elicit_done = call_elicit_done,
                                          .done = call_done,
                                          .ask = call_ask,
                                          .ask_drop = call_ask_drop,
                                          .close_stream = call_close_stream,
                                          .as_task = call_as_task,
                                          .as_task_cancel = call_as_task_cancel };

/* Out of the queue, also when a place was given this moment. */
static void call_leave_queue(struct call *c)
{
    call_unqueue(c);
    if (!gate_cancel(&c->waiter))
        call_take_place(c);
    call_leave_gates(c);
}

/* The client's end: in the modern era a client that closes has cancelled; a legacy one has only
 * lost its stream. */
static void call_cancelled(void *arg)
{
    struct call *c = arg;
    c->is_gone = c->is_cancelled = true; /* a cancelled request gets no answer */
    if (c->task)
        task_cancel(c->task, TASK_CANCELLED);
    else if (c->is_queued) {
        call_leave_queue(c);
        call_refuse(c, OUT_CANCELLED, "cancelled");
    } else if (c->is_late) {
        call_unpostpone(c);
        call_leave_gates(c);
        call_refuse(c, OUT_CANCELLED, "cancelled");
    }
}

void call_lose(struct call *c)
{
    if (mcp_is_modern(c->mcp->revision) || call_is_asking(c))
        call_cancelled(c);
    else
        c->is_gone = true;
}

/* The tool waits: from here on the call must outlive reloads, keep its session, notice its client,
 * and be cancellable. */
void call_waits(struct call *c)
{
    struct worker *w = c->worker;
    if (c->is_watched)
        return;
    c->is_watched = true;
    call_list(c);
    if (c->mcp->has_session)
        c->holds_session =
            sessions_enter(w->gateway->sessions, c->mcp->session_id, c->principal->number,
                           clock_mono_ms(), true, NULL, NULL) == 0;
    c->sink->watch(c);
    if (c->x && mcp_is_modern(c->mcp->revision))
        return;
    char key[512];
    struct inflight *calls = w->gateway->calls;
    uint64_t peer = c->sink->peer(c);
    size_t n = call_inflight_key(key, sizeof key, c->mcp->has_session ? c->mcp->session_id : NULL,
                                 c->principal->number, peer, c->mcp->id.p, c->mcp->id.len);
    int code = inflight_add(calls, key, n, c->worker->loop, call_cancelled, c, &c->entry);
    if (code != 0)
        c->entry = NULL; /* this call cannot be cancelled by message */
    if (code == MG_E_CONFLICT)
        inflight_blur(calls, key, n); /* nor can the other one of that id: which would be meant? */
}

void call_run(struct call *c)
{
    const struct mcp_call *m = c->mcp;
    c->info = (struct task_info){
        .call_id = c->id,
        .tool = m->tool->name,
        .principal = c->principal->name,
        .scopes = c->principal->scopes,
        .tools = c->principal->tools,
        .ip = c->access.ip,
        .client_name = m->client_name,
        .client_version = m->client_version,
        .protocol = mcp_revision_text(m->revision),
        .args = m->arguments,
        .meta = m->meta,
        .responses = m->responses,
        .memory = m->memory,
        .timeout_ms = m->tool->timeout_ms,
        .memory_bytes = m->tool->memory_bytes,
        .wants_progress = m->may_stream && m->progress_token.type != JSON_NONE,
        .wants_log = m->may_stream && m->log_level != MCP_LOG_NONE,
    };
    struct vm *vm = c->serving ? c->serving->generation->vms[c->worker->index] : c->worker->vm;
    c->is_starting = true;
    struct task *t = task_start(vm, m->tool->index, &c->info, &call_ops, c);
    c->is_starting = false;
    if (c->is_over) {
        call_answer_soon(c);
        return;
    }
    c->task = t;
    call_waits(c);
}

static void call_enter(struct call *c);

static void gate_timed_out(void *arg)
{
    struct call *c = arg;
    if (!gate_cancel(&c->waiter)) { /* the place was given while the timer fired */
        c->waiter.entered(&c->waiter);
        return;
    }
    call_unqueue(c);
    char text[200];
    if (c->tool_gate && !c->holds_tool_gate)
        snprintf(text, sizeof text, "too many calls of %s at once: its limit is %u (concurrent)",
                 c->mcp->tool->name, c->mcp->tool->concurrent);
    else
        snprintf(text, sizeof text,
                 "too many calls at once: the limit is %u ([tools] max_concurrent)",
                 c->serving->config->tools.max_concurrent);
    call_leave_gates(c);
    call_refuse(c, OUT_TOOL_ERROR, text);
}

static void gate_entered(struct gate_waiter *waiter)
{
    struct call *c = (struct call *)((char *)waiter - offsetof(struct call, waiter));
    call_unqueue(c);
    call_take_place(c);
    if (c->worker->is_stopped) { /* its machine is gone */
        call_leave_gates(c);
        call_refuse(c, OUT_CANCELLED, "the gateway is shutting down");
        return;
    }
    call_enter(c);
    call_run_fresh(c->worker);
}

static bool call_enter_gate(struct call *c, struct gate *g, bool *holds)
{
    c->waiter.loop = c->worker->loop;
    c->waiter.entered = gate_entered;
    *holds = gate_enter(g, &c->waiter);
    if (*holds)
        return true;
    call_waits(c);
    call_queue(c);
    timer_start(c->worker->loop, &c->gate_timer, GATE_WAIT_MS, gate_timed_out, c);
    return false;
}

/* Through the tool's own gate, then the one of all calls; where it is full, this is called again
 * when a place is free. */
static void call_enter(struct call *c)
{
    if (c->tool_gate && !c->holds_tool_gate &&
        !call_enter_gate(c, c->tool_gate, &c->holds_tool_gate))
        return;
    if (!c->holds_all_gate &&
        !call_enter_gate(c, c->worker->gateway->all_calls, &c->holds_all_gate))
        return;
    call_start_soon(c);
}

/* [tool NAME] rate: tokens shared by all callers of the tool. Returns the ms to wait, 0 = go. */
static uint32_t tool_rate(struct worker *w, const struct tool *t)
{
    if (t->rate_bucket == 0)
        return 0;
    struct ratelimit_rule rule = { t->rate_bucket, t->rate_window_ms };
    return ratelimit_take(w->gateway->by_tool, &rule, t->name, strlen(t->name), loop_now(w->loop));
}

/* Through the gates of its tool, to its start. */
static void call_admit(struct call *c)
{
    struct worker *w = c->worker;
    const struct tool *t = c->mcp->tool;
    c->access.tool = t->name;
    uint32_t wait_ms = tool_rate(w, t);
    if (wait_ms > 0) {
        char text[160];
        snprintf(text, sizeof text, "rate limit of tool %s: try again in %u.%03u s", t->name,
                 wait_ms / 1000, wait_ms % 1000);
        call_refuse(c, OUT_TOOL_ERROR, text);
        return;
    }
    c->tool_gate = (c->serving ? c->serving : w->serving)->generation->gates[t->index];
    call_enter(c);
}

/* Whoever is left out of a list is told of here alone. */
static void log_left_out(const struct call *c, const struct tool *t)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "resources of a template left out of a list");
    log_str(&line, "tool", t->name);
    log_str(&line, "call_id", c->id);
    log_str(&line, "outcome", outcome_word(c->result.outcome));
    log_raw(&line, "content", c->result.content.data, c->result.content.len);
    log_end(&line);
}

bool call_goes_on(struct call *c)
{
    struct worker *w = c->worker;
    const struct tool *t = c->mcp->tool;
    if (!c->mcp->listing || c->is_gone)
        return false;
    call_bound_result(c);
    if (c->result.is_error)
        log_left_out(c, t);
    if (!mcp_list_goes_on(&w->serving->mcp, c->mcp, &c->result,
                          w->serving->config->server.max_result_bytes))
        return false;
    int64_t now = clock_mono_us();
    metrics_call(w->metrics, t->metric, c->result.outcome, now - c->tool_us);
    tool_result_fini(&c->result);
    memset(&c->result, 0, sizeof c->result);
    c->tool_us = now;
    c->is_over = false;
    call_admit(c);
    return true;
}

/* c is filled in but for its sink. */
static void call_go(struct call *c, struct worker *w, struct exchange *x, struct mcp_call *mcp,
                    const struct principal *p, const struct access *a)
{
    c->worker = w;
    c->mcp = mcp;
    c->principal = p;
    c->started_us = c->tool_us = x ? exchange_read_us(x) : clock_mono_us();
    c->access = *a;
    memcpy(c->id, "call_", 5);
    rand_base36(c->id + 5, CALL_ID_SIZE - 6);
    c->access.call_id = c->id;
    call_admit(c);
}

bool call_begin_to(struct worker *w, const struct call_sink *sink, void *to, struct mcp_call *mcp,
                   const struct principal *p, const struct access *a)
{
    struct call *c = call_new(w);
    if (!c)
        return false;
    c->sink = sink;
    c->to = to;
    call_go(c, w, NULL, mcp, p, a);
    return true;
}

void call_begin(struct worker *w, struct exchange *x, struct mcp_call *mcp,
                const struct principal *p, const struct access *a)
{
    struct call *c = call_new(w);
    if (!c) {
        struct http_reply r = { .status = 500 };
        mcp_encode_error(mcp, -32603, "Internal error: out of memory", &r.body);
        r.content_type = "application/json";
        mcp_call_free(mcp);
        access_reply(w, a, x, &r);
        return;
    }
    c->sink = &call_http;
    c->x = x;
    call_go(c, w, x, mcp, p, a);
}

bool calls_are_over(const struct worker *w)
{
    for (const struct call *c = w->calls; c; c = c->next)
        if (!call_task_is_held(c))
            return false;
    return true;
}

void call_drop_all(struct worker *w)
{
    for (struct call *c = w->calls, *next; c; c = next) {
        next = c->next;
        if (c->is_queued)
            call_leave_queue(c);
        if (c->is_late)
            call_unpostpone(c);
        call_leave_gates(c);
        inflight_remove(w->gateway->calls, c->entry);
        c->sink->drop(c);
        call_release(c);
    }
}
