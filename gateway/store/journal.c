#include "store/journal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define OUT_KEPT ((size_t)1 << 20) /* bytes of the buffer that stay from group to group */

struct journal {
    struct files *files;
    struct waiters *waiters;
    void (*broke)(void *arg);
    void *arg;
    pthread_t thread;

    pthread_mutex_t lock; /* of everything from here ... */
    pthread_cond_t work;
    bool asleep, stopping, stopped, broken;
    struct journal_entry *head, **tail;
    size_t backlog;
    store_seq last;
    store_seq cut;               /* no record newer than it stands before the newest segment */
    uint64_t newest;             /* segment that the next cut comes behind */
    struct journal_entry *spare; /* a segment change that waits for the journal to be healed; or
                                    NULL */
    char reason[256];            /* ... to here */

    struct record_page page; /* the thread's own from here */
    int fd;                  /* -1: broken */
    bool has_header;
    struct buf out;
    struct checksum sum;

    atomic_uint_fast64_t bytes, syncs;
};

/* ---- entries ---- */

struct journal_entry *journal_entry_new(uint32_t count)
{
    struct journal_entry *entry = calloc(1, sizeof *entry + count * sizeof entry->changes[0]);

    if (entry) {
        entry->new_fd = -1;
        entry->count = count;
    }
    return entry;
}

void journal_entry_free(struct journal_entry *entry)
{
    if (!entry)
        return;
    for (uint32_t i = 0; i < entry->count; i++)
        store_value_unref(entry->changes[i].value);
    free(entry);
}

/* Caller holds the lock. Returns whether the thread has to be woken. */
static bool enqueue(struct journal *j, struct journal_entry *entry)
{
    entry->next = NULL;
    *j->tail = entry;
    j->tail = &entry->next;
    j->backlog += entry->bytes;
    bool wake = j->asleep;
    j->asleep = false;
    return wake;
}

/* Caller holds the lock. 0, or why no change is taken now. */
static int check_open(const struct journal *j, struct err *e)
{
    if (j->broken)
        return err_set(e, MG_E_READONLY, "the state is read-only: %s", j->reason);
    if (j->stopping)
        return err_set(e, MG_E_READONLY, "the state is being closed");
    if (j->backlog > JOURNAL_BACKLOG_BYTES)
        return err_set(e, MG_E_READONLY, "more than %zu MB of changes wait for the disk",
                       JOURNAL_BACKLOG_BYTES >> 20);
    return 0;
}

int journal_push(struct journal *j, struct journal_entry *entry, store_seq *number, struct err *e)
{
    bool wake = false;

    pthread_mutex_lock(&j->lock);
    int rc = check_open(j, e);
    if (rc == 0) {
        *number = entry->number = ++j->last;
        wake = enqueue(j, entry);
    }
    pthread_mutex_unlock(&j->lock);
    if (wake)
        pthread_cond_signal(&j->work);
    return rc;
}

/* ---- the thread ---- */

/* Waits for work. A list of records, or one segment change alone; NULL when stopping with nothing
 * left. */
static struct journal_entry *take_group(struct journal *j)
{
    struct journal_entry *group, **end = &group;
    size_t bytes = 0;

    pthread_mutex_lock(&j->lock);
    while (!j->head && !j->stopping) {
        j->asleep = true;
        pthread_cond_wait(&j->work, &j->lock);
    }
    j->asleep = false;
    group = j->head;
    while (*end && bytes < JOURNAL_GROUP_BYTES && ((*end)->new_fd < 0 || end == &group)) {
        struct journal_entry *entry = *end;
        bytes += entry->bytes;
        end = &entry->next;
        if (entry->new_fd >= 0)
            break;
    }
    j->head = *end;
    *end = NULL;
    if (!j->head)
        j->tail = &j->head;
    j->backlog -= bytes;
    pthread_mutex_unlock(&j->lock);
    return group;
}

static void format_entry(struct journal *j, const struct journal_entry *entry, store_seq synced)
{
    struct buf *b = &j->out;
    size_t start = b->len;

    record_begin(b, entry->number, synced, entry->wall_ms);
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct journal_change *c = &entry->changes[i];
        const struct store_value *v = c->value;
        switch (c->kind) {
        case RECORD_PUT:
            record_put(b, c->collection->name, value_key(v), v->key_len, v->bytes, v->len,
                       v->expires_ms);
            break;
        case RECORD_DELETE: record_delete(b, c->collection->name, value_key(v), v->key_len); break;
        case RECORD_DECLARE:
            record_declare(b, c->collection->name, c->collection->key_field);
            break;
        }
    }
    record_end(b, start, &j->page, &j->sum);
}

