#include "schema/compile.h"

#include <stdlib.h>
#include <string.h>

#include "schema/uri.h"

#define COMPILE_DEPTH 500

int compile_no_memory(struct compiler *c)
{
    return err_set(c->e, MG_E_NOMEM, "schema: out of memory");
}

/* The way from the root to a node, as a JSON pointer. */
static void append_place(struct buf *out, const struct tape *t, uint32_t node)
{
    uint32_t at = 0;

    while (at != node && buf_ok(out)) {
        bool is_object = t->node[at].type == JSON_OBJECT;
        uint32_t i = at + 1, n = 0;
        for (;; n++) {
            uint32_t value = is_object ? i + 1 : i;
            if (node < t->node[value].next) {
                if (is_object)
                    buf_printf(out, "/%.*s", (int)t->node[i].len - 2, t->node[i].p + 1);
                else
                    buf_printf(out, "/%u", n);
                at = value > node ? node : value; /* a key stands for its member */
                break;
            }
            i = t->node[value].next;
        }
    }
}

int compile_fail(struct compiler *c, const struct document *doc, uint32_t node, const char *what)
{
    struct buf place = { .max = 300 };

    append_place(&place, &doc->tape, node);
    const char *text = place.len > 0 ? buf_cstr(&place) : "the root";
    int rc = err_set(c->e, MG_E_INVALID, "at %s: %s", text ? text : "...", what);
    buf_fini(&place);
    return rc;
}

uint32_t compile_member(const struct document *doc, const struct subschema *s, const char *name)
{
    return tape_member(&doc->tape, s->node, name, strlen(name));
}

/* A keyword that holds one schema. */
static int take_schema(struct compiler *c, struct document *doc, const struct subschema *s,
                       const char *name, const struct subschema **out)
{
    uint32_t node = compile_member(doc, s, name);

    if (!node)
        return 0;
    *out = compile_node(c, doc, node);
    return *out ? 0 : c->e->code;
}

/* A keyword that holds a list of schemas. */
static int take_schemas(struct compiler *c, struct document *doc, const struct subschema *s,
                        const char *name, struct subschemas *out)
{
    const struct tape *t = &doc->tape;
    uint32_t node = compile_member(doc, s, name);

    if (!node)
        return 0;
    if (t->node[node].type != JSON_ARRAY || t->node[node].count == 0)
        return compile_fail(c, doc, node, "expected a list of schemas, not an empty one");
    out->item = arena_alloc(&c->schema->documents.arena, t->node[node].count * sizeof *out->item);
    if (!out->item)
        return compile_no_memory(c);
    for (uint32_t i = node + 1; i < t->node[node].next; i = t->node[i].next)
        if (!(out->item[out->count++] = compile_node(c, doc, i)))
            return c->e->code;
    return 0;
}

/* ---- references ---- */

static int locate(struct compiler *c, struct document *doc, uint32_t node, struct resource *from,
                  struct resource **in, uint32_t *target, const char **fragment)
{
    struct documents *d = &c->schema->documents;
    struct buf uri = { 0 };
    const char *text = documents_text(d, &doc->tape, node, NULL);

    if (!text)
        return compile_no_memory(c);
    uri_resolve(from->uri, text, &uri, fragment);
    const char *absolute = buf_cstr(&uri);
    c->e->code = 0;
    *in = !absolute                          ? NULL
          : strcmp(absolute, from->uri) == 0 ? from
                                             : documents_find(d, absolute, c->e);
    bool is_memory = !absolute || c->e->code == MG_E_NOMEM;
    buf_fini(&uri);
    if (is_memory)
        return compile_no_memory(c);
    int rc = *in ? resource_locate(*in, *fragment ? *fragment : "", target) : MG_E_NOTFOUND;
    if (rc == MG_E_NOMEM)
        return compile_no_memory(c);
    if (rc != 0)
        return compile_fail(c, doc, node, "a reference to a schema that is not there");
    return 0;
}

static int take_reference(struct compiler *c, struct document *doc, struct subschema *s,
                          const char *keyword, bool is_dynamic)
{
    const struct tape *t = &doc->tape;
    uint32_t node = compile_member(doc, s, keyword), target = 0;
    struct resource *in = NULL;
    const char *fragment = NULL;

    if (!node)
        return 0;
    if (t->node[node].type != JSON_STRING)
        return compile_fail(c, doc, node, "expected a reference (a string)");
    int rc = locate(c, doc, node, s->resource, &in, &target, &fragment);
    if (rc != 0)
        return rc;
    const struct subschema *found = compile_node(c, in->doc, target);
    if (!found)
        return c->e->code;
    *(is_dynamic ? &s->dynamic : &s->reference) = found;
    const struct anchor *a = is_dynamic && fragment ? resource_anchor(in, fragment) : NULL;
    if (!a || !a->is_dynamic)
        return 0;
    struct dynamic_name *n = arena_alloc(&c->schema->documents.arena, sizeof *n);
    if (!n)
        return compile_no_memory(c);
    s->dynamic_name = n->name = a->name;
    n->next = c->dynamic_names;
    c->dynamic_names = n;
    return 0;
}

