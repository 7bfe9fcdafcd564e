#include "hub/tasks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "hub/tasks_struct.h"

/* ---- life ---- */

struct tasks *tasks_new(const struct tasks_limits *limits)
{
    struct tasks *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->next_expiry_ms = INT64_MAX;
    tasks_set_limits(t, limits);
    return t;
}

void tasks_set_limits(struct tasks *t, const struct tasks_limits *limits)
{
    pthread_mutex_lock(&t->lock);
    t->limits = *limits;
    shares_set_max(&t->kept, limits->max_tasks);
    shares_set_max(&t->running, limits->max_running);
    shares_set_max(&t->bytes, limits->max_bytes);
    pthread_mutex_unlock(&t->lock);
}

static void text_release(struct tasks_text *text)
{
    if (text->release)
        text->release(text->held);
    *text = (struct tasks_text){ 0 };
}

void tasks_release(struct tasks_entry *e, unsigned n)
{
    e->refs -= n;
    if (e->refs > 0)
        return;
    text_release(&e->text);
    buf_fini(&e->answers);
    buf_fini(&e->taken);
    free(e);
}

/* Out of the table, whose reference is the caller's now. */
static void entry_take(struct tasks_entry *e)
{
    struct tasks *t = e->tasks;

    HASH_DELETE(hh, t->all, e);
    shares_give(&t->kept, e->principal, 1);
    shares_give(&t->bytes, e->principal, e->bytes);
}

void tasks_free(struct tasks *t)
{
    struct tasks_entry *e, *next;

    if (!t)
        return;
    HASH_ITER (hh, t->all, e, next) {
        entry_take(e);
        tasks_release(e, 1);
    }
    shares_fini(&t->kept);
    shares_fini(&t->running);
    shares_fini(&t->bytes);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* On the owner's loop. */
static void entry_run(struct mail *m)
{
    struct tasks_entry *e = (struct tasks_entry *)m;
    struct tasks *t = e->tasks;

    pthread_mutex_lock(&t->lock);
    e->is_posted = false;
    bool is_cancelled = e->is_cancelled, is_answered = e->answers.len > 0;
    pthread_mutex_unlock(&t->lock);
    /* Only this thread ends it, perhaps in the first of the two. */
    if (e->is_running && is_answered)
        e->ops->answered(e->arg);
    if (e->is_running && is_cancelled)
        e->ops->cancel(e->arg);
    pthread_mutex_lock(&t->lock);
    tasks_release(e, 1);
    pthread_mutex_unlock(&t->lock);
}

/* ---- the owner's side ---- */

/* With the lock: it is counted, whatever the limits. */
static int entry_count(struct tasks *t, struct tasks_entry *e)
{
    if (shares_put(&t->kept, e->principal, 1) < 0)
        return MG_E_NOMEM;
    if (shares_put(&t->bytes, e->principal, e->bytes) == 0)
        return 0;
    shares_give(&t->kept, e->principal, 1);
    return MG_E_NOMEM;
}

/* With the lock. NULL: no memory. */
static struct tasks_entry *entry_add(struct tasks *t, const struct tasks_spec *s, const char *id)
{
    size_t len = strlen(id);
    struct tasks_entry *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->mail.run = entry_run;
    e->tasks = t;
    e->refs = 1;
    e->principal = s->principal;
    e->expires_ms = s->expires_ms;
    e->bytes = TASKS_EACH_BYTES;
    e->loop = s->loop;
    e->ops = s->ops;
    e->arg = s->arg;
    memcpy(e->id, id, len);
    strncpy(e->tool, s->tool, sizeof e->tool - 1);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->all, e->id, len, (unsigned)hash_key(e->id, len), e);
    if (!e->hh.tbl) {
        free(e);
        return NULL;
    }
    if (entry_count(t, e) == 0)
        return e;
    HASH_DELETE(hh, t->all, e);
    free(e);
    return NULL;
}

/* Of what all share a key may have its share; kept ones have a limit of their own for it. */
static int check_limits(const struct tasks *t, uint64_t principal, struct err *e)
{
    const struct tasks_limits *l = &t->limits;
    uint64_t own = shares_of(&t->kept, principal);

    if (t->kept.held >= l->max_tasks)
        return err_set(e, MG_E_LIMIT, "there are %" PRIu64 " tasks already ([tasks] max_tasks)",
                       t->kept.held);
    if (own >= l->max_per_key)
        return err_set(e, MG_E_LIMIT,
                       "this key has %" PRIu64 " tasks already ([tasks] max_per_key)", own);
    if (!shares_fit(&t->running, principal, 1))
        return err_set(e, MG_E_LIMIT,
                       "%" PRIu64 " tasks run already ([tasks] max_running), %" PRIu64
                       " of them this key's: that is its share",
                       t->running.held, shares_of(&t->running, principal));
    if (!shares_fit(&t->bytes, principal, TASKS_EACH_BYTES))
        return err_set(e, MG_E_LIMIT,
                       "the tasks hold %" PRIu64 " bytes already ([tasks] max_bytes), %" PRIu64
                       " of them this key's: that is its share",
                       t->bytes.held, shares_of(&t->bytes, principal));
    return 0;
}

