#include "fixture.h"

#include "base/clock.h"
#include "support/folder.h"
#include "vm/op.h"

#include <lauxlib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fixture *fixture_new(void)
{
    static const struct api_module *const modules[] = { &test_module, NULL };
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = { 0 };
    assert_non_null(f);
    folder_make(f->base, "vm");
    snprintf(f->dir, sizeof f->dir, "%s/tools.d", f->base);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    f->policy.enabled = true;
    f->o = machine_options(f->dir, f->base, &f->policy);
    f->o.modules = modules;
    f->o.grace_ms = 30;
    f->o.default_memory = 16 << 20;
    f->services.loop = loop_new(&e);
    assert_non_null(f->services.loop);
    f->services.metrics = metrics_slot(0);
    dog_start(&f->dog, &f->services);
    return f;
}

int fixture_setup(void **state)
{
    *state = fixture_new();
    test_cancelled = test_released = 0;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

void fixture_free(struct fixture *f)
{
    vm_free(f->vm);
    toolset_unref(f->set);
    dog_stop(&f->dog);
    loop_free(f->services.loop);
    folder_remove(f->base);
    free(f);
}

void fixture_write(struct fixture *f, const char *name, const char *text)
{
    folder_write(f->dir, name, text);
}

void fixture_tool(struct fixture *f, const char *name, const char *body)
{
    char file[80];
    snprintf(file, sizeof file, "%s.lua", name);
    folder_printf(f->dir, file,
                  "local mcp = require \"mcp\"\n"
                  "return mcp.tool { name = \"%s\", input = { type = \"object\" },\n"
                  "run = function(args, ctx) %s end }\n",
                  name, body);
}

void fixture_load(struct fixture *f) { machine_load(&f->vm, &f->set, &f->o, &f->services); }

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

void call_begin(struct fixture *f, struct call *c, const char *tool, const char *args)
{
    call_prepare(c, tool, args);
    c->info.scopes = "read,write";
    c->info.wants_progress = c->info.wants_log = true;
    c->info.timeout_ms = f->call_timeout_ms;
}

void call_start(struct fixture *f, struct call *c, const char *tool, const char *args)
{
    const struct tool *t = toolset_find(f->set, tool, strlen(tool));
    if (!t)
        fail_msg("no tool %s: %s", tool, problems(f));
    call_begin(f, c, t->name, args);
    call_run(f->vm, c, t->index);
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
    drain(f);
}

void drain(struct fixture *f)
{
    int64_t end = clock_mono_ms() + 10000 * (int64_t)slow_factor();
    while (vm_task_count(f->vm)) {
        assert_true(clock_mono_ms() < end);
        turn(f);
    }
}

void turn(struct fixture *f)
{
    loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 20);
    vm_run(f->vm);
}

void run_until(struct fixture *f, const bool *done, int64_t limit_ms)
{
    int64_t end = clock_mono_ms() + limit_ms;
    while (!*done) {
        if (clock_mono_ms() > end)
            fail_msg("not done within %d ms", (int)limit_ms);
        turn(f);
    }
}

/* The bound ends what hangs, on the slowest machine too; it measures nothing. */
void call_wait(struct fixture *f, struct call *c)
{
    run_until(f, &c->is_done, slow_factor() > 1 ? 120000 : 60000);
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
