/* test_jobs.c - background jobs: turns, ends, progress, cancelling; and events. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "api/job_gates.h"
#include "hub/inflight.h"
#include "base/clock.h"

static unsigned count_of(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void test_events(void **state)
{
    static const struct example examples[] = {
        { "return tostring(mcp.events.publish('job/a', 'made', {n=1}))", "true" },
        { "return tostring(mcp.events.has_history('job/a')) .. "
          "tostring(mcp.events.has_history('job/b'))",
          "truefalse" },
        { "return tostring(pcall(mcp.events.publish, 'a b', 'e', {}))", "false" },
        { "return tostring(pcall(mcp.events.publish, '', 'e', {}))", "false" },
        { "return tostring(pcall(mcp.events.publish, ('t'):rep(201), 'e', {}))", "false" },
        { "return tostring(mcp.events.publish(('t'):rep(200), ('e'):rep(200), 1))", "true" },
        { "return tostring(pcall(mcp.events.publish, 't', 'e\\n', {}))", "false" },
        { "return tostring(pcall(mcp.events.publish, 't', 'e'))", "false" },
        { "return tostring(pcall(mcp.events.publish, 't', 'e', print))", "false" },
        { NULL, NULL },
    };
    struct fixture *f = *state;
    check_all(f, examples);
    settle(f);
    assert_non_null(strstr(f->events, "event: made\ndata: {\"n\":1}\n\n"));
}

/* What a call tells of its change arrives in order, and not before the change is on disk. */
static void test_events_durable(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t",
                 "local c = mcp.state.open('t.x')\n"
                 "for i = 1, 20 do c:put{id='a' .. i} mcp.events.publish('job/a', 'e' .. i, {i=i}) "
                 "end\n"
                 "mcp.events.publish('job/a', 'last', {}) mcp.log.info('told late') return 'ok'");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    call_wait(f, &c);
    await_event(f, "event: last");
    assert_true(store_is_durable(f->services.store, c.wait));
    const char *at = f->events;
    for (int i = 1; i <= 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "event: e%d\n", i);
        at = strstr(at, name);
        assert_non_null(at);
    }
    call_fini(&c);
}

static void test_start(void **state)
{
    struct fixture *f = *state;
    const char *body =
        "return mcp.jobs.start { id='job_a', run=function(job)\n"
        "  mcp.time.sleep(0.01)\n"
        "  job:publish('done', {id=job.id, rest=job.deadline - mcp.time.mono() > 590}) end }";
    check(f, body, "job_a");
    await_event(f, "event: done\ndata: {\"id\":\"job_a\",\"rest\":true}");
    settle(f);
    assert_int_equal(inflight_count(f->services.jobs), 0);
    check(f,
          "local id = mcp.jobs.start{run=function() end} return "
          "id:match('^job_%w%w%w%w%w%w%w%w%w%w$') == id and 'ok'",
          "ok");
}

static void test_misuse(void **state)
{
    static const char *const lines[] = {
        "start()",
        "start{}",
        "start{run=1}",
        "start{run=print, id='a b'}",
        "start{run=print, id=''}",
        "start{run=print, id=7}",
        "start{run=print, id=('x'):rep(181)}",
        "start{run=print, kind='a/b'}",
        "start{run=print, parallel=0}",
        "start{run=print, parallel=1001}",
        "start{run=print, parallel=1.5}",
        "start{run=print, max_queued=-1}",
        "start{run=print, timeout='8d'}",
        "start{run=print, tmeout=1}",
        "start{run=print, on_end=1}",
        "cancel()",
    };
    struct fixture *f = *state;
    check_raises(f, "local start, cancel = mcp.jobs.start, mcp.jobs.cancel", lines,
                 sizeof lines / sizeof *lines);
    check(f, "return #mcp.jobs.start{run=function() end, id=('x'):rep(180), parallel=1000}", "180");
}

