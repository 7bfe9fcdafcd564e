#include <string.h>

#include "schema/check.h"

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return c ? c : (a_len > b_len) - (a_len < b_len);
}

const struct named *named_find(const struct subschema *s, const char *name, size_t len)
{
    uint32_t low = 0, high = s->named_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = compare(name, len, s->named[middle].name, s->named[middle].len);
        if (c == 0)
            return &s->named[middle];
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool member_fits(struct check *c, const struct frame *f, const struct subschema *s,
                        uint32_t key)
{
    struct place place = { .up = f->place, .key = key };

    return check_value(c, s, key + 1, NULL, &place, f->scope);
}

/* propertyNames: the name is a value of its own. */
static bool name_fits(struct check *c, const struct frame *f, uint32_t key)
{
    struct place place = { .up = f->place, .key = key };

    return !f->s->names || check_value(c, f->s->names, key, NULL, &place, f->scope);
}

/* Under all that the schema says of this name; *seen tells whether it says anything. */
static bool check_member(struct check *c, const struct frame *f, uint32_t key, uint32_t *required,
                         bool *seen)
{
    const struct subschema *s = f->s;
    size_t len;
    const char *name = check_text(c, key, &len);

    *seen = false;
    if (!name || !check_work(c, 1) || !name_fits(c, f, key))
        return false;
    const struct named *named = named_find(s, name, len);
    if (named) {
        *required += named->is_required;
        if (named->property) {
            *seen = true;
            if (!member_fits(c, f, named->property, key))
                return false;
        }
    }
    for (uint32_t i = 0; i < s->pattern_count; i++) {
        if (!check_matches(c, &s->patterns[i], key)) {
            if (c->failure)
                return false;
            continue;
        }
        *seen = true;
        if (!member_fits(c, f, s->patterns[i].schema, key))
            return false;
    }
    if (*seen || !s->additional)
        return true;
    *seen = true;
    if (s->additional->is_never) {
        struct place place = { .up = f->place, .key = key };
        struct frame inner = { s->additional, key + 1, NULL, &place, f->scope };
        return check_fail(c, &inner, "no member of this name");
    }
    return member_fits(c, f, s->additional, key);
}

static bool has_member(const struct check *c, uint32_t object, const char *name, size_t len)
{
    return tape_member(&c->tape, object, name, len) != 0;
}

static bool tell_missing(struct check *c, const struct frame *f)
{
    for (uint32_t i = 0; i < f->s->named_count; i++) {
        const struct named *n = &f->s->named[i];
        if (n->is_required && !has_member(c, f->node, n->name, n->len))
            return check_fail(c, f, "a member \"%.100s\"", n->name);
    }
    return check_fail(c, f, "more members");
}

static bool check_required_by(struct check *c, const struct frame *f, const struct dependency *d)
{
    const struct tape *t = &f->s->resource->doc->tape;

    for (uint32_t i = d->required + 1; i < t->node[d->required].next; i = t->node[i].next) {
        uint32_t k = f->node + 1, end = c->tape.node[f->node].next;
        while (k < end && check_work(c, 1) && !equal_values(c, t, i, &c->tape, k))
            k = c->tape.node[k + 1].next;
        if (c->failure)
            return false;
        if (k >= end)
            return check_fail(c, f, "a member %.*s, because \"%.60s\" is there",
                              (int)(t->node[i].len < 100 ? t->node[i].len : 100), t->node[i].p,
                              d->name);
    }
    return true;
}

static bool check_dependencies(struct check *c, const struct frame *f)
{
    for (uint32_t i = 0; i < f->s->dependency_count; i++) {
        const struct dependency *d = &f->s->dependencies[i];
        if (!check_work(c, 1 + c->tape.node[f->node].count / 8))
            return false;
        if (!has_member(c, f->node, d->name, d->len))
            continue;
        if (d->schema ? !check_value(c, d->schema, f->node, f->seen, f->place, f->scope)
                      : !check_required_by(c, f, d))
            return false;
    }
    return true;
}

bool check_object(struct check *c, const struct frame *f)
{
    const struct subschema *s = f->s;
    const struct tape_node *n = &c->tape.node[f->node];
    uint32_t required = 0, index = 0;
    bool seen;

    if (n->count < s->members.min)
        return check_fail(c, f, "at least %llu member%s", (unsigned long long)s->members.min,
                          s->members.min == 1 ? "" : "s");
    if (n->count > s->members.max)
        return check_fail(c, f, "at most %llu member%s", (unsigned long long)s->members.max,
                          s->members.max == 1 ? "" : "s");
    bool says_nothing = s->named_count == 0 && s->pattern_count == 0 && !s->additional && !s->names;
    for (uint32_t i = f->node + 1; !says_nothing && i < n->next;
         i = c->tape.node[i + 1].next, index++) {
        if (!check_member(c, f, i, &required, &seen))
            return false;
        if (seen && f->seen)
            f->seen[index] = 1;
    }
    if (required < s->required_count)
        return tell_missing(c, f);
    return check_dependencies(c, f);
}

static bool check_unevaluated_members(struct check *c, const struct frame *f)
{
    uint32_t index = 0, end = c->tape.node[f->node].next;

    for (uint32_t i = f->node + 1; i < end; i = c->tape.node[i + 1].next, index++) {
        if (!f->seen[index] && !member_fits(c, f, f->s->unevaluated_members, i))
            return false;
        f->seen[index] = 1;
    }
    return true;
}

static bool check_unevaluated_items(struct check *c, const struct frame *f)
{
    uint32_t index = 0, end = c->tape.node[f->node].next;

    for (uint32_t i = f->node + 1; i < end; i = c->tape.node[i].next, index++) {
        struct place place = { .up = f->place, .index = index };
        if (!f->seen[index] && !check_value(c, f->s->unevaluated_items, i, NULL, &place, f->scope))
            return false;
        f->seen[index] = 1;
    }
    return true;
}

bool check_unevaluated(struct check *c, const struct frame *f)
{
    uint8_t type = c->tape.node[f->node].type;

    if (type == JSON_OBJECT && f->s->unevaluated_members)
        return check_unevaluated_members(c, f);
    if (type == JSON_ARRAY && f->s->unevaluated_items)
        return check_unevaluated_items(c, f);
    return true;
}
