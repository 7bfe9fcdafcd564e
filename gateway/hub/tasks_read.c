/* Tasks, as those who may read them find them. */
#include <inttypes.h>

#include "hub/tasks_struct.h"

/* With the lock; NULL: there is none for this caller. */
static struct tasks_entry *find(struct tasks *t, const struct tasks_who *who, const char *id,
                                size_t len, int64_t now_ms)
{
    struct tasks_entry *e;

    HASH_FIND_BYHASHVALUE(hh, t->all, id, len, (unsigned)hash_key(id, len), e);
    if (!e || !e->is_told || e->expires_ms <= now_ms)
        return NULL;
    return who->may(who->arg, e->principal, e->tool) ? e : NULL;
}

/* The text of an end may be long, and stays as it is: it is copied without the lock. */
static void end_copy(struct tasks *t, struct tasks_entry *e, struct buf *text)
{
    e->refs++;
    pthread_mutex_unlock(&t->lock);
    buf_append(text, e->text.p, e->text.len);
    pthread_mutex_lock(&t->lock);
    tasks_release(e, 1);
}

int tasks_get(struct tasks *t, const struct tasks_who *who, const char *id, size_t len,
              int64_t now_ms, struct buf *text, struct buf *answers)
{
    pthread_mutex_lock(&t->lock);
    struct tasks_entry *e = find(t, who, id, len, now_ms);
    int code = e ? 0 : MG_E_NOTFOUND;
    if (e && e->is_running) {
        buf_append(text, e->text.p, e->text.len);
        buf_append(answers, e->taken.data, e->taken.len);
        buf_append(answers, e->answers.data, e->answers.len);
    } else if (e) {
        end_copy(t, e, text);
    }
    pthread_mutex_unlock(&t->lock);
    return code == 0 && !(buf_ok(text) && buf_ok(answers)) ? MG_E_NOMEM : code;
}

/* With the lock held: once it is let go the owner may end the task and its own loop. */
static void post(struct tasks_entry *e)
{
    if (e->is_posted)
        return;
    e->is_posted = true;
    e->refs++;
    loop_post(e->loop, &e->mail);
}

int tasks_cancel(struct tasks *t, const struct tasks_who *who, const char *id, size_t len,
                 int64_t now_ms)
{
    pthread_mutex_lock(&t->lock);
    struct tasks_entry *e = find(t, who, id, len, now_ms);
    if (e && e->is_running && !e->is_cancelled) {
        e->is_cancelled = true;
        post(e);
    }
    pthread_mutex_unlock(&t->lock);
    return e ? 0 : MG_E_NOTFOUND;
}

static int answers_add(struct tasks_entry *e, const char *json, size_t len)
{
    if (e->answers.len + e->taken.len + len + 1 > TASKS_ANSWERS_MAX)
        return MG_E_LIMIT;
    buf_reserve(&e->answers, len + 1);
    if (!buf_ok(&e->answers)) { /* what waits already is kept */
        e->answers.failed = false;
        return MG_E_NOMEM;
    }
    buf_append(&e->answers, json, len);
    buf_putc(&e->answers, '\0');
    post(e);
    return 0;
}

int tasks_answer(struct tasks *t, const struct tasks_who *who, const char *id, size_t len,
                 int64_t now_ms, const char *json, size_t json_len)
{
    pthread_mutex_lock(&t->lock);
    struct tasks_entry *e = find(t, who, id, len, now_ms);
    int code = e ? 0 : MG_E_NOTFOUND;
    if (e && e->is_running)
        code = answers_add(e, json, json_len);
    pthread_mutex_unlock(&t->lock);
    return code;
}

size_t tasks_sweep(struct tasks *t, int64_t now_ms)
{
    pthread_mutex_lock(&t->lock);
    size_t n = tasks_sweep_locked(t, now_ms);
    pthread_mutex_unlock(&t->lock);
    return n;
}

uint32_t tasks_count(struct tasks *t)
{
    pthread_mutex_lock(&t->lock);
    uint32_t n = (uint32_t)t->kept.held;
    pthread_mutex_unlock(&t->lock);
    return n;
}

static void figure(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name,
               value);
}

void tasks_metrics(void *tasks, struct buf *out)
{
    struct tasks *t = tasks;

    pthread_mutex_lock(&t->lock);
    figure(out, "moongate_tasks", "gauge", "Tasks kept, running ones too.", t->kept.held);
    figure(out, "moongate_tasks_running", "gauge", "Tasks at work.", t->running.held);
    figure(out, "moongate_tasks_bytes", "gauge", "What they hold, as [tasks] max_bytes counts it.",
           t->bytes.held);
    figure(out, "moongate_tasks_created_total", "counter", "Calls that became tasks.", t->opened);
    figure(out, "moongate_tasks_expired_total", "counter",
           "Tasks forgotten because their time was over.", t->expired);
    pthread_mutex_unlock(&t->lock);
}
