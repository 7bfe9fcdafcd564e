#include <string.h>

#include "base/hash.h"
#include "schema/check.h"

static bool equal_numbers(struct json_text a, struct json_text b)
{
    struct number x, y;

    number_read(&x, a);
    number_read(&y, b);
    return number_compare(&x, &y) == 0;
}

/* Byte for byte where neither has escapes; else one is decoded. */
static bool equal_strings(struct check *c, const struct tape *a, uint32_t i, const struct tape *b,
                          uint32_t j)
{
    const struct tape_node *x = &a->node[i], *y = &b->node[j];

    if (!check_work(c, (x->len < y->len ? x->len : y->len) / 64))
        return false;
    if (!x->has_escapes)
        return json_string_eq(tape_text(b, j), x->p + 1, x->len - 2);
    if (!y->has_escapes)
        return json_string_eq(tape_text(a, i), y->p + 1, y->len - 2);
    struct buf text = { 0 };
    json_string_decode(tape_text(a, i), &text);
    bool is_equal = buf_ok(&text)
                        ? json_string_eq(tape_text(b, j), text.data ? text.data : "", text.len)
                        : check_no_memory(c);
    buf_fini(&text);
    return is_equal;
}

static bool equal_objects(struct check *c, const struct tape *a, uint32_t i, const struct tape *b,
                          uint32_t j)
{
    uint32_t end = b->node[j].next;

    for (uint32_t k = i + 1; k < a->node[i].next; k = a->node[k + 1].next) {
        uint32_t m = j + 1;
        while (m < end && check_work(c, 1) && !equal_strings(c, a, k, b, m))
            m = b->node[m + 1].next;
        if (c->failure || m >= end || !equal_values(c, a, k + 1, b, m + 1))
            return false;
    }
    return true;
}

bool equal_values(struct check *c, const struct tape *a, uint32_t i, const struct tape *b,
                  uint32_t j)
{
    const struct tape_node *x = &a->node[i], *y = &b->node[j];

    if (!check_work(c, 1) || x->type != y->type || x->count != y->count)
        return false;
    switch (x->type) {
    case JSON_NUMBER: return equal_numbers(tape_text(a, i), tape_text(b, j));
    case JSON_STRING: return equal_strings(c, a, i, b, j);
    case JSON_OBJECT: return equal_objects(c, a, i, b, j);
    case JSON_ARRAY: break;
    default: return true;
    }
    for (uint32_t k = i + 1, m = j + 1; k < x->next; k = a->node[k].next, m = b->node[m].next)
        if (!equal_values(c, a, k, b, m))
            return false;
    return true;
}

static uint64_t hash_string(struct check *c, const struct tape *t, uint32_t i)
{
    const struct tape_node *n = &t->node[i];
    struct buf text = { 0 };

    if (!check_work(c, n->len / 64))
        return 0;
    if (!n->has_escapes)
        return hash_key(n->p + 1, n->len - 2);
    json_string_decode(tape_text(t, i), &text);
    uint64_t hash = buf_ok(&text) ? hash_key(text.data ? text.data : "", text.len) : 0;
    if (!buf_ok(&text))
        (void)check_no_memory(c);
    buf_fini(&text);
    return hash;
}

uint64_t equal_hash(struct check *c, const struct tape *t, uint32_t i)
{
    const struct tape_node *n = &t->node[i];
    uint64_t hash = n->type * UINT64_C(0x9E3779B97F4A7C15);

    if (!check_work(c, 1))
        return 0;
    if (n->type == JSON_NUMBER) {
        struct number number;
        number_read(&number, tape_text(t, i));
        return hash ^ (hash_key(number.digits, number.count) + (uint64_t)number.exponent * 31 +
                       number.is_minus);
    }
    if (n->type == JSON_STRING)
        return hash ^ hash_string(c, t, i);
    if (n->type == JSON_ARRAY)
        for (uint32_t k = i + 1; k < n->next; k = t->node[k].next)
            hash = hash * UINT64_C(0x100000001B3) + equal_hash(c, t, k);
    if (n->type == JSON_OBJECT) /* a sum: members have no order */
        for (uint32_t k = i + 1; k < n->next; k = t->node[k + 1].next)
            hash += (hash_string(c, t, k) | 1) * (equal_hash(c, t, k + 1) | 1);
    return hash;
}
