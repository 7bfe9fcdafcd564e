#include "store/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "store/collection.h"

/* What a snapshot ends in:  ,"sum":"0123456789abcdef"}}  */
static const char sum_open[] = ",\"sum\":\"";
static const char sum_close[] = "\"}}";
#define SUM_OPEN (sizeof sum_open - 1)
#define SUM_CLOSE (sizeof sum_close - 1)
#define SUM_LEN (SUM_OPEN + CHECKSUM_SIZE - 1 + SUM_CLOSE)

struct reading {
    const char *file, *text;
    const struct snapshot_reader *reader;
    struct buf compact, key; /* of the item in hand */
    struct err *e;
};

static size_t line_of(const char *text, const char *at)
{
    size_t line = 1;

    for (const char *p = text; (p = memchr(p, '\n', (size_t)(at - p))); p++)
        line++;
    return line;
}

static int refuse(const struct reading *r, const char *at, const char *reason)
{
    return err_set(r->e, MG_E_INVALID, "%s:%zu: %s", r->file, line_of(r->text, at), reason);
}

/* Where the covered bytes end, or 0 when the file ends otherwise. */
static size_t sum_start(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (len < SUM_LEN || memcmp(text + len - SUM_LEN, sum_open, SUM_OPEN) != 0 ||
        memcmp(text + len - SUM_CLOSE, sum_close, SUM_CLOSE) != 0)
        return 0;
    return len - SUM_LEN;
}

static int verify_sum(const struct reading *r, size_t len)
{
    size_t covered = sum_start(r->text, len);
    struct checksum sum;
    char hex[CHECKSUM_SIZE];

    if (covered == 0)
        return 0;
    int rc = checksum_init(&sum);
    if (rc != 0)
        return err_set(r->e, rc, "no memory to check %s", r->file);
    checksum_add(&sum, r->text, covered);
    checksum_hex(&sum, hex);
    checksum_fini(&sum);
    if (memcmp(r->text + covered + SUM_OPEN, hex, CHECKSUM_SIZE - 1) == 0)
        return 0;
    return refuse(r, r->text + covered,
                  "the checksum does not match: the file is damaged; restore it from a backup. If "
                  "it was edited on purpose, remove the member \"sum\" at its end");
}

static int scan(const struct reading *r, size_t len, struct json_text *root)
{
    struct err why = { 0 };
    size_t offset = 0;
    int rc = json_scan(r->text, len, NULL, root, &why);

    if (rc == 0 && root->type == JSON_OBJECT)
        return 0;
    if (rc == MG_E_NOMEM)
        return err_set(r->e, rc, "no memory to read %s", r->file);
    (void)sscanf(why.text, "offset %zu", &offset);
    return err_set(r->e, MG_E_INVALID,
                   "%s:%zu: not a state file: %s; restore it from a backup, or move it away to "
                   "start "
                   "empty",
                   r->file, line_of(r->text, r->text + (offset < len ? offset : len)),
                   rc == 0 ? "no JSON object" : why.text);
}

/* ---- items ---- */

static struct json_text find_member(struct json_text object, const char *name, size_t len)
{
    struct json_iter it = json_iter(object);
    struct json_text key, value;

    if (object.type == JSON_OBJECT)
        while (json_next_member(&it, &key, &value))
            if (json_string_eq(key, name, len))
                return value;
    return (struct json_text){ NULL, 0, JSON_NONE };
}

static int read_item(struct reading *r, struct json_text item, const char *field, size_t field_len)
{
    struct json_text key = find_member(item, field, field_len);

    buf_clear(&r->key);
    buf_clear(&r->compact);
    if (key.type == JSON_STRING)
        json_string_decode(key, &r->key);
    json_compact(&r->compact, item.p, item.len);
    if (!buf_ok(&r->compact) || !buf_ok(&r->key))
        return err_set(r->e, MG_E_NOMEM, "no memory to read %s", r->file);
    if (r->key.len == 0 || r->key.len > STORE_MAX_KEY) {
        char reason[160];
        snprintf(reason, sizeof reason,
                 "every item here must be an object with a string of 1 to %d bytes as \"%.*s\"",
                 STORE_MAX_KEY, (int)field_len, field);
        return refuse(r, item.p, reason);
    }
    if (r->compact.len > STORE_MAX_TEXT)
        return refuse(r, item.p, "an item is larger than 4 MB");
    return r->reader->value(r->reader->arg, r->key.data, r->key.len, r->compact.data,
                            r->compact.len, r->e);
}

static int read_items(struct reading *r, struct json_text array, const char *field,
                      size_t field_len)
{
    struct json_iter it = json_iter(array);
    struct json_text item;
    int rc = 0;

    if (array.type != JSON_ARRAY)
        return refuse(r, array.p, "a collection must be an array");
    while (rc == 0 && json_next_item(&it, &item))
        rc = read_item(r, item, field, field_len);
    return rc;
}

static void reading_fini(struct reading *r)
{
    buf_fini(&r->compact);
    buf_fini(&r->key);
}

int snapshot_read_items(const char *file, const char *text, struct json_text array,
                        const char *key_field, size_t field_len,
                        const struct snapshot_reader *reader, struct err *e)
{
    struct reading r = { .file = file, .text = text, .reader = reader, .e = e };
    int rc = read_items(&r, array, key_field, field_len);

    reading_fini(&r);
    return rc;
}

