/* test_tools_restart.c - what becomes of evaluations when the gateway stops, crashes or gets a
 * state file of others. */
#include "evals.h"

#include <stdio.h>
#include <string.h>

#include "api/job_gates.h"

/* What a stop found RUNNING says so; what waited starts anew; the past is told to late subscribers.
 */
static void test_restart(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name job[3], done;
    run_eval(f, "good", "c", &done);
    await_status(f, &done, "COMPLETED");
    for (int i = 0; i < 3; i++)
        run_eval(f, "long", "c", &job[i]);
    await_status(f, &job[1], "RUNNING");
    job_gates_close(f->services.job_gates);
    vm_shutdown(f->vm);
    settle(f);
    expect(f->events,
           "event: failed\ndata: {\"error\":\"the gateway stopped it, or replaced its tools\"");

    evals_make_long_good();
    fixture_restart(f);
    run_start(f);
    await_status(f, &job[2], "COMPLETED");
    expect(call(f, "status", job[0].args), "\"status\":\"INTERRUPTED\"");
    expect_events(f, &done, (const char *const[]){ "queued", "running", "completed", NULL });
    expect_events(f, &job[0], (const char *const[]){ "queued", "running", "failed", NULL });
    expect_events(f, &job[2], (const char *const[]){ "queued", "running", "completed", NULL });

    /* Loaded again, as after a change of the file, nothing is told twice. */
    f->events[0] = '\0';
    run_start(f);
    settle(f);
    assert_string_equal(f->events, "");
}

/* Tools that are replaced once too often take their jobs with them; what waited does not stay
 * QUEUED for ever. */
static void test_replaced(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name job[3];
    for (int i = 0; i < 3; i++)
        run_eval(f, "long", "c", &job[i]);
    await_status(f, &job[1], "RUNNING");
    vm_shutdown(f->vm);
    settle(f);
    for (int i = 0; i < 3; i++) {
        expect(call(f, "status", job[i].args), "\"status\":\"INTERRUPTED\"");
        expect_events(f, &job[i], (const char *const[]){ "queued", "failed", NULL });
    }
}

#define OLD "2026-01-01T00:00:00.000Z"
#define ROW(id, task, config, status)                                                        \
    "{\"jobId\":\"" id "\",\"taskId\":" task ",\"configId\":" config ",\"status\":\"" status \
    "\",\"startedAt\":\"" OLD "\",\"updatedAt\":\"" OLD "\"}"

static void start_with(struct fixture *f, const char *state_file)
{
    struct err e;
    assert_int_equal(store_close(f->services.store, &e), 0);
    fixture_write(f, "state.json", state_file);
    f->services.store = store_open_memory(&e);
    fixture_restart(f);
    run_start(f);
}

/* Results as large as run_eval keeps them, and that take most memory when they are read. */
static void test_large_results(void **state)
{
    enum { ROWS = 6, NUMBERS = 490000 };
    need_programs();
    struct fixture *f = *state;
    struct job_name queued = { "job_que", "{\"jobId\":\"job_que\"}" };
    struct buf text = { 0 };
    buf_str(&text, "{\"jobs\":[");
    for (int i = 0; i < ROWS; i++) {
        buf_printf(&text,
                   "{\"jobId\":\"job_%d\",\"taskId\":\"good\",\"configId\":\"c\",\"status\":"
                   "\"COMPLETED\",\"startedAt\":\"" OLD "\",\"updatedAt\":\"" OLD
                   "\",\"result\":{\"metrics\":{},\"artifacts\":[0",
                   i);
        for (int k = 1; k < NUMBERS; k++)
            buf_append(&text, ",0", 2);
        buf_str(&text, "]}},");
    }
    buf_str(&text, ROW("job_que", "\"good\"", "\"c\"", "QUEUED") "],\"models\":[]}");
    f->o.default_memory = 16 << 20; /* as it is where mcp.ini says nothing */
    start_with(f, buf_cstr(&text));
    buf_fini(&text);
    await_status(f, &queued, "COMPLETED");
    const char *page = call(f, "list_jobs", "{\"status\":\"COMPLETED\"}");
    expect(page, "\"jobId\":\"job_0\"");
    expect(page, "\"jobId\":\"job_que\"");
    assert_null(strstr(page, "artifacts"));
}

/* The file as a crash leaves it: the rows of the ops kit, nothing else. */
static void test_crash(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name was_running = { "job_run", "{\"jobId\":\"job_run\"}" },
                    was_queued = { "job_que", "{\"jobId\":\"job_que\"}" },
                    was_unknown = { "job_unk", "{\"jobId\":\"job_unk\"}" };
    start_with(f,
               "{\"jobs\":[" ROW("job_run", "\"good\"", "\"c\"",
                                 "RUNNING") "," ROW("job_que", "\"good\"", "\"c\"",
                                                    "QUEUED") "," ROW("job_unk", "\"gone\"",
                                                                      "\"c\"",
                                                                      "QUEUED") "],\"models\":[]}");
    await_status(f, &was_queued, "COMPLETED");
    expect(call(f, "status", was_running.args), "\"error\":\"the gateway ended while it ran\"");
    expect(call(f, "status", was_running.args), "\"status\":\"INTERRUPTED\"");
    expect(call(f, "status", was_unknown.args), "\"error\":\"Unknown task: gone");
    expect_events(f, &was_running, (const char *const[]){ "queued", "failed", NULL });
    expect_events(f, &was_unknown, (const char *const[]){ "queued", "failed", NULL });
    static const char queued[] = "event: queued\ndata: {\"configId\":\"c\",\"jobId\":\"job_que\","
                                 "\"taskId\":\"good\",\"ts\":\"" OLD "\"}";
    expect(f->events, queued);
    assert_null(strstr(strstr(f->events, queued) + 1, queued));
}

/* Rows that no job can be made of say why; the one behind them runs. */
static void test_bad_rows(void **state)
{
    static const char *const cases[][2] = {
        { "{\"jobId\":\"b1\"}", "taskId is no text of 1 to 1000 bytes" },
        { "{\"jobId\":\"b2\"}", "taskId is no text of 1 to 1000 bytes" },
        { "{\"jobId\":\"b3\"}", "configId is no text of 1 to 1000 bytes" },
        { "{\"jobId\":\"b4\"}", "taskId and configId must not begin with \\\"-\\\"" },
        { "{\"jobId\":\"b 5\"}", "\"error\":\"jobs.start: id: expected 1 to 180 of" },
    };
    need_programs();
    struct fixture *f = *state;
    struct job_name last = { "job_que", "{\"jobId\":\"job_que\"}" };
    start_with(
        f,
        "{\"jobs\":[{\"jobId\":\"b0\"},{\"jobId\":\"b1\",\"status\":\"QUEUED\"}," ROW(
            "b2", "\"\"", "\"c\"",
            "QUEUED") "," ROW("b3", "\"good\"", "{}",
                              "QUEUED") "," ROW("b4", "\"ids\"", "\"-x\"",
                                                "QUEUED") "," ROW("b 5", "\"good\"", "\"c\"",
                                                                  "QUEUED") "," ROW("job_que",
                                                                                    "\"good\"",
                                                                                    "\"c\"",
                                                                                    "QUEUED") "]}");
    await_status(f, &last, "COMPLETED");
    settle(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(call(f, "status", cases[i][0]), "\"status\":\"FAILED\"");
        expect(call(f, "status", cases[i][0]), cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_replaced, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_large_results, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_crash, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_rows, evals_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
