#include "worker/worker.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/outbox.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/fetch.h"
#include "worker/call.h"
#include "worker/call_task.h"
#include "worker/endpoint_sse.h"
#include "worker/endpoint_tasks.h"
#include "worker/eventstream.h"
#include "worker/peer.h"
#include "worker/route.h"
#include "worker/starter.h"

#define DRAIN_TICK_MS 20

static void requests_served(void *arg) { call_run_fresh(arg); }

static const struct http_handler handler = { .request = route_request,
                                             .served = requests_served,
                                             .refused = route_refused };

static void worker_http_options(const struct config *c, struct http_options *o)
{
    *o = (struct http_options){
        .max_body = c->server.max_body_bytes,
        .max_headers = (uint32_t)c->server.max_headers_bytes,
        .max_stream_queue = c->server.max_stream_queue_bytes,
        .request_timeout_ms = c->server.request_timeout_ms,
        .idle_timeout_ms = c->server.idle_timeout_ms,
        .sse_keepalive_ms = c->server.sse_keepalive_ms,
        .max_connections = c->server.max_connections,
        .max_connections_per_ip = c->server.max_connections_per_ip,
    };
}

static void note_oldest(struct worker *w)
{
    unsigned n = w->generation_count;
    atomic_store(&w->oldest, n > 0 ? w->generations[n - 1]->number : UINT32_MAX);
}

/* Is he shown what the template of that full name lists? By what this worker serves. */
static bool shows_list(void *arg, uint64_t principal, const char *name)
{
    const struct serving *s = ((const struct worker *)arg)->serving;
    const struct principal *p = keyring_numbered(s->keyring, principal);
    return p && principal_may(p, name) &&
           toolset_offer_find(s->generation->tools, TOOL_LISTER, name, strlen(name));
}

/* The machine of an older generation goes when its last task has ended; this thread alone may free
 * it. */
static void generation_release(struct worker *w, unsigned i)
{
    struct generation *g = w->generations[i];
    vm_free(g->vms[w->index]);
    g->vms[w->index] = NULL;
    generation_unref(g);
    w->generation_count--;
    memmove(&w->generations[i], &w->generations[i + 1],
            (w->generation_count - i) * sizeof(struct generation *));
    note_oldest(w);
}

static void generations_sweep(struct worker *w)
{
    for (unsigned i = w->generation_count; i-- > 1;)
        if (vm_task_count(w->generations[i]->vms[w->index]) == 0 &&
            w->generations[i]->queued[w->index] == 0)
            generation_release(w, i);
}

/* From now on requests are served with s. */
static void worker_adopt(struct worker *w, struct serving *s)
{
    struct generation *g = s->generation;
    struct serving *old = w->serving;
    w->serving = s;
    w->log_access = s->config->log.access;
    if (w->generation_count > 0 && w->generations[0] == g) {
        serving_unref(old);
        return;
    }
    if (w->vm)
        vm_every_stop(w->vm);
    vm_attach(g->vms[w->index], &w->services);
    memmove(&w->generations[1], &w->generations[0],
            w->generation_count * sizeof(struct generation *));
    w->generations[0] = generation_ref(g);
    w->generation_count++;
    note_oldest(w);
    w->vm = g->vms[w->index];
    serving_unref(old);
}

void worker_adopt_published(struct worker *w)
{
    call_hold_turn(w);
    worker_adopt(w, published_get(&w->gateway->published));
}

/* ---- messages from the supervisor ---- */

/* They are part of the worker, so that none of them can fail: a key that was revoked is revoked in
 * every worker. */

/* Whoever waits until all workers serve with what was published looks again. */
static void tell_adopted(struct worker *w, uint32_t number)
{
    struct gateway *g = w->gateway;
    atomic_store(&w->adopted, number);
    if (g->adopted && !atomic_exchange(&g->is_adopting, true))
        loop_post(g->adopted_loop, g->adopted);
}

static void publish_run(struct mail *m)
{
    struct worker *w = (struct worker *)((char *)m - offsetof(struct worker, publish_mail));
    struct http_options http;
    (void)atomic_exchange(&w->is_told, false); /* what is published now is told anew */
    if (w->is_stopped)
        return;
    worker_catch_up(w);
    worker_http_options(w->serving->config, &http);
    http_server_reconfigure(w->http, &http);
    eventstreams_judge_all(w);
    call_tasks_judge_all(w);
    tell_adopted(w, w->serving->number);
    if (w->index == 0)
        starter_run(w);
}