/* At most two run at once, in order; the others wait. */
static void test_turns(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "for i = 1, 5 do\n"
                 "  assert(mcp.jobs.start { id='j' .. i, kind='k', parallel=2, run=function(job)\n"
                 "    running = (running or 0) + 1\n"
                 "    mcp.time.sleep(0.01)\n"
                 "    job:publish('ran', {running=running})\n"
                 "    running = running - 1 end })\n"
                 "end\n"
                 "local ids = mcp.jobs.running() table.sort(ids) return table.concat(ids, ' ')");
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL), "j1 j2 j3 j4 j5");
    settle(f);
    assert_int_equal(count_of(f->events, "event: ran"), 5);
    assert_null(strstr(f->events, "{\"running\":3}"));
    assert_non_null(strstr(f->events, "{\"running\":2}"));
}

static void test_max_queued(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "local out = {}\n"
                 "for i = 1, 5 do\n"
                 "  local id, m, code = mcp.jobs.start { id='j' .. i, kind='k', parallel=1, "
                 "max_queued=2,\n"
                 "    run=function(job) mcp.time.sleep(0.01) end }\n"
                 "  out[#out + 1] = id or code end\n"
                 "return table.concat(out, ' ')");
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL), "j1 j2 j3 LIMIT LIMIT");
    settle(f);
    assert_string_equal(call(f, "t", NULL), "j1 j2 j3 LIMIT LIMIT");
}

/* One tool cannot take the places of all others; what ends gives its place back. */
static void test_max_of_tool(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "greedy",
                 "local n, m, code = 0\n"
                 "repeat local id\n"
                 "  id, m, code = mcp.jobs.start { run=function() mcp.time.sleep(3600) end }\n"
                 "  if id then n = n + 1 end\n"
                 "until not id return n .. ' ' .. code .. ' ' .. m");
    fixture_tool(f, "other",
                 "return mcp.jobs.start { run=function() mcp.time.sleep(3600) end, "
                 "id='other' }");
    fixture_tool(f, "cancel", "return tostring(mcp.jobs.cancel('other'))");
    fixture_tool(f, "one", "return tostring(mcp.jobs.cancel(mcp.jobs.running()[1]))");
    fixture_load(f);
    assert_string_equal(call(f, "greedy", NULL),
                        "2000 LIMIT 2000 jobs of the tool greedy are alive already");
    assert_string_equal(call(f, "other", NULL), "other");
    assert_string_equal(call(f, "cancel", NULL), "true");
    while (inflight_count(f->services.jobs) > JOBS_OF_TOOL_MAX)
        turn(f);
    assert_string_equal(call(f, "one", NULL), "true");
    while (inflight_count(f->services.jobs) == JOBS_OF_TOOL_MAX)
        turn(f);
    assert_string_equal(call(f, "greedy", NULL),
                        "1 LIMIT 2000 jobs of the tool greedy are alive already");
    vm_shutdown(f->vm);
    settle(f);
}

static void test_conflict(void **state)
{
    struct fixture *f = *state;
    check(f,
          "mcp.jobs.start{id='same', parallel=1, max_queued=1, run=function() mcp.time.sleep(0.02) "
          "end}\n"
          "local _, _, code = mcp.jobs.start{id='same', parallel=1, max_queued=1, run=function() "
          "end}\n"
          /* The refused one holds no place: there is room for one more. */
          "local other = mcp.jobs.start{id='other', parallel=1, max_queued=1, run=function() end}\n"
          "return code .. tostring(other)",
          "CONFLICTother");
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "mcp.jobs.start{id='runs', kind='k', parallel=1, run=function(job)\n"
                 "  job:on_end(function(outcome) job:publish('ended', {outcome=outcome}) end)\n"
                 "  local _, _, code = mcp.time.sleep(3600)\n"
                 "  job:publish('woke', {code=code, cancelled=job:cancelled()}) end}\n"
                 "mcp.jobs.start{id='waits', kind='k', parallel=1, run=function(job) "
                 "job:publish('never', {}) end}\n"
                 "mcp.jobs.start{id='next', kind='k', parallel=1, run=function(job) "
                 "job:publish('turn', {}) end}\n"
                 "return 'ok'");
    fixture_tool(f, "stop",
                 "return tostring(mcp.jobs.cancel('waits')) .. tostring(mcp.jobs.cancel('runs'))\n"
                 ".. tostring(mcp.jobs.cancel('none'))");
    fixture_load(f);
    call(f, "t", NULL);
    turn(f);
    assert_string_equal(call(f, "stop", NULL), "truetruefalse");
    settle(f);
    assert_non_null(strstr(f->events,
                           "event: woke\ndata: {\"cancelled\":true,\"code\":\"CANCELLED\"}"));
    assert_non_null(strstr(f->events, "event: ended\ndata: {\"outcome\":\"CANCELLED\"}"));
    assert_non_null(strstr(f->events, "event: turn"));
    assert_null(strstr(f->events, "never"));
    assert_int_equal(inflight_count(f->services.jobs), 0);
}

