/* test_tools.c - the tools that come with the gateway: evaluations from their start to every end,
 * restarts in between, and gates. The commands are the tests' own. */
#include "fixture.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/job_gates.h"

static const char *const exec_granted[] = { "@evals", NULL };
static const char *const state_granted[] = { "jobs:rw", "models:rw", NULL };

#define SH(script)                                                                      \
    (const char *const[])                                                               \
    {                                                                                   \
        "sh", "-c", script, "eval", "{taskId}", "{configId}", "{jobId}", "{root}", NULL \
    }

/* At file scope, so that the lists live as long as the program. */
static const struct vm_eval all_evals[] = {
    { "good",
      SH("echo working; echo '{\"metrics\":{\"f1\":0.5},\"artifacts\":[\"a\"],\"extra\":1}'"), NULL,
      10000 },
    { "bare", SH("echo '{\"x\":1}'; echo '[1]'; echo no json"), NULL, 10000 },
    { "fails", SH("echo '{\"metrics\":{}}'; echo first >&2; echo the reason >&2; exit 7"), NULL,
      10000 },
    { "silent", SH("echo nothing"), NULL, 10000 },
    { "long", SH("echo started; exec sleep 600"), NULL, 600000 },
    { "slow", SH("exec sleep 600"), NULL, 150 },
    { "ids",
      SH("echo \"{\\\"args\\\":\\\"$1 $2 $4\\\",\\\"same\\\":$([ \"$3\" != x ] && echo true)}\""),
      NULL, 10000 },
    { "missing", (const char *const[]){ "no-such-program", NULL }, NULL, 10000 },
    { "loud", SH("seq 300000; echo '{\"metrics\":{\"n\":300000}}'; seq 10"), NULL, 10000 },
};
static struct vm_eval evals[sizeof all_evals / sizeof *all_evals];

static void set_evals(struct fixture *f)
{
    memcpy(evals, all_evals, sizeof evals);
    f->sections = (struct vm_sections){ .evals_parallel = 2,
                                        .evals_max_queued = 3,
                                        .evals_max_output = 65536,
                                        .evals = evals,
                                        .eval_count = sizeof evals / sizeof *evals };
}

static int setup(void **state)
{
    static char tools[PATH_MAX + 16];
    char cwd[PATH_MAX];
    struct fixture *f = fixture_new(true);
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(tools, sizeof tools, "%s/tools.d", cwd);
    f->o.tools_dir = tools;
    f->policy.exec = exec_granted;
    f->policy.state = state_granted;
    set_evals(f);
    fixture_load(f);
    *state = f;
    return 0;
}

static void run_start(struct fixture *f)
{
    vm_start_tools(f->vm, NULL, NULL, NULL, NULL);
    turn(f);
}

/* The value of a member whose value is a string, anywhere in text. Static storage. */
static const char *member(const char *text, const char *name)
{
    static char value[128];
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(text, key);
    if (!at)
        fail_msg("no %s in %s", name, text);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
    return value;
}

struct job_name {
    char id[64], args[96];
};

static void run_eval(struct fixture *f, const char *task, const char *config, struct job_name *out)
{
    char args[256];
    snprintf(args, sizeof args, "{\"taskId\":\"%s\",\"configId\":\"%s\"}", task, config);
    const char *text = call(f, "run_eval", args);
    if (text[0] == '!')
        fail_msg("%s", text);
    snprintf(out->id, sizeof out->id, "%s", member(text, "jobId"));
    snprintf(out->args, sizeof out->args, "{\"jobId\":\"%s\"}", out->id);
    assert_string_equal(member(text, "status"), "QUEUED");
    assert_string_equal(member(text, "taskId"), task);
    assert_null(strstr(text, "result"));
}

struct waiting {
    struct fixture *f;
    const struct job_name *job;
    const char *status;
};

static bool has_status(void *arg)
{
    struct waiting *w = arg;
    return strcmp(member(call(w->f, "status", w->job->args), "status"), w->status) == 0;
}

