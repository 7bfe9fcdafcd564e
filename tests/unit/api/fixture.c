#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/api.h"
#include "api/job_gates.h"
#include "api/outbox.h"
#include "base/clock.h"
#include "hub/cache.h"
#include "files/files.h"
#include "hub/inflight.h"
#include "index/index.h"
#include "io/fetch.h"
#include "io/offload.h"

#define LIMIT_MS 20000

/* ---- life ---- */

static bool may_open(void *arg, int fd)
{
    const struct fixture *f = arg;
    struct stat st;
    return f->may_open && fstat(fd, &st) == 0 && st.st_ino != f->denied;
}

static bool may_make(void *arg, int folder, const char *name)
{
    (void)name;
    return may_open(arg, folder);
}

static void note_event(void *arg, struct topic_event *ev)
{
    struct fixture *f = arg;
    size_t used = strlen(f->events);
    size_t n = ev->len < sizeof f->events - used - 1 ? ev->len : sizeof f->events - used - 1;
    memcpy(f->events + used, ev->frame, n);
    f->events[used + n] = '\0';
}

static void note_closed(void *arg, int code)
{
    (void)arg;
    fail_msg("the subscription was closed: %d", code);
}

static void open_store(struct fixture *f, bool is_durable)
{
    struct err e = { 0 };
    char path[FOLDER_PATH + 16];
    snprintf(path, sizeof path, "%s/state.json", f->base);
    struct store_options o = { .path = path, .autosave_ms = 3000, .sweep_ms = 3600000 };
    f->services.store = is_durable ? store_open_local(&o, &e) : store_open_memory(&e);
    if (!f->services.store)
        fail_msg("%s", e.text);
}

static void open_index(struct fixture *f)
{
    char path[FOLDER_PATH + 16];
    snprintf(path, sizeof path, "%s/index", f->base);
    struct index_options o = { .path = path, .offload = f->services.offload };
    f->services.index = index_new(&o);
    assert_non_null(f->services.index);
}

static void open_hub(struct fixture *f)
{
    static const struct topic_sub_ops ops = { note_event, note_closed };
    static const char *const all[] = { "*" };
    struct topics_options o = { .max_topics = 1000,
                                .max_bytes = 1 << 24,
                                .max_topics_per_sub = 64,
                                .max_queue_bytes = 1 << 24 };
    struct err e = { 0 };

    f->services.topics = topics_new(&o);
    f->services.jobs = inflight_new();
    f->services.job_gates = job_gates_new();
    f->services.outbox = outbox_new(f->services.loop, f->services.store, f->services.topics,
                                    f->services.notices, NULL, NULL);
    f->sub = topics_subscribe(f->services.topics, f->services.loop, all, 1, &ops, f, &e);
    assert_non_null(f->sub);
    f->events[0] = '\0';
}

struct fixture *fixture_new(bool is_durable)
{
    static const char *const none[] = { NULL };
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = { 0 };

    assert_non_null(f);
    folder_make(f->base, "api");
    snprintf(f->dir, sizeof f->dir, "%s/tools.d", f->base);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    f->policy = (struct vm_policy){ .enabled = true, .exec = none, .env = none, .state = none };
    f->o = machine_options(f->dir, f->base, &f->policy);
    f->o.modules = api_modules;
    f->o.may_open = may_open;
    f->o.may_make = may_make;
    f->o.may_open_arg = f;
    f->o.config = &f->sections;
    f->services.loop = loop_new(&e);
    assert_non_null(f->services.loop);
    f->services.offload = offload_new(2, 64, &e);
    assert_non_null(f->services.offload);
    f->services.cache = cache_new();
    assert_non_null(f->services.cache);
    f->services.fs = files_new();
    assert_non_null(f->services.fs);
    f->services.metrics = metrics_slot(0);
    open_index(f);
    f->services.fetcher = fetcher_new(f->services.loop, f->services.metrics);
    assert_non_null(f->services.fetcher);
    open_store(f, is_durable);
    open_hub(f);
    dog_start(&f->dog, &f->services);
    return f;
}

static void close_parts(struct fixture *f)
{
    struct err e = { 0 };

    if (f->vm)
        settle(f);
    vm_free(f->vm);
    f->vm = NULL;
    while (!outbox_is_empty(f->services.outbox))
        loop_poll(f->services.loop, 100);
    topics_unsubscribe(f->sub);
    outbox_free(f->services.outbox);
    job_gates_free(f->services.job_gates);
    inflight_free(f->services.jobs);
    topics_free(f->services.topics);
    assert_int_equal(store_close(f->services.store, &e), 0);
}

void fixture_free(struct fixture *f)
{
    close_parts(f);
    toolset_unref(f->set);
    dog_stop(&f->dog);
    cache_free(f->services.cache);
    fetcher_free(f->services.fetcher);
    offload_free(f->services.offload);
    index_close(f->services.index);
    loop_free(f->services.loop);
    index_free(f->services.index);
    files_free(f->services.fs);
    folder_remove(f->base);
    free(f);
}

int fixture_setup(void **state) { return (*state = fixture_new(false)) ? 0 : -1; }
int fixture_setup_durable(void **state) { return (*state = fixture_new(true)) ? 0 : -1; }

int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

void fixture_write(struct fixture *f, const char *name, const char *text)
{
    folder_write(f->base, name, text);
}

