#include "store/local.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/copy.h"

store_seq local_last(struct local *l)
{
    struct journal_figures f;

    if (!l->journal)
        return atomic_load(&l->last);
    journal_figures(l->journal, &f);
    return f.last;
}

void local_note_expiry(struct local *l, int64_t expires_ms)
{
    int64_t next = atomic_load(&l->next_expiry_ms);

    while (expires_ms < next &&
           !atomic_compare_exchange_weak(&l->next_expiry_ms, &next, expires_ms))
        ;
}

/* ---- the table of functions ---- */

static int submit(struct store *s, struct store_op *op)
{
    struct local *l = local_of(s);

    switch (op->kind) {
    case STORE_GET: local_get(l, op); break;
    case STORE_LIST: local_list(l, op); break;
    case STORE_COUNT: local_count(l, op); break;
    case STORE_WRITE: local_write(l, op); break;
    }
    return 1;
}

static int declare(struct store *s, const char *collection, const char *key_field, struct err *e)
{
    return local_declare(local_of(s), collection, key_field, e);
}

static const char *trouble(struct store *s, char *out, size_t size)
{
    struct local *l = local_of(s);

    return l->journal ? journal_trouble(l->journal, out, size) : NULL;
}

static void reconfigure(struct store *s, int64_t autosave_ms, int64_t job_ttl_ms)
{
    struct local *l = local_of(s);

    atomic_store(&l->job_ttl_ms, job_ttl_ms);
    if (l->saver)
        saver_reconfigure(l->saver, autosave_ms);
}

static int snapshot(struct store *s, struct err *e)
{
    struct local *l = local_of(s);

    return l->saver ? saver_now(l->saver, e) : 0;
}

static void announce(struct store *s, const char *address)
{
    (void)files_announce(((struct local *)s)->lock_fd, address);
}

static void own_files(struct store *s, void (*fn)(void *arg, const char *path), void *arg)
{
    struct local *l = local_of(s);
    uint64_t *segments = NULL;
    size_t count = 0;
    struct buf path = { 0 };
    char suffix[FILES_SUFFIX_MAX];

    if (l->files.dir < 0)
        return;
    /* What is there; a name that cannot be listed for lack of memory is still one of the first
     * three. */
    if (files_list_segments(&l->files, &segments, &count, NULL) != 0)
        count = 0;
    fn(arg, l->files.path);
    for (size_t i = 0; i < count + 2; i++) {
        if (i < count)
            files_suffix_segment(suffix, segments[i]);
        buf_clear(&path);
        buf_printf(&path, "%s%s", l->files.path,
                   i < count    ? suffix
                   : i == count ? FILES_SUFFIX_LOCK
                                : FILES_SUFFIX_TEMP);
        if (buf_cstr(&path))
            fn(arg, buf_cstr(&path));
    }
    buf_fini(&path);
    free(segments);
}

/* ---- close ---- */

static void local_free(struct local *l)
{
    journal_free(l->journal);
    saver_free(l->saver);
    directory_fini(&l->dir);
    waiters_fini(&l->base.waiters);
    files_close(&l->files);
    if (l->lock_fd >= 0)
        close(l->lock_fd); /* last: until here the files are ours */
    free(l);
}

static int close_local(struct store *s, struct err *e)
{
    struct local *l = local_of(s);
    int rc = 0;

    if (l->saver) {
        store_seq saved = saver_stop(l->saver);
        if (l->journal)
            journal_stop(l->journal);
        rc = local_save(l, true, &saved, e);
    }
    local_free(l);
    return rc;
}

/* ---- open ---- */

static const struct store_backend backend = {
    .name = "local",
    .submit = submit,
    .declare = declare,
    .trouble = trouble,
    .reconfigure = reconfigure,
    .snapshot = snapshot,
    .close = close_local,
    .metrics = local_metrics,
    .announce = announce,
    .own_files = own_files,
};

static struct local *local_new(struct err *e)
{
    struct local *l = calloc(1, sizeof *l);

