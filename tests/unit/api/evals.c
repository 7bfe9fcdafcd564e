#include "evals.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
      SH("echo working; echo '{\"metrics\":{\"f1\":0.5},\"artifacts\":[\"a\"],\"extra\":1}'"),
      .timeout_ms = 10000 },
    { "bare", SH("echo '{\"x\":1}'; echo '[1]'; echo no json"), .timeout_ms = 10000 },
    { "fails", SH("echo '{\"metrics\":{}}'; echo first >&2; echo the reason >&2; exit 7"),
      .timeout_ms = 10000 },
    { "silent", SH("echo nothing"), .timeout_ms = 10000 },
    { "long", SH("echo started; exec sleep 600"), .timeout_ms = 600000 },
    { "slow", SH("exec sleep 600"), .timeout_ms = 150 },
    { "ids",
      SH("echo \"{\\\"args\\\":\\\"$1 $2 $4\\\",\\\"same\\\":$([ \"$3\" != x ] && echo true)}\""),
      .timeout_ms = 10000 },
    { "missing", (const char *const[]){ "no-such-program", NULL }, .timeout_ms = 10000 },
    { "loud", SH("seq 300000; echo '{\"metrics\":{\"n\":300000}}'; seq 10"), .timeout_ms = 10000 },
    { "swapped", SH("echo '{\"metrics\":[],\"artifacts\":{}}'"), .timeout_ms = 10000 },
    { "kinds", SH("echo '{\"metrics\":[1],\"artifacts\":{\"1\":1}}'"), .timeout_ms = 10000 },
    { "texts", SH("echo '{\"metrics\":\"\",\"artifacts\":null}'"), .timeout_ms = 10000 },
    { "deep",
      SH("printf '{\"x\":%060d%060d}\\n' 0 0 | sed 's/0\\{60\\}/[/;s/0\\{60\\}/]/;"
         "s/\\[/[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[/;"
         "s/\\]/]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]/'"),
      .timeout_ms = 10000 },
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

void evals_make_long_good(void) { evals[4].command = evals[0].command; }

/* Of the shipped tools those that these tests are about: others want other grants. */
static void link_tools(const struct fixture *f)
{
    static const char *const names[] = { "run_eval.lua",   "status.lua",        "list_jobs.lua",
                                         "cancel_job.lua", "promote_model.lua", "lib" };
    char cwd[PATH_MAX / 2], from[PATH_MAX], to[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_true(mkdir(f->dir, 0755) == 0 || errno == EEXIST);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(from, sizeof from, "%s/tools.d/%s", cwd, names[i]);
        snprintf(to, sizeof to, "%s/%s", f->dir, names[i]);
        assert_int_equal(symlink(from, to), 0);
    }
}

int evals_setup(void **state)
{
    struct fixture *f = fixture_new(true);
    link_tools(f);
    f->policy.exec = exec_granted;
    f->policy.state = state_granted;
    set_evals(f);
    fixture_load(f);
    *state = f;
    return 0;
}

void run_start(struct fixture *f)
{
    vm_start_tools(f->vm, NULL, NULL, NULL, NULL);
    turn(f);
}

const char *member(const char *text, const char *name)
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

void run_eval(struct fixture *f, const char *task, const char *config, struct job_name *out)
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

void await_status(struct fixture *f, const struct job_name *job, const char *status)
{
    struct waiting w = { f, job, status };
    turn_until(f, has_status, &w);
}

void expect(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("wanted %s\nin %s", part, text);
}

void expect_events(struct fixture *f, const struct job_name *job, const char *const *names)
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