void fixture_tool(struct fixture *f, const char *name, const char *body)
{
    char file[96];
    snprintf(file, sizeof file, "tools.d/%s.lua", name);
    folder_printf(
        f->base, file,
        "local mcp = require \"mcp\"\n"
        "return mcp.tool { name = \"%s\", needs = { \"exec?\", \"env?\", \"fs?\", \"http?\" },\n"
        "settings = { greeting = { type = \"string\", default = \"hi\", help = \"?\" },\n"
        "             pause = { type = \"duration\", default = \"1500ms\", help = \"?\" } },\n"
        "run = function(args, ctx)\n%s\nend }\n",
        name, body);
}

static void load(struct fixture *f)
{
    signal(SIGPIPE, SIG_IGN); /* as the gateway does: programs need not read what they are given */
    machine_load(&f->vm, &f->set, &f->o, &f->services);
    for (size_t i = 0; i < toolset_problem_count(f->set); i++)
        fail_msg("%s", toolset_problem_at(f->set, i)->text);
}

void fixture_load(struct fixture *f)
{
    if (f->vm)
        settle(f);
    load(f);
}

void fixture_restart(struct fixture *f)
{
    close_parts(f);
    open_store(f, true);
    open_hub(f);
    load(f);
}

/* ---- turning ---- */

void turn(struct fixture *f)
{
    loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 20);
    vm_run(f->vm);
}

void turn_until(struct fixture *f, bool (*done)(void *arg), void *arg)
{
    int64_t end = clock_mono_ms() + LIMIT_MS;
    while (!done(arg)) {
        if (clock_mono_ms() > end)
            fail_msg("not done within %d ms; events so far:\n%s", LIMIT_MS, f->events);
        turn(f);
    }
}

static bool is_settled(void *arg)
{
    struct fixture *f = arg;
    return vm_task_count(f->vm) == 0 && outbox_is_empty(f->services.outbox);
}

void settle(struct fixture *f)
{
    turn_until(f, is_settled, f);
    loop_poll(f->services.loop, 0);
}

static const char *awaited;
static bool has_event(void *arg) { return strstr(((struct fixture *)arg)->events, awaited); }

void await_event(struct fixture *f, const char *text)
{
    awaited = text;
    turn_until(f, has_event, f);
}

/* ---- calls ---- */

void call_start(struct fixture *f, struct call *c, const char *tool, const char *args)
{
    const struct tool *t = toolset_find(f->set, tool, strlen(tool));

    assert_non_null(t);
    call_prepare(c, t->name, args);
    call_run(f->vm, c, t->index);
}

static bool is_done(void *arg) { return ((struct call *)arg)->is_done; }
void call_wait(struct fixture *f, struct call *c) { turn_until(f, is_done, c); }

static struct loop_timer cancel_timer;
static void cancel_now(void *arg)
{
    struct call *c = arg;
    if (c->task)
        task_cancel(c->task, TASK_CANCELLED);
}

void cancel_later(struct fixture *f, struct call *c, int64_t ms)
{
    timer_start(f->services.loop, &cancel_timer, ms, cancel_now, c);
}

/* An error begins with "!". */
const char *call_said(const struct call *c)
{
    static char text[262144];

    snprintf(text, sizeof text, "%s%s", c->result.is_error ? "!" : "", call_text(c));
    return text;
}

const char *call(struct fixture *f, const char *tool, const char *args)
{
    struct call c;
    call_start(f, &c, tool, args);
    call_wait(f, &c);
    const char *text = call_said(&c);
    call_fini(&c);
    return text;
}

void check(struct fixture *f, const char *body, const char *want)
{
    fixture_tool(f, "t", body);
    fixture_load(f);
    const char *got = call(f, "t", NULL);
    if (strcmp(got, want) != 0)
        fail_msg("%s\ngave   %.2000s\nwanted %s", body, got, want);
}

/* All bodies go into one tool, which is loaded once: run picks one of them by args.i. */
void check_all(struct fixture *f, const struct example *examples)
{
    struct buf body = { 0 };
    char args[32];

    buf_str(&body, "local bodies = {\n");
    for (const struct example *x = examples; x->body; x++)
        buf_printf(&body, "function(args, ctx)\n%s\nend,\n", x->body);
    buf_str(&body, "}\nreturn bodies[args.i](args, ctx)");
    fixture_tool(f, "t", buf_cstr(&body));
    fixture_load(f);
    buf_fini(&body);
    for (size_t i = 0; examples[i].body; i++) {
        snprintf(args, sizeof args, "{\"i\":%zu}", i + 1);
        const char *got = call(f, "t", args);
        if (strcmp(got, examples[i].want) != 0)
            fail_msg("%s\ngave   %.2000s\nwanted %s", examples[i].body, got, examples[i].want);
    }
}

void check_raises(struct fixture *f, const char *prelude, const char *const *lines, size_t n)
{
    struct buf body = { 0 };

    buf_printf(&body, "%s\nlocal all = {\n", prelude);
    for (size_t i = 0; i < n; i++)
        buf_printf(&body, "function() return %s end,\n", lines[i]);
    buf_str(&body,
            "}\nfor i = 1, #all do if pcall(all[i]) then return i end end return 'all raise'");
    fixture_tool(f, "t", buf_cstr(&body));
    fixture_load(f);
    buf_fini(&body);
    const char *got = call(f, "t", NULL);
    if (strcmp(got, "all raise") != 0)
        fail_msg("does not raise: %s", lines[atoi(got) > 0 ? atoi(got) - 1 : 0]);
}
