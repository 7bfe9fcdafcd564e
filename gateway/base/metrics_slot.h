/* metrics_slot.h - what a slot holds. Private to the metrics: metrics.c counts, metrics_render.c
 * sums. Threads: cells are relaxed atomics with one writer each, but for the shared slot. Latencies
 * in us. */
#ifndef MG_METRICS_SLOT_H
#define MG_METRICS_SLOT_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"

#define METRICS_OTHER (METRICS_TOOLS - 1)
#define METRICS_BUCKETS 15
#define METRICS_STATUS_MIN 100
#define METRICS_STATUSES 500 /* 100 to 599 */

typedef _Atomic int64_t metrics_cell;

extern const int64_t metrics_bounds_us[METRICS_BUCKETS];

struct metrics_histogram {
    metrics_cell bucket[METRICS_BUCKETS + 1]; /* each on its own; the last is over all bounds */
    metrics_cell sum_us;
};

struct metrics_tool_cells {
    metrics_cell outcome[OUT_COUNT];
    struct metrics_histogram duration;
};

struct metrics_slot {
    bool is_shared; /* several threads write */
    metrics_cell value[M_COUNT];
    struct metrics_histogram request;
    struct metrics_tool_cells other;
    metrics_cell status[METRICS_STATUSES + 1];                /* the last: no valid status */
    _Atomic(struct metrics_tool_cells *) tool[METRICS_OTHER]; /* NULL: never called here */
};

/* NULL: nobody uses it. index < METRICS_SLOTS. */
struct metrics_slot *metrics_slot_peek(unsigned index);
/* NULL: no tool has this number. */
const char *metrics_tool_name(unsigned tool);

#endif
