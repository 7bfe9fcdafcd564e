#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/local.h"
#include "store/snapshot.h"

#define SYNC_EVERY ((size_t)8 << 20)

/* What one collection held at one moment: references only, so that its lock is held for that long.
 */
struct image {
    struct collection *collection;
    struct store_value **values;
    size_t count, room;
    store_seq seq; /* the newest record in it */
};

static int image_take(struct image *im)
{
    struct collection *c = im->collection;
    struct store_value *v;
    uint32_t at = 0;

    for (;;) {
        pthread_mutex_lock(&c->lock);
        if (c->table.live <= im->room)
            break;
        size_t want = c->table.live + (size_t)c->table.live / 8;
        pthread_mutex_unlock(&c->lock);
        free(im->values);
        im->room = 0;
        im->values = malloc(want * sizeof *im->values);
        if (!im->values)
            return MG_E_NOMEM;
        im->room = want;
    }
    for (; (v = table_next(&c->table, &at)); at++)
        im->values[im->count++] = store_value_ref(v);
    im->seq = c->last;
    pthread_mutex_unlock(&c->lock);
    return 0;
}

static void image_drop(struct image *im)
{
    for (size_t i = 0; i < im->count; i++)
        store_value_unref(im->values[i]);
    free(im->values);
}

/* ---- the file ---- */

struct saving {
    struct local *l;
    struct journal_cut cut;
    struct snapshot_meta meta;
    struct image *images; /* of all collections, by id */
    unsigned image_count;
    bool *kept; /* which of the extras were no collections when the images were listed */
    int fd;
    size_t unsynced;
};

/* Syncs as it goes: one sync of everything at the end would make the journal's syncs wait for it.
 */
static int write_some(void *arg, const char *data, size_t len)
{
    struct saving *s = arg;

    if (files_write_all(s->fd, data, len) != 0)
        return MG_E_IO;
    s->unsynced += len;
    if (s->unsynced < SYNC_EVERY)
        return 0;
    s->unsynced = 0;
    return fdatasync(s->fd) == 0 ? 0 : MG_E_IO;
}

static int write_members(struct saving *s)
{
    struct snapshot_writer w;
    int rc = snapshot_begin(&w, write_some, s);

    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < s->image_count && w.code == 0; i++) {
        struct image *im = &s->images[i];
        snapshot_collection(&w, im->collection->name, im->collection->key_field,
                            im->seq > s->cut.last ? im->seq : s->cut.last);
        for (size_t k = 0; k < im->count && w.code == 0; k++)
            snapshot_value(&w, im->values[k]);
        snapshot_collection_end(&w);
    }
    unsigned i = 0;
    for (struct extra *x = s->l->dir.extras; x; x = x->next)
        if (s->kept[i++])
            snapshot_extra(&w, x->name, x->text, x->len);
    rc = snapshot_end(&w, &s->meta);
    snapshot_fini(&w);
    return rc;
}

/* The temporary file, written and synced. */
static int write_temp(struct saving *s, struct err *e)
{
    int rc = files_create_temp(&s->l->files, &s->fd, e);

    if (rc != 0)
        return rc;
    errno = 0;
    rc = write_members(s);
    if (rc == 0 && fsync(s->fd) != 0)
        rc = MG_E_IO;
    if (rc != 0)
        err_set(e, rc, "cannot write %s" FILES_SUFFIX_TEMP ": %s", s->l->files.path,
                strerror(rc == MG_E_NOMEM ? ENOMEM : errno));
    close(s->fd);
    return rc;
}

/* ---- one snapshot ---- */

/* Lists collections and extras at one moment, since the one can become the other; then takes the
 * images, one collection after the other. */
