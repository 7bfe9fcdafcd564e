/* log_source.h - the threads that log, each with its ring.
 * Private to the log. A thread enters the list with its first line; the log thread takes a source
 * out once its thread has ended and its ring is empty. Without a log thread they wait for the next
 * one. */
#ifndef MG_LOG_SOURCE_H
#define MG_LOG_SOURCE_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log_ring.h"
#include "base/log_style.h"

struct log_source {
    struct log_source *next;
    struct log_style *style; /* the thread's own, like the next two; NULL is legal */
    unsigned style_number;
    uint64_t missing;      /* lines dropped since the last one that was not */
    atomic_bool is_orphan; /* its thread has ended */
    struct log_ring ring;
};

/* The calling thread's; NULL: no memory. */
struct log_source *log_source_self(void);
/* The calling thread gives its source up, as if it ended. */
void log_source_leave(void);

/* The rest is for the log thread, or for who has joined it. */
struct log_source *log_source_first(void); /* and on by ->next */
bool log_sources_empty(void);
void log_sources_sweep(void); /* frees what has ended and is empty */

#endif
