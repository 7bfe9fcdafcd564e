#include "worker/test_machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store.h"
#include "vm/testing.h"
#include "worker/own.h"
#include "worker/test_call.h"
#include "worker/test_root.h"

#define IDLE_MS 20                   /* between two looks while another thread works */
#define COMPUTING_US INT64_C(100000) /* from here on the clock follows what computes */

struct test_machine {
    struct standalone *site;
    struct standalone_run run;
    struct vm_testing testing;
    struct test_calls calls; /* vm_testing.arg points to the machine, not here */
    struct test_root root;
    struct own *own;
    struct toolset *tools;
    struct vm *vm;
    struct test_cases cases; /* as the file names them now */
    struct buf *failure;     /* of the case that runs */
    struct task_info info;
    int64_t busy_us, given_us; /* since when some strand computes; up to when the clock followed */
    bool is_over;
};

/* ---- cases ---- */

void test_cases_fini(struct test_cases *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->items[i].name);
        free(c->items[i].place);
    }
    free(c->items);
    *c = (struct test_cases){ 0 };
}

static int case_add(void *arg, const char *name, const char *place, int64_t timeout_ms)
{
    struct test_cases *all = &((struct test_machine *)arg)->cases;
    struct test_case *more = realloc(all->items, (all->n + 1) * sizeof *more);
    if (!more)
        return MG_E_NOMEM;
    all->items = more;
    struct test_case *c = &all->items[all->n];
    size_t len = strlen(place);
    while (len > 0 && (place[len - 1] == ' ' || place[len - 1] == ':'))
        len--;
    *c = (struct test_case){ .name = strdup(name),
                             .place = strndup(place, len),
                             .timeout_ms = timeout_ms > 0 ? timeout_ms : TEST_TIMEOUT_MS };
    all->n++;
    return c->name && c->place ? 0 : MG_E_NOMEM;
}

static void case_fail(void *arg, const char *text, size_t len)
{
    struct test_machine *m = arg;
    if (m->failure && m->failure->len == 0)
        buf_append(m->failure, text, len);
}

static int case_call(void *arg, struct testing_call *c, const struct testing_request *r,
                     struct err *e)
{
    return test_call_new(&((struct test_machine *)arg)->calls, c, r, e);
}

static void case_drop(void *arg, struct testing_call *c)
{
    test_call_drop(&((struct test_machine *)arg)->calls, c);
}

static int case_file(void *arg, const char *path, const char *data, size_t len, struct err *e)
{
    return test_root_write(&((struct test_machine *)arg)->root, path, data, len, e);
}

/* ---- the machine ---- */

/* The gateway's own files, seen from the test's root. */
static int own_make(struct test_machine *m, struct err *e)
{
    struct config c = *m->site->config; /* borrowed: only read, and not kept */
    c.paths.root = m->root.path;
    m->own = own_new();
    return m->own ? own_set(m->own, &c, NULL, e) : err_set(e, MG_E_NOMEM, "not enough memory");
}

static int machine_load(struct test_machine *m, const char *file, struct err *e)
{
    struct vm_options o;
    struct generation *g = m->site->serving->generation;
    m->testing = (struct vm_testing){ .file = file,
                                      .arg = m,
                                      .add = case_add,
                                      .fail = case_fail,
                                      .call = case_call,
                                      .drop = case_drop,
                                      .file_make = case_file };
    generation_options(g, &m->site->gateway, &o);
    o.root = m->root.path;
    o.may_open_arg = m->own;
    o.testing = &m->testing;
    m->tools = toolset_new(1);
    m->vm = m->tools ? vm_new(&o, m->tools, NULL, e) : NULL;
    if (!m->vm || toolset_seal(m->tools) != 0)
        return e->code ? e->code : err_set(e, MG_E_NOMEM, "not enough memory");
    m->calls = (struct test_calls){ .serving = m->site->serving, .tools = m->tools };
    return 0;
}

static void machine_close(struct test_machine *m)
{
    struct err e;
    m->failure = NULL; /* what is dropped now says nothing of the case */
    vm_free(m->vm);
    test_calls_fini(&m->calls);
    (void)standalone_run_close(&m->run, &e);
    toolset_unref(m->tools);
    own_free(m->own);
    test_root_remove(&m->root);
    test_cases_fini(&m->cases);
    clock_fake_stop();
}

static int machine_open(struct test_machine *m, struct standalone *site, const char *file,
                        struct err *e)
{
    *m = (struct test_machine){ .site = site };
    clock_fake_start();
    int code = test_root_make(&m->root, e);
    struct standalone_parts parts = { .store = code == 0 ? store_open_memory(e) : NULL,
                                      .index_path = m->root.index };
    if (code == 0)
        code = parts.store ? standalone_run_open(&m->run, site, &parts, e) : e->code;
    if (code == 0)
        code = own_make(m, e);
    if (code == 0)
        code = machine_load(m, file, e);
    if (code == 0)
        vm_attach(m->vm, &m->run.services);
    else
        machine_close(m);
    return code;
}