static void await_status(struct fixture *f, const struct job_name *job, const char *status)
{
    struct waiting w = { f, job, status };
    turn_until(f, has_status, &w);
}

static void expect(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("wanted %s\nin %s", part, text);
}

/* The events of the job, in order, by name. */
static void expect_events(struct fixture *f, const struct job_name *job, const char *const *names)
{
    const char *at = f->events;
    settle(f);
    for (; *names; names++) {
        char begin[64];
        snprintf(begin, sizeof begin, "event: %s\ndata: ", *names);
        do {
            at = strstr(at, begin);
            if (!at)
                fail_msg("no %s in order:\n%s", *names, f->events);
            at += strlen(begin);
        } while (!memmem(at, strcspn(at, "\n"), job->id, strlen(job->id)));
    }
}

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
    /* What would be an option of the program is not passed on. */
    run_eval(f, "ids", "--help", &job);
    await_status(f, &job, "FAILED");
    expect(call(f, "status", job.args), "must not begin with \\\"-\\\"");
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
          "loud)" },
        { "status", "{}", "!jobId is required" },
        { "status", "{\"jobId\":\"x\"}", "!Unknown jobId: x" },
        { "status", "{\"jobId\":7,\"more\":1}", "!Unknown jobId: 7" },
        { "cancel_job", "{}", "!jobId is required" },
        { "cancel_job", "{\"jobId\":\"x\"}", "!Unknown jobId: x" },
        { "list_jobs", "{}", "{\"jobs\":[]}" },
        { "list_jobs", "{\"limit\":\"999\",\"status\":\"running\"}", "{\"jobs\":[]}" },
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

    evals[4].command = evals[0].command;
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

/* The file as a crash leaves it: the rows of the ops kit, nothing else. */
static void test_crash(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct job_name was_running = { "job_run", "{\"jobId\":\"job_run\"}" },
                    was_queued = { "job_que", "{\"jobId\":\"job_que\"}" },
                    was_unknown = { "job_unk", "{\"jobId\":\"job_unk\"}" };
    struct err e;
    assert_int_equal(store_close(f->services.store, &e), 0);
    fixture_write(
        f, "state.json",
        "{\"jobs\":[{\"jobId\":\"job_run\",\"taskId\":\"good\",\"configId\":\"c\",\"status\":"
        "\"RUNNING\","
        "\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"updatedAt\":\"2026-01-01T00:00:01.000Z\"},"
        "{\"jobId\":\"job_que\",\"taskId\":\"good\",\"configId\":\"c\",\"status\":\"QUEUED\","
        "\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"updatedAt\":\"2026-01-01T00:00:00.000Z\"},"
        "{\"jobId\":\"job_unk\",\"taskId\":\"gone\",\"configId\":\"c\",\"status\":\"QUEUED\","
        "\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"updatedAt\":\"2026-01-01T00:00:00.000Z\"}],"
        "\"models\":[]}");
    f->services.store = store_open_memory(&e);
    fixture_restart(f);
    run_start(f);
    await_status(f, &was_queued, "COMPLETED");
    expect(call(f, "status", was_running.args), "\"error\":\"the gateway ended while it ran\"");
    expect(call(f, "status", was_running.args), "\"status\":\"INTERRUPTED\"");
    expect(call(f, "status", was_unknown.args), "\"error\":\"Unknown task: gone");
    expect_events(f, &was_running, (const char *const[]){ "queued", "failed", NULL });
    expect_events(f, &was_unknown, (const char *const[]){ "queued", "failed", NULL });
    static const char queued[] = "event: queued\ndata: {\"configId\":\"c\",\"jobId\":\"job_que\","
                                 "\"taskId\":\"good\",\"ts\":\"2026-01-01T00:00:00.000Z\"}";
    expect(f->events, queued);
    assert_null(strstr(strstr(f->events, queued) + 1, queued));
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
        cmocka_unit_test_setup_teardown(test_completes, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_results, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ids, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_arguments, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_dry_run, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_pages, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_restart, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_replaced, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_crash, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_promote, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_not_granted, setup, fixture_teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
