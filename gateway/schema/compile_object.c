/* The keywords about an object's members. */
#include <stdlib.h>
#include <string.h>

#include "schema/compile.h"

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int c = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);

    return c ? c : (x->len > y->len) - (x->len < y->len);
}

static int take_properties(struct compiler *c, struct document *doc, struct subschema *s,
                           uint32_t node)
{
    const struct tape *t = &doc->tape;

    for (uint32_t i = node + 1; node && i < t->node[node].next; i = t->node[i + 1].next) {
        struct named *n = &s->named[s->named_count++];
        n->name = documents_text(&c->schema->documents, t, i, &n->len);
        if (!n->name)
            return compile_no_memory(c);
        if (!(n->property = compile_node(c, doc, i + 1)))
            return c->e->code;
    }
    return 0;
}

static int take_required(struct compiler *c, struct document *doc, struct subschema *s,
                         uint32_t node)
{
    const struct tape *t = &doc->tape;

    for (uint32_t i = node + 1; node && i < t->node[node].next; i = t->node[i].next) {
        struct named *n = &s->named[s->named_count++];
        if (t->node[i].type != JSON_STRING)
            return compile_fail(c, doc, i, "expected a name (a string)");
        n->is_required = true;
        n->name = documents_text(&c->schema->documents, t, i, &n->len);
        if (!n->name)
            return compile_no_memory(c);
    }
    return 0;
}

/* One entry a name, sorted. */
static void merge_named(struct subschema *s)
{
    uint32_t count = 0;

    if (s->named_count > 1)
        qsort(s->named, s->named_count, sizeof *s->named, by_name);
    for (uint32_t i = 0; i < s->named_count; i++) {
        struct named *n = &s->named[i];
        if (count > 0 && by_name(&s->named[count - 1], n) == 0) {
            struct named *before = &s->named[count - 1];
            before->property = before->property ? before->property : n->property;
            before->is_required |= n->is_required;
        } else {
            s->named[count++] = *n;
        }
    }
    s->named_count = count;
    for (uint32_t i = 0; i < count; i++)
        s->required_count += s->named[i].is_required;
}

static int take_named(struct compiler *c, struct document *doc, struct subschema *s)
{
    const struct tape *t = &doc->tape;
    uint32_t properties = compile_member(doc, s, "properties");
    uint32_t required = s->resource->has_validation ? compile_member(doc, s, "required") : 0;

    if (properties && t->node[properties].type != JSON_OBJECT)
        return compile_fail(c, doc, properties, "expected an object of schemas");
    if (required && t->node[required].type != JSON_ARRAY)
        return compile_fail(c, doc, required, "expected a list of names");
    size_t n =
        (properties ? t->node[properties].count : 0) + (required ? t->node[required].count : 0);
    if (n == 0)
        return 0;
    s->named = arena_alloc(&c->schema->documents.arena, n * sizeof *s->named);
    if (!s->named)
        return compile_no_memory(c);
    int rc = take_properties(c, doc, s, properties);
    if (rc == 0)
        rc = take_required(c, doc, s, required);
    if (rc == 0) /* else the last one may have no name */
        merge_named(s);
    return rc;
}

static int take_patterns(struct compiler *c, struct document *doc, struct subschema *s)
{
    const struct tape *t = &doc->tape;
    uint32_t node = compile_member(doc, s, "patternProperties");

    if (!node)
        return 0;
    if (t->node[node].type != JSON_OBJECT)
        return compile_fail(c, doc, node, "expected an object of schemas");
    s->patterns =
        arena_alloc(&c->schema->documents.arena, (t->node[node].count + 1) * sizeof *s->patterns);
    if (!s->patterns)
        return compile_no_memory(c);
    for (uint32_t i = node + 1; i < t->node[node].next; i = t->node[i + 1].next) {
        struct pattern *p = &s->patterns[s->pattern_count++];
        int rc = compile_pattern(c, doc, i, p);
        if (rc != 0)
            return rc;
        if (!(p->schema = compile_node(c, doc, i + 1)))
            return c->e->code;
    }
    return 0;
}

static int take_dependencies(struct compiler *c, struct document *doc, struct subschema *s,
                             uint32_t node, bool are_schemas)
{
    const struct tape *t = &doc->tape;

    for (uint32_t i = node + 1; node && i < t->node[node].next; i = t->node[i + 1].next) {
        struct dependency *d = &s->dependencies[s->dependency_count++];
        d->name = documents_text(&c->schema->documents, t, i, &d->len);
        if (!d->name)
            return compile_no_memory(c);
        d->required = i + 1;
        if (are_schemas && !(d->schema = compile_node(c, doc, i + 1)))
            return c->e->code;
        if (!are_schemas && t->node[i + 1].type != JSON_ARRAY)
            return compile_fail(c, doc, i + 1, "expected a list of names");
    }
    return 0;
}

int compile_object_keywords(struct compiler *c, struct document *doc, struct subschema *s)
{
    const struct tape *t = &doc->tape;
    uint32_t schemas = compile_member(doc, s, "dependentSchemas");
    uint32_t required =
        s->resource->has_validation ? compile_member(doc, s, "dependentRequired") : 0;
    int rc = take_named(c, doc, s);

    if (rc == 0)
        rc = take_patterns(c, doc, s);
    if (rc != 0 || (!schemas && !required))
        return rc;
    if (schemas && t->node[schemas].type != JSON_OBJECT)
        return compile_fail(c, doc, schemas, "expected an object of schemas");
    if (required && t->node[required].type != JSON_OBJECT)
        return compile_fail(c, doc, required, "expected an object of lists of names");
    size_t n = (schemas ? t->node[schemas].count : 0) + (required ? t->node[required].count : 0);
    s->dependencies = arena_alloc(&c->schema->documents.arena, (n + 1) * sizeof *s->dependencies);
    if (!s->dependencies)
        return compile_no_memory(c);
    rc = take_dependencies(c, doc, s, schemas, true);
    return rc == 0 ? take_dependencies(c, doc, s, required, false) : rc;
}
