#include "schema/tape.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static int grow(struct tape *t)
{
    if (t->count < t->cap)
        return 0;
    size_t cap = (size_t)t->cap * 2;
    struct tape_node *more = NULL;
    if (cap <= UINT32_MAX / 2) {
        more =
            t->node == t->first ? malloc(cap * sizeof *more) : realloc(t->node, cap * sizeof *more);
        if (more && t->node == t->first)
            memcpy(more, t->first, t->count * sizeof *more);
    }
    if (!more)
        return MG_E_NOMEM;
    t->node = more;
    t->cap = (uint32_t)cap;
    return 0;
}

static int push(struct tape *t, struct json_text v, uint32_t *index)
{
    if (v.len > UINT32_MAX || grow(t) != 0)
        return MG_E_NOMEM;
    *index = t->count++;
    t->node[*index] = (struct tape_node){
        .p = v.p,
        .len = (uint32_t)v.len,
        .next = t->count,
        .type = (uint8_t)v.type,
        .has_escapes = v.type == JSON_STRING && memchr(v.p, '\\', v.len),
    };
    return 0;
}

/* As deep as json_scan() lets a text be. */
static int read_value(struct tape *t, struct json_text v)
{
    uint32_t self, part, count = 0;
    struct json_text key, value;
    struct json_iter it = json_iter(v);
    int rc = push(t, v, &self);

    if (v.type == JSON_OBJECT) {
        while (rc == 0 && json_next_member(&it, &key, &value)) {
            rc = push(t, key, &part);
            if (rc == 0)
                rc = read_value(t, value);
            count++;
        }
    } else if (v.type == JSON_ARRAY) {
        for (; rc == 0 && json_next_item(&it, &value); count++)
            rc = read_value(t, value);
    }
    if (rc == 0) {
        t->node[self].next = t->count;
        t->node[self].count = count;
    }
    return rc;
}

int tape_read(struct tape *t, struct json_text value)
{
    t->node = t->first;
    t->count = 0;
    t->cap = TAPE_INLINE;
    int rc = read_value(t, value);
    if (rc != 0)
        tape_fini(t);
    return rc;
}

void tape_fini(struct tape *t)
{
    if (t->node != t->first)
        free(t->node);
    t->node = t->first;
    t->count = 0;
}

const char *tape_string(const struct tape *t, uint32_t i, struct arena *a, size_t *len)
{
    const struct tape_node *n = &t->node[i];
    struct buf b = { 0 };

    *len = n->len - 2;
    if (!n->has_escapes)
        return n->p + 1;
    json_string_decode(tape_text(t, i), &b);
    const char *copy = buf_ok(&b) ? arena_strndup(a, b.data ? b.data : "", b.len) : NULL;
    *len = b.len;
    buf_fini(&b);
    return copy;
}

uint32_t tape_member(const struct tape *t, uint32_t object, const char *name, size_t len)
{
    uint32_t i = object + 1, end = t->node[object].next;

    if (t->node[object].type != JSON_OBJECT)
        return 0;
    for (; i < end; i = t->node[i + 1].next)
        if (json_string_eq(tape_text(t, i), name, len))
            return i + 1;
    return 0;
}