/* Returns 0, or a negative code with errno set. *newest: the last number in the group. */
static int write_group(struct journal *j, const struct journal_entry *group, store_seq *newest)
{
    store_seq synced = group->number - 1;

    if (j->out.cap > OUT_KEPT) /* a rare large group is not to be paid for for ever */
        buf_fini(&j->out);
    buf_clear(&j->out);
    if (!j->has_header)
        record_write_header(&j->out, &j->page, group->number, &j->sum);
    for (const struct journal_entry *entry = group; entry; entry = entry->next) {
        format_entry(j, entry, synced);
        *newest = entry->number;
    }
    if (!buf_ok(&j->out)) {
        errno = ENOMEM;
        return MG_E_NOMEM;
    }
    if (files_write_all(j->fd, j->out.data, j->out.len) != 0 || fdatasync(j->fd) != 0)
        return MG_E_IO;
    j->has_header = true;
    atomic_fetch_add_explicit(&j->bytes, j->out.len, memory_order_relaxed);
    atomic_fetch_add_explicit(&j->syncs, 1, memory_order_relaxed);
    return 0;
}

static void free_group(struct journal_entry *group)
{
    while (group) {
        struct journal_entry *next = group->next;
        journal_entry_free(group);
        group = next;
    }
}

static void free_spare(struct journal *j)
{
    if (j->spare)
        close(j->spare->new_fd);
    journal_entry_free(j->spare);
    j->spare = NULL;
}

/* Empties the queue. The newest segment that was opened for records which will not come now is kept
 * for the time after the trouble. */
static struct journal_entry *drop_queue(struct journal *j)
{
    struct journal_entry *dropped = NULL, *entry = j->head, *next;

    for (; entry; entry = next) {
        next = entry->next;
        if (entry->new_fd >= 0) {
            free_spare(j);
            j->spare = entry;
        } else {
            entry->next = dropped;
            dropped = entry;
        }
    }
    j->head = NULL;
    j->tail = &j->head;
    j->backlog = 0;
    return dropped;
}

static void break_down(struct journal *j, int error)
{
    char suffix[FILES_SUFFIX_MAX];
    struct log_line l;

    close(j->fd);
    j->fd = -1;
    files_suffix_segment(suffix, j->page.segment);
    pthread_mutex_lock(&j->lock);
    snprintf(j->reason, sizeof j->reason, "cannot write the journal %.120s%s: %s", j->files->name,
             suffix, strerror(error));
    j->broken = true;
    struct journal_entry *dropped = drop_queue(j);
    log_begin(&l, LOG_ERROR, "the state is read-only");
    log_str(&l, "reason", j->reason);
    /* Under the lock: a snapshot may heal the journal as soon as it is seen to be broken, and must
     * not be overtaken by the news of the trouble that it has ended. */
    waiters_fail(j->waiters);
    pthread_mutex_unlock(&j->lock);

    log_end(&l);
    free_group(dropped);
    j->broke(j->arg);
}

static void turn_page(struct journal *j, const struct journal_entry *entry)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = entry->new_fd;
    j->page.segment = entry->new_segment;
    j->has_header = false;
}

static void *journal_main(void *arg)
{
    struct journal *j = arg;
    struct journal_entry *group;
    store_seq newest = 0;

    while ((group = take_group(j))) {
        if (group->new_fd >= 0)
            turn_page(j, group);
        else if (write_group(j, group, &newest) == 0)
            waiters_advance(j->waiters, newest);
        else
            break_down(j, errno);
        free_group(group);
    }
    return NULL;
}

/* ---- cuts ---- */

/* Under the lock: can the cut be made without a new segment? */
static bool cut_here(struct journal *j, struct journal_cut *cut)
{
    *cut = (struct journal_cut){ .last = j->last, .segment = j->newest, .broken = j->broken };
    return j->broken ? j->spare != NULL : j->last == j->cut;
}

