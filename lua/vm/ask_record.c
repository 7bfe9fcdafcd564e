#include "vm/ask_record.h"

#include "base/json_write.h"

#include <stdlib.h>
#include <string.h>

#define KEY_ROOM 80 /* a key, its quotes and what stands between */

static void part_take(struct buf *part, struct json_text from)
{
    if (from.type == JSON_OBJECT)
        json_compact(part, from.p, from.len);
    else
        buf_str(part, "{}");
}

struct ask_record *ask_record_new(struct json_text memory)
{
    static const char *const names[] = { "answers", "once" };
    struct json_text found[2] = { { 0 }, { 0 } };
    struct ask_record *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    if (memory.type == JSON_OBJECT)
        json_find(memory, names, found, 2);
    part_take(&r->answers, found[0]);
    part_take(&r->once, found[1]);
    if (buf_ok(&r->answers) && buf_ok(&r->once))
        return r;
    ask_record_free(r);
    return NULL;
}

void ask_record_free(struct ask_record *r)
{
    if (!r)
        return;
    buf_fini(&r->answers);
    buf_fini(&r->once);
    free(r);
}

struct json_text ask_record_find(const struct buf *part, const char *key)
{
    return json_get((struct json_text){ part->data, part->len, JSON_OBJECT }, key);
}

/* The part as it will be: its other members, then this one. */
static void part_with(const struct buf *part, const char *key, struct json_text value,
                      struct buf *out)
{
    struct json_iter it = json_iter((struct json_text){ part->data, part->len, JSON_OBJECT });
    struct json_text name, old;
    buf_reserve(out, part->len + value.len + KEY_ROOM);
    json_open(out, '{');
    while (json_next_member(&it, &name, &old)) {
        if (json_string_eq(name, key, strlen(key)))
            continue;
        json_raw_text(out, name);
        buf_putc(out, ':');
        json_raw_text(out, old);
    }
    json_key(out, key);
    json_compact(out, value.p, value.len);
    json_close(out, '}');
}

int ask_record_keep(struct ask_record *r, struct buf *part, const char *key, struct json_text value)
{
    struct buf next = { 0 };
    if (r->answers.len + r->once.len + value.len + KEY_ROOM > ASK_RECORD_MAX)
        return MG_E_LIMIT;
    part_with(part, key, value, &next);
    if (!buf_ok(&next)) {
        buf_fini(&next);
        return MG_E_NOMEM;
    }
    buf_fini(part);
    *part = next;
    return 0;
}

void ask_record_write(const struct ask_record *r, struct buf *out)
{
    buf_str(out, "{\"answers\":");
    buf_append(out, r->answers.data, r->answers.len);
    buf_str(out, ",\"once\":");
    buf_append(out, r->once.data, r->once.len);
    buf_putc(out, '}');
}
