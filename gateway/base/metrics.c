#include "base/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics_slot.h"

static struct metrics_slot spare = { .is_shared = true };
static _Atomic(struct metrics_slot *) slots[METRICS_SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* making slots and cells; names */
static char *tool_names[METRICS_TOOLS];
static unsigned tool_count;

const int64_t metrics_bounds_us[METRICS_BUCKETS] = {
    1000,   2500,    5000,    10000,   25000,    50000,    100000,   250000,
    500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
};

const char *outcome_word(enum outcome o)
{
    static const char *const words[OUT_COUNT] = {
        "OK", "TOOL_ERROR", "TIMEOUT", "CANCELLED", "NO_MEMORY", "KILLED", "INPUT_REQUIRED",
    };

    return (unsigned)o < OUT_COUNT ? words[o] : "UNKNOWN";
}

/* Zeroed and on cache lines of its own, so that no two workers write to the same line. */
static void *lines_alloc(size_t size)
{
    size_t whole = (size + 63) / 64 * 64;
    void *p = aligned_alloc(64, whole);

    if (p)
        memset(p, 0, whole);
    return p;
}

struct metrics_slot *metrics_slot(unsigned index)
{
    if (index >= METRICS_SLOTS - 1)
        return &spare;
    struct metrics_slot *s = atomic_load_explicit(&slots[index], memory_order_acquire);
    if (s)
        return s;
    pthread_mutex_lock(&lock);
    s = atomic_load(&slots[index]);
    if (!s) {
        s = lines_alloc(sizeof *s);
        atomic_store_explicit(&slots[index], s, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return s ? s : &spare;
}

struct metrics_slot *metrics_slot_peek(unsigned index)
{
    if (index == METRICS_SLOTS - 1)
        return &spare;
    return atomic_load_explicit(&slots[index], memory_order_acquire);
}

unsigned metrics_tool(const char *name)
{
    unsigned i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < tool_count; i++)
        if (strcmp(tool_names[i], name) == 0)
            break;
    if (i == tool_count) {
        char *copy = i < METRICS_OTHER ? strdup(name) : NULL;
        if (copy)
            tool_names[tool_count++] = copy;
        else
            i = METRICS_OTHER;
    }
    pthread_mutex_unlock(&lock);
    return i;
}

const char *metrics_tool_name(unsigned tool)
{
    const char *name = NULL;

    if (tool == METRICS_OTHER)
        return "other";
    pthread_mutex_lock(&lock);
    if (tool < tool_count)
        name = tool_names[tool];
    pthread_mutex_unlock(&lock);
    return name;
}

/* ---- counting ---- */

static void cell_add(const struct metrics_slot *s, metrics_cell *c, int64_t delta)
{
    if (s->is_shared)
        atomic_fetch_add_explicit(c, delta, memory_order_relaxed);
    else /* one writer: no need for a locked instruction */
        atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + delta,
                              memory_order_relaxed);
}

static void histogram_add(const struct metrics_slot *s, struct metrics_histogram *h, int64_t us)
{
    int i = 0;

    if (us < 0)
        us = 0;
    while (i < METRICS_BUCKETS && us > metrics_bounds_us[i])
        i++;
    cell_add(s, &h->bucket[i], 1);
    cell_add(s, &h->sum_us, us);
}

void metrics_add(struct metrics_slot *s, enum metric m, int64_t delta)
{
    cell_add(s, &s->value[m], delta);
}

void metrics_set(struct metrics_slot *s, enum metric m, int64_t value)
{
    atomic_store_explicit(&s->value[m], value, memory_order_relaxed);
}

int64_t metrics_get(const struct metrics_slot *s, enum metric m)
{
    return atomic_load_explicit(&s->value[m], memory_order_relaxed);
}

void metrics_request(struct metrics_slot *s, int status, int64_t latency_us)
{
    int i = status - METRICS_STATUS_MIN;

    cell_add(s, &s->status[i >= 0 && i < METRICS_STATUSES ? i : METRICS_STATUSES], 1);
    histogram_add(s, &s->request, latency_us);
}

/* The cells of a tool that this slot has not counted yet. Without memory "other" counts it. */
static struct metrics_tool_cells *tool_cells_new(struct metrics_slot *s, unsigned tool)
{
    struct metrics_tool_cells *c;

    pthread_mutex_lock(&lock);
    c = atomic_load(&s->tool[tool]);
    if (!c) {
        c = lines_alloc(sizeof *c);
        atomic_store_explicit(&s->tool[tool], c, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return c ? c : &s->other;
}

void metrics_call(struct metrics_slot *s, unsigned tool, enum outcome o, int64_t latency_us)
{
    struct metrics_tool_cells *c = &s->other;

    if (tool < METRICS_OTHER) {
        c = atomic_load_explicit(&s->tool[tool], memory_order_acquire);
        if (!c)
            c = tool_cells_new(s, tool);
    }
    cell_add(s, &c->outcome[o], 1);
    histogram_add(s, &c->duration, latency_us);
}
