#include "worker/services.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "api/job_gates.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/tool_metrics.h"
#include "files/files.h"
#include "index/index.h"
#include "io/fetch.h"
#include "worker/own.h"
#include "worker/sealkey.h"
#include "worker/task_record.h"
#include "worker/toolgate.h"

#define SPARE_DESCRIPTORS                                                  \
    512 /* beside connections: epoll, journals, pipes of children, the log \
         */
#define OFFLOAD_THREADS 4
#define OFFLOAD_QUEUE 1024
#define SWEEP_MS (60 * 60 * 1000)

/* A container's share of the processors, rounded up; 0 = no quota. */
static unsigned cgroup_cpus(void)
{
    char quota[32];
    unsigned long long period, part;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f)
        return 0;
    int n = fscanf(f, "%31s %llu", quota, &period);
    fclose(f);
    if (n != 2 || period == 0 || sscanf(quota, "%llu", &part) != 1)
        return 0;
    return (unsigned)((part + period - 1) / period);
}

unsigned services_worker_count(const struct config *c)
{
    cpu_set_t set;
    if (c->server.workers > 0)
        return c->server.workers;
    unsigned n = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    unsigned quota = cgroup_cpus();
    if (quota > 0 && quota < n)
        n = quota;
    return n > 256 ? 256 : n;
}

int services_raise_descriptors(struct gateway *g, const struct config *c, struct err *e)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)c->server.max_connections + SPARE_DESCRIPTORS;
    /* As far as the system allows: requests of tools fail without, and the gateway does not. */
    rlim_t wish = need + (rlim_t)services_worker_count(c) * FETCH_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return err_set(e, MG_E_IO, "cannot read the limit of descriptors: %s", strerror(errno));
    g->files = limit;
    if (limit.rlim_cur >= wish)
        return 0;
    rlim_t hard = limit.rlim_max;
    limit.rlim_cur = wish <= hard ? wish : need > hard ? need : hard;
    if (limit.rlim_max < need)
        limit.rlim_max = need;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    return err_set(e, MG_E_INVALID,
                   "[server] max_connections = %u needs %llu descriptors, the system allows %llu: "
                   "lower max_connections "
                   "to %lld or raise the limit (ulimit -n, LimitNOFILE=)",
                   c->server.max_connections, (unsigned long long)need, (unsigned long long)hard,
                   (long long)hard - SPARE_DESCRIPTORS);
}

struct store *services_open_store(const struct config *c, struct err *e)
{
    struct store_options o = {
        .path = c->state.path,
        .autosave_ms = c->state.autosave_ms,
        .durability =
            c->state.durability == CONFIG_DURABILITY_SNAPSHOT ? STORE_SNAPSHOT : STORE_JOURNAL,
        .job_ttl_ms = c->state.job_ttl_ms,
        .sweep_ms = SWEEP_MS,
    };
    return store_open_local(&o, e);
}

struct index *services_index_new(const struct config *c, struct offload *o, bool read_only)
{
    struct buf path = { 0 };
    buf_str(&path, c->search.path[0] ? c->search.path : c->state.path);
    if (!c->search.path[0])
        buf_str(&path, "-index");
    struct index_options options = { .path = buf_cstr(&path),
                                     .offload = o,
                                     .read_only = read_only };
    struct index *ix = options.path ? index_new(&options) : NULL;
    buf_fini(&path);
    return ix;
}

static void log_metrics(void *arg, struct buf *out)
{
    (void)arg;
    buf_printf(out,
               "# HELP moongate_log_dropped_total Log lines dropped because a ring was full or the "
               "log unwritable.\n"
               "# TYPE moongate_log_dropped_total counter\nmoongate_log_dropped_total %llu\n",
               (unsigned long long)log_dropped());
}

static void hub_metrics(void *arg, struct buf *out)
{
    struct gateway *g = arg;
    buf_printf(out,
               "# HELP moongate_sessions Sessions of legacy clients held.\n# TYPE "
               "moongate_sessions gauge\n"
               "moongate_sessions %u\n",
               sessions_count(g->sessions));
    buf_printf(out,
               "# HELP moongate_calls_waiting Cancellable calls in flight.\n# TYPE "
               "moongate_calls_waiting gauge\n"
               "moongate_calls_waiting %zu\n",
               inflight_count(g->calls));
    buf_printf(out,
               "# HELP moongate_calls_running Calls that hold a place of max_concurrent.\n"
               "# TYPE moongate_calls_running gauge\nmoongate_calls_running %u\n",
               gate_used(g->all_calls));
}

static void session_ended(void *arg, const char *id)
{
    struct gateway *g = arg;
    notices_forget(g->notices, id);
    replays_forget(g->replays, id);
    asks_forget(g->asks, id); /* last: whoever asks looks at the replay when he has */
}

/* What one call's stream may leave behind goes into one connection's queue at once. */
static size_t replay_bytes_of(const struct config *c)
{
    return (size_t)c->server.max_stream_queue_bytes - 64;
}

static struct notices_limits notices_limits_of(const struct config *c)
{
    return (struct notices_limits){ .max_feeds = c->server.max_streams,
                                    .max_uris = c->server.max_subscriptions };
}

static struct tasks_limits tasks_limits_of(const struct config *c)
{
    return (struct tasks_limits){ .max_tasks = c->tasks.max_tasks,
                                  .max_per_key = c->tasks.max_per_key,
                                  .max_running = c->tasks.max_running,
                                  .max_bytes = c->tasks.max_bytes };
}

