#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "store/local.h"

/* One write on its way: everything that can fail for a wrong text or (but for the tables' growth)
 * for lack of memory is done before the first lock is taken; under the locks there is only the
 * decision and the swap of pointers, and what was replaced is freed after them. */
struct write_item {
    struct collection *collection;
    struct store_value *old; /* what was replaced or removed */
};

struct writing {
    struct store_op *op;
    struct err *e;
    struct collection *touched[STORE_MAX_TOUCHED]; /* each once, by id: the order of locking */
    size_t touched_count;
    struct write_item *items, single; /* one per change */
    struct journal_entry *entry;      /* ours until it is pushed */
    store_seq expected;               /* the newest record that a precondition was held against */
};

/* ---- before the locks ---- */

static int check_text(const struct store_change *ch, const struct collection *c, struct err *e)
{
    static const struct json_limits limits = { .max_depth = STORE_MAX_DEPTH };
    const char *field = c->key_field;
    struct json_text root, key;
    struct err why = { 0 };

    if (ch->len > STORE_MAX_TEXT)
        return err_set(e, MG_E_LIMIT, "%s: an object may have %d bytes, this one has %zu", c->name,
                       STORE_MAX_TEXT, ch->len);
    int rc = json_scan(ch->text, ch->len, &limits, &root, &why);
    if (rc != 0)
        return err_set(e, rc, "%s: %s", c->name, why.text);
    if (root.type != JSON_OBJECT || memchr(ch->text, '\n', ch->len))
        return err_set(e, MG_E_INVALID, "%s: a value must be one JSON object on one line", c->name);
    json_find(root, &field, &key, 1);
    if (key.type != JSON_STRING || !json_string_eq(key, ch->key, ch->key_len))
        return err_set(e, MG_E_INVALID, "%s: the object's %s is not the key it is stored under",
                       c->name, field);
    return 0;
}

static int check_key(const struct store_change *ch, const struct collection *c, struct err *e)
{
    if (!ch->key || ch->key_len == 0)
        return err_set(e, MG_E_INVALID, "%s: a key must not be empty", c->name);
    if (ch->key_len > STORE_MAX_KEY)
        return err_set(e, MG_E_LIMIT, "%s: a key may have %d bytes, this one has %zu", c->name,
                       STORE_MAX_KEY, ch->key_len);
    /* Written as JSON and read back it must be the same key, also where only a delete names it. */
    if (utf8_valid(ch->key, ch->key_len) != ch->key_len || memchr(ch->key, '\0', ch->key_len))
        return err_set(e, MG_E_INVALID, "%s: a key must be UTF-8 without zero bytes", c->name);
    return 0;
}

static int touch(struct writing *w, struct collection *c)
{
    size_t i = 0;

    while (i < w->touched_count && w->touched[i]->id < c->id)
        i++;
    if (i < w->touched_count && w->touched[i] == c)
        return 0;
    if (w->touched_count == STORE_MAX_TOUCHED)
        return err_set(w->e, MG_E_LIMIT, "one write may touch %d collections", STORE_MAX_TOUCHED);
    memmove(&w->touched[i + 1], &w->touched[i], (w->touched_count - i) * sizeof w->touched[0]);
    w->touched[i] = c;
    w->touched_count++;
    return 0;
}

/* Fills one change of the record. A delete carries its key in a value without a text. */
static int prepare_change(struct local *l, struct writing *w, size_t i)
{
    const struct store_change *ch = &w->op->changes[i];
    struct journal_change *out = &w->entry->changes[i];
    const char *name = ch->collection ? ch->collection : "";
    struct collection *c = directory_find(&l->dir, name, strlen(name));

    if (!c)
        return err_set(w->e, MG_E_INVALID, "no collection \"%.200s\" is declared", name);
    int rc = check_key(ch, c, w->e);
    if (rc == 0 && ch->text)
        rc = check_text(ch, c, w->e);
    if (rc == 0)
        rc = touch(w, c);
    if (rc != 0)
        return rc;
    struct store_value *v = value_new(ch->key, ch->key_len, ch->text, ch->text ? ch->len : 0);
    if (!v)
        return err_set(w->e, MG_E_NOMEM, "no memory for a change");
    *out = (struct journal_change){ ch->text ? RECORD_PUT : RECORD_DELETE, c, v };
    w->items[i].collection = c;
    w->entry->bytes += sizeof *out + v->len + v->key_len;
    if (!ch->text)
        return 0;
    int64_t now_ms = w->entry->wall_ms;
    if (ch->ttl_ms > 0)
        v->expires_ms = ch->ttl_ms > INT64_MAX / 2 - now_ms ? INT64_MAX / 2 : now_ms + ch->ttl_ms;
    w->op->values[i] = store_value_ref(v); /* the record's own may be gone once the journal has it
                                            */
    return 0;
}

