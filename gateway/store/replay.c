#include "store/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/lines.h"

/* No record and no group of unsynced ones is longer; keys are escaped, which makes them six times
 * as long at the worst. */
#define LINE_MAX_BYTES ((size_t)STORE_MAX_BATCH + STORE_MAX_CHANGES * (6 * STORE_MAX_KEY + 1024))
#define TAIL_MAX_BYTES (LINE_MAX_BYTES + JOURNAL_GROUP_BYTES)

#define NOT_A_RECORD 1 /* the line is not as it was written, if it ever was */

struct place { /* in the segment that is being read */
    size_t index;
    struct record_page page;
    char suffix[FILES_SUFFIX_MAX];
    int fd;
    struct line line;
};

static int refuse(const struct replay *r, const struct place *at, const char *reason, struct err *e)
{
    return err_set(e, MG_E_INVALID,
                   "%s%s:%" PRIu64
                   ": %s. Restore the state's files from a backup; or, to go on without "
                   "what follows record %" PRIu64 ", run: truncate -s %" PRIu64
                   " '%s%s' and remove the "
                   "segments with higher numbers",
                   r->l->files.path, at->suffix, at->line.number, reason, r->last, at->line.offset,
                   r->l->files.path, at->suffix);
}

/* ---- records ---- */

static int no_memory(struct err *e)
{
    return err_set(e, MG_E_NOMEM, "no memory to recover the state");
}

static int apply_declare(struct replay *r, const struct place *at, const struct record_change *ch,
                         store_seq number, struct err *e)
{
    const char *name = ch->collection.p + 1, *field = ch->key_field.p + 1;
    size_t len = ch->collection.len - 2, field_len = ch->key_field.len - 2;
    struct collection *c = directory_find(&r->l->dir, name, len);
    struct extra *extra;

    if (c) { /* the snapshot was taken after this record */
        if (json_string_eq(ch->key_field, c->key_field, strlen(c->key_field)))
            return 0;
        return refuse(r, at, "it declares another key for a collection that is there", e);
    }
    if (!collection_name_ok(name, len) || !collection_field_ok(field, field_len))
        return refuse(r, at, "it declares a collection that cannot be", e);
    int rc = local_new_collection(r->l, name, len, field, field_len, &c, &extra, e);
    if (rc == 0)
        local_publish(r->l, c, extra, number);
    return rc;
}

static int apply_put(struct replay *r, struct collection *c, const struct record_change *ch,
                     store_seq number, struct err *e)
{
    struct store_value *v = value_new(r->key.data, r->key.len, ch->value.p, ch->value.len);

    if (!v || table_reserve(&c->table, 1) != 0) {
        store_value_unref(v);
        return no_memory(e);
    }
    v->seq = number;
    v->expires_ms = ch->expires_ms;
    if (v->expires_ms != 0)
        local_note_expiry(r->l, v->expires_ms);
    store_value_unref(table_put(&c->table, v));
    return 0;
}

static int apply_change(struct replay *r, const struct place *at, struct json_text item,
                        store_seq number, struct err *e)
{
    struct record_change ch;

    if (record_change_parse(item, &ch) != 0)
        return refuse(r, at, "its change is none that this version knows", e);
    if (ch.kind == RECORD_DECLARE)
        return apply_declare(r, at, &ch, number, e);
    struct collection *c = directory_find(&r->l->dir, ch.collection.p + 1, ch.collection.len - 2);
    if (!c)
        return refuse(r, at, "it changes a collection that was never declared", e);
    if (number <= c->covered)
        return 0;
    buf_clear(&r->key);
    json_string_decode(ch.key, &r->key);
    if (!buf_ok(&r->key))
        return no_memory(e);
    c->last = number;
    if (ch.kind == RECORD_PUT)
        return apply_put(r, c, &ch, number, e);
    store_value_unref(table_remove(&c->table, r->key.data, r->key.len));
    return 0;
}