/* ---- members ---- */

static int read_expiries(struct reading *r, struct json_text expiries)
{
    struct json_iter it = json_iter(expiries);
    struct json_text key, value;
    int64_t ms;
    int rc = 0;

    if (expiries.type != JSON_OBJECT)
        return 0;
    while (rc == 0 && json_next_member(&it, &key, &value)) {
        if (!json_integer(value, &ms))
            return refuse(r, value.p, "an expiry must be a number of milliseconds");
        buf_clear(&r->key);
        json_string_decode(key, &r->key);
        if (!buf_ok(&r->key))
            return err_set(r->e, MG_E_NOMEM, "no memory to read %s", r->file);
        rc = r->reader->expiry(r->reader->arg, r->key.data, r->key.len, ms, r->e);
    }
    return rc;
}

static int read_extra(struct reading *r, struct json_text name, struct json_text value)
{
    buf_clear(&r->compact);
    json_compact(&r->compact, value.p, value.len);
    if (!buf_ok(&r->compact))
        return err_set(r->e, MG_E_NOMEM, "no memory to read %s", r->file);
    return r->reader->extra(r->reader->arg, name, r->compact.data, r->compact.len, r->e);
}

struct meta_members { /* JSON_NONE throughout when the file has no _meta */
    struct json_text collections, expires;
};

/* What stands in _meta about the collection called name. False: nothing, and it is none of the
 * kit's. */
static bool describe(const struct meta_members *m, struct json_text name, const char **field,
                     size_t *field_len, store_seq *seq)
{
    static const char *const names[] = { "key", "seq" };
    const char *plain = name.p + 1;
    struct json_text found = find_member(m->collections, plain, name.len - 2), member[2];
    int64_t number = 0;

    *seq = 0;
    json_find(found, names, member, 2);
    if (member[0].type == JSON_STRING && collection_field_ok(member[0].p + 1, member[0].len - 2)) {
        *field = member[0].p + 1;
        *field_len = member[0].len - 2;
        if (json_integer(member[1], &number) && number > 0)
            *seq = (store_seq)number;
        return true;
    }
    *field = collection_kit_field(plain, name.len - 2);
    *field_len = *field ? strlen(*field) : 0;
    return *field;
}

static int read_members(struct reading *r, struct json_text root, const struct meta_members *m)
{
    struct json_iter it = json_iter(root);
    struct json_text name, value;
    const char *field;
    size_t field_len;
    store_seq seq;
    int rc = 0;

    while (rc == 0 && json_next_member(&it, &name, &value)) {
        if (json_string_eq(name, "_meta", 5))
            continue;
        /* A name that is escaped is no collection's: those need no escapes. */
        if (!collection_name_ok(name.p + 1, name.len - 2) ||
            !describe(m, name, &field, &field_len, &seq)) {
            rc = read_extra(r, name, value);
            continue;
        }
        rc = r->reader->collection(r->reader->arg, name, field, field_len, seq, r->e);
        if (rc == 0)
            rc = read_items(r, value, field, field_len);
        if (rc == 0)
            rc = read_expiries(r, find_member(m->expires, name.p + 1, name.len - 2));
    }
    return rc;
}

static int read_meta(struct reading *r, struct json_text root, struct meta_members *m,
                     struct snapshot_meta *meta, bool *has_meta)
{
    static const char *const names[] = { "format", "lineage",     "seq",    "segment",
                                         "closed", "collections", "expires" };
    struct json_text t = find_member(root, "_meta", 5), member[7];
    int64_t format, seq, segment;

    *meta = (struct snapshot_meta){ 0 };
    *m = (struct meta_members){ { NULL, 0, JSON_NONE }, { NULL, 0, JSON_NONE } };
    *has_meta = t.type != JSON_NONE;
    if (!*has_meta)
        return 0;
    json_find(t, names, member, 7);
    if (!json_integer(member[0], &format) || format < 1)
        return refuse(r, t.p, "\"_meta\" says no format; remove it to load the file as the kit's");
    if (format != SNAPSHOT_FORMAT)
        return refuse(r, t.p, "the file is of a newer format: start the version that wrote it");
    if (member[1].len != LINEAGE_SIZE + 1 || !json_integer(member[2], &seq) || seq < 1 ||
        !json_integer(member[3], &segment) || segment < 1)
        return refuse(r, t.p, "\"_meta\" is damaged; restore the file from a backup");
    memcpy(meta->lineage, member[1].p + 1, LINEAGE_SIZE - 1);
    meta->seq = (store_seq)seq;
    meta->segment = (uint64_t)segment;
    meta->closed = member[4].type == JSON_TRUE;
    m->collections = member[5];
    m->expires = member[6];
    return 0;
}

int snapshot_read(const char *file, const char *text, size_t len,
                  const struct snapshot_reader *reader, struct snapshot_meta *meta, bool *has_meta,
                  struct err *e)
{
    struct reading r = { .file = file, .text = text, .reader = reader, .e = e };
    struct meta_members m;
    struct json_text root;
    int rc = verify_sum(&r, len);

    if (rc == 0)
        rc = scan(&r, len, &root);
    if (rc == 0)
        rc = read_meta(&r, root, &m, meta, has_meta);
    if (rc == 0)
        rc = read_members(&r, root, &m);
    reading_fini(&r);
    return rc;
}
