/* test_ask.c - questions to the client: what is asked, who answers, and everything that can end the
 * wait. */
#include "fixture.h"

#include "base/clock.h"
#include "vm/ask.h"
#include "vm/ask_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM                                                                           \
    "{ message = 'Name?', schema = { type = 'object', properties = { name = { type = " \
    "'string', maxLength = 5 } }, required = { 'name' } } }"

static struct json_text json(const char *text)
{
    struct json_text root;
    struct err e = { 0 };
    if (json_scan(text, strlen(text), NULL, &root, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return root;
}

static enum task_asked sends(struct call *c, struct task_ask *a, struct err *e)
{
    (void)c, (void)a, (void)e;
    return ASK_SENT;
}

static enum task_asked refuses(struct call *c, struct task_ask *a, struct err *e)
{
    (void)c, (void)a;
    err_set(e, MG_E_DENIED, "no such screen");
    return ASK_REFUSED;
}

static enum task_asked ends(struct call *c, struct task_ask *a, struct err *e)
{
    (void)c, (void)a, (void)e;
    return ASK_ENDS;
}

static enum task_asked at_once(struct call *c, struct task_ask *a, struct err *e)
{
    (void)c, (void)e;
    for (size_t i = 0; i < a->count; i++)
        task_answer(a, i, json("{\"action\":\"decline\"}"), NULL);
    return ASK_SENT;
}

typedef enum task_asked asking(struct call *c, struct task_ask *a, struct err *e);

/* One that is preempted asks in a later turn. */
static void asked(struct fixture *f, struct call *c)
{
    while (!c->asked && !c->is_done)
        turn(f);
}

static void start(struct fixture *f, struct call *c, const char *tool, asking *ask)
{
    const struct tool *t = toolset_find(f->set, tool, strlen(tool));
    if (!t)
        fail_msg("no tool %s: %s", tool, problems(f));
    call_begin(f, c, t->name, NULL);
    c->ask = ask;
    call_run(f->vm, c, t->index);
    asked(f, c);
}

static void answer(struct call *c, const char *text)
{
    struct task_ask *a = c->asked;
    assert_non_null(a);
    assert_int_equal(a->count, 1);
    c->asked = NULL;
    task_answer(a, 0, json(text), NULL);
}

static void expect(struct fixture *f, struct call *c, enum outcome o, const char *text)
{
    call_wait(f, c);
    assert_string_equal(call_text(c), text);
    assert_int_equal(c->result.outcome, o);
    call_fini(c);
}

#define TOLD                                                                    \
    "return r and r.action .. ' ' .. (r.content and r.content.name or '-') or " \
    "tostring(code) .. ': ' .. message"

static void test_elicit(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t", "local r, message, code = ctx:elicit('who', " FORM ") " TOLD);
    fixture_load(f);
    assert_string_equal(problems(f), "");
    start(f, &c, "t", sends);
    const struct tool_question *q = c.asked->questions;
    assert_string_equal(q->key, "who");
    assert_string_equal(q->method, "elicitation/create");
    assert_string_equal(q->params.p,
                        "{\"message\":\"Name?\",\"requestedSchema\":{\"properties\":{\"name\":{"
                        "\"maxLength\":5,\"type\":\"string\"}},\"required\":[\"name\"],"
                        "\"type\":\"object\"}}");
    answer(&c, "{\"action\":\"accept\",\"content\":{\"name\":\"Ada\",\"more\":1}}");
    expect(f, &c, OUT_OK, "accept Ada");
    start(f, &c, "t", sends);
    answer(&c, "{\"action\":\"cancel\",\"content\":{\"name\":\"Ada\"}}");
    expect(f, &c, OUT_OK, "cancel -");
    start(f, &c, "t", at_once);
    expect(f, &c, OUT_OK, "decline -");
    start(f, &c, "t", refuses);
    expect(f, &c, OUT_OK, "UNSUPPORTED: no such screen");
    start(f, &c, "t", NULL);
    expect(f, &c, OUT_OK, "UNSUPPORTED: this client cannot be asked");
    start(f, &c, "t", sends);
    task_answer(c.asked, 0, (struct json_text){ 0 }, "it \"broke\"");
    expect(f, &c, OUT_OK, "FAILED: it \"broke\"");
    assert_int_equal(c.drops, 0);
}

/* An answer that is none is asked for again, three times in all. */
static void test_no_answers(void **state)
{
    static const char *const none[] = {
        "{\"action\":\"accept\",\"content\":{\"name\":\"too long\"}}",
        "{\"action\":\"accept\",\"content\":{}}",
        "{\"action\":\"accept\"}",
        "{\"action\":\"yes\"}",
        "{\"content\":{\"name\":\"Ada\"}}",
        "{\"action\":\"accept\",\"content\":[]}",
        "12345",
        "null",
    };
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t", "local r, message, code = ctx:elicit('who', " FORM ") " TOLD);
    fixture_load(f);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        start(f, &c, "t", sends);
        answer(&c, none[i]);
        bool is_asked = false;
        while (!c.asked && !(is_asked = c.is_done))
            turn(f);
        answer(&c, none[i]);
        asked(f, &c);
        if (i % 2) {
            answer(&c, none[i]);
            expect(f, &c, OUT_OK, "INVALID: what the client answers to who is no answer to it");
        } else {
            answer(&c, "{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}");
            expect(f, &c, OUT_OK, "accept Ada");
        }
        assert_int_equal(c.asks, 3);
    }
}

static void test_kinds(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local r = ctx:ask{ b = { sample = { messages = { { role = 'user', content = { "
                 "type = 'text', text = 'Hi' } } }, maxTokens = 5 } }, c = { roots = true }, "
                 "a = { elicit_url = { message = 'Go', url = 'https://x.test/' } } } "
                 "return r.a.action .. r.b.content.text .. r.c[1].uri .. #r.c");
    fixture_load(f);
    start(f, &c, "t", sends);
    struct task_ask *a = c.asked;
    assert_int_equal(a->count, 3);
    assert_string_equal(a->questions[0].params.p,
                        "{\"message\":\"Go\",\"mode\":\"url\",\"url\":\"https://x.test/\"}");
    assert_string_equal(a->questions[1].method, "sampling/createMessage");
    assert_string_equal(a->questions[1].params.p,
                        "{\"maxTokens\":5,\"messages\":[{\"content\":{\"text\":\"Hi\",\"type\":"
                        "\"text\"},\"role\":\"user\"}]}");
    assert_string_equal(a->questions[2].method, "roots/list");
    assert_string_equal(a->questions[2].params.p, "{}");
    task_answer(a, 2, json("{\"roots\":[{\"uri\":\"file:///r\"}]}"), NULL);
    task_answer(a, 0, json("{\"action\":\"accept\"}"), NULL);
    assert_false(c.is_done);
    /* Only this one is asked again: it has no model. */
    task_answer(a, 1, json("{\"role\":\"user\",\"content\":{}}"), NULL);
    c.asked = NULL;
    while (!c.asked)
        turn(f);
    assert_string_equal(c.asked->questions[0].key, "b");
    answer(&c, "{\"role\":\"assistant\",\"model\":\"m\",\"content\":{\"type\":\"text\",\"text\":"
               "\" ok \"}}");
    expect(f, &c, OUT_OK, "accept ok file:///r1");
}

/* The run ends; the next one finds what was answered and kept. */
static void test_ends(void **state)
{
    struct fixture *f = *state;
    struct call c, d;
    fixture_tool(f, "t",
                 "ctx:on_end(function(o) print(o) end) "
                 "local n = ctx:once('n', function() calls = (calls or 0) + 1 return { calls } "
                 "end) "
                 "local nothing = ctx:once('nil', function() calls = calls + 10 end) "
                 "assert(nothing == nil) "
                 "local r = ctx:elicit('a', " FORM ") "
                 "local s = ctx:elicit('b', " FORM ") "
                 "return n[1] .. r.content.name .. s.content.name .. calls");
    fixture_load(f);
    start(f, &c, "t", ends);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_INPUT_REQUIRED);
    assert_false(c.result.is_error);
    assert_string_equal(buf_cstr(&c.result.asks->memory),
                        "{\"answers\":{},\"once\":{\"n\":[[1]],\"nil\":[]}}");
    assert_non_null(strstr(buf_cstr(&c.result.asks->requests),
                           "{\"a\":{\"method\":\"elicitation/create\",\"params\":{\"message\":"));
    call_begin(f, &d, "t", NULL);
    d.ask = ends;
    d.info.memory = json(buf_cstr(&c.result.asks->memory));
    d.info.responses = json("{\"z\":1,\"a\":{\"action\":\"accept\",\"content\":{\"name\":\"A\"}},"
                            "\"b\":12345}");
    call_run(f->vm, &d, toolset_find(f->set, "t", 1)->index);
    call_wait(f, &d);
    call_fini(&c);
    assert_int_equal(d.result.outcome, OUT_INPUT_REQUIRED);
    assert_string_equal(buf_cstr(&d.result.asks->memory),
                        "{\"answers\":{\"a\":{\"action\":\"accept\",\"content\":{\"name\":\"A\"}}},"
                        "\"once\":{\"n\":[[1]],\"nil\":[]}}");
    assert_non_null(strstr(buf_cstr(&d.result.asks->requests), "{\"b\":{\"method\""));
    call_begin(f, &c, "t", NULL);
    c.info.memory = json(buf_cstr(&d.result.asks->memory));
    c.info.responses = json("{\"b\":{\"action\":\"accept\",\"content\":{\"name\":\"B\"}}}");
    call_run(f->vm, &c, toolset_find(f->set, "t", 1)->index);
    expect(f, &c, OUT_OK, "1AB11");
    call_fini(&d);
    drain(f);
}

/* Whichever strand asks first ends the run of all. */
static void test_ends_all(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "mcp.all{ function() mcp.test.sleep(60000) end, function() ctx:roots('r') end }");
    fixture_load(f);
    start(f, &c, "t", ends);
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_INPUT_REQUIRED);
    assert_int_equal(test_cancelled, 1);
    assert_int_equal(test_released, 1);
    call_fini(&c);
    drain(f);
}

/* The call's own time stands still, and goes on with what was left of it. */
static void test_time(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local r = ctx:roots('r') mcp.test.sleep(60000) return tostring(ctx:cancelled())");
    fixture_load(f);
    f->call_timeout_ms = 50;
    start(f, &c, "t", sends);
    int64_t until = clock_mono_ms() + 120;
    while (clock_mono_ms() < until)
        turn(f);
    assert_false(c.is_done);
    assert_int_equal(c.drops, 0);
    answer(&c, "{\"roots\":[]}");
    expect(f, &c, OUT_TIMEOUT,
           "timed out: not done within 50 ms (`timeout` in its limits, and in mcp.ini "
           "under [tool NAME] or [tools])");
}

static void test_ask_timeout(void **state)
{
    struct fixture *f = *state;
    struct call c;
    f->o.ask_timeout_ms = 30;
    fixture_tool(f, "t", "local r, message, code = ctx:elicit('who', " FORM ") " TOLD);
    fixture_load(f);
    start(f, &c, "t", sends);
    expect(f, &c, OUT_OK, "TIMEOUT: no answer in time ([tools] ask_timeout)");
    assert_int_equal(c.drops, 1);
    assert_null(c.asked);
}

static void test_stopped(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local r, message, code = ctx:elicit('who', " FORM ") "
                 "word = code .. message");
    fixture_tool(f, "word", "return word");
    fixture_load(f);
    start(f, &c, "t", sends);
    task_cancel(c.task, TASK_CANCELLED);
    assert_int_equal(c.drops, 1);
    expect(f, &c, OUT_CANCELLED, "cancelled");
    /* the machine is shut down while it waits */
    start(f, &c, "t", sends);
    vm_shutdown(f->vm);
    assert_int_equal(c.drops, 1);
    expect(f, &c, OUT_CANCELLED, "cancelled");
    /* and freed */
    start(f, &c, "t", sends);
    vm_free(f->vm);
    f->vm = NULL;
    assert_true(c.is_done);
    assert_int_equal(c.drops, 1);
    call_fini(&c);
}

/* Who does not wait for its answer takes the question back. */
static void test_race(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "return mcp.race{ function() return ctx:roots('r') end, function() return 'first' "
                 "end }");
    fixture_load(f);
    start(f, &c, "t", sends);
    expect(f, &c, OUT_OK, "first");
    assert_int_equal(c.drops, 1);
}

static void test_once(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "failed",
                 "local n = 0 local function fn() n = n + 1 return nil, 'no luck ' .. n, 'CODE' "
                 "end "
                 "local a, m, code = ctx:once('x', fn) "
                 "local _, again = ctx:once('x', fn) return m .. code .. again");
    fixture_tool(f, "raised",
                 "local n = 0 local function fn() n = n + 1 if n == 1 then error('oh') end return "
                 "n "
                 "end pcall(ctx.once, ctx, 'x', fn) return ctx:once('x', fn) + ctx:once('x', fn)");
    fixture_tool(f, "waits",
                 "return ctx:once('x', function() mcp.test.sleep(1) return { a = 3.0 } "
                 "end)");
    fixture_tool(f, "bad", "return ctx:once('x', function() return print end)");
    fixture_tool(f, "large",
                 "ctx:once('a', function() return ('x'):rep(200000) end) "
                 "return ctx:once('b', function() return ('x'):rep(100000) end)");
    fixture_load(f);
    start(f, &c, "failed", NULL);
    expect(f, &c, OUT_OK, "no luck 1CODEno luck 2");
    start(f, &c, "raised", NULL);
    expect(f, &c, OUT_OK, "4");
    start(f, &c, "waits", NULL);
    expect(f, &c, OUT_OK, "{\"a\":3}");
    start(f, &c, "bad", NULL);
    expect(f, &c, OUT_TOOL_ERROR, "ctx:once: x: at the value itself: a function cannot be JSON");
    start(f, &c, "large", NULL);
    expect(f, &c, OUT_TOOL_ERROR,
           "ctx:once: b: what this call was told and keeps is over 262144 bytes");
}

