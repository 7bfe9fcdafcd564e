#include "worker/endpoint_tasks.h"

#include "auth/principal.h"
#include "base/clock.h"
#include "worker/worker.h"

#define SWEEP_MS 60000

/* A key that may no longer call the tool may not read what its calls became. */
static bool may(void *arg, uint64_t principal, const char *tool)
{
    const struct principal *p = arg;
    return p->number == principal && principal_may(p, tool);
}

static struct tasks_who who(const struct principal *p)
{
    return (struct tasks_who){ .may = may, .arg = (void *)(uintptr_t)p };
}

/* Whoever was told that an answer is there does not read a question for it, wherever he asks. */
int endpoint_task_get(void *gateway, const struct principal *p, const char *id, size_t len,
                      struct buf *members)
{
    struct gateway *g = gateway;
    struct tasks_who caller = who(p);
    struct buf text = { 0 }, answers = { 0 };
    int code = tasks_get(g->tasks, &caller, id, len, clock_wall_ms(), &text, &answers);
    if (code == 0 && answers.len == 0)
        buf_append(members, text.data, text.len);
    else if (code == 0)
        mcp_encode_task_answered(text.data, text.len, answers.data, answers.len, members);
    buf_fini(&text);
    buf_fini(&answers);
    return code == 0 && !buf_ok(members) ? MG_E_NOMEM : code;
}

int endpoint_task_update(void *gateway, const struct principal *p, const char *id, size_t len,
                         struct json_text responses)
{
    struct gateway *g = gateway;
    struct tasks_who caller = who(p);
    return tasks_answer(g->tasks, &caller, id, len, clock_wall_ms(), responses.p, responses.len);
}

int endpoint_task_cancel(void *gateway, const struct principal *p, const char *id, size_t len)
{
    struct gateway *g = gateway;
    struct tasks_who caller = who(p);
    return tasks_cancel(g->tasks, &caller, id, len, clock_wall_ms());
}

static void sweep(void *arg)
{
    struct worker *w = arg;
    tasks_sweep(w->gateway->tasks, clock_wall_ms());
    timer_start(w->loop, &w->tasks_sweep, SWEEP_MS, sweep, w);
}

void endpoint_tasks_start(struct worker *w)
{
    if (w->index == 0)
        timer_start(w->loop, &w->tasks_sweep, SWEEP_MS, sweep, w);
}

void endpoint_tasks_stop(struct worker *w) { timer_stop(w->loop, &w->tasks_sweep); }
