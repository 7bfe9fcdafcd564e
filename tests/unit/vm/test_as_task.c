/* test_as_task.c - ctx:as_task: what the host is asked, what the tool gets back, and everything
 * that may come in between. */
#include "fixture.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct host {
    struct call call; /* first: the ops' argument */
    struct task_creation *creation;
    struct task_terms terms;
    int asked, cancelled, progress, logs;
    bool knows, is_quick;
    int code; /* of what it says at once */
};

static void on_progress(void *arg, const struct task_progress *p, uint64_t wait)
{
    (void)p, (void)wait;
    ((struct host *)arg)->progress++;
}

static void on_log(void *arg, int level, const char *json, size_t len, uint64_t wait)
{
    (void)level, (void)json, (void)len, (void)wait;
    ((struct host *)arg)->logs++;
}

static void on_done(void *arg, struct tool_result *r, uint64_t wait)
{
    struct host *h = arg;
    (void)wait;
    assert_null(h->creation); /* taken back before */
    h->call.is_done = true;
    h->call.result = *r;
    h->call.task = NULL;
    *r = (struct tool_result){ 0 };
}

static bool on_as_task(void *arg, const struct task_terms *terms, struct task_creation *c)
{
    struct host *h = arg;
    h->asked++;
    h->terms = *terms;
    if (!h->knows)
        return false;
    if (h->is_quick)
        c->done(c, h->code, h->code == 0 ? "task_1" : "there are too many");
    else
        h->creation = c;
    return true;
}

static void on_cancel(void *arg, struct task_creation *c)
{
    struct host *h = arg;
    assert_ptr_equal(c, h->creation);
    h->creation = NULL;
    h->cancelled++;
}

static const struct task_ops ops = { .progress = on_progress,
                                     .log = on_log,
                                     .done = on_done,
                                     .as_task = on_as_task,
                                     .as_task_cancel = on_cancel };

static void start(struct fixture *f, struct host *h, const char *tool)
{
    struct host keep = *h;
    const struct tool *t = toolset_find(f->set, tool, strlen(tool));
    if (!t)
        fail_msg("no tool %s: %s", tool, problems(f));
    call_begin(f, &h->call, t->name, NULL);
    h->knows = keep.knows;
    h->is_quick = keep.is_quick;
    h->code = keep.code;
    h->call.info.wants_progress = false;
    h->call.task = task_start(f->vm, t->index, &h->call.info, &ops, h);
    while (!h->creation && !h->call.is_done) /* one that is preempted asks in a later turn */
        turn(f);
}

static void created(struct host *h, int code, const char *text)
{
    struct task_creation *c = h->creation;
    assert_non_null(c);
    h->creation = NULL;
    c->done(c, code, text);
}

static void expect(struct fixture *f, struct host *h, enum outcome o, const char *text)
{
    call_wait(f, &h->call);
    assert_string_equal(call_text(&h->call), text);
    assert_int_equal(h->call.result.outcome, o);
    call_fini(&h->call);
}

#define TELL "return tostring(id) .. ' ' .. tostring(message) .. ' ' .. tostring(code)"

static void test_created(void **state)
{
    struct fixture *f = *state;
    struct host h = { .knows = true };
    fixture_tool(f, "t",
                 "ctx:progress(1) ctx:log('info', 1) "
                 "local id, message, code = ctx:as_task{ ttl = '2m', poll = 0.5 } "
                 "ctx:progress(2) ctx:log('info', 2) " TELL);
    fixture_load(f);
    start(f, &h, "t");
    assert_int_equal(h.terms.ttl_ms, 120000);
    assert_int_equal(h.terms.poll_ms, 500);
    for (int i = 0; i < 3; i++)
        turn(f);
    assert_false(h.call.is_done);
    assert_int_equal(h.logs, 1);
    created(&h, 0, "task_1");
    expect(f, &h, OUT_OK, "task_1 nil nil");
    assert_int_equal(h.progress, 1); /* wanted by nobody before, and always behind it */
    assert_int_equal(h.logs, 1);
    h = (struct host){ .knows = true, .is_quick = true };
    start(f, &h, "t");
    expect(f, &h, OUT_OK, "task_1 nil nil");
}

/* Where nothing comes of it the call is what it was. */
static void test_not_created(void **state)
{
    struct fixture *f = *state;
    struct host h = { .knows = false };
    fixture_tool(f, "t", "local id, message, code = ctx:as_task() ctx:log('info', 1) " TELL);
    fixture_load(f);
    start(f, &h, "t");
    expect(f, &h, OUT_OK, "false nil nil");
    assert_int_equal(h.asked, 1);
    assert_int_equal(h.terms.ttl_ms, 0);
    assert_int_equal(h.logs, 1);
    h = (struct host){ .knows = true, .is_quick = true, .code = MG_E_LIMIT };
    start(f, &h, "t");
    expect(f, &h, OUT_OK, "nil there are too many LIMIT");
    assert_int_equal(h.logs, 1);
    h = (struct host){ .knows = true };
    start(f, &h, "t");
    created(&h, MG_E_UNSURE, "who knows");
    expect(f, &h, OUT_OK, "nil who knows UNSURE");
    assert_string_equal(call(f, "t", NULL, OUT_OK), "false nil nil"); /* a host without the word */
}