static int take_record(struct replay *r, const struct place *at, struct err *e)
{
    struct record rec;
    struct json_text item;
    int rc = record_parse(at->line.text, at->line.len, &at->page, &r->sum, &rec);

    if (rc == MG_E_NOMEM)
        return no_memory(e);
    if (rc != 0)
        return NOT_A_RECORD;
    if (rec.number != r->last + 1)
        return refuse(r, at, "records are missing before this one", e);
    struct json_iter it = json_iter(rec.changes);
    while (rc == 0 && json_next_item(&it, &item))
        rc = apply_change(r, at, item, rec.number, e);
    r->last = rec.number;
    r->records++;
    return rc;
}

static int take_header(struct replay *r, const struct place *at, struct err *e)
{
    struct record_page page;
    store_seq first;
    int rc = record_parse_header(at->line.text, at->line.len, &page, &first, &r->sum);

    if (rc == MG_E_NOMEM)
        return no_memory(e);
    if (rc == MG_E_CONFLICT)
        return refuse(r, at, "the segment is of a newer format: start the version that wrote it",
                      e);
    if (rc != 0)
        return NOT_A_RECORD;
    if (strcmp(page.lineage, at->page.lineage) != 0 || page.segment != at->page.segment)
        return refuse(r, at, "the segment belongs to another state", e);
    if (first != r->last + 1)
        return refuse(r, at, "records are missing before this segment", e);
    return 0;
}

/* ---- the tail ---- */

static bool record_proves(struct replay *r, const struct record_page *page, const char *text,
                          size_t len, store_seq number)
{
    struct record rec;

    return record_parse(text, len, page, &r->sum, &rec) == 0 && rec.synced >= number;
}

/* Nothing is written to a segment before the one before it is synced to its end. */
static bool header_proves(struct replay *r, const struct record_page *page, const struct line *line,
                          store_seq number)
{
    struct record_page other;
    store_seq first;

    return record_parse_header(line->text, line->len, &other, &first, &r->sum) == 0 &&
           strcmp(other.lineage, page->lineage) == 0 && first >= number;
}

/* Does this line show that record `number` was synced? Records say how far the sync had come when
 * they were written. One may be hidden in the line: a newline that was damaged makes one line of
 * two. Texts of objects may look like the beginning of a record, hence the bound on tries. */
static bool proves_synced(struct replay *r, const struct record_page *page, const struct line *line,
                          store_seq number)
{
    const char *p = line->text, *end = p + line->len;

    if (record_proves(r, page, p, line->len, number))
        return true;
    for (int tries = 0; tries < 100 && (p = memmem(p, (size_t)(end - p), "{\"n\":", 5)); p++) {
        if (p - line->text < 3 || memcmp(p - 3, "\"}", 2) != 0)
            continue;
        tries++;
        if (record_proves(r, page, p, (size_t)(end - p), number))
            return true;
    }
    return false;
}

static int refuse_damage(const struct replay *r, const struct place *at, struct err *e)
{
    return refuse(r, at, "this record is damaged, and others show that it was once whole", e);
}

/* Reads on from a line that is none. 0: nothing proves that it had been synced. */
static int search_proof(struct replay *r, const struct place *at, const struct record_page *page,
                        struct lines *lines, uint64_t *bytes, struct err *e)
{
    store_seq number = r->last + 1;
    struct line line;
    int rc;

    while ((rc = lines_next(lines, &line)) > 0) {
        *bytes += line.len + 1;
        if (proves_synced(r, page, &line, number) ||
            (page->segment > at->page.segment && header_proves(r, page, &line, number)))
            return refuse_damage(r, at, e);
        if (*bytes > TAIL_MAX_BYTES)
            return refuse(r, at, "more is damaged than a crash can leave", e);
    }
    if (rc < 0)
        return err_set(e, rc, "cannot read %s%s: %s", r->l->files.path, at->suffix,
                       strerror(errno));
    return 0;
}

static int search_proof_in(struct replay *r, const struct place *at, size_t index, uint64_t *bytes,
                           struct err *e)
{
    struct record_page page = at->page;
    struct lines lines;
    int fd;

    page.segment = r->segments[index];
    int rc = files_open_segment(&r->l->files, page.segment, &fd, e);
    if (rc != 0)
        return rc;
    lines_init(&lines, fd, LINE_MAX_BYTES);
    rc = search_proof(r, at, &page, &lines, bytes, e);
    lines_fini(&lines);
    close(fd);
    return rc;
}

