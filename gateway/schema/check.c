#include "schema/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- telling ---- */

bool check_no_memory(struct check *c)
{
    if (!c->failure)
        c->failure = err_set(c->e, MG_E_NOMEM, "out of memory while checking against the schema");
    return false;
}

static bool too_much(struct check *c, const char *what)
{
    if (!c->failure)
        c->failure =
            err_set(c->e, MG_E_LIMIT,
                    "too much work to check against the schema: %s; send less at once", what);
    return false;
}

bool check_work(struct check *c, uint64_t steps)
{
    c->steps += steps;
    return !c->failure && (c->steps <= SCHEMA_STEPS || too_much(c, "too many steps"));
}

static void append_place(const struct check *c, struct buf *out, const struct place *p)
{
    if (p->up)
        append_place(c, out, p->up);
    else
        return; /* the root has no name */
    buf_putc(out, '/');
    if (p->key)
        json_string_decode(tape_text(&c->tape, p->key), out);
    else
        buf_printf(out, "%u", p->index);
}

static void append_value(const struct check *c, struct buf *out, uint32_t node)
{
    const struct tape_node *n = &c->tape.node[node];

    if (n->type == JSON_OBJECT)
        buf_printf(out, "an object of %u", n->count);
    else if (n->type == JSON_ARRAY)
        buf_printf(out, "a list of %u", n->count);
    else
        buf_printf(out, n->len > 60 ? "%.*s..." : "%.*s", n->len > 60 ? 60 : (int)n->len, n->p);
}

bool check_fail(struct check *c, const struct frame *f, const char *fmt, ...)
{
    char expected[200];
    struct buf place = { .max = 160 }, got = { .max = 100 };
    va_list ap;

    if (c->mute > 0 || c->failure)
        return false;
    va_start(ap, fmt);
    vsnprintf(expected, sizeof expected, fmt, ap);
    va_end(ap);
    append_place(c, &place, f->place);
    append_value(c, &got, f->node);
    const char *at = place.len > 0 ? buf_cstr(&place) : "/";
    const char *value = buf_cstr(&got);
    err_set(c->e, MG_E_INVALID, "at %s: expected %s, got %s", at ? at : "...", expected,
            value ? value : "something else");
    buf_fini(&place);
    buf_fini(&got);
    return false;
}

/* ---- in place: several schemas for one value ---- */

/* A byte for each part of a value. They are kept to the end of the check and walked through again,
 * so they count as work: that bounds their memory too. NULL: c->failure is set. */
static uint8_t *marks_new(struct check *c, uint32_t count)
{
    if (!check_work(c, count / 8))
        return NULL;
    uint8_t *marks = arena_alloc(&c->arena, count);
    if (!marks)
        (void)check_no_memory(c);
    return marks;
}

static uint8_t *seen_new(struct check *c, const struct frame *f)
{
    uint32_t count = c->tape.node[f->node].count;
    return f->seen && count > 0 ? marks_new(c, count) : NULL;
}

static void seen_add(struct check *c, const struct frame *f, const uint8_t *more)
{
    for (uint32_t i = 0; more && i < c->tape.node[f->node].count; i++)
        f->seen[i] |= more[i];
}

static bool in_place(struct check *c, const struct frame *f, const struct subschema *s,
                     uint8_t *seen)
{
    return check_value(c, s, f->node, seen, f->place, f->scope);
}

/* One that may fail: then it has seen nothing, and nobody hears of it. */
static bool attempt(struct check *c, const struct frame *f, const struct subschema *s)
{
    uint8_t *seen = seen_new(c, f);
    c->mute++;
    bool fits = !c->failure && in_place(c, f, s, seen);
    c->mute--;
    if (fits)
        seen_add(c, f, seen);
    return fits;
}

static bool check_any(struct check *c, const struct frame *f)
{
    const struct subschemas *list = &f->s->any;
    bool fits = list->count == 0;

    /* All of them only where somebody asks what they have seen. */
    for (uint32_t i = 0; i < list->count && (!fits || f->seen) && !c->failure; i++)
        fits |= attempt(c, f, list->item[i]);
    if (c->failure)
        return false;
    /* Of one alternative the reason is the reason. */
    if (!fits && list->count == 1)
        return in_place(c, f, list->item[0], NULL);
    return fits || check_fail(c, f, "one of %u alternatives (anyOf)", list->count);
}

static bool check_one(struct check *c, const struct frame *f)
{
    const struct subschemas *list = &f->s->one;
    uint32_t n = 0;

    for (uint32_t i = 0; i < list->count && n < 2 && !c->failure; i++)
        n += attempt(c, f, list->item[i]);
    if (c->failure)
        return false;
    if (list->count == 0 || n == 1)
        return true;
    return check_fail(c, f,
                      n == 0 ? "one of %u alternatives (oneOf)"
                             : "only one of %u alternatives (oneOf) to fit",
                      list->count);
}

