#include <string.h>

#include "base/clock.h"
#include "store/local.h"
#include "store/snapshot.h"

/* A member of the file that nobody had declared becomes a collection: its items are the objects. */
static int adopt_value(void *arg, const char *key, size_t key_len, const char *text, size_t len,
                       struct err *e)
{
    struct collection *c = arg;
    struct store_value *v = value_new(key, key_len, text, len);
    int rc = v ? table_reserve(&c->table, 1) : MG_E_NOMEM;

    if (rc != 0) {
        store_value_unref(v);
        return err_set(e, rc, "no room for the objects of %s", c->name);
    }
    store_value_unref(table_put(&c->table, v));
    return 0;
}

static int adopt(struct collection *c, const struct extra *x, struct err *e)
{
    const struct snapshot_reader reader = { .arg = c, .value = adopt_value };
    struct json_text root;
    int rc = json_scan(x->text, x->len, NULL, &root, e);

    if (rc == 0)
        rc = snapshot_read_items(x->name, x->text, root, c->key_field, strlen(c->key_field),
                                 &reader, e);
    if (rc != 0 && rc != MG_E_NOMEM)
        err_prefix(e, "the member \"%s\" of the state cannot become a collection", c->name);
    return rc;
}

int local_new_collection(struct local *l, const char *name, size_t len, const char *key_field,
                         size_t field_len, struct collection **out, struct extra **extra,
                         struct err *e)
{
    *out = NULL;
    *extra = directory_extra(&l->dir, name, len);
    if (directory_is_full(&l->dir))
        return err_set(e, MG_E_LIMIT, "there are %d collections already", COLLECTION_MAX);
    struct collection *c = collection_new(name, len, key_field, field_len);
    if (!c)
        return err_set(e, MG_E_NOMEM, "no memory for a collection");
    int rc = *extra ? adopt(c, *extra, e) : 0;
    if (rc == 0)
        *out = c;
    else
        collection_free(c);
    return rc;
}

void local_publish(struct local *l, struct collection *c, struct extra *extra, store_seq seq)
{
    uint32_t at = 0;
    struct store_value *v;

    for (; (v = table_next(&c->table, &at)); at++)
        v->seq = seq;
    c->last = seq;
    directory_publish(&l->dir, c);
    if (extra)
        extra->adopted = true;
}

/* Writes the record and publishes under the collection's lock, so that no record about it comes
 * first. */
static int declare_new(struct local *l, struct collection *c, struct extra *extra, struct err *e)
{
    struct journal_entry *entry = journal_entry_new(1);
    store_seq number = 0;
    struct err why;
    int rc = entry ? 0 : err_set(e, MG_E_NOMEM, "no memory for a collection");

    if (rc != 0)
        return rc;
    entry->wall_ms = clock_wall_ms();
    entry->changes[0] = (struct journal_change){ RECORD_DECLARE, c, NULL };
    pthread_mutex_lock(&c->lock);
    if (l->journal)
        rc = journal_push(l->journal, entry, &number, &why);
    else
        number = atomic_fetch_add(&l->last, 1) + 1;
    if (rc == 0)
        local_publish(l, c, extra, number);
    pthread_mutex_unlock(&c->lock);
    if (rc != 0 || !l->journal)
        journal_entry_free(entry);
    if (rc == 0)
        return 0;
    return err_set(e, rc, "cannot declare the collection %s: %s", c->name, why.text);
}

static int check_names(const char *name, const char *key_field, struct err *e)
{
    static const char allowed[] = "of A-Z a-z 0-9 _ . - are allowed";

    if (!collection_name_ok(name, strlen(name)))
        return err_set(e, MG_E_INVALID, "\"%.200s\" cannot name a collection: 1 to %d %s", name,
                       COLLECTION_NAME_MAX, allowed);
    if (!collection_field_ok(key_field, strlen(key_field)))
        return err_set(e, MG_E_INVALID, "\"%.64s\" cannot name the key of %s: 1 to %d %s",
                       key_field, name, COLLECTION_FIELD_MAX, allowed);
    return 0;
}

int local_declare(struct local *l, const char *name, const char *key_field, struct err *e)
{
    struct extra *extra;

    if (!key_field)
        key_field = "id";
    int rc = check_names(name, key_field, e);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&l->dir.lock);
    struct collection *c = directory_find(&l->dir, name, strlen(name));
    if (c) {
        if (strcmp(c->key_field, key_field) != 0)
            rc = err_set(e, MG_E_CONFLICT,
                         "the objects of %s have their key in \"%s\", not in \"%s\"", name,
                         c->key_field, key_field);
    } else {
        rc = local_new_collection(l, name, strlen(name), key_field, strlen(key_field), &c, &extra,
                                  e);
        if (c)
            rc = declare_new(l, c, extra, e);
        if (rc != 0)
            collection_free(c);
    }
    pthread_mutex_unlock(&l->dir.lock);
    return rc;
}
