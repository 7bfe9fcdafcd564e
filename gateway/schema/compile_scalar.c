/* The keywords about a value itself: its type, its range, its length. */
#include <string.h>

#include "schema/compile.h"

static const struct {
    const char *name;
    unsigned types;
} type_names[] = {
    { "object", 1U << JSON_OBJECT }, { "array", 1U << JSON_ARRAY },
    { "string", 1U << JSON_STRING }, { "number", 1U << JSON_NUMBER },
    { "integer", TYPE_INTEGER },     { "boolean", 1U << JSON_TRUE | 1U << JSON_FALSE },
    { "null", 1U << JSON_NULL },
};

static unsigned type_of_name(struct json_text name)
{
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (json_string_eq(name, type_names[i].name, strlen(type_names[i].name)))
            return type_names[i].types;
    return 0;
}

static int take_types(struct compiler *c, struct document *doc, struct subschema *s)
{
    static const char expected[] =
        "expected object, array, string, number, integer, boolean or null";
    const struct tape *t = &doc->tape;
    uint32_t node = compile_member(doc, s, "type");

    if (!node)
        return 0;
    bool is_list = t->node[node].type == JSON_ARRAY;
    for (uint32_t i = is_list ? node + 1 : node; i < t->node[node].next; i = t->node[i].next) {
        unsigned types = type_of_name(tape_text(t, i));
        if (types == 0)
            return compile_fail(c, doc, i, expected);
        s->types |= types;
    }
    return s->types ? 0 : compile_fail(c, doc, node, expected);
}

static int take_number(struct compiler *c, struct document *doc, const struct subschema *s,
                       const char *name, const struct number **out)
{
    uint32_t node = compile_member(doc, s, name);

    if (!node)
        return 0;
    if (doc->tape.node[node].type != JSON_NUMBER)
        return compile_fail(c, doc, node, "expected a number");
    struct number *n = arena_alloc(&c->schema->documents.arena, sizeof *n);
    if (!n)
        return compile_no_memory(c);
    number_read(n, tape_text(&doc->tape, node));
    *out = n;
    return 0;
}

static int take_count(struct compiler *c, struct document *doc, const struct subschema *s,
                      const char *name, uint64_t *out)
{
    uint32_t node = compile_member(doc, s, name);
    int64_t value;

    if (!node)
        return 0;
    if (!json_integer(tape_text(&doc->tape, node), &value) || value < 0)
        return compile_fail(c, doc, node, "expected a whole number from 0 on");
    *out = (uint64_t)value;
    return 0;
}

int compile_pattern(struct compiler *c, struct document *doc, uint32_t node, struct pattern *p)
{
    struct err why = { 0 };
    size_t len;

    if (doc->tape.node[node].type != JSON_STRING)
        return compile_fail(c, doc, node, "expected a regular expression (a string)");
    p->text = documents_text(&c->schema->documents, &doc->tape, node, &len);
    if (!p->text)
        return compile_no_memory(c);
    p->code = regex_compile(p->text, len, &why);
    if (!p->code)
        return why.code == MG_E_NOMEM ? compile_no_memory(c) : compile_fail(c, doc, node, why.text);
    p->next = c->schema->all_patterns;
    c->schema->all_patterns = p;
    return 0;
}

static int take_pattern(struct compiler *c, struct document *doc, struct subschema *s)
{
    uint32_t node = compile_member(doc, s, "pattern");

    if (!node)
        return 0;
    struct pattern *p = arena_alloc(&c->schema->documents.arena, sizeof *p);
    if (!p)
        return compile_no_memory(c);
    s->pattern = p;
    return compile_pattern(c, doc, node, p);
}

static int take_numbers(struct compiler *c, struct document *doc, struct subschema *s)
{
    const struct {
        const char *name;
        const struct number **out;
    } numbers[] = {
        { "minimum", &s->minimum },        { "maximum", &s->maximum },
        { "exclusiveMinimum", &s->over },  { "exclusiveMaximum", &s->under },
        { "multipleOf", &s->multiple_of },
    };
    const struct {
        const char *name;
        uint64_t *out;
    } counts[] = {
        { "minLength", &s->length.min },      { "maxLength", &s->length.max },
        { "minItems", &s->items_count.min },  { "maxItems", &s->items_count.max },
        { "minProperties", &s->members.min }, { "maxProperties", &s->members.max },
        { "minContains", &s->matches.min },   { "maxContains", &s->matches.max },
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof numbers / sizeof *numbers; i++)
        rc = take_number(c, doc, s, numbers[i].name, numbers[i].out);
    for (size_t i = 0; rc == 0 && i < sizeof counts / sizeof *counts; i++)
        rc = take_count(c, doc, s, counts[i].name, counts[i].out);
    if (rc == 0 && s->multiple_of && (s->multiple_of->is_minus || s->multiple_of->count == 0))
        rc = compile_fail(c, doc, compile_member(doc, s, "multipleOf"), "expected a number over 0");
    return rc;
}

int compile_scalar_keywords(struct compiler *c, struct document *doc, struct subschema *s)
{
    if (!s->resource->has_validation)
        return 0;
    s->constant = compile_member(doc, s, "const");
    s->choices = compile_member(doc, s, "enum");
    if (s->choices && doc->tape.node[s->choices].type != JSON_ARRAY)
        return compile_fail(c, doc, s->choices, "expected a list of values");
    uint32_t unique = compile_member(doc, s, "uniqueItems");
    if (unique) {
        uint8_t type = doc->tape.node[unique].type;
        if (type != JSON_TRUE && type != JSON_FALSE)
            return compile_fail(c, doc, unique, "expected true or false");
        s->is_unique = type == JSON_TRUE;
    }
    int rc = take_types(c, doc, s);
    if (rc == 0)
        rc = take_numbers(c, doc, s);
    return rc == 0 ? take_pattern(c, doc, s) : rc;
}