/* What is wrong with the file of tests; the tools' own problems are told once for all. */
static void problem_take(const struct test_machine *m, struct buf *problem)
{
    for (size_t i = 0; i < toolset_problem_count(m->tools); i++) {
        const struct toolset_problem *p = toolset_problem_at(m->tools, i);
        if (strcmp(p->file, m->testing.file) == 0)
            buf_str(problem, p->text);
    }
}

int test_list(struct standalone *site, const char *file, struct test_cases *out,
              struct buf *problem, struct err *e)
{
    struct test_machine m;
    int code = machine_open(&m, site, file, e);
    if (code != 0)
        return code;
    problem_take(&m, problem);
    *out = m.cases;
    m.cases = (struct test_cases){ 0 };
    machine_close(&m);
    return buf_ok(problem) ? 0 : err_set(e, MG_E_NOMEM, "not enough memory");
}

/* ---- running a case ---- */

/* What a case's end says beyond its own failures: a kill, such as for want of memory. */
static void case_done(void *arg, struct tool_result *r, uint64_t seq)
{
    struct test_machine *m = arg;
    (void)seq;
    m->is_over = true;
    if (r->is_error && r->content.len)
        case_fail(m, r->content.data, r->content.len);
}

/* A test's clock stands still, so what computes without end would meet no deadline. */
static void clock_follow(struct test_machine *m)
{
    int64_t now_us = clock_mono_us();
    if (!vm_is_computing(m->vm)) {
        m->busy_us = 0;
        return;
    }
    if (m->busy_us == 0)
        m->busy_us = m->given_us = now_us;
    int64_t ms = (now_us - m->given_us) / 1000;
    if (now_us - m->busy_us < COMPUTING_US || ms == 0)
        return;
    clock_fake_advance(ms);
    m->given_us += ms * 1000;
}

/* Where nothing is left to do but to wait for some time, that time has come. */
static void clock_jump(struct test_machine *m)
{
    loop_poll(m->run.services.loop, 0); /* messages that are there already come before */
    if (vm_has_work(m->vm))
        return;
    int64_t due_ms = loop_next_due(m->run.services.loop), now_ms = clock_mono_ms();
    bool has_timer = due_ms != INT64_MAX && !vm_awaits_world(m->vm);
    if (has_timer && due_ms > now_ms)
        clock_fake_advance(due_ms - now_ms);
    loop_poll(m->run.services.loop, has_timer ? 0 : IDLE_MS);
    vm_run(m->vm);
}

static void turn(struct test_machine *m)
{
    if (test_calls_start(&m->calls, m->vm) || vm_has_work(m->vm)) {
        standalone_turn(&m->run, m->vm, 0);
        clock_follow(m);
    } else {
        m->busy_us = 0;
        clock_jump(m);
    }
}

static void run_case(struct test_machine *m, size_t i)
{
    static const struct task_ops ops = { .done = case_done };
    int64_t timeout_ms = m->cases.items[i].timeout_ms;
    int64_t until_us = clock_mono_us() + timeout_ms * 1000;
    m->info = (struct task_info){ .call_id = "test",
                                  .tool = "",
                                  .principal = "",
                                  .scopes = "",
                                  .ip = "",
                                  .protocol = "",
                                  .memory_bytes = m->site->config->tools.max_memory_bytes };
    if (!vm_start_case(m->vm, i, &m->info, &ops, m)) {
        case_fail(m, "not enough memory", 17);
        return;
    }
    while (!m->is_over && clock_mono_us() < until_us)
        turn(m);
    if (!m->is_over && m->failure->len == 0)
        buf_printf(m->failure, "%s: not done within %g s", m->cases.items[i].place,
                   (double)timeout_ms / 1e3);
}

int test_run(struct standalone *site, const char *file, const struct test_cases *cases, size_t i,
             struct buf *failure, struct err *e)
{
    struct test_machine m;
    int code = machine_open(&m, site, file, e);
    if (code != 0)
        return code;
    m.failure = failure;
    problem_take(&m, failure);
    if (failure->len == 0 &&
        (m.cases.n <= i || strcmp(m.cases.items[i].name, cases->items[i].name) != 0))
        buf_str(failure, "the file named other cases when it was loaded before");
    if (failure->len == 0)
        run_case(&m, i);
    machine_close(&m);
    return buf_ok(failure) ? 0 : err_set(e, MG_E_NOMEM, "not enough memory");
}
