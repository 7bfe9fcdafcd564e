#include <inttypes.h>

#include "store/local.h"

static void figure(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP moongate_state_%s %s\n# TYPE moongate_state_%s %s\n", name, help, name,
               type);
}

static void number(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    figure(out, name, type, help);
    buf_printf(out, "moongate_state_%s %" PRIu64 "\n", name, value);
}

/* Names of collections need no escaping: see collection_name_ok(). */
static void collections(struct local *l, struct buf *out, const char *name, const char *help,
                        bool is_bytes)
{
    figure(out, name, "gauge", help);
    for (unsigned i = 0; i < directory_count(&l->dir); i++) {
        struct collection *c = directory_at(&l->dir, i);
        pthread_mutex_lock(&c->lock);
        uint64_t value = is_bytes ? c->table.bytes : c->table.live;
        pthread_mutex_unlock(&c->lock);
        buf_printf(out, "moongate_state_%s{collection=\"%s\"} %" PRIu64 "\n", name, c->name, value);
    }
}

static void journal(struct local *l, struct buf *out)
{
    struct journal_figures f;

    journal_figures(l->journal, &f);
    number(out, "read_only", "gauge", "1 while no change is accepted.", f.broken);
    number(out, "journal_bytes_total", "counter", "Bytes written to the journal.", f.bytes);
    number(out, "journal_syncs_total", "counter", "Groups of records made durable.", f.syncs);
    number(out, "journal_backlog_bytes", "gauge", "Changes that wait for the disk.",
           f.backlog_bytes);
    number(out, "journal_segment", "gauge", "Number of the newest journal segment.",
           f.newest_segment);
}

static void saver(struct local *l, struct buf *out)
{
    struct saver_figures f;

    saver_figures(l->saver, &f);
    number(out, "snapshots_total", "counter", "Snapshots written.", f.snapshots);
    number(out, "snapshot_failures_total", "counter", "Snapshots that failed.", f.failures);
    number(out, "swept_total", "counter", "Objects removed because of their age.", f.swept);
    figure(out, "snapshot_seconds", "gauge", "Time the newest snapshot took.");
    buf_printf(out, "moongate_state_snapshot_seconds %.3f\n", (double)f.took_ms / 1000);
    figure(out, "snapshot_timestamp_seconds", "gauge",
           "When the newest snapshot was done; 0: none yet.");
    buf_printf(out, "moongate_state_snapshot_timestamp_seconds %.3f\n",
               (double)f.saved_wall_ms / 1000);
}

void local_metrics(struct store *s, struct buf *out)
{
    struct local *l = local_of(s);

    number(out, "records_total", "counter", "Number of the newest record; counts on over restarts.",
           local_last(l));
    collections(l, out, "objects", "Objects in a collection.", false);
    collections(l, out, "bytes", "Bytes of keys and texts in a collection.", true);
    if (l->journal)
        journal(l, out);
    if (l->saver)
        saver(l, out);
}
