/* tool_metrics.h - counters, gauges and histograms that tools make for themselves; /metrics shows
 * them as moongate_tool_NAME with the label tool.
 * A name has one type for the life of the process, and its values outlive reloads. Memory is
 * bounded: what is over a bound below goes into a series whose label values are "other", and is
 * counted. Lifetime: process-wide. Threads: any; each name has a lock of its own. */
#ifndef MG_TOOL_METRICS_H
#define MG_TOOL_METRICS_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define TOOL_METRICS_NAMES 500   /* in the process */
#define TOOL_METRICS_SERIES 100  /* of one tool under one name */
#define TOOL_METRICS_TOTAL 10000 /* series in the process */
#define TOOL_METRICS_NAME_MAX 100
#define TOOL_METRICS_HELP_MAX 300
#define TOOL_METRICS_BUCKETS 30
#define TOOL_METRICS_LABELS 8
#define TOOL_METRICS_LABEL_NAME_MAX 64
#define TOOL_METRICS_LABEL_VALUE_MAX 128 /* bytes; longer ones are cut */

enum tool_metric_type { TOOL_COUNTER, TOOL_GAUGE, TOOL_HISTOGRAM };

struct tool_metric; /* a name; never freed */

/* The metric of that name, made where there is none. name: [a-zA-Z_][a-zA-Z0-9_]*, not ending in
 * _bucket, _sum or _count; help: the newest counts; bounds: of a histogram's buckets, finite and
 * rising. NULL with MG_E_INVALID, MG_E_CONFLICT (another type, or other buckets), MG_E_LIMIT or
 * MG_E_NOMEM. */
struct tool_metric *tool_metric_find(const char *name, enum tool_metric_type type, const char *help,
                                     const double *bounds, size_t bound_count, struct err *e);

struct tool_label {
    const char *name, *value; /* value: any bytes; what is not UTF-8 becomes U+FFFD */
    size_t value_len;
};

/* Adds v to a counter (v >= 0), sets a gauge to it, or counts it into a histogram. v is finite.
 * labels: borrowed, sorted in place. MG_E_INVALID with *e: a label's name is wrong, reserved or
 * there twice. Without memory the series of the name that is always there takes it. */
int tool_metric_note(struct tool_metric *m, const char *tool, double v, struct tool_label *labels,
                     size_t label_count, struct err *e) MG_NODISCARD;

void tool_metrics_render(void *unused, struct buf *out); /* for metrics_source() */

#endif
