#include "index/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "index/database.h"
#include "index/index_struct.h"

#define GROUP_OPS 256                        /* writes in one transaction */
#define GROUP_BYTES ((uint64_t)8 << 20)      /* likewise */
#define TURN_MS 20                           /* then others may have the helper thread */
#define MAX_BYTES ((uint64_t)4 << 30)        /* of the database */
#define HEAP_BYTES ((sqlite3_int64)64 << 20) /* of SQLite, in all; more fails as NOMEM */

/* ---- operations ---- */

static void op_back(struct mail *m)
{
    struct index_op *op = (struct index_op *)(void *)m; /* mail is its first member */
    op->done(op);
}

static void op_end(struct index_op *op)
{
    op->mail.run = op_back;
    loop_post(op->loop, &op->mail); /* it is the loop's from here on */
}

static void op_refuse(struct index_op *op, int code, const char *text)
{
    op->code = err_set(&op->err, code, "%s", text);
    op_end(op);
}

void index_op_cancel(struct index_op *op) { atomic_store(&op->is_cancelled, true); }

void index_op_reset(struct index_op *op)
{
    op->code = 0;
    buf_clear(&op->out);
    free(op->rows);
    op->rows = NULL;
    op->row_count = 0;
    op->count = 0;
    op->has_more = false;
}

void index_op_fini(struct index_op *op)
{
    index_op_reset(op);
    buf_fini(&op->in);
    buf_fini(&op->out);
}

static bool is_write(const struct index_op *op)
{
    return op->kind == INDEX_PUT || op->kind == INDEX_REMOVE;
}

/* ---- the file ---- */

/* Opens the runner's connection if that has to be. Under index.files. */
static int runner_open(struct runner *r, bool *is_bad, struct err *e)
{
    struct index *ix = r->ix;
    struct database_options o = { .path = ix->o.path,
                                  .is_writer = r->is_writer,
                                  .read_only = ix->o.read_only,
                                  .max_bytes = ix->o.max_bytes };
    *is_bad = false;
    r->generation = ix->generation;
    if (r->db)
        return 0;
    r->db = database_open(&o, is_bad, e);
    return r->db ? 0 : e->code;
}

/* Puts a bad file away, unless somebody else did since `generation`. */
static int mend(struct index *ix, unsigned generation, const char *reason, struct err *e)
{
    int code = 0;
    if (ix->o.read_only)
        return err_set(e, MG_E_IO, "%s", reason);
    pthread_rwlock_wrlock(&ix->files);
    if (ix->generation == generation) {
        for (size_t i = 0; i < RUNNERS; i++) {
            database_close(ix->runners[i].db);
            ix->runners[i].db = NULL;
        }
        code = database_put_away(ix->o.path, e);
        ix->generation++;
        if (code == 0)
            log_printf(LOG_WARN, "the search index %s is begun anew: %s", ix->o.path, reason);
        else
            log_printf(LOG_ERROR, "%s", e->text);
    }
    pthread_rwlock_unlock(&ix->files);
    return code;
}

static void group_fail(struct index_op *first, int code, const struct err *e)
{
    for (struct index_op *op = first; op; op = op->next) {
        index_op_reset(op);
        op->err = *e;
        op->code = code;
    }
}

/* Once. True: the file is bad, and *e says why. */
static bool group_try(struct runner *r, struct index_op *first, struct err *e)
{
    bool is_bad;
    pthread_rwlock_rdlock(&r->ix->files);
    int code = runner_open(r, &is_bad, e);
    if (code == MG_E_NOTFOUND) { /* no file, so nothing in it */
        group_fail(first, 0, e);
    } else if (code != 0) {
        group_fail(first, code, e);
    } else {
        is_bad = r->is_writer ? index_write(r, first) : index_read(r, first);
        *e = first->err;
    }
    pthread_rwlock_unlock(&r->ix->files);
    return is_bad;
}

static void group_run(struct runner *r, struct index_op *first)
{
    struct err e = { 0 };
    if (!group_try(r, first, &e))
        return;
    char reason[sizeof e.text];
    memcpy(reason, e.text, sizeof reason);
    int code = mend(r->ix, r->generation, reason, &e);
    if (code != 0)
        group_fail(first, code, &e);
    else if (group_try(r, first, &e))
        group_fail(first, MG_E_IO, &e);
}

/* ---- lanes ---- */

static void lane_add(struct lane *lane, struct index_op *op)
{
    op->next = NULL;
    *lane->last = op;
    lane->last = &op->next;
    lane->waiting++;
    lane->bytes += op->in.len;
}

static struct index_op *lane_take_one(struct lane *lane)
{
    struct index_op *op = lane->first;
    lane->first = op->next;
    if (!lane->first)
        lane->last = &lane->first;
    lane->waiting--;
    op->next = NULL;
    return op;
}

/* One to be read, or a group to be written; NULL: nothing waits, and the runner is free. */
static struct index_op *lane_take(struct runner *r)
{
    struct index_op *group = NULL, **last = &group;
    uint64_t bytes = 0;
    unsigned n = 0;

    pthread_mutex_lock(&r->ix->lock);
    while (r->lane->first && n < (r->is_writer ? GROUP_OPS : 1) && bytes < GROUP_BYTES) {
        *last = lane_take_one(r->lane);
        bytes += (*last)->in.len;
        last = &(*last)->next;
        n++;
    }
    pthread_mutex_unlock(&r->ix->lock);
    return group;
}

