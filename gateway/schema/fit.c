/* What a text means under a schema, before it is checked: defaults, nulls, empty lists. */
#include "schema/fit.h"

#include <string.h>

#include "base/json_write.h"
#include "schema/compile.h"

#define REFERENCES_MAX 16 /* in a row; more, and circles, are left alone */

const struct subschema *fit_target(const struct subschema *s)
{
    for (int i = 0; s && s->reference && s->named_count == 0 && !s->items && i < REFERENCES_MAX;
         i++)
        s = s->reference;
    return s;
}

static void raw(struct fit *f, uint32_t node)
{
    json_raw_text(f->out, tape_text(&f->check.tape, node));
}

/* ---- objects ---- */

/* written: a byte for each name that the schema knows. */
static void mark(const struct subschema *s, const struct named *n, uint8_t *written)
{
    if (n)
        written[n - s->named] = 1;
}

/* A member of a call's arguments themselves. */
static void fit_argument(struct fit *f, const struct subschema *s, const struct named *n,
                         uint32_t key, const char *name, size_t len, uint8_t *written)
{
    bool is_coerced = f->use & SCHEMA_COERCE;
    size_t before = f->out->len;

    if (n && f->check.tape.node[key + 1].type == JSON_NULL && (!n->is_required || is_coerced)) {
        f->is_changed = true;
        return;
    }
    if (!is_coerced) {
        json_key_n(f->out, name, len);
        fit_value(f, n ? n->property : s->additional, key + 1);
        mark(s, n, written);
        return;
    }
    if (n && n->property) {
        json_key_n(f->out, name, len);
        if (fit_coerce(f, n->property, key + 1, name, len)) {
            mark(s, n, written);
            return;
        }
    }
    f->out->len = before;
    f->is_changed = true;
}

static void fit_member(struct fit *f, const struct subschema *s, uint32_t object, uint32_t key,
                       uint8_t *written)
{
    size_t len;
    const char *name = check_text(&f->check, key, &len);
    if (!name || !check_work(&f->check, 1))
        return;
    const struct named *n = named_find(s, name, len);
    if (object == 0 && f->use & SCHEMA_ARGUMENTS) {
        fit_argument(f, s, n, key, name, len, written);
        return;
    }
    json_key_n(f->out, name, len);
    fit_value(f, n ? n->property : s->additional, key + 1);
    mark(s, n, written);
}

static void fit_default(struct fit *f, const struct named *n)
{
    const struct subschema *s = n->property;
    const struct tape *t = s ? &s->resource->doc->tape : NULL;
    if (!s || !s->fallback || t->node[s->fallback].type == JSON_NULL)
        return;
    json_key_n(f->out, n->name, n->len);
    json_raw_text(f->out, tape_text(t, s->fallback));
    f->is_changed = true;
}

static void fit_object(struct fit *f, const struct subschema *s, uint32_t node)
{
    const struct tape *t = &f->check.tape;
    if (f->use & SCHEMA_RESULT && t->node[node].count == 0 && s->types == 1U << JSON_ARRAY) {
        json_raw(f->out, "[]", 2);
        f->is_changed = true;
        return;
    }
    uint8_t *written = arena_alloc(&f->check.arena, s->named_count + 1); /* zeroed */
    if (!written) {
        (void)check_no_memory(&f->check);
        return;
    }
    json_open(f->out, '{');
    for (uint32_t i = node + 1; i < t->node[node].next && !f->check.failure;
         i = t->node[i + 1].next)
        fit_member(f, s, node, i, written);
    for (uint32_t i = 0; f->use & SCHEMA_ARGUMENTS && i < s->named_count; i++)
        if (!written[i])
            fit_default(f, &s->named[i]);
    json_close(f->out, '}');
}

/* ---- any value ---- */

static void fit_array(struct fit *f, const struct subschema *s, uint32_t node)
{
    const struct tape *t = &f->check.tape;
    uint32_t index = 0;

    json_open(f->out, '[');
    for (uint32_t i = node + 1; i < t->node[node].next && check_work(&f->check, 1);
         i = t->node[i].next, index++)
        fit_value(f, index < s->prefix.count ? s->prefix.item[index] : s->items, i);
    json_close(f->out, ']');
}

void fit_value(struct fit *f, const struct subschema *s, uint32_t node)
{
    uint8_t type = f->check.tape.node[node].type;

    s = fit_target(s);
    if (s && type == JSON_OBJECT)
        fit_object(f, s, node);
    else if (s && type == JSON_ARRAY && (s->items || s->prefix.count))
        fit_array(f, s, node);
    else
        raw(f, node);
}

/* ---- the whole ---- */

static bool has_null(const struct tape *t)
{
    for (uint32_t i = 1; t->node[0].type == JSON_OBJECT && i < t->count; i = t->node[i + 1].next)
        if (t->node[i + 1].type == JSON_NULL)
            return true;
    return false;
}

static bool has_empty_object(const struct tape *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->node[i].type == JSON_OBJECT && t->node[i].count == 0)
            return true;
    return false;
}

/* Most texts mean what they say. */
static bool may_change(const struct fit *f, const struct schema *s)
{
    const struct tape *t = &f->check.tape;
    return f->use & SCHEMA_COERCE ||
           (f->use & SCHEMA_ARGUMENTS && (s->has_defaults || has_null(t))) ||
           (f->use & SCHEMA_RESULT && has_empty_object(t));
}

int schema_fit(const struct schema *s, struct json_text instance, unsigned use, struct buf *fitted,
               struct err *e)
{
    struct fit f;
    f.use = use;
    f.out = fitted;
    f.is_changed = false;
    buf_clear(fitted);
    int code = check_begin(&f.check, instance, e);
    if (code != 0)
        return code;
    if (may_change(&f, s)) {
        fit_value(&f, s->root, 0);
        code = f.check.failure;
        if (code == 0 && !buf_ok(fitted))
            code = err_set(e, MG_E_NOMEM, "out of memory while fitting to the schema");
        if (!f.is_changed || code != 0)
            buf_clear(fitted);
    }
    if (code == 0 && !f.is_changed && !(use & SCHEMA_COERCE))
        code = check_root(&f.check, s->root);
    check_end(&f.check);
    if (code != 0 || !f.is_changed || use & SCHEMA_COERCE)
        return code;
    enum json_type type = json_type_of(fitted->data[0]);
    return schema_check(s, (struct json_text){ fitted->data, fitted->len, type }, e);
}

/* ---- defaults ---- */

static int check_default(const struct document *doc, const struct subschema *s, struct err *e)
{
    struct err why = { 0 };
    struct check c;
    struct compiler place = { .e = e };
    int code = check_begin(&c, tape_text(&doc->tape, s->fallback), &why);
    if (code == 0) {
        code = check_root(&c, s);
        check_end(&c);
    }
    if (code != MG_E_INVALID)
        return code == 0 ? 0 : err_set(e, code, "%s", why.text);
    const char *text = strncmp(why.text, "at /: ", 6) == 0 ? why.text + 6 : why.text;
    return compile_fail(&place, doc, s->fallback, text);
}

int schema_check_defaults(const struct schema *s, struct err *e)
{
    const struct document *doc = s->root->resource->doc;
    int code = 0;

    for (uint32_t i = 0; s->has_defaults && code == 0 && i < doc->tape.count; i++)
        if (doc->compiled[i] && doc->compiled[i]->fallback)
            code = check_default(doc, doc->compiled[i], e);
    return code;
}
