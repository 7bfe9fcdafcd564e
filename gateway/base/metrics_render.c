/* The sums of all slots as Prometheus text. */
#include <pthread.h>

#include "base/log.h"
#include "base/metrics_slot.h"

#define SOURCES_MAX 16

struct source {
    void (*write)(void *arg, struct buf *out);
    void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct source sources[SOURCES_MAX];
static unsigned source_count;

void metrics_source(void (*write)(void *arg, struct buf *out), void *arg)
{
    bool is_full;

    pthread_mutex_lock(&lock);
    is_full = source_count == SOURCES_MAX;
    if (!is_full)
        sources[source_count++] = (struct source){ write, arg };
    pthread_mutex_unlock(&lock);
    if (is_full)
        log_printf(LOG_ERROR, "more than %d sources of metrics: one is missing", SOURCES_MAX);
}

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int64_t cell_get(const metrics_cell *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void label_escape(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '\n') {
            buf_append(out, "\\n", 2);
            continue;
        }
        if (*s == '"' || *s == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *s);
    }
}

/* ---- plain values ---- */

static void values_render(struct buf *out)
{
    static const struct {
        const char *name, *type, *help; /* no help: one more of the family before it */
        const char *labels;             /* or NULL */
    } metric[M_COUNT] = {
        [M_CONNECTIONS_ACCEPTED] = { "moongate_connections_accepted_total", "counter",
                                     "Connections accepted." },
        [M_CONNECTIONS_REFUSED] = { "moongate_connections_refused_total", "counter",
                                    "Connections refused because a limit was reached." },
        [M_CONNECTIONS_OPEN] = { "moongate_connections_open", "gauge", "Connections open now." },
        [M_STREAMS_OPEN] = { "moongate_streams_open", "gauge", "Event streams open now." },
        [M_STREAM_EVENTS] = { "moongate_stream_events_total", "counter",
                              "Events written to streams." },
        [M_STREAMS_OVERFLOWED_CONNECTION] = { "moongate_streams_overflowed_total", "counter",
                                              "Streams closed because too much waited, by the "
                                              "queue it waited in.",
                                              "{queue=\"connection\"}" },
        [M_STREAMS_OVERFLOWED_TOPIC] = { .name = "moongate_streams_overflowed_total",
                                         .labels = "{queue=\"topic\"}" },
        [M_HTTP_MALFORMED] = { "moongate_http_malformed_total", "counter",
                               "Requests refused as malformed or ambiguous HTTP." },
        [M_UNAUTHORIZED] = { "moongate_unauthorized_total", "counter",
                             "Requests refused for want of a valid key." },
        [M_RATE_LIMITED] = { "moongate_rate_limited_total", "counter",
                             "Requests refused by a rate limit." },
        [M_PREEMPTIONS] = { "moongate_preemptions_total", "counter",
                            "Times that a tool had to let others run." },
        [M_LUA_BYTES] = { "moongate_lua_bytes", "gauge", "Memory held by Lua states." },
        [M_JOBS_RUNNING] = { "moongate_jobs_running", "gauge", "Background jobs running now." },
        [M_FETCH_ANSWERED] = { "moongate_http_requests_total", "counter",
                               "HTTP requests of tools, by how they ended.",
                               "{outcome=\"answered\"}" },
        [M_FETCH_DENIED] = { .name = "moongate_http_requests_total",
                             .labels = "{outcome=\"denied\"}" },
        [M_FETCH_FAILED] = { .name = "moongate_http_requests_total",
                             .labels = "{outcome=\"failed\"}" },
        [M_FETCH_CANCELLED] = { .name = "moongate_http_requests_total",
                                .labels = "{outcome=\"cancelled\"}" },
        [M_FETCH_CONNECTIONS] = { "moongate_http_connections_total", "counter",
                                  "Connections opened for HTTP requests of tools." },
    };

    for (int m = 0; m < M_COUNT; m++) {
        int64_t sum = 0;
        for (unsigned i = 0; i < METRICS_SLOTS; i++) {
            const struct metrics_slot *s = metrics_slot_peek(i);
            sum += s ? cell_get(&s->value[m]) : 0;
        }
        if (metric[m].help)
            family(out, metric[m].name, metric[m].type, metric[m].help);
        buf_printf(out, "%s%s %lld\n", metric[m].name, metric[m].labels ? metric[m].labels : "",
                   (long long)sum);
    }
}

static void statuses_render(struct buf *out)
{
    family(out, "moongate_requests_total", "counter", "HTTP requests answered, by status code.");
    for (int i = 0; i <= METRICS_STATUSES; i++) {
        int64_t sum = 0;
        for (unsigned k = 0; k < METRICS_SLOTS; k++) {
            const struct metrics_slot *s = metrics_slot_peek(k);
            sum += s ? cell_get(&s->status[i]) : 0;
        }
        if (sum == 0)
            continue;
        if (i < METRICS_STATUSES)
            buf_printf(out, "moongate_requests_total{status=\"%d\"} %lld\n", i + METRICS_STATUS_MIN,
                       (long long)sum);
        else
            buf_printf(out, "moongate_requests_total{status=\"none\"} %lld\n", (long long)sum);
    }
}

