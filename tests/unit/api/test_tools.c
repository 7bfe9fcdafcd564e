/* test_tools.c - the tools that come with the gateway: evaluations from their start to every end,
 * and gates. */
#include "evals.h"

#include <stdio.h>
#include <string.h>

static void test_completes(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name job;
    run_eval(f, "good", "cfg", &job);
    assert_int_equal(strspn(job.id + 4, "abcdefghijklmnopqrstuvwxyz0123456789"), 12);
    await_status(f, &job, "COMPLETED");
    const char *text = call(f, "status", job.args);
    expect(text, "\"result\":{\"artifacts\":[\"a\"],\"configId\":\"cfg\",\"extra\":1,\"metrics\":{"
                 "\"f1\":0.5},\"taskId\":\"good\"}");
    expect_events(f, &job,
                  (const char *const[]){ "queued", "running", "progress", "completed", NULL });
    expect(f->events, "\"line\":\"working\"}");
    assert_null(strstr(f->events, "failed"));
}

static void test_results(void **state)
{
    need_programs();
    static const struct {
        const char *task, *status, *part;
    } cases[] = {
        { "bare", "COMPLETED",
          "\"result\":{\"artifacts\":[],\"configId\":\"c\",\"metrics\":{},\"taskId\":\"bare\","
          "\"x\":1}" },
        { "fails", "FAILED", "\"error\":\"exit code 7: the reason\"" },
        { "fails", "FAILED", "\"result\":null" },
        { "silent", "FAILED", "\"error\":\"it printed no line that is a JSON object\"" },
        { "slow", "FAILED", "\"error\":\"the program did not end within 0.15 s and was killed\"" },
        { "missing", "FAILED", "\"error\":\"program no-such-program not found in PATH\"" },
        { "swapped", "COMPLETED",
          "\"result\":{\"artifacts\":[],\"configId\":\"c\",\"metrics\":{},\"taskId\":"
          "\"swapped\"}" },
        { "kinds", "COMPLETED",
          "\"result\":{\"artifacts\":[],\"configId\":\"c\",\"metrics\":{},\"taskId\":\"kinds\"}" },
        { "texts", "COMPLETED",
          "\"result\":{\"artifacts\":[],\"configId\":\"c\",\"metrics\":{},\"taskId\":\"texts\"}" },
        { "deep", "FAILED", "\"error\":\"its result cannot be kept: " },
        /* The result is found although the output before it was cut. */
        { "loud", "COMPLETED", "\"metrics\":{\"n\":300000}" },
    };
    struct fixture *f = *state;
    struct job_name job;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_eval(f, cases[i].task, "c", &job);
        await_status(f, &job, cases[i].status);
        expect(call(f, "status", job.args), cases[i].part);
        expect_events(f, &job,
                      (const char *const[]){
                          "queued", "running",
                          strcmp(cases[i].status, "FAILED") == 0 ? "failed" : "completed", NULL });
    }
}

static void test_ids(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name job;
    char want[256];
    run_eval(f, "ids", "; rm -rf $HOME `id`", &job);
    await_status(f, &job, "COMPLETED");
    snprintf(want, sizeof want, "\"args\":\"ids ; rm -rf $HOME `id` %s\"", f->base);
    expect(call(f, "status", job.args), want);
}

