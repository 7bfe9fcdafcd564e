/* worker.h - one thread with everything it owns: loop, HTTP server, Lua machines, calls.
 * Threads: all fields belong to the worker's thread once it runs; others reach it by loop_post()
 * alone. */
#ifndef MG_WORKER_H
#define MG_WORKER_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "http/server.h"
#include "io/loop.h"
#include "io/watchdog.h"
#include "vm/vm.h"
#include "worker/call.h"
#include "worker/gateway.h"
#include "worker/serving.h"

struct call;
struct eventstream;
struct peer;
struct sse_client;
struct starter;

#define MAX_GENERATIONS 16 /* alive at once in the process; reload.c sees to it */

struct worker {
    struct gateway *gateway;
    unsigned index;
    pthread_t thread;
    bool is_started;
    struct loop *loop;
    struct http_server *http;
    struct metrics_slot *metrics;
    struct watch_slot watch;
    bool is_stuck, is_long_stuck, is_bypassed; /* the watchdog's thread alone */
    struct outbox *outbox;                     /* events that wait for the disk */
    struct fetcher *fetcher;
    struct vm_services services;
    struct serving *serving; /* what new requests are served with; one reference */
    struct every *every;     /* scheduled functions that run now */
    struct vm *vm;           /* serving->generation->vms[index] */
    /* newest first; each one reference, while its vm lives */
    struct generation *generations[MAX_GENERATIONS];
    unsigned generation_count;
    atomic_uint oldest;      /* number of the last of them */
    int64_t turn_us;         /* when this turn of the HTTP side began */
    struct call_queue fresh; /* calls that start in this turn */
    struct call_queue over;  /* that have ended in it */
    struct call_queue late;  /* whose first slice waits for a later turn */
    struct call *calls;      /* waiting ones */
    struct call *call_pool;  /* free ones */
    unsigned call_pool_size;
    struct peer *peers; /* clients that speak in lines */
    int door;           /* the first worker's, where they come in; or -1 */
    loop_watch_t door_watch;
    struct loop_timer door_pause;
    struct eventstream *streams; /* the open ones */
    struct sse_client *sse_clients;
    atomic_uint adopted;           /* number of the serving that this worker serves with */
    struct loop_timer tasks_sweep; /* the first worker's */
    struct starter *starter;       /* the first worker's; NULL until start functions ran */
    struct buf scratch;            /* for one frame or body at a time */
    bool log_access;
    struct mail publish_mail, interrupt_mail, drain_mail;
    atomic_bool is_told;      /* publish_mail is under way */
    atomic_uint interrupting; /* up to which generation; 0: no mail is under way */
    int64_t drain_timeout_ms, drain_deadline_ms, drain_cancel_ms;
    bool is_draining, is_cancelled, is_stopped;
    bool is_full; /* counted in gateway->full_workers */
};

/* Makes the worker's parts; its thread runs from worker_start() until worker_drain() has been
 * carried out. */
struct worker *worker_new(struct gateway *g, unsigned index, struct serving *s, struct err *e);
int worker_start(struct worker *w, struct err *e) MG_NODISCARD;
void worker_join(struct worker *w);
void worker_free(struct worker *w);

/* Any thread, after published_set(): what is published serves, also where no request comes. The
 * first worker then runs the `start` functions of tools that are new or changed. */
void worker_tell_published(struct worker *w);
void worker_adopt_published(struct worker *w);
/* Its own thread, before it looks at a request. */
static inline void worker_catch_up(struct worker *w)
{
    unsigned newest = atomic_load_explicit(&w->gateway->published.number, memory_order_acquire);
    if (newest != w->serving->number)
        worker_adopt_published(w);
}
/* Any thread. Interrupts what still runs on that generation of tools, if it is the oldest here. */
void worker_interrupt(struct worker *w, uint32_t generation);
/* Any thread, once. Ends the thread within timeout_ms or shortly after. */
void worker_drain(struct worker *w, int64_t timeout_ms);

#endif