size_t tasks_sweep_locked(struct tasks *t, int64_t now_ms)
{
    struct tasks_entry *e, *next;
    size_t n = 0;

    if (now_ms < t->next_expiry_ms)
        return 0;
    t->next_expiry_ms = INT64_MAX;
    HASH_ITER (hh, t->all, e, next) {
        if (e->is_running)
            continue;
        if (e->expires_ms <= now_ms) {
            entry_take(e);
            tasks_release(e, 1);
            n++;
        } else if (e->expires_ms < t->next_expiry_ms) {
            t->next_expiry_ms = e->expires_ms;
        }
    }
    t->expired += n;
    return n;
}

int tasks_open(struct tasks *t, const struct tasks_spec *s, int64_t now_ms,
               struct tasks_entry **out, struct err *e)
{
    char id[TASK_ID_SIZE] = "task_";

    rand_base36(id + 5, TASK_ID_SIZE - 6);
    pthread_mutex_lock(&t->lock);
    tasks_sweep_locked(t, now_ms);
    int code = check_limits(t, s->principal, e);
    struct tasks_entry *entry = code == 0 ? entry_add(t, s, id) : NULL;
    if (entry && shares_put(&t->running, s->principal, 1) < 0) {
        entry_take(entry);
        tasks_release(entry, 1);
        entry = NULL;
    }
    if (code == 0 && !entry)
        code = err_set(e, MG_E_NOMEM, "no memory for a task");
    if (entry) {
        entry->is_running = true;
        entry->refs++;
        t->opened++;
        *out = entry;
    }
    pthread_mutex_unlock(&t->lock);
    return code;
}

const char *tasks_id(const struct tasks_entry *e) { return e->id; }

int tasks_tell(struct tasks_entry *e, const char *text, size_t len)
{
    struct tasks *t = e->tasks;
    char *copy = malloc(len + 1);

    if (!copy)
        return MG_E_NOMEM;
    memcpy(copy, text, len);
    copy[len] = '\0';
    pthread_mutex_lock(&t->lock);
    text_release(&e->text);
    e->text = (struct tasks_text){ copy, len, copy, free };
    buf_fini(&e->taken);
    e->is_told = true;
    pthread_mutex_unlock(&t->lock);
    return 0;
}

int tasks_reserve(struct tasks_entry *e, size_t len)
{
    struct tasks *t = e->tasks;
    uint64_t bytes = TASKS_EACH_BYTES + len;

    pthread_mutex_lock(&t->lock);
    int code = 0;
    if (bytes > e->bytes)
        code = shares_take(&t->bytes, e->principal, bytes - e->bytes);
    else
        shares_give(&t->bytes, e->principal, e->bytes - bytes);
    if (code == 0)
        e->bytes = bytes;
    pthread_mutex_unlock(&t->lock);
    return code;
}

static void leave(struct tasks_entry *e)
{
    e->is_running = false;
    shares_give(&e->tasks->running, e->principal, 1);
}

void tasks_end(struct tasks_entry *e, const struct tasks_text *text)
{
    struct tasks *t = e->tasks;

    pthread_mutex_lock(&t->lock);
    text_release(&e->text);
    e->text = *text;
    buf_fini(&e->answers);
    buf_fini(&e->taken);
    e->is_told = true;
    if (e->expires_ms < t->next_expiry_ms)
        t->next_expiry_ms = e->expires_ms;
    leave(e);
    tasks_release(e, 1);
    pthread_mutex_unlock(&t->lock);
}

void tasks_drop(struct tasks_entry *e)
{
    if (!e)
        return;
    struct tasks *t = e->tasks;
    pthread_mutex_lock(&t->lock);
    entry_take(e);
    leave(e);
    tasks_release(e, 2); /* the table's and the owner's */
    pthread_mutex_unlock(&t->lock);
}

void tasks_take_answers(struct tasks_entry *e, struct buf *out)
{
    pthread_mutex_lock(&e->tasks->lock);
    *out = e->answers;
    e->answers = (struct buf){ 0 };
    buf_append(&e->taken, out->data, out->len);
    pthread_mutex_unlock(&e->tasks->lock);
}

int tasks_restore(struct tasks *t, const struct tasks_spec *s, const char *id, size_t len,
                  const struct tasks_text *text)
{
    char copy[TASK_ID_SIZE] = "";
    struct tasks_entry *e;

    if (len == 0 || len >= sizeof copy || strlen(s->tool) >= TASKS_TOOL_SIZE)
        return MG_E_INVALID;
    memcpy(copy, id, len);
    pthread_mutex_lock(&t->lock);
    HASH_FIND_BYHASHVALUE(hh, t->all, id, len, (unsigned)hash_key(id, len), e);
    int code = e ? MG_E_CONFLICT : 0;
    e = e ? NULL : entry_add(t, s, copy);
    if (e && shares_put(&t->bytes, s->principal, text->len) == 0) { /* what it has is counted */
        e->text = *text;
        e->is_told = true;
        e->bytes += text->len;
        if (e->expires_ms < t->next_expiry_ms)
            t->next_expiry_ms = e->expires_ms;
    } else if (code == 0) {
        code = MG_E_NOMEM;
        if (e) {
            entry_take(e);
            tasks_release(e, 1);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return code;
}