static void test_arguments(void **state)
{
    static const char *const cases[][3] = {
        { "run_eval", "{}", "!taskId and configId are required" },
        { "run_eval", "{\"taskId\":\"good\"}", "!taskId and configId are required" },
        { "run_eval", "{\"taskId\":\"\",\"configId\":\"c\"}", "!taskId and configId are required" },
        { "run_eval", "{\"taskId\":{},\"configId\":\"c\"}", "!taskId and configId are required" },
        { "run_eval", "{\"taskId\":\"nope\",\"configId\":\"c\"}",
          "!Unknown task: nope (known: good, bare, fails, silent, long, slow, ids, missing, "
          "loud, swapped, kinds, texts, deep)" },
        { "run_eval", "{\"taskId\":\"-x\",\"configId\":\"c\"}",
          "!taskId and configId must not begin with \"-\"" },
        { "run_eval", "{\"taskId\":\"ids\",\"configId\":-7}",
          "!taskId and configId must not begin with \"-\"" },
        { "status", "{}", "!jobId is required" },
        { "status", "{\"jobId\":\"x\"}", "!Unknown jobId: x" },
        { "status", "{\"jobId\":7,\"more\":1}", "!Unknown jobId: 7" },
        { "cancel_job", "{}", "!jobId is required" },
        { "cancel_job", "{\"jobId\":\"x\"}", "!Unknown jobId: x" },
        { "list_jobs", "{}", "{\"jobs\":[]}" },
        { "list_jobs", "{\"limit\":\"999\",\"status\":\"RUNNING\"}", "{\"jobs\":[]}" },
        { "list_jobs", "{\"status\":\"running\"}",
          "!invalid arguments: at /status: expected one of [\"QUEUED\",\"RUNNING\",\"COMPLETED\","
          "\"FAILED\",\"CANCELLED\",\"INTERRUPTED\",\"DRY_RUN\"], got \"running\"" },
        { "promote_model", "{}", "!modelId and gate are required" },
        { "promote_model", "{\"modelId\":\"m\"}", "!modelId and gate are required" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(call(f, cases[i][0], cases[i][1]), cases[i][2]);
}

static void test_dry_run(void **state)
{
    struct fixture *f = *state;
    struct job_name job;
    const char *text =
        call(f, "run_eval", "{\"taskId\":\"nope\",\"configId\":\"c\",\"dryRun\":true,\"x\":1}");
    assert_string_equal(member(text, "status"), "DRY_RUN");
    snprintf(job.args, sizeof job.args, "{\"jobId\":\"%s\"}", member(text, "jobId"));
    expect(call(f, "status", job.args), "\"status\":\"DRY_RUN\"");
    settle(f);
    assert_string_equal(f->events, "");
}

static void test_cancel(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name job[3];
    for (int i = 0; i < 3; i++)
        run_eval(f, "long", "c", &job[i]);
    await_status(f, &job[0], "RUNNING");
    await_status(f, &job[1], "RUNNING");
    await_status(f, &job[2], "QUEUED");
    expect(call(f, "cancel_job", job[2].args), "\"status\":\"CANCELLED\"");
    expect(call(f, "cancel_job", job[0].args), "\"status\":\"CANCELLED\"");
    expect(call(f, "cancel_job", job[0].args), "has already ended: CANCELLED");
    expect(call(f, "cancel_job", job[1].args), "\"status\":\"CANCELLED\"");
    expect_events(f, &job[0], (const char *const[]){ "queued", "running", "cancelled", NULL });
    expect_events(f, &job[2], (const char *const[]){ "queued", "cancelled", NULL });
    assert_null(strstr(f->events, "failed"));
    expect(call(f, "status", job[0].args), "\"status\":\"CANCELLED\"");
}

static void test_limit(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name job[5];
    for (int i = 0; i < 5; i++)
        run_eval(f, "long", "c", &job[i]);
    expect(call(f, "run_eval", "{\"taskId\":\"long\",\"configId\":\"c\"}"),
           "!Too many evaluations are waiting: ");
    const char *text = call(f, "list_jobs", "{\"limit\":3}");
    expect(text, "\"next\":");
    assert_non_null(strstr(text, job[4].id));
    assert_null(strstr(text, job[1].id));
    text = call(f, "list_jobs", "{\"status\":\"QUEUED\"}");
    assert_null(strstr(text, "RUNNING"));
    assert_non_null(strstr(text, job[2].id));
    for (int i = 0; i < 5; i++)
        call(f, "cancel_job", job[i].args);
    settle(f);
}

static void test_list_pages(void **state)
{
    struct fixture *f = *state;
    char after[96] = "{\"limit\":2}";
    int seen = 0;
    for (int i = 0; i < 5; i++)
        call(f, "run_eval", "{\"taskId\":\"t\",\"configId\":\"c\",\"dryRun\":\"true\"}");
    for (;;) {
        const char *text = call(f, "list_jobs", after);
        for (const char *p = text; (p = strstr(p, "DRY_RUN")); p++)
            seen++;
        if (!strstr(text, "\"next\":"))
            break;
        snprintf(after, sizeof after, "{\"limit\":2,\"after\":\"%s\"}", member(text, "next"));
    }
    assert_int_equal(seen, 5);
    /* Results may be large: a list is without them. */
    struct job_name job;
    need_programs();
    run_eval(f, "good", "c", &job);
    await_status(f, &job, "COMPLETED");
    assert_null(strstr(call(f, "list_jobs", "{}"), "result"));
}

static void test_promote(void **state)
{
    static const char *const order[] = { "dev", "staging", "prod", NULL };
    struct fixture *f = *state;
    expect(call(f, "promote_model", "{\"modelId\":\"m\",\"gate\":\"g\",\"dryRun\":true}"),
           "{\"changed\":true,\"currentGates\":[],\"dryRun\":true,\"gate\":\"g\",\"modelId\":\"m\","
           "\"promoted\":false,\"promotedAt\":null}");
    const char *text = call(f, "promote_model", "{\"modelId\":\"m\",\"gate\":\"g\"}");
    expect(text, "{\"changed\":true,\"currentGates\":[\"g\"],\"dryRun\":false,");
    char at[64];
    snprintf(at, sizeof at, "%s", member(text, "promotedAt"));
    text = call(f, "promote_model", "{\"modelId\":\"m\",\"gate\":\"g\"}");
    expect(text, "{\"changed\":false,\"currentGates\":[\"g\"],");
    assert_string_equal(member(text, "promotedAt"), at);
    expect(call(f, "promote_model", "{\"modelId\":\"m\",\"gate\":\"h\"}"),
           "\"currentGates\":[\"g\",\"h\"]");

    f->sections.gates = order;
    assert_string_equal(call(f, "promote_model", "{\"modelId\":\"n\",\"gate\":\"g\"}"),
                        "!Unknown gate: g (known: dev, staging, prod)");
    expect(call(f, "promote_model", "{\"modelId\":\"n\",\"gate\":\"prod\"}"), "\"changed\":true");
    f->sections.gates_strict = true;
    assert_string_equal(call(f, "promote_model", "{\"modelId\":\"o\",\"gate\":\"staging\"}"),
                        "!Gate staging needs gate dev first");
    assert_string_equal(call(f, "promote_model",
                             "{\"modelId\":\"o\",\"gate\":\"staging\",\"dryRun\":true}"),
                        "!Gate staging needs gate dev first");
    expect(call(f, "promote_model", "{\"modelId\":\"o\",\"gate\":\"dev\"}"), "\"changed\":true");
    expect(call(f, "promote_model", "{\"modelId\":\"o\",\"gate\":\"staging\"}"),
           "\"currentGates\":[\"dev\",\"staging\"]");
    /* A gate that was passed before stays passed, whatever the order says now. */
    expect(call(f, "promote_model", "{\"modelId\":\"m\",\"gate\":\"g\"}"), "\"changed\":false");
}

/* Without the grant nothing runs. */
static void test_not_granted(void **state)
{
    static const char *const other[] = { "sh", NULL };
    struct fixture *f = *state;
    struct job_name job;
    f->policy.exec = other;
    fixture_load(f);
    run_eval(f, "good", "c", &job);
    await_status(f, &job, "FAILED");
    expect(call(f, "status", job.args),
           "the evaluations are not granted; in mcp.ini: [tool run_eval] exec = @evals");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_completes, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_results, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ids, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_arguments, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_dry_run, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancel, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limit, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_pages, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_promote, evals_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_not_granted, evals_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
