#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json_scan.h"
#include "store/local.h"

static bool digits(const char *s, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        *out = *out * 10 + (s[i] - '0');
    }
    return true;
}

/* "2026-11-23T07:30:41.220Z", the milliseconds optional. False for anything else: what cannot be
 * dated is never removed. */
static bool iso_parse(struct json_text t, int64_t *ms)
{
    const char *s = t.p + 1;
    size_t len = t.len - 2;
    struct tm tm = { 0 };
    int milli = 0;

    if (t.type != JSON_STRING || (len != 20 && len != 24) || s[len - 1] != 'Z')
        return false;
    if (!digits(s, 4, &tm.tm_year) || s[4] != '-' || !digits(s + 5, 2, &tm.tm_mon) || s[7] != '-' ||
        !digits(s + 8, 2, &tm.tm_mday) || s[10] != 'T' || !digits(s + 11, 2, &tm.tm_hour) ||
        s[13] != ':' || !digits(s + 14, 2, &tm.tm_min) || s[16] != ':' ||
        !digits(s + 17, 2, &tm.tm_sec))
        return false;
    if (len == 24 && (s[19] != '.' || !digits(s + 20, 3, &milli)))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ms = (int64_t)timegm(&tm) * 1000 + milli;
    return true;
}

/* A job that ended and was not touched for longer than ttl_ms. */
static bool is_stale_job(const struct store_value *v, int64_t now_ms, int64_t ttl_ms)
{
    static const char *const names[] = { "status", "updatedAt" };
    struct json_text root = { v->bytes, v->len, JSON_OBJECT }, member[2];
    int64_t updated_ms;

    json_find(root, names, member, 2);
    if (member[0].type != JSON_STRING || json_string_eq(member[0], "QUEUED", 6) ||
        json_string_eq(member[0], "RUNNING", 7))
        return false;
    return iso_parse(member[1], &updated_ms) && updated_ms < now_ms - ttl_ms;
}

/* Removes that version only: one that was changed meanwhile stays. 1: removed, 0: not, negative: no
 * use to go on. */
static int remove_version(struct local *l, const struct collection *c, const struct store_value *v,
                          struct err *e)
{
    const struct store_change change = {
        .collection = c->name, .key = value_key(v), .key_len = v->key_len, .expect = v->seq
    };
    struct store_op op = { .kind = STORE_WRITE, .changes = &change, .change_count = 1 };

    local_write(l, &op);
    int rc = op.code == 0 ? 1 : op.code == MG_E_CONFLICT ? 0 : op.code;
    if (rc < 0)
        err_set(e, rc, "%s", op.err.text);
    store_op_fini(&op);
    return rc;
}

static int64_t sweep_collection(struct local *l, struct collection *c, int64_t now_ms,
                                struct err *e)
{
    struct store_op list = { .kind = STORE_LIST, .collection = c->name };
    int64_t ttl_ms = strcmp(c->name, "jobs") == 0 ? atomic_load(&l->job_ttl_ms) : 0;
    int64_t removed = 0;
    int rc = 0;

    local_list(l, &list);
    if (list.code != 0)
        rc = err_set(e, list.code, "no memory to look for what is too old");
    for (size_t i = 0; rc >= 0 && i < list.count; i++) {
        const struct store_value *v = list.values[i];
        bool is_expired = v->expires_ms != 0 && v->expires_ms <= now_ms;
        if (is_expired || (ttl_ms > 0 && is_stale_job(v, now_ms, ttl_ms))) {
            rc = remove_version(l, c, v, e);
            removed += rc > 0;
        } else if (v->expires_ms != 0) {
            local_note_expiry(l, v->expires_ms);
        }
    }
    store_op_fini(&list);
    return rc < 0 ? rc : removed;
}

int64_t local_sweep(struct local *l, int64_t now_ms, struct err *e)
{
    int64_t removed = 0, n;

    /* Reset first: a value that is written meanwhile, or found to expire later, notes its time
     * again. */
    atomic_store(&l->next_expiry_ms, INT64_MAX);
    for (unsigned i = 0; i < directory_count(&l->dir); i++) {
        n = sweep_collection(l, directory_at(&l->dir, i), now_ms, e);
        if (n < 0) {
            local_note_expiry(l, now_ms); /* to be tried again */
            return n;
        }
        removed += n;
    }
    return removed;
}