static bool services_are_whole(const struct gateway *g)
{
    return g->topics && g->cache && g->sessions && g->notices && g->replays && g->asks &&
           g->inboxes && g->spent && g->calls && g->jobs && g->tasks && g->by_address &&
           g->by_key && g->by_tool && g->all_calls && g->toolgates && g->job_gates && g->own &&
           g->fs && g->http;
}

static void services_make(struct gateway *g, const struct config *c)
{
    struct topics_options topics = { .max_topics = 10000,
                                     .max_bytes = 64u << 20,
                                     .max_topics_per_sub = 64,
                                     .max_queue_bytes =
                                         (uint32_t)c->server.max_stream_queue_bytes };
    g->topics = topics_new(&topics);
    g->cache = cache_new();
    g->sessions = sessions_new(c->server.max_sessions, c->server.session_idle_ms);
    struct notices_limits limits = notices_limits_of(c);
    g->notices = notices_new(&limits);
    g->replays = replays_new(replay_bytes_of(c));
    g->asks = asks_new();
    g->inboxes = inboxes_new();
    if (g->sessions && g->notices && g->replays && g->asks)
        sessions_on_end(g->sessions, session_ended, g);
    g->spent = spent_new();
    g->calls = inflight_new();
    g->jobs = inflight_new();
    struct tasks_limits tasks = tasks_limits_of(c);
    g->tasks = tasks_new(&tasks);
    g->by_address = ratelimit_new(c->rate_limit.max_clients);
    g->by_key = ratelimit_new(c->rate_limit.max_clients);
    g->by_tool = ratelimit_new(METRICS_TOOLS);
    g->all_calls = gate_new(c->tools.max_concurrent);
    g->toolgates = toolgates_new();
    g->job_gates = job_gates_new();
    g->own = own_new();
    g->fs = files_new();
    g->http = http_shared_new();
}

int services_open(struct gateway *g, const struct config *c, bool is_stdio, struct err *e)
{
    g->started_ms = clock_wall_ms();
    g->worker_count = is_stdio ? 1 : services_worker_count(c);
    if (is_stdio)
        (void)getrlimit(RLIMIT_NOFILE, &g->files);
    g->store = services_open_store(c, e);
    if (!g->store)
        return e->code;
    services_make(g, c);
    struct err why = { 0 };
    if (sealkey_open(c->state.path, &g->seal, &why) != 0)
        log_printf(LOG_WARN,
                   "questions to clients that are open do not outlive this process: the key of "
                   "requestState cannot be kept: %s",
                   why.text);
    g->offload = offload_new(OFFLOAD_THREADS, OFFLOAD_QUEUE, e);
    if (g->offload)
        g->index = services_index_new(c, g->offload, false);
    if (!services_are_whole(g) || !g->index) {
        return g->offload ? err_set(e, MG_E_NOMEM, "no memory for the tables of the gateway")
                          : e->code;
    }
    int code = own_set(g->own, c, g->store, e);
    if (code == 0)
        code = task_records_restore(g, e);
    if (code != 0)
        return code;
    metrics_source(store_metrics, g->store);
    metrics_source(topics_metrics, g->topics);
    metrics_source(notices_metrics, g->notices);
    metrics_source(replays_metrics, g->replays);
    metrics_source(asks_metrics, g->asks);
    metrics_source(inboxes_metrics, g->inboxes);
    metrics_source(cache_metrics, g->cache);
    metrics_source(tasks_metrics, g->tasks);
    metrics_source(tool_metrics_render, NULL);
    metrics_source(hub_metrics, g);
    metrics_source(log_metrics, NULL);
    return 0;
}

int services_close_store(struct gateway *g, struct err *e)
{
    offload_free(g->offload);
    g->offload = NULL;
    index_close(g->index);
    int code = g->store ? store_close(g->store, e) : 0;
    g->store = NULL;
    return code;
}

void services_free(struct gateway *g)
{
    topics_free(g->topics);
    cache_free(g->cache);
    sessions_free(g->sessions);
    notices_free(g->notices);
    asks_free(g->asks);
    inboxes_free(g->inboxes);
    replays_free(g->replays);
    spent_free(g->spent);
    inflight_free(g->calls);
    inflight_free(g->jobs);
    tasks_free(g->tasks);
    ratelimit_free(g->by_address);
    ratelimit_free(g->by_key);
    ratelimit_free(g->by_tool);
    gate_free(g->all_calls);
    toolgates_free(g->toolgates);
    job_gates_free(g->job_gates);
    own_free(g->own);
    files_free(g->fs);
    http_shared_free(g->http);
    index_free(g->index);
}

void services_reconfigure(struct gateway *g, const struct config *c)
{
    store_reconfigure(g->store, c->state.autosave_ms, c->state.job_ttl_ms);
    gate_set_limit(g->all_calls, c->tools.max_concurrent);
    watchdog_set_abort(g->watchdog, c->server.stuck_abort_ms);
    sessions_set_idle(g->sessions, c->server.session_idle_ms);
    struct notices_limits limits = notices_limits_of(c);
    notices_set_limits(g->notices, &limits);
    replays_set_max(g->replays, replay_bytes_of(c));
    struct tasks_limits tasks = tasks_limits_of(c);
    tasks_set_limits(g->tasks, &tasks);
    topics_set_max_queue(g->topics, (uint32_t)c->server.max_stream_queue_bytes);
}
