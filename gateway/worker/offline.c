#include "worker/offline.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/job_gates.h"
#include "api/outbox.h"
#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/log.h"
#include "index/index.h"
#include "files/files.h"
#include "io/fetch.h"
#include "worker/loading.h"
#include "worker/own.h"
#include "worker/serving.h"
#include "worker/services.h"
#include "worker/toolgate.h"

#define SLICE_MS 5

struct offline {
    struct gateway gateway;
    struct config *config;
    struct serving *serving;
    struct mcp_host host;
};

static void offline_close(struct offline *o)
{
    serving_unref(o->serving);
    config_unref(o->config);
    toolgates_free(o->gateway.toolgates);
    own_free(o->gateway.own);
    files_free(o->gateway.fs);
}

/* Loads configuration and tools; tells every error. Returns the exit code so far: tools that did
 * not load make it 1. */
static int offline_open(struct offline *o, const char *ini_path)
{
    struct err e = { 0 };
    *o = (struct offline){ .gateway = { .worker_count = 1 } };
    o->config = loading_config(ini_path, loading_tell_stderr, NULL);
    if (!o->config)
        return 2;
    struct log_options people = { .level = o->config->log.level, .text = true };
    if (log_configure(&people, &e) != 0) {
        fprintf(stderr, "moongate: %s\n", e.text);
        return 1;
    }
    o->gateway.toolgates = toolgates_new();
    o->gateway.own = own_new();
    if (!o->gateway.toolgates || !o->gateway.own ||
        own_set(o->gateway.own, o->config, NULL, &e) != 0) {
        fprintf(stderr, "moongate: out of memory\n");
        return 1;
    }
    o->serving = serving_new(&o->gateway, o->config, NULL, &o->host, &e);
    if (!o->serving) {
        fprintf(stderr, "moongate: %s\n", e.text);
        return e.code == MG_E_INVALID ? 2 : 1;
    }
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A tool file of that name, or a helper's below lib. */
static bool is_there(const struct config *c, const char *file)
{
    static const char *const folders[] = { "", "lib/" };
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        int n = snprintf(path, sizeof path, "%s/%s%s", c->paths.tools, folders[i], base_name(file));
        if (n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static void show(void *count, const char *text)
{
    fprintf(stderr, "%s\n", text);
    ++*(size_t *)count;
}

int offline_check(const char *ini_path, const char *file)
{
    struct offline o;
    int code = offline_open(&o, ini_path);
    if (code == 0 && file && !is_there(o.config, file)) {
        fprintf(stderr, "moongate: %s: there is no such file in %s\n", file, o.config->paths.tools);
        offline_close(&o);
        return 1;
    }
    const struct toolset *tools = code == 0 ? o.serving->generation->tools : NULL;
    size_t shown = 0;
    for (size_t i = 0; tools && i < toolset_problem_count(tools); i++) {
        const struct toolset_problem *p = toolset_problem_at(tools, i);
        if (file && p->file[0] && strcmp(base_name(p->file), base_name(file)) != 0)
            continue;
        show(&shown, p->shown[0] ? p->shown : p->text);
    }
    if (tools && !file)
        policies_strays(o.serving->generation->policies, tools, show, &shown);
    if (shown > 0)
        code = 1;
    if (code == 0)
        printf("%s is right; %zu tools load\n", o.config->file, toolset_count(tools));
    offline_close(&o);
    return code;
}

static int print_tools(const struct toolset *tools, bool as_json)
{
    struct buf b = { 0 };
    if (as_json)
        json_open(&b, '[');
    for (size_t i = 0; i < toolset_count(tools); i++) {
        const struct tool *t = toolset_at(tools, i);
        if (as_json)
            mcp_encode_tool(t, MCP_2026_07_28, &b);
        else
            buf_printf(&b, "%-24s %s\n", t->name,
                       t->title         ? t->title
                       : t->description ? t->description
                                        : "");
    }
    if (as_json)
        json_close(&b, ']');
    if (as_json)
        buf_putc(&b, '\n');
    bool is_whole = buf_ok(&b);
    if (is_whole)
        fwrite(b.data, 1, b.len, stdout);
    else
        fprintf(stderr, "moongate: out of memory\n");
    buf_fini(&b);
    return is_whole ? 0 : 1;
}

int offline_tools(const char *ini_path, bool as_json)
{
    struct offline o;
    int code = offline_open(&o, ini_path);
    if (code == 0) {
        const struct toolset *tools = o.serving->generation->tools;
        code = print_tools(tools, as_json);
        for (size_t i = 0; i < toolset_problem_count(tools); i++)
            fprintf(stderr, "%s\n", toolset_problem_at(tools, i)->text);
        if (toolset_problem_count(tools) > 0)
            code = 1;
    }
    offline_close(&o);
    return code;
}

/* ---- call ---- */

struct offline_call {
    struct tool_result result;
    bool is_over;
};

static void call_done(void *arg, struct tool_result *r, uint64_t seq)
{
    struct offline_call *c = arg;
    (void)seq;
    c->result = *r;
    memset(r, 0, sizeof *r);
    c->is_over = true;
}

static void call_progress(void *arg, const struct task_progress *p, uint64_t wait)
{
    (void)arg, (void)wait; /* nothing that is done here lasts */
    const char *message = p->message ? p->message : "";
    if (p->has_total)
        fprintf(stderr, "progress %g of %g %s\n", p->done, p->total, message);
    else
        fprintf(stderr, "progress %g %s\n", p->done, message);
}

static void call_log(void *arg, int level, const char *data_json, size_t len, uint64_t wait)
{
    (void)arg, (void)wait;
    fprintf(stderr, "%s %.*s\n", mcp_log_level_text((enum mcp_log_level)level), (int)len,
            data_json);
}

static void print_result(const struct tool_result *r)
{
    FILE *out = r->is_error ? stderr : stdout;
    struct json_text block, root = { r->content.data, r->content.len, JSON_ARRAY };
    struct json_iter it = json_iter(root);
    while (json_next_item(&it, &block)) {
        struct json_text found[2];
        struct buf text = { 0 };
        json_find(block, (const char *const[]){ "type", "text" }, found, 2);
        if (found[0].type == JSON_STRING && json_string_eq(found[0], "text", 4) &&
            found[1].type == JSON_STRING)
            json_string_decode(found[1], &text);
        else
            buf_append(&text, block.p, block.len);
        fwrite(text.data, 1, text.len, out);
        fputc('\n', out);
        buf_fini(&text);
    }
}

static int services_for_call(struct offline *o, struct vm_services *s, struct err *e)
{
    struct gateway *g = &o->gateway;
    struct topics_options topics = { .max_topics = 1000,
                                     .max_bytes = 1 << 24,
                                     .max_topics_per_sub = 1,
                                     .max_queue_bytes = 1 << 20 };
    *s = (struct vm_services){ .metrics = metrics_slot(1) };
    s->loop = loop_new(e);
    s->store = s->loop ? store_open_copy(o->config->state.path, e) : NULL;
    s->offload = s->store ? offload_new(1, 64, e) : NULL;
    s->index = s->offload ? services_index_new(o->config, s->offload, true) : NULL;
    s->topics = g->topics = topics_new(&topics);
    s->cache = g->cache = cache_new();
    s->jobs = g->jobs = inflight_new();
    s->job_gates = g->job_gates = job_gates_new();
    s->fs = g->fs = files_new();
    if (s->offload && s->topics)
        s->outbox = outbox_new(s->loop, s->store, s->topics);
    s->fetcher = s->loop ? fetcher_new(s->loop, s->metrics) : NULL;
    if (s->outbox && s->cache && s->jobs && s->job_gates && s->index && s->fs && s->fetcher)
        return 0;
    return e->code ? e->code : err_set(e, MG_E_NOMEM, "out of memory");
}

static void services_end(struct vm_services *s)
{
    struct err e;
    offload_free(s->offload);
    index_close(s->index);
    if (s->store && store_close(s->store, &e) != 0)
        fprintf(stderr, "moongate: %s\n", e.text);
    outbox_store_closed(s->outbox);
    if (s->loop)
        loop_poll(s->loop, 0);
    outbox_free(s->outbox);
    fetcher_free(s->fetcher);
    topics_free(s->topics);
    cache_free(s->cache);
    inflight_free(s->jobs);
    job_gates_free(s->job_gates);
    loop_free(s->loop);
    index_free(s->index);
}

static void call_run(struct vm *vm, struct loop *l, const struct tool *t, struct json_text args,
                     struct offline_call *c)
{
    static const struct task_ops ops = { .progress = call_progress,
                                         .log = call_log,
                                         .done = call_done };
    struct task_info info = { .call_id = "call_offline",
                              .tool = t->name,
                              .principal = "operator",
                              .scopes = "",
                              .ip = "",
                              .client_name = "moongate",
                              .client_version = MG_VERSION,
                              .protocol = mcp_revision_text(MCP_2026_07_28),
                              .args = args,
                              .timeout_ms = t->timeout_ms,
                              .memory_bytes = t->memory_bytes,
                              .wants_progress = true,
                              .wants_log = true };
    task_start(vm, t->index, &info, &ops, c);
    while (!c->is_over) {
        loop_poll(l, vm_has_work(vm) ? 0 : -1);
        vm_run(vm);
    }
}

/* What the call has started runs to its end, and its events leave. */
static void jobs_run(struct vm *vm, struct loop *l)
{
    while (vm_task_count(vm) > 0) {
        loop_poll(l, vm_has_work(vm) ? 0 : -1);
        vm_run(vm);
    }
}

/* Without it nothing would end a tool that never waits. */
static struct watchdog *watch_call(struct watch_slot *slot, struct err *e)
{
    struct watchdog_options o = { .slice_ms = SLICE_MS, .signal = vm_preempt_signal() };
    struct watchdog *dog = vm_install_signal(e) == 0 ? watchdog_start(&o, e) : NULL;
    if (dog && watchdog_add(dog, slot) == 0)
        return dog;
    watchdog_stop(dog);
    return NULL;
}

static int call_with_services(struct offline *o, const struct tool *t, struct json_text args)
{
    struct vm_services services;
    struct offline_call c = { .is_over = false };
    struct watch_slot slot = { .thread = pthread_self() };
    struct watchdog *dog = NULL;
    struct err e = { 0 };
    int code = 1;
    struct generation *g = o->serving->generation;
    signal(SIGPIPE, SIG_IGN); /* of a program that does not read what it is given */
    if (services_for_call(o, &services, &e) == 0 && (dog = watch_call(&slot, &e))) {
        services.watch = &slot;
        vm_attach(g->vms[0], &services);
        call_run(g->vms[0], services.loop, t, args, &c);
        print_result(&c.result);
        fflush(stdout); /* jobs may take long */
        jobs_run(g->vms[0], services.loop);
        code = c.result.is_error ? 1 : 0;
        tool_result_fini(&c.result);
    } else {
        fprintf(stderr, "moongate: %s\n", e.text);
    }
    if (dog)
        watchdog_remove(dog, &slot);
    watchdog_stop(dog);
    vm_free(g->vms[0]);
    g->vms[0] = NULL;
    services_end(&services);
    return code;
}

int offline_call(const char *ini_path, const char *name, const char *json)
{
    struct offline o;
    struct err e = { 0 };
    struct json_text args;
    struct json_limits limits = { 0 };
    if (json_scan(json, strlen(json), &limits, &args, &e) != 0 || args.type != JSON_OBJECT) {
        fprintf(stderr, "moongate: the arguments must be a JSON object: %s\n",
                e.code ? e.text : json);
        return 2;
    }
    int code = offline_open(&o, ini_path);
    if (code == 0) {
        const struct tool *t = toolset_find(o.serving->generation->tools, name, strlen(name));
        if (t) {
            code = call_with_services(&o, t, args);
        } else {
            fprintf(stderr,
                    "moongate: Unknown tool: %s; `moongate tools` lists them, `moongate check` "
                    "says what did not "
                    "load\n",
                    name);
            code = 1;
        }
    }
    offline_close(&o);
    return code;
}
