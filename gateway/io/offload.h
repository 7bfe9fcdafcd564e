/* offload.h - a pool of helper threads for what would block a worker.
 * A job takes copies in, stores a result in itself, and is handed back to the loop that sent it.
 * Cancelling means dropping the result: done() is always called, on the loop's thread, and frees
 * the job. At most `queue` jobs wait; a further one is refused (MG_E_LIMIT). */
#ifndef MG_OFFLOAD_H
#define MG_OFFLOAD_H
#include "io/loop.h"

struct offload_job {
    struct mail mail;                      /* private */
    struct loop *loop;                     /* private */
    struct offload_job *next;              /* private */
    void (*work)(struct offload_job *job); /* on a helper thread */
    void (*done)(struct offload_job *job); /* on the loop's thread */
};

struct offload;
struct offload *offload_new(unsigned threads, unsigned queue, struct err *e);
void offload_free(struct offload *o); /* runs what is queued, joins */
int offload_submit(struct offload *o, struct loop *l, struct offload_job *job) MG_NODISCARD;

#endif