/* 32 questions at once, of 256 KB together, by keys of 64 bytes. */
static void test_limits(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "many",
                 "local q = {} for i = 1, args.n do q['k' .. i] = { roots = true } end "
                 "local ok, m = pcall(ctx.ask, ctx, q) return ok and 'asked' or m");
    fixture_tool(f, "large",
                 "local url = 'https://x.test/' .. ('u'):rep(args.n) "
                 "local q = { a = { elicit_url = { message = 'm', url = url } }, "
                 "b = { elicit_url = { message = 'm', url = url } } } "
                 "local ok, m = pcall(ctx.ask, ctx, q) return ok and 'asked' or m");
    fixture_tool(f, "key", "return tostring(ctx:roots(('k'):rep(64)) == nil)");
    fixture_load(f);
    assert_string_equal(call(f, "many", "{\"n\":32}", OUT_OK), "asked");
    assert_string_equal(call(f, "many", "{\"n\":33}", OUT_OK),
                        "ctx:ask: at most 32 questions at once");
    assert_string_equal(call(f, "key", NULL, OUT_OK), "true");
    size_t most = QUESTIONS_BYTES / 2 -
                  strlen("{\"message\":\"m\",\"mode\":\"url\",\"url\":\"\"}") -
                  strlen("https://x.test/");
    char args[64];
    snprintf(args, sizeof args, "{\"n\":%zu}", most);
    assert_string_equal(call(f, "large", args, OUT_OK), "asked");
    snprintf(args, sizeof args, "{\"n\":%zu}", most + 1);
    assert_string_equal(call(f, "large", args, OUT_OK),
                        "ctx:ask: questions of at most 262144 bytes at once");
    /* An answer that is larger than all that is kept. */
    char *long_one = malloc(ASK_RECORD_MAX + 100);
    snprintf(long_one, 100, "{\"roots\":[],\"x\":\"");
    memset(long_one + strlen(long_one), 'x', ASK_RECORD_MAX);
    memcpy(long_one + ASK_RECORD_MAX, "\"}", 3);
    fixture_tool(f, "long", "local r, m, code = ctx:roots('r') return code .. ': ' .. m");
    fixture_load(f);
    start(f, &c, "long", sends);
    answer(&c, long_one);
    expect(f, &c, OUT_OK, "TOO_LARGE: what this call was told and keeps is over 262144 bytes");
    free(long_one);
}