/* Cuts the segment where the tail begins. Later segments, which hold nothing, go first: a crash in
 * between must not leave one behind a gap. */
static int cut_tail(struct replay *r, const struct place *at, uint64_t bytes, struct err *e)
{
    struct files *f = &r->l->files;
    int rc = 0;

    for (size_t i = r->count; rc == 0 && i-- > at->index + 1;)
        rc = files_remove_segment(f, r->segments[i], e);
    if (rc == 0)
        rc = files_sync_folder(f, e);
    if (rc == 0 && (ftruncate(at->fd, (off_t)at->line.offset) != 0 || fsync(at->fd) != 0))
        rc = err_set(e, MG_E_IO, "cannot cut off the torn end of %s%s: %s", f->path, at->suffix,
                     strerror(errno));
    if (rc != 0)
        return rc;
    /* An empty segment is used again: the snapshot may say that this one must be there. */
    r->next_segment = at->page.segment + (at->line.offset == 0 ? 0 : 1);
    if (bytes > 0) {
        struct log_line l;
        log_begin(&l, LOG_WARN, "the journal ended in the middle of a write; cut off");
        log_str(&l, "file", f->path);
        log_int(&l, "segment", (int64_t)at->page.segment);
        log_int(&l, "line", (int64_t)at->line.number);
        log_int(&l, "bytes", (int64_t)bytes);
        log_end(&l);
    }
    return 0;
}

static int judge_tail(struct replay *r, const struct place *at, struct lines *lines, struct err *e)
{
    uint64_t bytes = at->line.len;

    if (proves_synced(r, &at->page, &at->line, r->last + 1))
        return refuse_damage(r, at, e);
    int rc = search_proof(r, at, &at->page, lines, &bytes, e);

    for (size_t i = at->index + 1; rc == 0 && i < r->count; i++)
        rc = search_proof_in(r, at, i, &bytes, e);
    return rc == 0 ? cut_tail(r, at, bytes, e) : rc;
}

/* ---- segments ---- */

/* 1: read to its end, go on with the next; 0: that was the tail. */
static int read_segment(struct replay *r, struct place *at, struct lines *lines, struct err *e)
{
    int rc;

    while ((rc = lines_next(lines, &at->line)) > 0) {
        if (!at->line.is_whole)
            rc = NOT_A_RECORD;
        else
            rc = at->line.number == 1 ? take_header(r, at, e) : take_record(r, at, e);
        if (rc != 0)
            return rc == NOT_A_RECORD ? judge_tail(r, at, lines, e) : rc;
    }
    if (rc < 0)
        return err_set(e, rc, "cannot read %s%s: %s", r->l->files.path, at->suffix,
                       strerror(errno));
    if (lines->number == 0) { /* empty: made for records that never came */
        at->line = (struct line){ .text = "" };
        return judge_tail(r, at, lines, e);
    }
    /* What was only in the kernel's memory when the process died is about to be told to clients. */
    if (fdatasync(at->fd) != 0)
        return err_set(e, MG_E_IO, "cannot sync %s%s: %s", r->l->files.path, at->suffix,
                       strerror(errno));
    return 1;
}

static int replay_segment(struct replay *r, size_t index, struct err *e)
{
    struct place at = { .index = index, .page.segment = r->segments[index] };
    struct lines lines;

    memcpy(at.page.lineage, r->l->lineage, LINEAGE_SIZE);
    files_suffix_segment(at.suffix, at.page.segment);
    int rc = files_open_segment(&r->l->files, at.page.segment, &at.fd, e);
    if (rc != 0)
        return rc;
    lines_init(&lines, at.fd, LINE_MAX_BYTES);
    rc = read_segment(r, &at, &lines, e);
    lines_fini(&lines);
    close(at.fd);
    return rc;
}

int replay_segments(struct replay *r, struct err *e)
{
    int rc = checksum_init(&r->sum);

    if (rc != 0)
        return no_memory(e);
    rc = 1;
    for (size_t i = 0; rc == 1 && i < r->count; i++) {
        r->next_segment = r->segments[i] + 1;
        rc = replay_segment(r, i, e);
    }
    checksum_fini(&r->sum);
    buf_fini(&r->key);
    return rc < 0 ? rc : 0;
}