static void test_ends(void **state)
{
    static const struct {
        const char *run, *outcome;
    } cases[] = {
        { "return 1", "OK" },
        { "error('broken')", "TOOL_ERROR" },
        { "return nil, 'refused'", "TOOL_ERROR" },
        { "while true do end", "TIMEOUT" },
        { "mcp.time.sleep(60)", "TIMEOUT" },
        { "local t = {} while true do t[#t+1] = ('x'):rep(99999) .. #t end", "NO_MEMORY" },
    };
    struct fixture *f = *state;
    char body[1024], want[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(body, sizeof body,
                 "return mcp.jobs.start{id='e%zu', timeout='100ms', run=function(job)\n"
                 "job:on_end(function(outcome) job:publish('end%zu', {o=outcome, "
                 "c=job:cancelled()}) end) %s end}",
                 i, i, cases[i].run);
        snprintf(want, sizeof want, "event: end%zu\ndata: {\"c\":true,\"o\":\"%s\"}", i,
                 cases[i].outcome);
        fixture_tool(f, "t", body);
        fixture_load(f);
        call(f, "t", NULL);
        await_event(f, want);
    }
}

/* The time runs from the job's turn on, not while it waits. */
static void test_timeout_from_turn(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "for i = 1, 3 do mcp.jobs.start{id='j' .. i, kind='k', parallel=1, "
                 "timeout='200ms', run=function(job)\n"
                 "  local ok = mcp.time.sleep(0.12) job:publish('slept', {ok=ok}) end} end return "
                 "'ok'");
    fixture_load(f);
    call(f, "t", NULL);
    settle(f);
    assert_int_equal(count_of(f->events, "event: slept\ndata: {\"ok\":true}"), 3);
}

static void test_progress(void **state)
{
    struct fixture *f = *state;
    check(f,
          "mcp.jobs.start{id='p', run=function(job)\n"
          "  job:progress(1, 10, 'one') job:progress(nil, nil, 'two \\xff') job:progress()\n"
          "  job:progress(2, nil, ('\xC3\xA9'):rep(3000)) end} return 'ok'",
          "ok");
    settle(f);
    assert_non_null(strstr(f->events, "event: progress\ndata: {\"jobId\":\"p\",\"ts\":\"20"));
    assert_null(strstr(f->events, "\"total\":0"));
    assert_non_null(strstr(f->events, "\"done\":1,\"total\":10,\"line\":\"one\"}"));
    assert_non_null(strstr(f->events, "\"line\":\"two \xEF\xBF\xBD\"}"));
    assert_int_equal(count_of(f->events, "\xC3\xA9"), 2048);
    check(f,
          "mcp.jobs.start{id='q', run=function(job) job:publish('r', "
          "{a=tostring(pcall(job.progress, job, 'x'))}) end} return 'ok'",
          "ok");
    await_event(f, "event: r\ndata: {\"a\":\"false\"}");
}

