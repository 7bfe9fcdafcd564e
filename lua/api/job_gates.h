/* job_gates.h - how many jobs of one kind run, and how many wait, and how many jobs one tool has,
 * in the whole process. Lifetime: one per process; made before the workers start, freed after they
 * are joined. A kind lives as long as the gates. Threads:  any; a lock to find a kind and to count
 * the jobs of a tool, none to count a kind. */
#ifndef MG_JOB_GATES_H
#define MG_JOB_GATES_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "limit/gate.h"

#define JOB_KINDS_MAX 256
#define JOB_KIND_NAME_MAX 128
#define JOBS_OF_TOOL_MAX 2000 /* more than [evals] lets run and wait unless told otherwise */
#define JOB_TOOL_NAME_MAX 128
#define JOB_UNBOUNDED UINT32_MAX /* as max_queued: as many as there may be jobs */

struct job_gates;
struct job_kind;

struct job_gates *job_gates_new(void);    /* NULL: no memory */
void job_gates_free(struct job_gates *g); /* NULL is legal */

/* The kind of that name, with parallel (at least 1) as its limit from now on. NULL: there are
 * JOB_KINDS_MAX others, or no memory. */
struct job_kind *job_gates_find(struct job_gates *g, const char *name, uint32_t parallel);
/* Counts one more job, unless parallel + max_queued of them live already. */
bool job_kind_add(struct job_kind *k, uint32_t max_queued);
void job_kind_remove(struct job_kind *k);
/* Counts one more job of the tool. MG_E_LIMIT: JOBS_OF_TOOL_MAX of them live already, so that one
 * tool leaves room for the others; MG_E_NOMEM. */
int job_gates_enter(struct job_gates *g, const char *tool) MG_NODISCARD;
void job_gates_leave(struct job_gates *g, const char *tool); /* after a job_gates_enter() of it */
/* The gateway stops: from now on nobody gets a turn, so that what waits is found waiting at the
 * next start. Idempotent; NULL is legal. */
void job_gates_close(struct job_gates *g);
bool job_gates_are_closed(const struct job_gates *g);
bool job_kind_is_closed(const struct job_kind *k);
/* Where the job waits for its turn. */
struct gate *job_kind_gate(struct job_kind *k);

#endif
