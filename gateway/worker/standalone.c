#include "worker/standalone.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "api/job_gates.h"
#include "api/outbox.h"
#include "base/log.h"
#include "files/files.h"
#include "index/index.h"
#include "io/fetch.h"
#include "store/store.h"
#include "worker/loading.h"
#include "worker/own.h"
#include "worker/services.h"
#include "worker/toolgate.h"

#define OFFLOAD_THREADS 1
#define OFFLOAD_QUEUE 64

const struct principal standalone_operator = { .name = "operator", .scopes = "" };

static bool may(void *arg, const struct principal *p, const char *tool)
{
    (void)arg;
    return principal_may(p, tool);
}

static const char *caller(void *arg, const struct principal *p, uint64_t *number)
{
    (void)arg;
    *number = p->number;
    return p->name;
}

/* What comes back here was never given away. */
static bool spend(void *arg, const uint8_t id[SEAL_ID_SIZE], int64_t expires_ms)
{
    (void)arg, (void)id, (void)expires_ms;
    return true;
}

void standalone_close(struct standalone *s)
{
    serving_unref(s->serving);
    config_unref(s->config);
    toolgates_free(s->gateway.toolgates);
    own_free(s->gateway.own);
}

/* A file is written by the log's own thread, standard error at once. */
static int log_open(const struct config *c, const char *file, struct err *e)
{
    struct log_options o = { .level = c->log.level, .text = true, .file = file };
    return file ? log_start(&o, e) : log_configure(&o, e);
}

int standalone_open(struct standalone *s, const char *ini_path, const char *log_file)
{
    struct err e = { 0 };
    *s = (struct standalone){ .gateway = { .worker_count = 1 },
                              .host = { .may = may, .caller = caller, .spend = spend } };
    seal_key_make(&s->gateway.seal);
    s->config = loading_config(ini_path, loading_tell_stderr, NULL);
    if (!s->config)
        return 2;
    if (log_open(s->config, log_file, &e) != 0) {
        fprintf(stderr, "moongate: %s\n", e.text);
        return 1;
    }
    s->gateway.toolgates = toolgates_new();
    s->gateway.own = own_new();
    if (!s->gateway.toolgates || !s->gateway.own ||
        own_set(s->gateway.own, s->config, NULL, &e) != 0) {
        fprintf(stderr, "moongate: %s\n", e.code ? e.text : "out of memory");
        return 1;
    }
    s->serving = serving_new(&s->gateway, s->config, NULL, &s->host, &e);
    if (!s->serving) {
        fprintf(stderr, "moongate: %s\n", e.text);
        return e.code == MG_E_INVALID ? 2 : 1;
    }
    return 0;
}

size_t standalone_tell_problems(const struct standalone *s)
{
    const struct toolset *tools = s->serving->generation->tools;
    for (size_t i = 0; i < toolset_problem_count(tools); i++)
        fprintf(stderr, "%s\n", toolset_problem_at(tools, i)->text);
    return toolset_problem_count(tools);
}

/* ---- running calls ---- */

static struct index *index_make(struct standalone_run *r, const struct standalone_parts *parts)
{
    struct index_options o = { .path = parts->index_path, .offload = r->services.offload };
    return parts->index_path
               ? index_new(&o)
               : services_index_new(r->site->config, r->services.offload, parts->reads_index);
}

static int services_make(struct standalone_run *r, const struct standalone_parts *parts,
                         struct err *e)
{
    struct gateway *g = &r->site->gateway;
    struct vm_services *s = &r->services;
    struct topics_options topics = { .max_topics = 1000,
                                     .max_bytes = 1 << 24,
                                     .max_topics_per_sub = 1,
                                     .max_queue_bytes = 1 << 20 };
    s->loop = loop_new(e);
    s->offload = s->loop ? offload_new(OFFLOAD_THREADS, OFFLOAD_QUEUE, e) : NULL;
    s->index = s->offload ? index_make(r, parts) : NULL;
    s->topics = g->topics = topics_new(&topics);
    s->cache = g->cache = cache_new();
    s->fs = g->fs = files_new();
    s->jobs = g->jobs = inflight_new();
    s->job_gates = g->job_gates = job_gates_new();
    if (s->offload && s->topics)
        s->outbox = outbox_new(s->loop, s->store, s->topics, NULL, NULL, NULL);
    s->fetcher = s->loop ? fetcher_new(s->loop, s->metrics) : NULL;
    if (s->outbox && s->cache && s->fs && s->jobs && s->job_gates && s->index && s->fetcher)
        return 0;
    return e->code ? e->code : err_set(e, MG_E_NOMEM, "out of memory");
}

/* Without it nothing would end a tool that never waits. */
static int watch(struct standalone_run *r, struct err *e)
{
    struct watchdog_options o = { .slice_ms = VM_SLICE_MS, .signal = vm_preempt_signal() };
    r->dog = vm_install_signal(e) == 0 ? watchdog_start(&o, e) : NULL;
    if (r->dog && watchdog_add(r->dog, &r->slot) == 0) {
        r->services.watch = &r->slot;
        return 0;
    }
    watchdog_stop(r->dog);
    r->dog = NULL;
    return e->code ? e->code : err_set(e, MG_E_NOMEM, "out of memory");
}

int standalone_run_open(struct standalone_run *r, struct standalone *site,
                        const struct standalone_parts *parts, struct err *e)
{
    struct err later;
    *r = (struct standalone_run){ .site = site,
                                  .slot = { .thread = pthread_self() },
                                  .services = { .store = parts->store,
                                                .metrics = metrics_slot(1) } };
    signal(SIGPIPE, SIG_IGN); /* of a program that does not read what it is given */
    int code = services_make(r, parts, e);
    if (code == 0)
        code = watch(r, e);
    if (code != 0)
        (void)standalone_run_close(r, &later);
    return code;
}

int standalone_run_close(struct standalone_run *r, struct err *e)
{
    struct vm_services *s = &r->services;
    if (r->dog)
        watchdog_remove(r->dog, &r->slot);
    watchdog_stop(r->dog);
    offload_free(s->offload);
    index_close(s->index);
    int code = s->store ? store_close(s->store, e) : 0;
    if (s->outbox)
        outbox_store_closed(s->outbox);
    if (s->loop)
        loop_poll(s->loop, 0);
    outbox_free(s->outbox);
    fetcher_free(s->fetcher);
    topics_free(s->topics);
    cache_free(s->cache);
    files_free(s->fs);
    inflight_free(s->jobs);
    job_gates_free(s->job_gates);
    loop_free(s->loop);
    index_free(s->index);
    *s = (struct vm_services){ 0 };
    r->dog = NULL;
    return code;
}

void standalone_turn(struct standalone_run *r, struct vm *vm, int64_t max_wait_ms)
{
    loop_poll(r->services.loop, vm_has_work(vm) ? 0 : max_wait_ms);
    vm_run(vm);
}
