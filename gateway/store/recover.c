#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rand.h"
#include "store/replay.h"
#include "store/snapshot.h"

/* A state that was never saved by us begins here, so that its objects have a number and a
 * precondition of 0 still means "is not there". */
#define FIRST_RECORD 1

struct recovering {
    struct local *l;
    struct snapshot_meta meta;
    bool found, has_meta;
    uint64_t *segments;          /* all that exist, ascending */
    size_t segment_count, stale; /* how many of them, from the first, the snapshot covers */
    struct collection *current;  /* that the snapshot's values go to */
    uint64_t doubles;            /* keys that came twice */
};

/* ---- the snapshot's members ---- */

static int take_collection(void *arg, struct json_text name, const char *key_field,
                           size_t field_len, store_seq seq, struct err *e)
{
    struct recovering *r = arg;

    if (directory_is_full(&r->l->dir))
        return err_set(e, MG_E_LIMIT, "%s holds more than %d collections", r->l->files.path,
                       COLLECTION_MAX);
    struct collection *c = collection_new(name.p + 1, name.len - 2, key_field, field_len);
    if (!c)
        return err_set(e, MG_E_NOMEM, "no memory to load %s", r->l->files.path);
    if (seq < r->meta.seq)
        seq = r->meta.seq;
    c->covered = c->last = seq > FIRST_RECORD ? seq : FIRST_RECORD;
    directory_publish(&r->l->dir, c);
    r->current = c;
    return 0;
}

/* A key that comes twice: the last one counts, in the place of the first, as when the kit loads the
 * file. */
static int take_value(void *arg, const char *key, size_t key_len, const char *text, size_t len,
                      struct err *e)
{
    struct recovering *r = arg;
    struct store_value *v = value_new(key, key_len, text, len);

    if (!v || table_reserve(&r->current->table, 1) != 0) {
        store_value_unref(v);
        return err_set(e, MG_E_NOMEM, "no memory to load %s", r->l->files.path);
    }
    v->seq = r->current->covered;
    struct store_value *old = table_put(&r->current->table, v);
    r->doubles += old != NULL;
    store_value_unref(old);
    return 0;
}

static int take_expiry(void *arg, const char *key, size_t key_len, int64_t expires_ms,
                       struct err *e)
{
    struct recovering *r = arg;
    struct store_value *v = table_find(&r->current->table, key, key_len);

    (void)e;
    if (v && expires_ms > 0) { /* the object may have been removed by hand */
        v->expires_ms = expires_ms;
        local_note_expiry(r->l, expires_ms);
    }
    return 0;
}

static int take_extra(void *arg, struct json_text name, const char *text, size_t len, struct err *e)
{
    struct recovering *r = arg;
    struct buf decoded = { 0 };

    json_string_decode(name, &decoded);
    int rc = buf_ok(&decoded) ? directory_add_extra(&r->l->dir, decoded.len ? decoded.data : "",
                                                    decoded.len, text, len)
                              : MG_E_NOMEM;
    buf_fini(&decoded);
    return rc == 0 ? 0 : err_set(e, rc, "no memory to load %s", r->l->files.path);
}

static int load_snapshot(struct recovering *r, struct err *e)
{
    const struct snapshot_reader reader = { .arg = r,
                                            .collection = take_collection,
                                            .value = take_value,
                                            .expiry = take_expiry,
                                            .extra = take_extra };
    struct buf text = { 0 };
    int rc = files_read_snapshot(&r->l->files, &text, &r->found, e);

    if (rc == 0 && r->found)
        rc = snapshot_read(r->l->files.path, text.data, text.len, &reader, &r->meta, &r->has_meta,
                           e);
    buf_fini(&text);
    if (rc == 0 && r->doubles > 0)
        log_printf(LOG_WARN,
                   "%s: %" PRIu64 " objects had a key that comes again later; the last one counts",
                   r->l->files.path, r->doubles);
    return rc;
}

/* The kit's collections are there whether the file has them or not. */
int local_add_kit_collections(struct local *l, store_seq seq, struct err *e)
{
    static const char *const names[] = { "jobs", "models" };

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(names[i]);
        if (directory_find(&l->dir, names[i], len))
            continue;
        const char *field = collection_kit_field(names[i], len);
        struct collection *c = collection_new(names[i], len, field, strlen(field));
        if (!c)
            return err_set(e, MG_E_NOMEM, "no memory for the state");
        c->last = seq;
        directory_publish(&l->dir, c);
    }
    return 0;
}

/* ---- the journal ---- */