void worker_tell_published(struct worker *w)
{
    if (!atomic_exchange(&w->is_told, true))
        loop_post(w->loop, &w->publish_mail);
}

static void interrupt_run(struct mail *m)
{
    struct worker *w = (struct worker *)((char *)m - offsetof(struct worker, interrupt_mail));
    uint32_t number = atomic_exchange(&w->interrupting, 0);
    if (w->generation_count > 1 && atomic_load(&w->oldest) == number)
        vm_shutdown(w->generations[w->generation_count - 1]->vms[w->index]);
}

void worker_interrupt(struct worker *w, uint32_t generation)
{
    if (atomic_exchange(&w->interrupting, generation) == 0)
        loop_post(w->loop, &w->interrupt_mail);
}

/* ---- drain: no new connections; calls get half of the time to end by themselves ---- */

static size_t worker_tasks(const struct worker *w)
{
    size_t n = 0;
    for (unsigned i = 0; i < w->generation_count; i++)
        n += vm_task_count(w->generations[i]->vms[w->index]);
    return n;
}

static void drain_begin(struct worker *w, int64_t timeout_ms)
{
    w->is_draining = true;
    endpoint_tasks_stop(w);
    if (w->vm)
        vm_every_stop(w->vm);
    w->drain_deadline_ms = loop_now(w->loop) + timeout_ms;
    w->drain_cancel_ms = loop_now(w->loop) + timeout_ms / 2;
    eventstreams_end_all(w);
    peers_hold(w);
    http_server_drain(w->http);
}

static void drain_run(struct mail *m)
{
    struct worker *w = (struct worker *)((char *)m - offsetof(struct worker, drain_mail));
    drain_begin(w, w->drain_timeout_ms);
}

void worker_drain(struct worker *w, int64_t timeout_ms)
{
    w->drain_timeout_ms = timeout_ms;
    loop_post(w->loop, &w->drain_mail);
}

static void shutdown_all(struct worker *w)
{
    for (unsigned i = 0; i < w->generation_count; i++)
        vm_shutdown(w->generations[i]->vms[w->index]);
    w->is_cancelled = true;
}

static void drain_step(struct worker *w)
{
    int64_t now = loop_now(w->loop);
    /* Again and again from then on: what had come before the drain may still begin a call. */
    if (w->is_cancelled || calls_are_over(w) || now >= w->drain_cancel_ms)
        shutdown_all(w);
    bool is_empty = http_server_open(w->http) == 0 && worker_tasks(w) == 0 && calls_are_over(w) &&
                    outbox_is_settled(w->outbox) && peers_are_quiet(w);
    if (!is_empty && now < w->drain_deadline_ms)
        return;
    w->is_stopped = true;
    if (!is_empty)
        log_printf(LOG_WARN,
                   "worker %u: drain_timeout is over with %zu tasks and %zu connections left",
                   w->index, worker_tasks(w), http_server_open(w->http));
}

/* ---- the thread ---- */

static int64_t next_wait(struct worker *w)
{
    for (unsigned i = 0; i < w->generation_count; i++)
        if (vm_has_work(w->generations[i]->vms[w->index]))
            return 0;
    if (w->late.first)
        return 0;
    int64_t wait = http_server_wait(w->http);
    return w->is_draining && (wait < 0 || wait > DRAIN_TICK_MS) ? DRAIN_TICK_MS : wait;
}

/* Told by readiness, and healed by the next reload. */
static void worker_note_full(struct worker *w)
{
    bool is_full = w->vm && vm_is_full(w->vm);
    if (is_full == w->is_full)
        return;
    w->is_full = is_full;
    if (is_full)
        atomic_fetch_add(&w->gateway->full_workers, 1);
    else
        atomic_fetch_sub(&w->gateway->full_workers, 1);
}