static void group_end(struct runner *r, struct index_op *group)
{
    uint64_t bytes = 0;
    for (struct index_op *op = group; op; op = op->next)
        bytes += op->in.len;
    pthread_mutex_lock(&r->ix->lock);
    r->lane->bytes -= bytes;
    pthread_mutex_unlock(&r->ix->lock);
    for (struct index_op *next; group; group = next) {
        next = group->next;
        op_end(group);
    }
}

static void runner_work(struct offload_job *job)
{
    struct runner *r = (struct runner *)job;
    int64_t end = clock_mono_ms() + TURN_MS;
    struct index_op *group;

    while ((group = lane_take(r)) != NULL) {
        group_run(r, group);
        group_end(r, group);
        if (clock_mono_ms() > end)
            break;
    }
}

/* Under lock. False: no helper takes the job. */
static bool runner_start(struct runner *r, struct loop *loop)
{
    r->is_busy = offload_submit(r->ix->o.offload, loop, &r->job) == 0;
    return r->is_busy;
}

static void runner_done(struct offload_job *job)
{
    struct runner *r = (struct runner *)job;
    struct index_op *left = NULL;

    pthread_mutex_lock(&r->ix->lock);
    r->is_busy = false;
    if (r->lane->first && !r->ix->is_closed && !runner_start(r, job->loop)) {
        left = r->lane->first;
        r->lane->first = NULL;
        r->lane->last = &r->lane->first;
        r->lane->waiting = 0;
        for (struct index_op *op = left; op; op = op->next)
            r->lane->bytes -= op->in.len;
    }
    pthread_mutex_unlock(&r->ix->lock);
    for (struct index_op *next; left; left = next) {
        next = left->next;
        op_refuse(left, MG_E_LIMIT, "the helper threads have too much to do");
    }
}

/* Finds a runner for what was put into the lane. False: none works there, and none can. */
static bool lane_start(struct index *ix, const struct lane *lane, struct loop *loop)
{
    bool has_any = false;
    for (size_t i = 0; i < RUNNERS; i++) {
        struct runner *r = &ix->runners[i];
        if (r->lane != lane)
            continue;
        if (!r->is_busy && runner_start(r, loop))
            return true;
        has_any = has_any || r->is_busy;
    }
    return has_any;
}

static const char *submit(struct index *ix, struct lane *lane, struct index_op *op)
{
    if (ix->is_closed)
        return "the gateway is stopping";
    if (lane->waiting >= INDEX_WAITING_MAX)
        return "too many operations of the search index are waiting";
    if (is_write(op) && lane->bytes + op->in.len > INDEX_PENDING_MAX)
        return "too many bytes wait to be written to the search index";
    bool was_empty = !lane->first;
    struct index_op **before = lane->last;
    lane_add(lane, op);
    if (lane_start(ix, lane, op->loop))
        return NULL;
    if (was_empty) { /* nobody is coming */
        lane->last = before;
        *before = NULL;
        lane->waiting--;
        lane->bytes -= op->in.len;
        return "the helper threads have too much to do";
    }
    return NULL;
}

void index_submit(struct index *ix, struct index_op *op)
{
    struct lane *lane = is_write(op) ? &ix->writes : &ix->reads;

    if (is_write(op) && ix->o.read_only) {
        op_refuse(op, MG_E_READONLY, "the search index is only read here");
        return;
    }
    pthread_mutex_lock(&ix->lock);
    const char *refusal = submit(ix, lane, op);
    bool is_closed = ix->is_closed;
    pthread_mutex_unlock(&ix->lock);
    if (refusal)
        op_refuse(op, is_closed ? MG_E_CLOSED : MG_E_LIMIT, refusal);
}

/* ---- life ---- */

struct index *index_new(const struct index_options *o)
{
    struct index *ix = calloc(1, sizeof *ix);
    char *path = strdup(o->path);

    if (!ix || !path) {
        free(ix);
        free(path);
        return NULL;
    }
    ix->o = *o;
    ix->o.path = path;
    if (ix->o.max_bytes == 0)
        ix->o.max_bytes = MAX_BYTES;
    pthread_rwlock_init(&ix->files, NULL);
    pthread_mutex_init(&ix->lock, NULL);
    ix->writes.last = &ix->writes.first;
    ix->reads.last = &ix->reads.first;
    for (size_t i = 0; i < RUNNERS; i++)
        ix->runners[i] = (struct runner){ .job = { .work = runner_work, .done = runner_done },
                                          .ix = ix,
                                          .lane = i == 0 ? &ix->writes : &ix->reads,
                                          .is_writer = i == 0 };
    (void)sqlite3_hard_heap_limit64(HEAP_BYTES);
    return ix;
}

void index_close(struct index *ix)
{
    if (!ix)
        return;
    pthread_mutex_lock(&ix->lock);
    ix->is_closed = true;
    pthread_mutex_unlock(&ix->lock);
    struct lane *lanes[] = { &ix->writes, &ix->reads };
    for (size_t i = 0; i < 2; i++)
        while (lanes[i]->first)
            op_refuse(lane_take_one(lanes[i]), MG_E_CLOSED, "the gateway is stopping");
    for (size_t i = RUNNERS; i > 0; i--) { /* the writer last: it tidies the file up */
        database_close(ix->runners[i - 1].db);
        ix->runners[i - 1].db = NULL;
    }
}

void index_free(struct index *ix)
{
    if (!ix)
        return;
    pthread_rwlock_destroy(&ix->files);
    pthread_mutex_destroy(&ix->lock);
    free((char *)(uintptr_t)ix->o.path);
    free(ix);
}
