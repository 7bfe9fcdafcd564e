#include "schema/document.h"

#include <string.h>

#include "schema/meta.h"
#include "schema/uri.h"

#define VALIDATION "https://json-schema.org/draft/2020-12/vocab/validation"

/* What stands behind a keyword, as far as names in it matter. */
enum place { DATA, SCHEMA, SCHEMAS, NAMED_SCHEMAS };

static const struct {
    const char *name;
    enum place place;
} keywords[] = {
    { "properties", NAMED_SCHEMAS },
    { "items", SCHEMA },
    { "$defs", NAMED_SCHEMAS },
    { "definitions", NAMED_SCHEMAS },
    { "patternProperties", NAMED_SCHEMAS },
    { "dependentSchemas", NAMED_SCHEMAS },
    { "additionalProperties", SCHEMA },
    { "unevaluatedProperties", SCHEMA },
    { "unevaluatedItems", SCHEMA },
    { "propertyNames", SCHEMA },
    { "contains", SCHEMA },
    { "contentSchema", SCHEMA },
    { "if", SCHEMA },
    { "then", SCHEMA },
    { "else", SCHEMA },
    { "not", SCHEMA },
    { "allOf", SCHEMAS },
    { "anyOf", SCHEMAS },
    { "oneOf", SCHEMAS },
    { "prefixItems", SCHEMAS },
};

static enum place place_of(struct json_text key)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (json_string_eq(key, keywords[i].name, strlen(keywords[i].name)))
            return keywords[i].place;
    return DATA;
}

const char *documents_text(struct documents *d, const struct tape *t, uint32_t node, size_t *len)
{
    size_t n;
    const char *text = tape_string(t, node, &d->arena, &n);

    if (text && !t->node[node].has_escapes) /* else it is a copy already */
        text = arena_strndup(&d->arena, text, n);
    if (len)
        *len = n;
    return text;
}

static uint32_t string_member(const struct tape *t, uint32_t object, const char *name)
{
    uint32_t i = tape_member(t, object, name, strlen(name));
    return i && t->node[i].type == JSON_STRING ? i : 0;
}

/* ---- names ---- */

struct walk {
    struct documents *docs;
    struct document *doc;
    struct err *e;
};

static int no_memory(struct err *e) { return err_set(e, MG_E_NOMEM, "schema: out of memory"); }

/* NULL: no memory. */
static const char *absolute(struct documents *d, const char *base, const char *reference)
{
    struct buf b = { 0 };
    const char *fragment;

    uri_resolve(base, reference, &b, &fragment);
    const char *uri = buf_ok(&b) ? arena_strndup(&d->arena, b.data ? b.data : "", b.len) : NULL;
    buf_fini(&b);
    return uri;
}

static struct resource *resource_new(struct walk *w, const char *uri, uint32_t node)
{
    struct resource *r = arena_alloc(&w->docs->arena, sizeof *r);
    if (!r)
        return NULL;
    r->doc = w->doc;
    r->uri = uri;
    r->node = node;
    r->has_validation = true;
    r->next = w->docs->resources;
    w->docs->resources = r;
    return r;
}

static int add_anchor(struct walk *w, struct resource *r, uint32_t node, const char *keyword,
                      bool is_dynamic)
{
    uint32_t name = string_member(&w->doc->tape, node, keyword);
    if (!name)
        return 0;
    struct anchor *a = arena_alloc(&w->docs->arena, sizeof *a);
    if (!a || !(a->name = documents_text(w->docs, &w->doc->tape, name, NULL)))
        return no_memory(w->e);
    a->node = node;
    a->is_dynamic = is_dynamic;
    a->next = r->anchors;
    r->anchors = a;
    return 0;
}

/* A dialect without the validation vocabulary takes its keywords for annotations. */
static int read_dialect(struct walk *w, struct resource *r)
{
    const struct tape *t = &w->doc->tape;
    uint32_t name = string_member(t, r->node, "$schema");
    if (!name)
        return 0;
    const char *uri = documents_text(w->docs, t, name, NULL);
    if (!uri || !(uri = absolute(w->docs, "", uri)))
        return no_memory(w->e);
    if (strcmp(uri, META_URI) == 0)
        return 0;
    const struct resource *meta = documents_find(w->docs, uri, w->e);
    if (!meta)
        return 0; /* unknown: taken for the standard one */
    t = &meta->doc->tape;
    uint32_t list = tape_member(t, meta->node, "$vocabulary", strlen("$vocabulary"));
    if (list)
        r->has_validation = tape_member(t, list, VALIDATION, strlen(VALIDATION)) != 0;
    return 0;
}

static int walk_schema(struct walk *w, uint32_t node, struct resource *r);

static void own(struct walk *w, uint32_t node, struct resource *r)
{
    for (uint32_t i = node; i < w->doc->tape.node[node].next; i++)
        w->doc->of_node[i] = r;
}

static int walk_place(struct walk *w, uint32_t node, struct resource *r, enum place place)
{
    const struct tape *t = &w->doc->tape;
    const struct tape_node *n = &t->node[node];
    int rc = 0;

    if (place == SCHEMA)
        return walk_schema(w, node, r);
    if (place == NAMED_SCHEMAS && n->type == JSON_OBJECT)
        for (uint32_t i = node + 1; rc == 0 && i < n->next; i = t->node[i + 1].next)
            rc = walk_schema(w, i + 1, r);
    if (place == SCHEMAS && n->type == JSON_ARRAY)
        for (uint32_t i = node + 1; rc == 0 && i < n->next; i = t->node[i].next)
            rc = walk_schema(w, i, r);
    return rc;
}