static int prepare(struct local *l, struct writing *w)
{
    struct store_op *op = w->op;
    size_t n = op->change_count;
    int rc = 0;

    if (n == 0)
        return err_set(w->e, MG_E_INVALID, "a write without a change");
    if (n > STORE_MAX_CHANGES)
        return err_set(w->e, MG_E_LIMIT, "one write may hold %d changes", STORE_MAX_CHANGES);
    w->entry = journal_entry_new((uint32_t)n);
    w->items = n == 1 ? &w->single : calloc(n, sizeof *w->items);
    op->values = n == 1 ? &op->one : calloc(n, sizeof *op->values);
    if (!w->entry || !w->items || !op->values)
        return err_set(w->e, MG_E_NOMEM, "no memory for a change");
    w->entry->wall_ms = clock_wall_ms();
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = prepare_change(l, w, i);
    if (rc == 0 && w->entry->bytes > STORE_MAX_BATCH)
        rc = err_set(w->e, MG_E_LIMIT, "one write may hold %d bytes", STORE_MAX_BATCH);
    return rc;
}

/* ---- under the locks ---- */

static void lock_touched(struct writing *w)
{
    for (size_t i = 0; i < w->touched_count; i++)
        pthread_mutex_lock(&w->touched[i]->lock);
}

static void unlock_touched(struct writing *w)
{
    for (size_t i = w->touched_count; i-- > 0;)
        pthread_mutex_unlock(&w->touched[i]->lock);
}

/* Preconditions, all against what was there before this write. Says what a reply about a refusal
 * tells of, and whether there is anything to change. */
static int check_expectations(struct writing *w, bool *changes)
{
    struct store_op *op = w->op;
    int rc = 0;

    for (size_t i = 0; i < op->change_count; i++) {
        const struct store_change *ch = &op->changes[i];
        struct collection *c = w->items[i].collection;
        struct store_value *v = table_find(&c->table, ch->key, ch->key_len);
        store_seq seen = v ? v->seq : c->last_delete;

        if (ch->expect != STORE_ANY && ch->expect != (v ? v->seq : 0))
            rc = MG_E_CONFLICT;
        if (seen > op->seq)
            op->seq = seen;
        if (ch->expect != STORE_ANY && seen > w->expected)
            w->expected = seen;
        *changes |= v || ch->text;
    }
    return rc == 0 ? 0 : err_set(w->e, rc, "the object was changed meanwhile");
}

static int reserve(struct writing *w)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < w->touched_count; i++)
        rc = table_reserve(&w->touched[i]->table, (uint32_t)w->op->change_count);
    return rc == 0 ? 0 : err_set(w->e, rc, "no room for another object");
}

static int number(struct local *l, struct writing *w)
{
    if (!l->journal) {
        w->op->seq = atomic_fetch_add(&l->last, 1) + 1;
        return 0;
    }
    int rc = journal_push(l->journal, w->entry, &w->op->seq, w->e);
    if (rc == 0)
        w->entry = NULL;
    return rc;
}

static void apply(struct local *l, struct writing *w)
{
    struct store_op *op = w->op;

    for (size_t i = 0; i < op->change_count; i++) {
        const struct store_change *ch = &op->changes[i];
        struct write_item *item = &w->items[i];
        struct collection *c = item->collection;
        struct store_value *v = op->values[i];

        c->last = op->seq;
        if (v) {
            v->seq = op->seq;
            if (v->expires_ms != 0)
                local_note_expiry(l, v->expires_ms);
            item->old = table_put(&c->table, store_value_ref(v));
            op->count++;
            continue;
        }
        item->old = table_remove(&c->table, ch->key, ch->key_len);
        if (item->old) {
            c->last_delete = op->seq;
            op->count++;
        }
    }
}

static int commit(struct local *l, struct writing *w)
{
    bool changes = false;
    int rc;

    lock_touched(w);
    rc = check_expectations(w, &changes);
    if (rc == 0 && changes) {
        rc = reserve(w);
        if (rc == 0)
            rc = number(l, w);
        if (rc == 0)
            apply(l, w);
        else /* of what is there this tells only that it is as expected */
            w->op->seq = w->expected;
    }
    unlock_touched(w);
    return rc;
}

void local_write(struct local *l, struct store_op *op)
{
    struct writing w = { .op = op, .e = &op->err };

    op->code = prepare(l, &w);
    if (op->code == 0)
        op->code = commit(l, &w);
    journal_entry_free(w.entry);
    for (size_t i = 0; w.items && i < op->change_count; i++)
        store_value_unref(w.items[i].old);
    if (w.items != &w.single)
        free(w.items);
    if (op->code != 0) /* nothing was written: no values to give */
        for (size_t i = 0; op->values && i < op->change_count; i++) {
            store_value_unref(op->values[i]);
            op->values[i] = NULL;
        }
}
