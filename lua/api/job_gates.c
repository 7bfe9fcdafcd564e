#include "api/job_gates.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct job_kind {
    const struct job_gates *gates;
    struct gate *gate;
    atomic_uint parallel;
    atomic_uint alive; /* waiting and running */
    char name[JOB_KIND_NAME_MAX + 1];
};

struct tool_jobs { /* there while the tool has jobs */
    struct tool_jobs *next;
    unsigned alive;
    char name[JOB_TOOL_NAME_MAX + 1];
};

struct job_gates {
    pthread_mutex_t lock; /* of kinds, count and tools */
    struct tool_jobs *tools;
    size_t count;
    atomic_bool is_closed;
    struct job_kind *kinds[JOB_KINDS_MAX];
};

struct job_gates *job_gates_new(void)
{
    struct job_gates *g = calloc(1, sizeof *g);
    if (g)
        pthread_mutex_init(&g->lock, NULL);
    return g;
}

static void kind_free(struct job_kind *k)
{
    if (k)
        gate_free(k->gate);
    free(k);
}

void job_gates_free(struct job_gates *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->count; i++)
        kind_free(g->kinds[i]);
    while (g->tools) {
        struct tool_jobs *next = g->tools->next;
        free(g->tools);
        g->tools = next;
    }
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static struct job_kind *kind_new(const struct job_gates *g, const char *name, uint32_t parallel)
{
    struct job_kind *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->gate = gate_new(parallel);
    if (!k->gate) {
        free(k);
        return NULL;
    }
    k->gates = g;
    atomic_init(&k->parallel, parallel);
    strncat(k->name, name, JOB_KIND_NAME_MAX);
    return k;
}

static struct job_kind *find_locked(struct job_gates *g, const char *name, uint32_t parallel)
{
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->kinds[i]->name, name) == 0)
            return g->kinds[i];
    if (g->count == JOB_KINDS_MAX)
        return NULL;
    struct job_kind *k = kind_new(g, name, parallel);
    if (k)
        g->kinds[g->count++] = k;
    return k;
}

struct job_kind *job_gates_find(struct job_gates *g, const char *name, uint32_t parallel)
{
    pthread_mutex_lock(&g->lock);
    struct job_kind *k = find_locked(g, name, parallel);
    bool is_changed = k && atomic_exchange(&k->parallel, parallel) != parallel;
    pthread_mutex_unlock(&g->lock);
    if (is_changed)
        gate_set_limit(k->gate, parallel);
    return k;
}

bool job_kind_add(struct job_kind *k, uint32_t max_queued)
{
    uint64_t limit = (uint64_t)atomic_load(&k->parallel) + max_queued;
    if (atomic_fetch_add(&k->alive, 1) < limit)
        return true;
    atomic_fetch_sub(&k->alive, 1);
    return false;
}

void job_kind_remove(struct job_kind *k) { atomic_fetch_sub(&k->alive, 1); }

/* ---- the jobs of a tool ---- */

/* Where the tool's entry hangs, or would. */
static struct tool_jobs **tool_slot(struct job_gates *g, const char *tool)
{
    struct tool_jobs **at = &g->tools;
    while (*at && strncmp((*at)->name, tool, JOB_TOOL_NAME_MAX) != 0)
        at = &(*at)->next;
    return at;
}

static int enter_locked(struct job_gates *g, const char *tool)
{
    struct tool_jobs **at = tool_slot(g, tool);
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (!*at)
            return MG_E_NOMEM;
        strncat((*at)->name, tool, JOB_TOOL_NAME_MAX);
    }
    if ((*at)->alive == JOBS_OF_TOOL_MAX)
        return MG_E_LIMIT;
    (*at)->alive++;
    return 0;
}

int job_gates_enter(struct job_gates *g, const char *tool)
{
    pthread_mutex_lock(&g->lock);
    int code = enter_locked(g, tool);
    pthread_mutex_unlock(&g->lock);
    return code;
}

void job_gates_leave(struct job_gates *g, const char *tool)
{
    pthread_mutex_lock(&g->lock);
    struct tool_jobs **at = tool_slot(g, tool), *jobs = *at;
    if (jobs && --jobs->alive == 0) {
        *at = jobs->next;
        free(jobs);
    }
    pthread_mutex_unlock(&g->lock);
}

/* ---- the end ---- */

void job_gates_close(struct job_gates *g)
{
    if (g)
        atomic_store(&g->is_closed, true);
}

bool job_gates_are_closed(const struct job_gates *g) { return atomic_load(&g->is_closed); }

bool job_kind_is_closed(const struct job_kind *k) { return job_gates_are_closed(k->gates); }

struct gate *job_kind_gate(struct job_kind *k) { return k->gate; }