static int take_images(struct saving *s, struct err *e)
{
    struct directory *d = &s->l->dir;
    unsigned extras = 0, i = 0;
    int rc = 0;

    for (struct extra *x = d->extras; x; x = x->next)
        extras++;
    s->kept = calloc(extras + 1, sizeof *s->kept);
    pthread_mutex_lock(&d->lock);
    unsigned count = directory_count(d);
    for (struct extra *x = s->kept ? d->extras : NULL; x; x = x->next)
        s->kept[i++] = !x->adopted;
    pthread_mutex_unlock(&d->lock);
    s->images = calloc(count, sizeof *s->images);
    if (!s->kept || !s->images)
        rc = MG_E_NOMEM;
    while (rc == 0 && s->image_count < count) {
        s->images[s->image_count].collection = directory_at(d, s->image_count);
        rc = image_take(&s->images[s->image_count]);
        s->image_count++;
    }
    return rc == 0 ? 0 : err_set(e, rc, "no memory for a snapshot of the state");
}

/* The images may hold records that came after the cut. A file that shows half of a batch whose
 * record is then lost would break all or none, so every record in it must be durable before it
 * counts. */
static int wait_for_records(struct saving *s, struct err *e)
{
    store_seq newest = 0;

    if (!s->l->journal || s->cut.broken)
        return 0;
    for (unsigned i = 0; i < s->image_count; i++)
        if (s->images[i].seq > newest)
            newest = s->images[i].seq;
    int rc = waiters_block(&s->l->base.waiters, newest);
    return rc == 0 ? 0 : err_set(e, rc, "the journal failed during a snapshot");
}

static int make_cut(struct saving *s, bool closing, struct err *e)
{
    struct local *l = s->l;
    struct journal_figures f;
    int rc = 0;

    if (!l->journal) {
        s->cut = (struct journal_cut){ .last = local_last(l), .segment = l->next_segment };
    } else if (closing) {
        journal_figures(l->journal, &f);
        s->cut = (struct journal_cut){ f.last, f.newest_segment + 1, f.broken };
    } else {
        rc = journal_cut(l->journal, &s->cut, e);
    }
    s->meta = (struct snapshot_meta){ .seq = s->cut.last,
                                      .segment = s->cut.segment,
                                      .wall_ms = clock_wall_ms(),
                                      .closed = closing || !l->journal };
    memcpy(s->meta.lineage, l->lineage, LINEAGE_SIZE);
    return rc;
}

/* Segments that the snapshot covers. One that cannot be removed is left to the next start, which
 * ignores it. */
static void remove_covered(struct local *l, uint64_t segment)
{
    for (; l->oldest_segment < segment; l->oldest_segment++)
        if (files_remove_segment(&l->files, l->oldest_segment, NULL) != 0)
            return;
}

static int save(struct saving *s, bool *renamed, struct err *e)
{
    int rc = take_images(s, e);

    if (rc == 0 && !s->l->journal)
        s->meta.seq = local_last(s->l); /* nothing is replayed on top, so only: no object's is newer
                                         */
    if (rc == 0)
        rc = write_temp(s, e);
    if (rc == 0)
        rc = wait_for_records(s, e);
    if (rc == 0)
        rc = files_install_temp(&s->l->files, renamed, e);
    if (*renamed)
        s->l->is_closed = s->meta.closed;
    else
        files_remove_temp(&s->l->files);
    if (*renamed && rc != 0)
        rc = e->code = MG_E_UNSURE; /* the folder's sync failed */
    for (unsigned i = 0; i < s->image_count; i++)
        image_drop(&s->images[i]);
    free(s->images);
    free(s->kept);
    return rc;
}

int local_save(struct local *l, bool closing, store_seq *saved, struct err *e)
{
    struct saving s = { .l = l };
    bool renamed = false;
    int rc = make_cut(&s, closing, e);

    if (rc != 0)
        return rc;
    if (!closing || !l->is_closed || s.cut.last != *saved)
        rc = save(&s, &renamed, e);
    if (rc != 0)
        return rc;
    *saved = s.cut.last;
    if (l->journal && !closing)
        journal_heal(l->journal, &s.cut);
    /* A closed file needs no segment, so that one goes too which was made and never written. */
    remove_covered(l, s.cut.segment + (s.meta.closed ? 1 : 0));
    return 0;
}