/* ---- histograms ---- */

struct sums {
    int64_t bucket[METRICS_BUCKETS + 1], sum_us;
};

static void sums_add(struct sums *t, const struct metrics_histogram *h)
{
    for (int i = 0; i <= METRICS_BUCKETS; i++)
        t->bucket[i] += cell_get(&h->bucket[i]);
    t->sum_us += cell_get(&h->sum_us);
}

static void label_render(struct buf *out, const char *tool, const char *bound)
{
    if (!tool && !bound)
        return;
    buf_putc(out, '{');
    if (tool) {
        buf_str(out, "tool=\"");
        label_escape(out, tool);
        buf_str(out, bound ? "\"," : "\"");
    }
    if (bound)
        buf_printf(out, "le=\"%s\"", bound);
    buf_putc(out, '}');
}

/* The count is the sum of the buckets, so that the two always agree. */
static void sums_render(struct buf *out, const char *name, const char *tool, const struct sums *t)
{
    static const char *const bounds[METRICS_BUCKETS + 1] = {
        "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
        "0.5",   "1",      "2.5",   "5",    "10",    "30",   "60",  "+Inf",
    };
    int64_t count = 0;

    for (int i = 0; i <= METRICS_BUCKETS; i++) {
        count += t->bucket[i];
        buf_printf(out, "%s_bucket", name);
        label_render(out, tool, bounds[i]);
        buf_printf(out, " %lld\n", (long long)count);
    }
    buf_printf(out, "%s_sum", name);
    label_render(out, tool, NULL);
    buf_printf(out, " %lld.%06lld\n", (long long)(t->sum_us / 1000000),
               (long long)(t->sum_us % 1000000));
    buf_printf(out, "%s_count", name);
    label_render(out, tool, NULL);
    buf_printf(out, " %lld\n", (long long)count);
}

static void requests_render(struct buf *out)
{
    struct sums t = { 0 };

    for (unsigned i = 0; i < METRICS_SLOTS; i++) {
        const struct metrics_slot *s = metrics_slot_peek(i);
        if (s)
            sums_add(&t, &s->request);
    }
    family(out, "moongate_request_duration_seconds", "histogram",
           "Time from the whole request to its answer.");
    sums_render(out, "moongate_request_duration_seconds", NULL, &t);
}

/* ---- tools ---- */

static const struct metrics_tool_cells *cells_of(unsigned slot, unsigned tool)
{
    const struct metrics_slot *s = metrics_slot_peek(slot);

    if (!s)
        return NULL;
    if (tool == METRICS_OTHER)
        return &s->other;
    return atomic_load_explicit(&s->tool[tool], memory_order_acquire);
}

static void tool_outcomes_render(struct buf *out, unsigned tool, const char *name)
{
    int64_t sum[OUT_COUNT] = { 0 }, all = 0;

    for (unsigned i = 0; i < METRICS_SLOTS; i++) {
        const struct metrics_tool_cells *c = cells_of(i, tool);
        for (int o = 0; c && o < OUT_COUNT; o++) {
            sum[o] += cell_get(&c->outcome[o]);
            all += cell_get(&c->outcome[o]);
        }
    }
    for (int o = 0; all > 0 && o < OUT_COUNT; o++) {
        buf_str(out, "moongate_calls_total{tool=\"");
        label_escape(out, name);
        buf_printf(out, "\",outcome=\"%s\"} %lld\n", outcome_word((enum outcome)o),
                   (long long)sum[o]);
    }
}

static void tool_durations_render(struct buf *out, unsigned tool, const char *name)
{
    struct sums t = { 0 };
    bool is_used = false;

    for (unsigned i = 0; i < METRICS_SLOTS; i++) {
        const struct metrics_tool_cells *c = cells_of(i, tool);
        if (c)
            sums_add(&t, &c->duration);
    }
    for (int i = 0; i <= METRICS_BUCKETS; i++)
        is_used |= t.bucket[i] > 0;
    if (is_used)
        sums_render(out, "moongate_call_duration_seconds", name, &t);
}

static void tools_render(struct buf *out)
{
    const char *name;

    family(out, "moongate_calls_total", "counter", "Tool calls ended, by tool and outcome.");
    for (unsigned tool = 0; tool < METRICS_TOOLS; tool++)
        if ((name = metrics_tool_name(tool)) != NULL)
            tool_outcomes_render(out, tool, name);
    family(out, "moongate_call_duration_seconds", "histogram", "Duration of tool calls, by tool.");
    for (unsigned tool = 0; tool < METRICS_TOOLS; tool++)
        if ((name = metrics_tool_name(tool)) != NULL)
            tool_durations_render(out, tool, name);
}

void metrics_render(struct buf *out)
{
    struct source copy[SOURCES_MAX];
    unsigned n;

    statuses_render(out);
    requests_render(out);
    tools_render(out);
    values_render(out);
    /* A source may take locks of its own: none is held here. */
    pthread_mutex_lock(&lock);
    n = source_count;
    for (unsigned i = 0; i < n; i++)
        copy[i] = sources[i];
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < n; i++)
        copy[i].write(copy[i].arg, out);
}