static void worker_step(struct worker *w)
{
    uint64_t bytes = 0;
    loop_poll(w->loop, next_wait(w));
    for (unsigned i = 0; i < w->generation_count; i++) {
        vm_run(w->generations[i]->vms[w->index]);
        bytes += vm_memory(w->generations[i]->vms[w->index]);
    }
    metrics_set(w->metrics, M_LUA_BYTES, (int64_t)bytes);
    worker_note_full(w);
    if (w->late.first)
        call_run_late(w);
    w->turn_us = clock_mono_us();
    http_server_run(w->http);
    if (w->generation_count > 1)
        generations_sweep(w);
    if (w->is_draining)
        drain_step(w);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    w->watch.thread = pthread_self();
    struct watchdog *dog = w->gateway->watchdog;
    if (dog && watchdog_add(dog, &w->watch) != 0)
        log_printf(LOG_WARN, "worker %u is not watched", w->index);
    while (!w->is_stopped)
        worker_step(w);
    if (dog)
        watchdog_remove(dog, &w->watch);
    for (unsigned i = w->generation_count; i-- > 0;)
        generation_release(w, i);
    http_server_close_all(w->http);
    http_server_run(w->http);
    return NULL;
}

int worker_start(struct worker *w, struct err *e)
{
    char name[16];
    int error = pthread_create(&w->thread, NULL, worker_main, w);
    if (error != 0)
        return err_set(e, MG_E_IO, "cannot start the thread of worker %u: %s", w->index,
                       strerror(error));
    w->is_started = true;
    /* Here, not by the thread itself: who has read "listening" finds it by its name. */
    snprintf(name, sizeof name, "mg-worker-%u", w->index);
    (void)pthread_setname_np(w->thread, name);
    return 0;
}

void worker_join(struct worker *w)
{
    if (w->is_started)
        pthread_join(w->thread, NULL);
    w->is_started = false;
}

struct worker *worker_new(struct gateway *g, unsigned index, struct serving *s, struct err *e)
{
    struct http_options http;
    struct worker *w = calloc(1, sizeof *w);
    if (!w) {
        err_set(e, MG_E_NOMEM, "no memory for worker %u", index);
        return NULL;
    }
    w->gateway = g;
    w->door = -1;
    w->index = index;
    call_queue_init(&w->fresh);
    call_queue_init(&w->over);
    call_queue_init(&w->late);
    w->metrics = metrics_slot(index + 1);
    w->publish_mail.run = publish_run;
    w->interrupt_mail.run = interrupt_run;
    w->drain_mail.run = drain_run;
    w->watch.worker = index;
    w->watch.dog = g->watchdog;
    w->loop = loop_new(e);
    worker_http_options(s->config, &http);
    if (w->loop)
        w->http = http_server_new(w->loop, g->http, &http, g->addresses, g->address_count, &handler,
                                  w, w->metrics, e);
    w->outbox =
        w->http ? outbox_new(w->loop, g->store, g->topics, g->notices, shows_list, w) : NULL;
    w->fetcher = w->outbox ? fetcher_new(w->loop, w->metrics) : NULL;
    if (!w->fetcher) {
        err_set(e, e->code ? e->code : MG_E_NOMEM, "%s",
                e->code ? e->text : "no memory for a worker");
        worker_free(w);
        return NULL;
    }
    w->services = (struct vm_services){ .loop = w->loop,
                                        .store = g->store,
                                        .topics = g->topics,
                                        .notices = g->notices,
                                        .cache = g->cache,
                                        .jobs = g->jobs,
                                        .offload = g->offload,
                                        .job_gates = g->job_gates,
                                        .fs = g->fs,
                                        .outbox = w->outbox,
                                        .index = g->index,
                                        .fetcher = w->fetcher,
                                        .watch = &w->watch,
                                        .metrics = w->metrics,
                                        .files = &g->files,
                                        .every = &w->every,
                                        .worker = index };
    worker_adopt(w, serving_ref(s));
    endpoint_tasks_start(w);
    return w;
}

/* After the join, and after the state was closed: whoever waited for the disk is told now. What
 * still waits then is dropped without an answer. */
void worker_free(struct worker *w)
{
    if (!w)
        return;
    outbox_store_closed(w->outbox);
    if (w->loop)
        loop_poll(w->loop, 0);
    while (w->generation_count > 0) /* only when the thread never ran */
        generation_release(w, w->generation_count - 1);
    call_drop_all(w);
    if (w->loop)
        loop_poll(w->loop, 0); /* places that gates gave to those who are gone now */
    peers_free(w);
    call_pool_free(w);
    starter_free(w->starter);
    if (w->http) {
        http_server_close_all(w->http);
        http_server_run(w->http);
        http_server_free(w->http);
    }
    endpoint_sse_free(w);
    outbox_free(w->outbox);
    fetcher_free(w->fetcher);
    loop_free(w->loop);
    serving_unref(w->serving);
    buf_fini(&w->scratch);
    free(w);
}