int journal_cut(struct journal *j, struct journal_cut *cut, struct err *e)
{
    pthread_mutex_lock(&j->lock);
    bool done = cut_here(j, cut);
    pthread_mutex_unlock(&j->lock);
    if (done)
        return 0;

    struct journal_entry *turn = journal_entry_new(0);
    if (!turn)
        return err_set(e, MG_E_NOMEM, "no memory to begin a journal segment");
    turn->new_segment = cut->segment + 1; /* nobody else makes cuts */
    int rc = files_create_segment(j->files, turn->new_segment, &turn->new_fd, e);
    if (rc != 0) {
        journal_entry_free(turn);
        return rc;
    }

    pthread_mutex_lock(&j->lock);
    bool wake = false;
    j->newest = turn->new_segment;
    j->cut = j->last;
    *cut = (struct journal_cut){ .last = j->last, .segment = j->newest, .broken = j->broken };
    if (j->broken) {
        free_spare(j);
        j->spare = turn;
    } else {
        wake = enqueue(j, turn);
    }
    pthread_mutex_unlock(&j->lock);
    if (wake)
        pthread_cond_signal(&j->work);
    return 0;
}

void journal_heal(struct journal *j, const struct journal_cut *cut)
{
    if (!cut->broken)
        return;
    /* First the waiters: a change that is accepted must not be told that it may be lost. Nothing
     * was accepted since the cut, so cut->last is the newest record. */
    waiters_heal(j->waiters, cut->last);
    pthread_mutex_lock(&j->lock);
    enqueue(j, j->spare);
    j->spare = NULL;
    j->cut = cut->last;
    j->broken = false;
    pthread_mutex_unlock(&j->lock);
    pthread_cond_signal(&j->work);
    log_printf(LOG_WARN, "the state accepts changes again");
}

/* ---- what others ask ---- */

const char *journal_trouble(struct journal *j, char *out, size_t size)
{
    pthread_mutex_lock(&j->lock);
    bool broken = j->broken;
    if (broken)
        snprintf(out, size, "%s", j->reason);
    pthread_mutex_unlock(&j->lock);
    return broken ? out : NULL;
}

void journal_figures(struct journal *j, struct journal_figures *out)
{
    pthread_mutex_lock(&j->lock);
    *out = (struct journal_figures){ .last = j->last,
                                     .newest_segment = j->newest,
                                     .backlog_bytes = j->backlog,
                                     .broken = j->broken };
    pthread_mutex_unlock(&j->lock);
    out->bytes = atomic_load_explicit(&j->bytes, memory_order_relaxed);
    out->syncs = atomic_load_explicit(&j->syncs, memory_order_relaxed);
}

/* ---- start and stop ---- */

static int thread_start(struct journal *j, struct err *e)
{
    sigset_t all, before;

    sigfillset(&all); /* signals are for the threads that expect them */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&j->thread, NULL, journal_main, j);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(e, MG_E_IO, "cannot start the journal's thread: %s", strerror(rc));
    pthread_setname_np(j->thread, "journal");
    return 0;
}

struct journal *journal_open(const struct journal_options *o, struct err *e)
{
    struct journal *j = calloc(1, sizeof *j);

    if (!j) {
        err_set(e, MG_E_NOMEM, "no memory for the journal");
        return NULL;
    }
    j->files = o->files;
    j->waiters = o->waiters;
    j->broke = o->broke;
    j->arg = o->arg;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->work, NULL);
    j->tail = &j->head;
    j->last = j->cut = o->last;
    j->newest = j->page.segment = o->segment;
    j->fd = -1;
    j->stopped = true;
    memcpy(j->page.lineage, o->lineage, LINEAGE_SIZE);
    if (checksum_init(&j->sum) != 0) {
        err_set(e, MG_E_NOMEM, "no memory for the journal");
        goto fail;
    }
    if (files_create_segment(j->files, o->segment, &j->fd, e) != 0 || thread_start(j, e) != 0)
        goto fail;
    j->stopped = false;
    return j;
fail:
    journal_free(j);
    return NULL;
}

void journal_stop(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    bool join = !j->stopped;
    j->stopping = j->stopped = true;
    pthread_mutex_unlock(&j->lock);
    pthread_cond_signal(&j->work);
    if (join)
        pthread_join(j->thread, NULL);
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    journal_stop(j);
    free_group(drop_queue(j));
    if (j->fd >= 0)
        close(j->fd);
    free_spare(j);
    buf_fini(&j->out);
    checksum_fini(&j->sum);
    pthread_cond_destroy(&j->work);
    pthread_mutex_destroy(&j->lock);
    free(j);
}