    if (!l) {
        err_set(e, MG_E_NOMEM, "no memory for the state");
        return NULL;
    }
    l->base.backend = &backend;
    l->files.dir = l->lock_fd = -1;
    waiters_init(&l->base.waiters, UINT64_MAX); /* until there is a journal, there is nothing to
                                                   wait for */
    directory_init(&l->dir);
    atomic_init(&l->next_expiry_ms, INT64_MAX);
    return l;
}

static void journal_broke(void *arg)
{
    struct local *l = arg;

    saver_poke(l->saver);
}

static int start_threads(struct local *l, const struct store_options *o, const struct recovery *rec,
                         struct err *e)
{
    const struct saver_options so = { .autosave_ms = o->autosave_ms,
                                      .sweep_ms = o->sweep_ms,
                                      .saved = rec->saved };
    struct journal_options jo = { .files = &l->files,
                                  .waiters = &l->base.waiters,
                                  .segment = rec->next_segment,
                                  .last = rec->last,
                                  .broke = journal_broke,
                                  .arg = l };

    l->saver = saver_new(l, &so, e);
    if (!l->saver)
        return MG_E_NOMEM;
    if (o->durability == STORE_JOURNAL) {
        if (l->oldest_segment > rec->next_segment)
            l->oldest_segment = rec->next_segment;
        atomic_store(&l->base.waiters.durable, rec->last);
        memcpy(jo.lineage, l->lineage, LINEAGE_SIZE);
        l->journal = journal_open(&jo, e);
        if (!l->journal)
            return MG_E_IO;
    }
    return saver_start(l->saver, e);
}

static int open_files(struct local *l, const struct store_options *o, struct err *e)
{
    struct recovery rec;
    int rc = files_open(&l->files, o->path, e);

    if (rc == 0)
        rc = files_lock(&l->files, &l->lock_fd, e);
    if (rc == 0)
        rc = local_recover(l, &rec, e);
    if (rc != 0)
        return rc;
    atomic_store(&l->last, rec.last);
    l->next_segment = rec.next_segment;
    /* Every segment must belong to a file that knows it. And where no journal is to be kept, what
     * an earlier one left goes into the file now. */
    if (!rec.is_ours || (o->durability == STORE_SNAPSHOT && rec.has_segments))
        rc = local_save(l, false, &rec.saved, e);
    return rc == 0 ? start_threads(l, o, &rec, e) : rc;
}

struct store *store_open_local(const struct store_options *o, struct err *e)
{
    struct local *l = local_new(e);

    if (!l)
        return NULL;
    atomic_store(&l->job_ttl_ms, o->job_ttl_ms);
    if (open_files(l, o, e) == 0)
        return &l->base;
    local_free(l);
    return NULL;
}

struct store *store_open_memory(struct err *e)
{
    struct local *l = local_new(e);

    if (l && local_add_kit_collections(l, 0, e) == 0)
        return &l->base;
    if (l)
        local_free(l);
    return NULL;
}

/* A gateway that runs may put a new snapshot in place, and remove the segments that it covers,
 * between the copying of the one and the other. */
#define COPY_TRIES 5

static int recover_copy(struct local *l, const char *path, struct err *e)
{
    struct recovery rec;
    int rc = copy_make(path, &l->files, e);

    if (rc != 0)
        return rc;
    rc = local_recover(l, &rec, e);
    if (rc == 0)
        atomic_store(&l->last, rec.last);
    copy_remove(&l->files);
    files_close(&l->files);
    return rc;
}

struct store *store_open_copy(const char *path, struct err *e)
{
    for (int i = 1;; i++) {
        struct local *l = local_new(e);
        if (!l)
            return NULL;
        int rc = recover_copy(l, path, e);
        if (rc == 0)
            return &l->base;
        err_prefix(e, "a copy of %s", path);
        local_free(l);
        if (rc != MG_E_INVALID || i == COPY_TRIES)
            return NULL;
    }
}
