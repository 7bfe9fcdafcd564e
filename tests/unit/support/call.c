#include "support/call.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_scan.h"

static void on_progress(void *arg, const struct task_progress *p, uint64_t wait)
{
    struct call *c = arg;
    c->progress++;
    c->last_wait = wait;
    snprintf(c->last, sizeof c->last, "%g %g %d %s", p->done, p->total, p->has_total,
             p->message ? p->message : "-");
}

static void on_log(void *arg, int level, const char *json, size_t len, uint64_t wait)
{
    struct call *c = arg;
    c->last_wait = wait;
    c->logs++;
    snprintf(c->last, sizeof c->last, "%d %.*s", level, (int)len, json);
}

static void on_done(void *arg, struct tool_result *r, uint64_t wait)
{
    struct call *c = arg;
    assert_false(c->is_done);
    c->is_done = true;
    c->result = *r;
    *r = (struct tool_result){ 0 };
    c->wait = wait;
    c->task = NULL;
    c->took_ms = clock_mono_ms() - c->began_ms;
}

static enum task_asked on_ask(void *arg, struct task_ask *a, uint64_t wait, struct err *e)
{
    struct call *c = arg;
    c->asks++;
    c->last_wait = wait;
    c->asked = a;
    enum task_asked how = c->ask(c, a, e);
    if (how != ASK_SENT)
        c->asked = NULL;
    return how;
}

static void on_ask_drop(void *arg, struct task_ask *a)
{
    struct call *c = arg;
    assert_ptr_equal(a, c->asked);
    c->asked = NULL;
    c->drops++;
}

void call_prepare(struct call *c, const char *tool, const char *args)
{
    struct err e = { 0 };

    *c = (struct call){ .began_ms = clock_mono_ms() };
    c->info = (struct task_info){ .call_id = "c1",
                                  .tool = tool,
                                  .principal = "anna",
                                  .scopes = "",
                                  .ip = "127.0.0.1",
                                  .client_name = "cli",
                                  .client_version = "9",
                                  .protocol = "2025-11-25" };
    if (args && json_scan(args, strlen(args), NULL, &c->info.args, &e) != 0)
        fail_msg("%s: %s", args, e.text);
}

void call_run(struct vm *vm, struct call *c, uint32_t index)
{
    static const struct task_ops plain = { .progress = on_progress,
                                           .log = on_log,
                                           .done = on_done };
    static const struct task_ops asking = { .progress = on_progress,
                                            .log = on_log,
                                            .done = on_done,
                                            .ask = on_ask,
                                            .ask_drop = on_ask_drop };
    const struct task_ops *ops = c->ask ? &asking : &plain;
    struct task *task = task_start(vm, index, &c->info, ops, c);

    c->info.args = c->info.meta = (struct json_text){ 0 };
    assert_true(c->is_done ? task == NULL : task != NULL);
    c->task = task;
}

void call_fini(struct call *c) { tool_result_fini(&c->result); }

const char *call_text(const struct call *c)
{
    static const char *const names[] = { "text" };
    static char text[262144];
    struct json_text root, block, found[1];
    struct err e = { 0 };
    struct buf b = { 0 };

    text[0] = '\0';
    if (json_scan(c->result.content.data, c->result.content.len, NULL, &root, &e) != 0)
        fail_msg("content is not JSON: %s", e.text);
    struct json_iter it = json_iter(root);
    if (!json_next_item(&it, &block))
        return text;
    json_find(block, names, found, 1);
    json_string_decode(found[0], &b);
    snprintf(text, sizeof text, "%.*s", (int)b.len, b.data ? b.data : "");
    buf_fini(&b);
    return text;
}