/* Its time begins anew, and stopping it meanwhile takes the question back. */
static void test_time(void **state)
{
    struct fixture *f = *state;
    struct host h = { .knows = true, .is_quick = true };
    fixture_tool(f, "long", "ctx:as_task{ timeout = 60 } mcp.test.sleep(150) return 'done'");
    fixture_tool(f, "short", "ctx:as_task{ timeout = 0.05 } mcp.test.sleep(60000)");
    fixture_tool(f, "again",
                 "ctx:as_task{ timeout = 0.05 } "
                 "for _ = 1, 1000 do mcp.test.sleep(10) ctx:as_task{ timeout = 60 } end");
    fixture_tool(f, "waits", "local id, message, code = ctx:as_task() " TELL);
    fixture_load(f);
    f->call_timeout_ms = 50;
    start(f, &h, "long");
    expect(f, &h, OUT_OK, "done");
    f->call_timeout_ms = 60000;
    start(f, &h, "short");
    call_wait(f, &h.call);
    assert_int_equal(h.call.result.outcome, OUT_TIMEOUT);
    call_fini(&h.call);
    start(f, &h, "again"); /* only the first one counts */
    call_wait(f, &h.call);
    assert_int_equal(h.call.result.outcome, OUT_TIMEOUT);
    call_fini(&h.call);
    h = (struct host){ .knows = true };
    start(f, &h, "waits");
    task_cancel(h.call.task, TASK_CANCELLED);
    call_wait(f, &h.call);
    assert_int_equal(h.cancelled, 1);
    assert_int_equal(h.call.result.outcome, OUT_CANCELLED);
    call_fini(&h.call);
    h = (struct host){ .knows = true };
    start(f, &h, "waits"); /* dropped with its machine */
    fixture_load(f);
    assert_int_equal(h.cancelled, 1);
    call_fini(&h.call);
}

static void test_misuse(void **state)
{
    static const struct {
        const char *body, *text;
    } all[] = {
        { "ctx:as_task{ tll = 1 }", "unknown option \"tll\" (did you mean" },
        { "ctx:as_task{ ttl = 'soon' }", "ttl: expected seconds, or a text such as \"5s\"" },
        { "ctx:as_task{ ttl = 0 }", "ttl: expected more than 0" },
        { "ctx:as_task{ poll = '2h' }", "poll: at most 3600 seconds" },
        { "ctx:as_task{ timeout = '8d' }", "timeout: at most 604800 seconds" },
        { "ctx:as_task(5)", NULL },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[8], body[200];
        snprintf(name, sizeof name, "t%zu", i);
        snprintf(body, sizeof body, "%s return 'no error'", all[i].body);
        fixture_tool(f, name, body);
    }
    fixture_load(f);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct host h = { .knows = true, .is_quick = true };
        char name[8];
        snprintf(name, sizeof name, "t%zu", i);
        start(f, &h, name);
        call_wait(f, &h.call);
        assert_int_equal(h.call.result.outcome, OUT_TOOL_ERROR);
        if (all[i].text && !strstr(call_text(&h.call), all[i].text))
            fail_msg("%s: %s", all[i].body, call_text(&h.call));
        assert_int_equal(h.asked, 0);
        call_fini(&h.call);
    }
}

/* What is no answer of the tool's is known as such. */
static void test_internal(void **state)
{
    struct fixture *f = *state;
    struct host h = { 0 };
    fixture_tool(f, "crash", "error {}");
    fixture_tool(f, "fails", "error 'why'");
    fixture_load(f);
    start(f, &h, "crash");
    call_wait(f, &h.call);
    assert_true(h.call.result.is_internal);
    call_fini(&h.call);
    start(f, &h, "fails");
    call_wait(f, &h.call);
    assert_false(h.call.result.is_internal);
    call_fini(&h.call);
}

static void test_declaration(void **state)
{
    struct fixture *f = *state;
    static const char file[] = "local mcp = require 'mcp' local run = function() end return {"
                               "mcp.tool { name = 'r', run = run, task = 'required' },"
                               "mcp.tool { name = 'o', run = run, task = 'optional' },"
                               "mcp.tool { name = 'n', run = run } }";
    static const char wrong[] = "local mcp = require 'mcp' return mcp.tool { name = 'w', "
                                "run = function() end, task = 'always' }";
    fixture_write(f, "a.lua", file);
    fixture_write(f, "b.lua", wrong);
    fixture_load(f);
    assert_true(toolset_find(f->set, "r", 1)->needs_task);
    assert_false(toolset_find(f->set, "o", 1)->needs_task);
    assert_false(toolset_find(f->set, "n", 1)->needs_task);
    assert_non_null(strstr(problems(f), "task: expected \"required\" or \"optional\""));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_created), TEST(test_not_created), TEST(test_time),
        TEST(test_misuse),  TEST(test_internal),    TEST(test_declaration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
