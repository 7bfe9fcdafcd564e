#include "fixture.h"

#include "base/clock.h"
#include "base/json_scan.h"
#include "base/log.h"
#include "vm/op.h"

#include <lauxlib.h>

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct vm_policy *policy(void *arg, const char *tool)
{
    (void)tool;
    return &((struct fixture *)arg)->policy;
}

int slow_factor(void)
{
    const char *preload = getenv("LD_PRELOAD");
    if (preload && strstr(preload, "vgpreload"))
        return 50;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 10;
#else
    return 1;
#endif
}

/* ThreadSanitizer does not deliver the signal, and valgrind may not let the watchdog run for
 * seconds. */
static bool has_signals(void)
{
#ifdef __SANITIZE_THREAD__
    return false;
#else
    return slow_factor() <= 10;
#endif
}

struct fixture *fixture_new(void)
{
    static const struct api_module *const modules[] = { &test_module, NULL };
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = { 0 };
    assert_non_null(f);
    char base[] = "/tmp/moongate-vm-XXXXXX";
    assert_non_null(mkdtemp(base));
    snprintf(f->dir, sizeof f->dir, "%s/tools.d", base);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    f->policy.enabled = true;
    f->o = (struct vm_options){
        .tools_dir = f->dir,
        .root = base,
        .modules = modules,
        .policy = policy,
        .policy_arg = f,
        .default_timeout_ms = 30000,
        .max_timeout_ms = 600000,
        .grace_ms = 30,
        .default_memory = 16 << 20,
        .max_memory = 256 << 20,
        .worker_memory = 512 << 20,
        .permanent_hook = !has_signals(),
    };
    f->services.loop = loop_new(&e);
    assert_non_null(f->services.loop);
    f->services.metrics = metrics_slot(0);
    if (has_signals()) {
        assert_int_equal(vm_install_signal(&e), 0);
        struct watchdog_options o = { .slice_ms = 5, .signal = vm_preempt_signal() };
        f->dog = watchdog_start(&o, &e);
        assert_non_null(f->dog);
        f->slot.thread = pthread_self();
        assert_int_equal(watchdog_add(f->dog, &f->slot), 0);
        f->services.watch = &f->slot;
    }
    return f;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void fixture_free(struct fixture *f)
{
    vm_free(f->vm);
    toolset_unref(f->set);
    if (f->dog) {
        watchdog_remove(f->dog, &f->slot);
        watchdog_stop(f->dog);
    }
    loop_free(f->services.loop);
    *strrchr(f->dir, '/') = '\0';
    nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
}

void fixture_write(struct fixture *f, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    for (char *p = path + strlen(f->dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

void fixture_tool(struct fixture *f, const char *name, const char *body)
{
    char file[80];
    size_t size = strlen(body) + 512;
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(file, sizeof file, "%s.lua", name);
    snprintf(text, size,
             "local mcp = require \"mcp\"\n"
             "return mcp.tool { name = \"%s\", input = { type = \"object\" },\n"
             "run = function(args, ctx) %s end }\n",
             name, body);
    fixture_write(f, file, text);
    free(text);
}

void fixture_load(struct fixture *f)
{
    struct err e = { 0 };
    vm_free(f->vm);
    toolset_unref(f->set);
    f->set = toolset_new(1);
    assert_non_null(f->set);
    f->vm = vm_new(&f->o, f->set, NULL, &e);
    if (!f->vm)
        fail_msg("%s", e.text);
    assert_int_equal(toolset_seal(f->set), 0);
    vm_attach(f->vm, &f->services);
}

const char *problems(struct fixture *f)
{
    static char text[8192];
    text[0] = '\0';
    for (size_t i = 0; i < toolset_problem_count(f->set); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n",
                 toolset_problem_at(f->set, i)->text);
    return text;
}

/* ---- calls ---- */

static void on_progress(void *arg, double done, double total, bool has_total, const char *message)
{
    struct call *c = arg;
    c->progress++;
    snprintf(c->last, sizeof c->last, "%g %g %d %s", done, total, has_total,
             message ? message : "-");
}

static void on_log(void *arg, int level, const char *json, size_t len)
{
    struct call *c = arg;
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
    c->took_ms = clock_mono_ms() - c->begin_ms;
}

static const struct task_ops ops = { on_progress, on_log, on_done };

void call_begin(struct fixture *f, struct call *c, const char *tool)
{
    *c = (struct call){ .begin_ms = clock_mono_ms() };
    c->info = (struct task_info){
        .call_id = "c1",
        .tool = tool,
        .principal = "anna",
        .scopes = "read,write",
        .ip = "127.0.0.1",
        .client_name = "cli",
        .client_version = "9",
        .protocol = "2025-11-25",
        .wants_progress = true,
        .wants_log = true,
        .timeout_ms = f->call_timeout_ms,
    };
}

void call_run(struct fixture *f, struct call *c, uint32_t index)
{
    struct task *task = task_start(f->vm, index, &c->info, &ops, c);
    c->info.args = c->info.meta = (struct json_text){ 0 };
    assert_true(c->is_done ? task == NULL : task != NULL);
    c->task = task;
}

void call_start(struct fixture *f, struct call *c, const char *tool, const char *args)
{
    const struct tool *t = toolset_find(f->set, tool, strlen(tool));
    if (!t)
        fail_msg("no tool %s: %s", tool, problems(f));
    call_begin(f, c, t->name);
    if (args) {
        struct err e = { 0 };
        if (json_scan(args, strlen(args), NULL, &c->info.args, &e) != 0)
            fail_msg("%s: %s", args, e.text);
    }
    call_run(f, c, t->index);
}

struct failures {
    char *out;
    size_t size;
};

static void start_failed(void *arg, const char *file, const char *text)
{
    struct failures *x = arg;
    snprintf(x->out, x->size, "%s: %s", file, text);
}

void start_all(struct fixture *f, char *failed, size_t size)
{
    struct failures x = { failed, size };
    vm_start_tools(f->vm, NULL, NULL, start_failed, &x);
    int64_t end = clock_mono_ms() + 10000;
    while (vm_task_count(f->vm) && clock_mono_ms() < end) {
        loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 20);
        vm_run(f->vm);
    }
}

void run_until(struct fixture *f, const bool *done, int64_t limit_ms)
{
    int64_t end = clock_mono_ms() + limit_ms;
    while (!*done) {
        if (clock_mono_ms() > end)
            fail_msg("not done within %d ms", (int)limit_ms);
        loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 100);
        vm_run(f->vm);
    }
}

/* The bound ends what hangs, on the slowest machine too; it measures nothing. */
void call_wait(struct fixture *f, struct call *c)
{
    run_until(f, &c->is_done, 20000 * (int64_t)slow_factor());
}

void call_fini(struct call *c) { tool_result_fini(&c->result); }

const char *call_text(const struct call *c)
{
    static char text[65536];
    struct json_text root, block, found[1];
    struct err e = { 0 };
    static const char *const names[] = { "text" };
    text[0] = '\0';
    if (json_scan(c->result.content.data, c->result.content.len, NULL, &root, &e) != 0)
        fail_msg("content is not JSON: %s", e.text);
    struct json_iter it = json_iter(root);
    if (!json_next_item(&it, &block))
        return text;
    json_find(block, names, found, 1);
    struct buf b = { 0 };
    json_string_decode(found[0], &b);
    snprintf(text, sizeof text, "%.*s", (int)b.len, b.data ? b.data : "");
    buf_fini(&b);
    return text;
}

const char *call(struct fixture *f, const char *tool, const char *args, enum outcome want)
{
    struct call c;
    call_start(f, &c, tool, args);
    call_wait(f, &c);
    const char *text = call_text(&c);
    if (c.result.outcome != want)
        fail_msg("%s: outcome %s, wanted %s: %s", tool, outcome_word(c.result.outcome),
                 outcome_word(want), text);
    assert_true(c.result.is_error == (want != OUT_OK));
    call_fini(&c);
    return text;
}

/* ---- the test module ---- */

_Thread_local int test_cancelled, test_released, test_collected, test_unwatched;

struct sleeping {
    struct op op;
    struct loop *loop;
    struct loop_timer timer;
};

static void sleep_cancel(struct op *op)
{
    struct sleeping *s = (struct sleeping *)op;
    test_cancelled++;
    timer_stop(s->loop, &s->timer);
}

static void late_cancel(struct op *op)
{
    (void)op;
    test_cancelled++;
}

static void release(struct op *op)
{
    (void)op;
    test_released++;
}

static int slept(lua_State *L, struct op *op)
{
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

static int bad_results(lua_State *L, struct op *op)
{
    (void)op;
    return luaL_error(L, "bad results");
}

static const struct op_type sleep_type = { .name = "sleep",
                                           .size = sizeof(struct sleeping),
                                           .cancel = sleep_cancel,
                                           .release = release,
                                           .results = slept };
static const struct op_type late_type = { .name = "late",
                                          .size = sizeof(struct sleeping),
                                          .late = true,
                                          .cancel = late_cancel,
                                          .release = release,
                                          .results = slept };
static const struct op_type bad_type = { .name = "bad",
                                         .size = sizeof(struct sleeping),
                                         .cancel = sleep_cancel,
                                         .release = release,
                                         .results = bad_results };

static void fired(void *arg) { op_complete(arg); }

static int wait_ms(lua_State *L, const struct op_type *type)
{
    lua_Integer ms = luaL_checkinteger(L, 1);
    struct sleeping *s = (struct sleeping *)op_push(L, type);
    if (!s)
        return 3;
    s->loop = vm_services_of(L)->loop;
    if (ms < 0)
        op_complete(&s->op); /* complete before anybody waits */
    else
        timer_start(s->loop, &s->timer, ms, fired, s);
    return op_wait(L, &s->op);
}

static int l_sleep(lua_State *L) { return wait_ms(L, &sleep_type); }

static int l_late(lua_State *L) { return wait_ms(L, &late_type); }

static int l_bad(lua_State *L) { return wait_ms(L, &bad_type); }

/* Pushes an op and never waits for it. */
static int l_leave(lua_State *L)
{
    struct sleeping *s = (struct sleeping *)op_push(L, &sleep_type);
    if (!s)
        return 3;
    s->loop = vm_services_of(L)->loop;
    return 0;
}

static int l_seq(lua_State *L)
{
    task_wait_for(task_of(L), (uint64_t)luaL_checkinteger(L, 1));
    return 0;
}

static int l_mark(lua_State *L)
{
    const char *kind = luaL_checkstring(L, 1);
    if (strcmp(kind, "array") == 0)
        value_mark_array(L, 2);
    else if (strcmp(kind, "object") == 0)
        value_mark_object(L, 2);
    else if (strcmp(kind, "content") == 0)
        result_mark_content(L, 2);
    else
        result_mark_fail(L, 2);
    lua_settop(L, 2);
    return 1;
}

static int l_encode(lua_State *L)
{
    struct buf b = { 0 };
    struct err e = { 0 };
    if (value_encode(L, 1, &b, &e) == 0)
        lua_pushlstring(L, b.data, b.len);
    else
        lua_pushfstring(L, "! %s", e.text);
    buf_fini(&b);
    return 1;
}

static int garbage_gc(lua_State *L)
{
    const struct watch_slot *slot = vm_services_of(L)->watch;
    test_collected++;
    if (slot && !(atomic_load(&slot->seq) & 1))
        test_unwatched++;
    return 0;
}

static int l_garbage(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    if (luaL_newmetatable(L, "test.garbage")) {
        lua_pushcfunction(L, garbage_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return 0;
}

static int l_setting(lua_State *L)
{
    setting_push(L, luaL_checkstring(L, 1));
    return 1;
}

static int open_test(lua_State *L)
{
    static const luaL_Reg functions[] = { { "sleep", l_sleep },     { "late", l_late },
                                          { "bad", l_bad },         { "leave", l_leave },
                                          { "seq", l_seq },         { "mark", l_mark },
                                          { "encode", l_encode },   { "setting", l_setting },
                                          { "garbage", l_garbage }, { NULL, NULL } };
    luaL_newlib(L, functions);
    value_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}

const struct api_module test_module = { .name = "test", .open = open_test };