/* What a dynamic reference may come to: any anchor of its name in a resource that a check may come
 * through. Compiling reaches further ones, so until there is nothing new. */
static int compile_dynamic_targets(struct compiler *c)
{
    uint32_t before;

    do {
        before = c->compiled;
        for (struct resource *r = c->schema->documents.resources; r; r = r->next)
            for (const struct dynamic_name *n = c->dynamic_names; r->is_reached && n; n = n->next) {
                const struct anchor *a = resource_anchor(r, n->name);
                if (a && a->is_dynamic && !compile_node(c, r->doc, a->node))
                    return c->e->code;
            }
    } while (c->compiled != before);
    return 0;
}

/* ---- one schema ---- */

static int compile_applicators(struct compiler *c, struct document *doc, struct subschema *s)
{
    const struct {
        const char *name;
        const struct subschema **out;
    } single[] = {
        { "not", &s->negated },
        { "if", &s->condition },
        { "then", &s->then },
        { "else", &s->otherwise },
        { "items", &s->items },
        { "contains", &s->contains },
        { "unevaluatedItems", &s->unevaluated_items },
        { "additionalProperties", &s->additional },
        { "propertyNames", &s->names },
        { "unevaluatedProperties", &s->unevaluated_members },
    };
    const struct {
        const char *name;
        struct subschemas *out;
    } lists[] = {
        { "allOf", &s->all },
        { "anyOf", &s->any },
        { "oneOf", &s->one },
        { "prefixItems", &s->prefix },
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof single / sizeof *single; i++)
        rc = take_schema(c, doc, s, single[i].name, single[i].out);
    for (size_t i = 0; rc == 0 && i < sizeof lists / sizeof *lists; i++)
        rc = take_schemas(c, doc, s, lists[i].name, lists[i].out);
    return rc;
}

static int compile_object(struct compiler *c, struct document *doc, struct subschema *s)
{
    int rc = take_reference(c, doc, s, "$ref", false);

    if (rc == 0)
        rc = take_reference(c, doc, s, "$dynamicRef", true);
    if (rc == 0)
        rc = compile_applicators(c, doc, s);
    if (rc == 0)
        rc = compile_object_keywords(c, doc, s);
    if (rc == 0)
        rc = compile_scalar_keywords(c, doc, s);
    s->sees_evaluated = s->unevaluated_items || s->unevaluated_members;
    s->fallback = compile_member(doc, s, "default");
    c->schema->has_defaults |= s->fallback != 0;
    return rc;
}

const struct subschema *compile_node(struct compiler *c, struct document *doc, uint32_t node)
{
    enum json_type type = (enum json_type)doc->tape.node[node].type;

    if (doc->compiled[node]) /* or being compiled: schemas may refer to themselves */
        return doc->compiled[node];
    if (type != JSON_OBJECT && type != JSON_TRUE && type != JSON_FALSE) {
        compile_fail(c, doc, node, "expected a schema: an object, true or false");
        return NULL;
    }
    struct subschema *s = arena_alloc(&c->schema->documents.arena, sizeof *s);
    if (!s || c->depth == COMPILE_DEPTH) {
        if (s)
            err_set(c->e, MG_E_LIMIT, "schema: over %d schemas refer to each other in a row",
                    COMPILE_DEPTH);
        else
            compile_no_memory(c);
        return NULL;
    }
    s->resource = doc->of_node[node];
    s->node = node;
    s->is_never = type == JSON_FALSE;
    s->length = s->items_count = s->members = s->matches = (struct range){ 0, NO_LIMIT };
    s->matches.min = 1;
    doc->compiled[node] = s;
    s->resource->is_reached = true;
    c->compiled++;
    c->depth++;
    int rc = type == JSON_OBJECT ? compile_object(c, doc, s) : 0;
    c->depth--;
    return rc == 0 ? s : NULL;
}

/* ---- the whole ---- */

struct schema *schema_compile(const char *text, size_t len, const struct schema_document *documents,
                              size_t n, struct err *e)
{
    struct err own = { 0 };
    struct compiler c = { .schema = calloc(1, sizeof *c.schema), .e = e ? e : &own };
    struct document *doc = NULL;

    if (!c.schema) {
        compile_no_memory(&c);
        return NULL;
    }
    struct documents *d = &c.schema->documents;
    bool is_known = true;
    for (size_t i = 0; i < n && is_known; i++)
        is_known =
            documents_add(d, documents[i].uri, documents[i].text, documents[i].len, c.e) != NULL;
    if (is_known)
        doc = documents_add(d, "", text, len, c.e);
    if (doc)
        c.schema->root = compile_node(&c, doc, 0);
    if (c.schema->root && compile_dynamic_targets(&c) == 0)
        return c.schema;
    schema_free(c.schema);
    return NULL;
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (struct pattern *p = s->all_patterns; p; p = p->next)
        pcre2_code_free(p->code);
    documents_fini(&s->documents);
    free(s);
}
