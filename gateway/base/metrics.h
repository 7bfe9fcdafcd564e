/* metrics.h - counters and histograms in per-worker slots, summed by whoever reads /metrics.
 * A slot has one writing thread; readers see relaxed atomics. Names of tools become small numbers
 * once, at load, and keep them for the life of the process (at most METRICS_TOOLS; later ones share
 * the last, "other"). Lifetime: process-wide. */
#ifndef MG_METRICS_H
#define MG_METRICS_H
#include <stdint.h>

#include "base/buf.h"

#define METRICS_TOOLS 1024
#define METRICS_SLOTS 257 /* workers, and one for all other threads */

enum outcome {
    OUT_OK,
    OUT_TOOL_ERROR,
    OUT_TIMEOUT,
    OUT_CANCELLED,
    OUT_NO_MEMORY,
    OUT_KILLED,
    OUT_INPUT_REQUIRED, /* the client is asked first: it comes again, with the answer */
    OUT_COUNT
};
const char *outcome_word(enum outcome o); /* "OK", "TOOL_ERROR", ... */

/* Monotonic unless said. */
enum metric {
    M_CONNECTIONS_ACCEPTED,
    M_CONNECTIONS_REFUSED,
    M_CONNECTIONS_OPEN, /* gauge: add +1/-1 */
    M_STREAMS_OPEN,     /* gauge */
    M_STREAM_EVENTS,
    M_STREAMS_OVERFLOWED_CONNECTION, /* the client does not read */
    M_STREAMS_OVERFLOWED_TOPIC,      /* the worker does not come to take its events */
    M_HTTP_MALFORMED,                /* refused by the guard or by libmicrohttpd itself */
    M_UNAUTHORIZED,
    M_RATE_LIMITED,
    M_PREEMPTIONS,
    M_LUA_BYTES,      /* gauge: memory held by this worker's Lua states */
    M_JOBS_RUNNING,   /* gauge */
    M_FETCH_ANSWERED, /* HTTP requests of tools, by how they ended */
    M_FETCH_DENIED,
    M_FETCH_FAILED,
    M_FETCH_CANCELLED,
    M_FETCH_CONNECTIONS, /* opened for them */
    M_COUNT
};

struct metrics_slot;
/* never NULL; allocated on first use, or a shared spare */
struct metrics_slot *metrics_slot(unsigned index);
unsigned metrics_tool(const char *name); /* index for a tool's name; locked, not for the hot path */
void metrics_add(struct metrics_slot *s, enum metric m, int64_t delta);
void metrics_set(struct metrics_slot *s, enum metric m, int64_t value);
int64_t metrics_get(const struct metrics_slot *s, enum metric m); /* any thread */
void metrics_request(struct metrics_slot *s, int status, int64_t latency_us);
void metrics_call(struct metrics_slot *s, unsigned tool, enum outcome o, int64_t latency_us);

/* Values that somebody else owns (store, log): called at each rendering, writes Prometheus lines.
 * At most 16. */
void metrics_source(void (*write)(void *arg, struct buf *out), void *arg);

/* Prometheus text format 0.0.4. */
void metrics_render(struct buf *out);

#endif