/* The first hundred leave at once, then one in 50 ms; what was left out is counted. */
static void test_progress_pace(void **state)
{
    struct fixture *f = *state;
    check(f,
          "mcp.jobs.start{id='p', run=function(job)\n"
          "  local told = 0 for i = 1, 500 do if job:progress(i) then told = told + 1 end end\n"
          "  mcp.time.sleep(0.06) job:progress(501) job:publish('told', {n=told}) end} return 'ok'",
          "ok");
    await_event(f, "event: told");
    unsigned n = count_of(f->events, "event: progress");
    if (n < 101 || n > 120)
        fail_msg("%u progress events", n);
    assert_non_null(strstr(f->events, "\"done\":501,\"skipped\":"));
}

/* on_end of jobs.start runs also for what never got its turn, but not when the gateway stops. */
static void test_on_end_waiting(void **state)
{
    static const char *const start =
        "for i = 1, 3 do mcp.jobs.start{id='j' .. i, kind='k', parallel=1,\n"
        "  run=function(job) mcp.time.sleep(3600) end,\n"
        "  on_end=function(o) mcp.events.publish('job/x', 'over' .. i, {o=o}) end} end return 'ok'";
    struct fixture *f = *state;
    fixture_tool(f, "t", start);
    fixture_tool(f, "stop", "return tostring(mcp.jobs.cancel('j2'))");
    fixture_load(f);
    call(f, "t", NULL);
    turn(f);
    assert_string_equal(call(f, "stop", NULL), "true");
    await_event(f, "event: over2\ndata: {\"o\":\"CANCELLED\"}");
    job_gates_close(f->services.job_gates);
    vm_shutdown(f->vm);
    settle(f);
    assert_non_null(strstr(f->events, "event: over1"));
    assert_null(strstr(f->events, "event: over3"));
}

static void stop_jobs(void *arg) { vm_shutdown(((struct fixture *)arg)->vm); }

static void test_shutdown(void **state)
{
    static struct loop_timer timer;
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "for i = 1, 3 do mcp.jobs.start{id='j' .. i, kind='k', parallel=1, "
                 "run=function(job)\n"
                 "  job:on_end(function(o) job:publish('over', {o=o}) end) mcp.time.sleep(3600) "
                 "end} end return 'ok'");
    fixture_load(f);
    call(f, "t", NULL);
    turn(f);
    timer_start(f->services.loop, &timer, 1, stop_jobs, f);
    settle(f);
    assert_int_equal(count_of(f->events, "event: over\ndata: {\"o\":\"CANCELLED\"}"), 1);
    assert_int_equal(inflight_count(f->services.jobs), 0);
}

/* When the gates are closed, what waits gets no turn any more, also when one becomes free. */
static void test_closed(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "for i = 1, 2 do mcp.jobs.start{id='j' .. i, kind='k', parallel=1, "
                 "run=function(job)\n"
                 "  job:publish('turn', {}) mcp.time.sleep(0.02) end} end return 'ok'");
    fixture_load(f);
    call(f, "t", NULL);
    await_event(f, "event: turn");
    job_gates_close(f->services.job_gates);
    while (vm_task_count(f->vm) > 1)
        turn(f);
    assert_string_equal(call(f, "t", NULL), "ok");
    for (int i = 0; i < 3; i++)
        turn(f);
    vm_shutdown(f->vm);
    settle(f);
    assert_int_equal(count_of(f->events, "event: turn"), 1);
}

/* A vm that is freed with jobs alive leaves nothing behind. */
static void test_freed(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t",
                 "for i = 1, 3 do mcp.jobs.start{id='j' .. i, kind='k', parallel=1, "
                 "run=function(job)\n"
                 "  mcp.time.sleep(3600) end} end return 'ok'");
    fixture_load(f);
    call(f, "t", NULL);
    turn(f);
    vm_free(f->vm);
    f->vm = NULL;
    assert_int_equal(inflight_count(f->services.jobs), 0);
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL), "ok");
    vm_free(f->vm);
    f->vm = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_events_durable, fixture_setup_durable,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_start, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_misuse, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_turns, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_max_queued, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_max_of_tool, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_conflict, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancel, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ends, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_timeout_from_turn, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_progress, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_progress_pace, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_shutdown, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_on_end_waiting, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_closed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_freed, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