/* Wrong use raises, with the author's line. */
static const struct {
    const char *body, *error;
} wrong[] = {
    { "ctx:roots('a b')", "ctx:roots: expected a key of 1 to 64 letters, digits, _ . -" },
    { "ctx:roots(('k'):rep(65))", "ctx:roots: expected a key of 1 to 64 letters, digits, _ . -" },
    { "ctx:elicit('k', 'What?')", "ctx:elicit: expected a table, got string" },
    { "ctx:elicit('k', { text = 1 })", "ctx:elicit: unknown field text" },
    { "ctx:elicit('k', { message = '' })",
      "ctx:elicit: message: expected a text, got an empty one" },
    { "ctx:elicit('k', { message = 'm' })", "ctx:elicit: schema: expected a table, got nil" },
    { "ctx:elicit('k', { message = 'm', schema = { type = 'string' } })",
      "ctx:elicit: schema: expected { type = \"object\", properties = {...} }" },
    { "ctx:elicit('k', { message = 'm', schema = { type = 'object', properties = { a = { type = "
      "'object' } } } })",
      "ctx:elicit: schema.a: a form has texts, numbers, booleans and choices only: expected a "
      "schema whose type is string, number, integer, boolean or array" },
    { "ctx:elicit('k', { message = 'm', schema = { type = 'object', properties = { a = { type = "
      "'string', pattern = 'x' } } } })",
      "ctx:elicit: schema.a: pattern is not for a form's string" },
    { "ctx:elicit('k', { message = 'm', schema = { type = 'object', properties = { a = { type = "
      "'string', format = 'ipv4' } } } })",
      "ctx:elicit: schema.a.format: expected email, uri, date or date-time" },
    { "ctx:elicit('k', { message = 'm', schema = { type = 'object', properties = { a = { type = "
      "'array', items = { type = 'number' } } } } })",
      "ctx:elicit: schema.a.items: expected { type = \"string\", enum = {...} } or { anyOf = { { "
      "const =, title = }, ... } }" },
    { "ctx:elicit('k', { message = 'm', schema = { type = 'object', properties = {}, required = { "
      "'b' } } })",
      "ctx:elicit: schema.required: there is no property b" },
    { "ctx:elicit_url('k', { message = 'm', url = 'javascript:x' })",
      "ctx:elicit_url: url: expected http://... or https://..." },
    { "ctx:sample('k', { messages = {} })", "ctx:sample: messages: expected a list of messages" },
    { "ctx:sample('k', { messages = { { role = 'user', content = {} } } })",
      "ctx:sample: message 1: expected { role = " },
    { "ctx:sample('k', { messages = { { role = 'user', content = { type = 'text', text = 'x' } } } "
      "})",
      "ctx:sample: maxTokens: expected a whole number from 1 on" },
    { "ctx:ask{}", "ctx:ask: expected a table of questions by their keys" },
    { "ctx:ask{ a = { elicit = {}, roots = true } }",
      "ctx:ask: a: expected one of elicit, elicit_url, sample, roots" },
    { "ctx:once('k', 1)", "ctx:once: expected a function, got number" },
};

static void test_wrong(void **state)
{
    struct fixture *f = *state;
    size_t n = sizeof wrong / sizeof *wrong;
    char name[16], body[800];
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        snprintf(body, sizeof body, "local ok, m = pcall(function()\n %s\n end) return m",
                 wrong[i].body);
        fixture_tool(f, name, body);
    }
    fixture_load(f);
    for (size_t i = 0; i < n; i++) {
        char want[500];
        struct call c;
        snprintf(name, sizeof name, "t%zu", i);
        snprintf(want, sizeof want, "%s.lua:4: %s", name, wrong[i].error);
        start(f, &c, name, sends);
        call_wait(f, &c);
        const char *got = call_text(&c);
        if (!strstr(got, want))
            fail_msg("%s: %s", wrong[i].body, got);
        call_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_elicit, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_answers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_kinds, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ends, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ends_all, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_time, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ask_timeout, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_stopped, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_race, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