static int missing_segment(const struct recovering *r, uint64_t number, struct err *e)
{
    const char *path = r->l->files.path;
    char suffix[FILES_SUFFIX_MAX];

    files_suffix_segment(suffix, number);
    return err_set(e, MG_E_INVALID,
                   "%s%s is missing: it holds changes that are newer than %s. Restore it; or, to "
                   "go on without "
                   "them, move any %s.journal.* away and create it empty: : > '%s%s'",
                   path, suffix, path, path, path, suffix);
}

static int foreign_segments(const struct recovering *r, struct err *e)
{
    const char *path = r->l->files.path;
    char suffix[FILES_SUFFIX_MAX];

    files_suffix_segment(suffix, r->segments[0]);
    if (!r->found)
        return err_set(e, MG_E_INVALID,
                       "%s is missing, but its journal %s%s is there. Restore it; or, to start "
                       "empty, move %s.journal.* "
                       "away",
                       path, path, suffix, path);
    return err_set(e, MG_E_INVALID,
                   "%s was written by another program, so its journal %s%s does not belong to it. "
                   "Restore the one "
                   "or move %s.journal.* away",
                   path, path, suffix, path);
}

/* Which segments must be replayed, and are they all there? */
static int check_segments(struct recovering *r, struct err *e)
{
    if (!r->has_meta)
        return r->segment_count == 0 ? 0 : foreign_segments(r, e);
    while (r->stale < r->segment_count && r->segments[r->stale] < r->meta.segment)
        r->stale++;
    if (r->stale == r->segment_count)
        return r->meta.closed ? 0 : missing_segment(r, r->meta.segment, e);
    for (size_t i = r->stale; i < r->segment_count; i++)
        if (r->segments[i] != r->meta.segment + (i - r->stale))
            return missing_segment(r, r->meta.segment + (i - r->stale), e);
    return 0;
}

/* A snapshot is put in place only when every record in it is durable, so the journal must reach as
 * far. */
static int check_reach(const struct recovering *r, const struct replay *replay, struct err *e)
{
    for (unsigned i = 0; i < directory_count(&r->l->dir); i++) {
        const struct collection *c = directory_at(&r->l->dir, i);
        if (c->covered > replay->last)
            return err_set(e, MG_E_INVALID,
                           "the journal of %s ends at record %" PRIu64
                           ", but %s holds %s up to record %" PRIu64
                           ": the end of the journal is lost. Restore the state's files from a "
                           "backup; or, to go "
                           "on with what is there, move %s.journal.* away and remove \"_meta\" "
                           "from %s",
                           r->l->files.path, replay->last, r->l->files.path, c->name, c->covered,
                           r->l->files.path, r->l->files.path);
    }
    return 0;
}

static int replay_journal(struct recovering *r, struct recovery *out, struct err *e)
{
    struct replay replay = { .l = r->l,
                             .segments = r->segments + r->stale,
                             .count = r->segment_count - r->stale,
                             .last = out->saved,
                             .next_segment = out->next_segment };
    int rc = replay_segments(&replay, e);

    if (rc == 0 && replay.records > 0)
        log_printf(LOG_INFO, "replayed %" PRIu64 " records of the journal", replay.records);
    if (rc == 0)
        rc = check_reach(r, &replay, e);
    out->last = replay.last;
    out->next_segment = replay.next_segment;
    return rc;
}

static int recover(struct recovering *r, struct recovery *out, struct err *e)
{
    struct local *l = r->l;
    int rc = load_snapshot(r, e);

    if (rc == 0)
        rc = files_list_segments(&l->files, &r->segments, &r->segment_count, e);
    if (rc == 0)
        rc = check_segments(r, e);
    if (rc != 0)
        return rc;
    *out = (struct recovery){ .is_ours = r->has_meta, .has_segments = r->segment_count > 0 };
    out->saved = r->has_meta ? r->meta.seq : FIRST_RECORD;
    out->next_segment = r->has_meta ? r->meta.segment : 1;
    if (r->has_meta)
        memcpy(l->lineage, r->meta.lineage, LINEAGE_SIZE);
    else
        rand_hex(l->lineage, (LINEAGE_SIZE - 1) / 2);
    rc = local_add_kit_collections(l, out->saved, e);
    if (rc == 0)
        rc = replay_journal(r, out, e);
    /* A snapshot whose name a crash left undecided is about to be relied upon. */
    if (rc == 0)
        rc = files_sync_folder(&l->files, e);
    l->is_closed = r->meta.closed;
    l->oldest_segment = r->segment_count > r->stale ? r->segments[r->stale] : out->next_segment;
    for (size_t i = 0; rc == 0 && i < r->stale; i++)
        rc = files_remove_segment(&l->files, r->segments[i], e);
    return rc;
}

int local_recover(struct local *l, struct recovery *out, struct err *e)
{
    struct recovering r = { .l = l };

    files_remove_temp(&l->files);
    int rc = recover(&r, out, e);
    free(r.segments);
    return rc;
}