/* Finds the resources and anchors of a schema; deep only as the text is. */
static int walk_schema(struct walk *w, uint32_t node, struct resource *r)
{
    const struct tape *t = &w->doc->tape;
    int rc = 0;

    if (t->node[node].type != JSON_OBJECT)
        return 0;
    uint32_t id = string_member(t, node, "$id");
    if (id) {
        const char *text = documents_text(w->docs, t, id, NULL);
        const char *uri = text ? absolute(w->docs, r->uri, text) : NULL;
        bool inherits = r->has_validation;
        if (!uri || !(r = resource_new(w, uri, node)))
            return no_memory(w->e);
        r->has_validation = inherits;
        own(w, node, r);
        rc = read_dialect(w, r);
    }
    if (rc == 0)
        rc = add_anchor(w, r, node, "$anchor", false);
    if (rc == 0)
        rc = add_anchor(w, r, node, "$dynamicAnchor", true);
    for (uint32_t i = node + 1; rc == 0 && i < t->node[node].next; i = t->node[i + 1].next)
        rc = walk_place(w, i + 1, r, place_of(tape_text(t, i)));
    return rc;
}

/* ---- documents ---- */

struct document *documents_add(struct documents *d, const char *uri, const char *text, size_t len,
                               struct err *e)
{
    struct json_text root;
    struct document *doc = arena_alloc(&d->arena, sizeof *doc);
    const char *copy = arena_strndup(&d->arena, text, len), *name = absolute(d, "", uri);

    if (!doc || !copy || !name) {
        no_memory(e);
        return NULL;
    }
    const struct json_limits limits = { .takes_nul = true };
    if (json_scan(copy, len, &limits, &root, e) != 0)
        return NULL;
    if (tape_read(&doc->tape, root) != 0) {
        no_memory(e);
        return NULL;
    }
    doc->next = d->first;
    d->first = doc; /* from here on documents_fini() frees its tape */
    doc->of_node = arena_alloc(&d->arena, doc->tape.count * sizeof *doc->of_node);
    doc->compiled = arena_alloc(&d->arena, doc->tape.count * sizeof *doc->compiled);
    struct walk w = { d, doc, e };
    struct resource *r = doc->of_node && doc->compiled ? resource_new(&w, name, 0) : NULL;
    if (!r) {
        no_memory(e);
        return NULL;
    }
    own(&w, 0, r);
    if (doc->tape.node[0].type == JSON_OBJECT && read_dialect(&w, r) != 0)
        return NULL;
    return walk_schema(&w, 0, r) == 0 ? doc : NULL;
}

void documents_fini(struct documents *d)
{
    for (struct document *doc = d->first; doc; doc = doc->next)
        tape_fini(&doc->tape);
    d->first = NULL;
    d->resources = NULL;
    arena_fini(&d->arena);
}

struct resource *documents_find(struct documents *d, const char *uri, struct err *e)
{
    for (struct resource *r = d->resources; r; r = r->next)
        if (strcmp(r->uri, uri) == 0)
            return r;
    size_t folder = strlen(META_FOLDER);
    const struct embedded *meta =
        strncmp(uri, META_FOLDER, folder) == 0 ? embedded_find(metaschemas, uri + folder) : NULL;
    struct document *doc = meta ? documents_add(d, uri, meta->data, meta->len, e) : NULL;
    return doc ? doc->of_node[0] : NULL;
}

/* ---- fragments ---- */

const struct anchor *resource_anchor(const struct resource *r, const char *name)
{
    for (const struct anchor *a = r->anchors; a; a = a->next)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

/* One token of a JSON pointer, decoded: ~1 is /, ~0 is ~. */
static size_t token(const char *p, struct buf *out)
{
    size_t len = strcspn(p, "/");

    buf_clear(out);
    for (size_t i = 0; i < len; i++) {
        bool is_escape = p[i] == '~' && (p[i + 1] == '0' || p[i + 1] == '1');
        buf_putc(out, is_escape ? (p[i + 1] == '1' ? '/' : '~') : p[i]);
        i += is_escape;
    }
    return len;
}

static uint32_t item(const struct tape *t, uint32_t array, const char *index, size_t len)
{
    uint64_t n = 0;
    uint32_t i = array + 1;

    for (size_t k = 0; k < len; k++) {
        if (index[k] < '0' || index[k] > '9' || n > UINT32_MAX)
            return 0;
        n = n * 10 + (uint64_t)(index[k] - '0');
    }
    if (len == 0 || n >= t->node[array].count)
        return 0;
    while (n-- > 0)
        i = t->node[i].next;
    return i;
}

static int follow(const struct resource *r, const char *p, uint32_t *node)
{
    const struct tape *t = &r->doc->tape;
    struct buf name = { 0 };
    uint32_t at = r->node;
    int rc = 0;

    while (rc == 0 && *p == '/') {
        p += 1 + token(p + 1, &name);
        const char *text = name.data ? name.data : "";
        at = t->node[at].type == JSON_ARRAY ? item(t, at, text, name.len)
                                            : tape_member(t, at, text, name.len);
        rc = !buf_ok(&name) ? MG_E_NOMEM : at == 0 ? MG_E_NOTFOUND : 0;
    }
    buf_fini(&name);
    *node = at;
    return rc;
}

int resource_locate(const struct resource *r, const char *fragment, uint32_t *node)
{
    struct buf text = { 0 };
    const struct anchor *a = NULL;
    int rc = MG_E_NOTFOUND;

    *node = r->node;
    uri_decode(fragment, &text);
    const char *p = buf_cstr(&text);
    if (!p) {
        rc = MG_E_NOMEM;
    } else if (*p == '\0' || *p == '/') {
        rc = follow(r, p, node);
    } else if ((a = resource_anchor(r, p)) != NULL) {
        *node = a->node;
        rc = 0;
    }
    buf_fini(&text);
    return rc;
}