static bool check_condition(struct check *c, const struct frame *f)
{
    const struct subschema *s = f->s;

    if (!s->condition || (!s->then && !s->otherwise && !f->seen))
        return true;
    const struct subschema *next = attempt(c, f, s->condition) ? s->then : s->otherwise;
    return !c->failure && (!next || in_place(c, f, next, f->seen));
}

static bool check_negated(struct check *c, const struct frame *f)
{
    if (!f->s->negated)
        return true;
    c->mute++;
    bool fits = in_place(c, f, f->s->negated, NULL);
    c->mute--;
    return !c->failure && (!fits || check_fail(c, f, "what `not` describes to be absent"));
}

/* Of the outermost resource on the way here that has a dynamic anchor of that name. */
static const struct subschema *dynamic_target(const struct frame *f)
{
    const struct subschema *found = f->s->dynamic;

    for (const struct scope *x = f->scope; f->s->dynamic_name && x; x = x->up) {
        const struct anchor *a = resource_anchor(x->resource, f->s->dynamic_name);
        const struct subschema *s = a && a->is_dynamic ? x->resource->doc->compiled[a->node] : NULL;
        found = s ? s : found;
    }
    return found;
}

static bool check_in_place(struct check *c, const struct frame *f)
{
    const struct subschema *s = f->s;

    if (s->reference && !in_place(c, f, s->reference, f->seen))
        return false;
    if (s->dynamic && !in_place(c, f, dynamic_target(f), f->seen))
        return false;
    for (uint32_t i = 0; i < s->all.count; i++)
        if (!in_place(c, f, s->all.item[i], f->seen))
            return false;
    return check_any(c, f) && check_one(c, f) && check_condition(c, f) && check_negated(c, f);
}

/* ---- one value under one schema ---- */

static bool check_frame(struct check *c, struct frame *f)
{
    enum json_type type = (enum json_type)c->tape.node[f->node].type;
    uint8_t *outer = f->seen;
    uint32_t count = c->tape.node[f->node].count;

    if (f->s->sees_evaluated && count > 0 && !(f->seen = marks_new(c, count)))
        return false;
    bool fits = check_scalar(c, f) && (type != JSON_OBJECT || check_object(c, f)) &&
                (type != JSON_ARRAY || check_array(c, f)) && check_in_place(c, f) &&
                (!f->s->sees_evaluated || check_unevaluated(c, f));
    for (uint32_t i = 0; fits && outer && f->seen != outer && i < count; i++)
        outer[i] |= f->seen[i];
    return fits;
}

bool check_value(struct check *c, const struct subschema *s, uint32_t node, uint8_t *seen,
                 const struct place *place, const struct scope *scope)
{
    struct scope inner = { scope, s->resource };
    struct frame f = { s, node, seen, place,
                       scope && scope->resource == s->resource ? scope : &inner };

    if (s->is_never)
        return check_fail(c, &f, "nothing to be here");
    if (!check_work(c, 1))
        return false;
    if (c->depth == SCHEMA_DEPTH)
        return too_much(c, "its schemas go too deep");
    c->depth++;
    bool fits = check_frame(c, &f);
    c->depth--;
    return fits;
}

/* ---- the whole ---- */

int check_begin(struct check *c, struct json_text instance, struct err *e)
{
    c->arena = (struct arena){ 0 };
    c->e = e;
    c->match_data = NULL;
    c->match_context = NULL;
    c->steps = 0;
    c->depth = c->mute = 0;
    c->failure = 0;
    if (tape_read(&c->tape, instance) != 0)
        return err_set(e, MG_E_NOMEM, "out of memory while checking against the schema");
    return 0;
}

void check_end(struct check *c)
{
    tape_fini(&c->tape);
    arena_fini(&c->arena);
    pcre2_match_data_free(c->match_data);
    pcre2_match_context_free(c->match_context);
}

int check_root(struct check *c, const struct subschema *s)
{
    struct place root = { 0 };
    bool fits = check_value(c, s, 0, NULL, &root, NULL);

    return c->failure ? c->failure : fits ? 0 : MG_E_INVALID;
}

int schema_check(const struct schema *s, struct json_text instance, struct err *e)
{
    struct err own = { 0 };
    struct check c;
    int code = check_begin(&c, instance, e ? e : &own);

    if (code != 0)
        return code;
    code = check_root(&c, s->root);
    check_end(&c);
    return code;
}
