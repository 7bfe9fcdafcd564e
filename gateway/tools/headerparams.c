#include "tools/headerparams.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/parse.h"

#define KEYWORD "x-mcp-header"
#define PREFIX "Mcp-Param-"
#define NAME_MAX_BYTES 64 /* of what follows the prefix */

struct walk {
    struct headerparam *first, **end;
    unsigned count, depth;
    char *names[JSON_MAX_DEPTH]; /* of the properties on the way, decoded */
    struct err *e;
};

/* Where a schema holds further ones. Those of `properties` alone can be told by the names that lead
 * there; an element of `items` or a branch of `anyOf` cannot. */
enum holds { NOTHING, ONE, LIST, MAP, PROPERTIES };
static const struct {
    const char *keyword;
    enum holds holds;
} keywords[] = {
    { "properties", PROPERTIES },
    { "patternProperties", MAP },
    { "dependentSchemas", MAP },
    { "$defs", MAP },
    { "definitions", MAP },
    { "allOf", LIST },
    { "anyOf", LIST },
    { "oneOf", LIST },
    { "prefixItems", LIST },
    { "items", ONE },
    { "contains", ONE },
    { "additionalProperties", ONE },
    { "propertyNames", ONE },
    { "unevaluatedItems", ONE },
    { "unevaluatedProperties", ONE },
    { "contentSchema", ONE },
    { "not", ONE },
    { "if", ONE },
    { "then", ONE },
    { "else", ONE },
};

static enum holds holds_of(struct json_text key)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (json_string_eq(key, keywords[i].keyword, strlen(keywords[i].keyword)))
            return keywords[i].holds;
    return NOTHING;
}

static int fault(struct walk *w, const char *what)
{
    struct buf at = { 0 };
    for (unsigned i = 0; i < w->depth; i++) {
        buf_str(&at, "/properties/");
        buf_str(&at, w->names[i]);
    }
    if (!buf_ok(&at)) {
        buf_fini(&at);
        return err_set(w->e, MG_E_NOMEM, "out of memory");
    }
    int code = at.len > 0 ? err_set(w->e, MG_E_INVALID, "at %.*s: %s", (int)at.len, at.data, what)
                          : err_set(w->e, MG_E_INVALID, "%s", what);
    buf_fini(&at);
    return code;
}

static enum json_type type_of(struct json_text property)
{
    static const char *const names[] = { "type" };
    struct json_text type;
    json_find(property, names, &type, 1);
    if (type.type != JSON_STRING)
        return JSON_NONE;
    if (json_string_eq(type, "string", 6))
        return JSON_STRING;
    if (json_string_eq(type, "integer", 7))
        return JSON_NUMBER;
    return json_string_eq(type, "boolean", 7) ? JSON_TRUE : JSON_NONE;
}

/* One block holds it, the ways there, and all its texts. */
static struct headerparam *param_new(const struct walk *w, const char *name, enum json_type type)
{
    size_t texts = sizeof PREFIX + strlen(name);
    for (unsigned i = 0; i < w->depth; i++)
        texts += strlen(w->names[i]) + 1;
    struct headerparam *h = malloc(sizeof *h + w->depth * sizeof h->names[0] + texts);
    if (!h)
        return NULL;
    char *at = (char *)&h->names[w->depth];
    *h = (struct headerparam){ .header = at, .type = type, .depth = w->depth };
    at = stpcpy(stpcpy(at, PREFIX), name) + 1;
    for (unsigned i = 0; i < w->depth; i++) {
        h->names[i] = at;
        at = stpcpy(at, w->names[i]) + 1;
    }
    return h;
}

static int param_add(struct walk *w, const char *name, enum json_type type)
{
    for (struct headerparam *h = w->first; h; h = h->next)
        if (strcasecmp(h->header + strlen(PREFIX), name) == 0)
            return fault(w, KEYWORD " has been given to another property; case does not count");
    if (w->count == HEADERPARAMS_MAX)
        return fault(w, KEYWORD " stands at more than 16 properties; a request may not carry more");
    struct headerparam *h = param_new(w, name, type);
    if (!h)
        return err_set(w->e, MG_E_NOMEM, "out of memory");
    *w->end = h;
    w->end = &h->next;
    w->count++;
    return 0;
}

static int param_read(struct walk *w, struct json_text property, struct json_text value)
{
    struct buf name = { 0 };
    int code;
    enum json_type type = type_of(property);
    if (value.type != JSON_STRING)
        return fault(w, KEYWORD " must be a string, the end of a header's name");
    if (type == JSON_NONE)
        return fault(w, KEYWORD " is for a type of \"string\", \"integer\" or \"boolean\" alone");
    json_string_decode(value, &name);
    buf_putc(&name, '\0');
    if (!buf_ok(&name))
        code = err_set(w->e, MG_E_NOMEM, "out of memory");
    else if (name.len == 1 || name.len - 1 > NAME_MAX_BYTES ||
             token_span(name.data, name.len - 1) < name.len - 1)
        code = fault(w, KEYWORD " must be of letters, digits and !#$%&'*+-.^_`|~, at most 64");
    else
        code = param_add(w, name.data, type);
    buf_fini(&name);
    return code;
}

static int schema_walk(struct walk *w, struct json_text schema, bool is_reached);

static int property_walk(struct walk *w, struct json_text key, struct json_text schema)
{
    struct buf name = { 0 };
    json_string_decode(key, &name);
    bool is_text = buf_ok(&name) && !memchr(name.len ? name.data : "", '\0', name.len);
    buf_putc(&name, '\0');
    int code = 0;
    if (!buf_ok(&name)) {
        code = err_set(w->e, MG_E_NOMEM, "out of memory");
    } else {
        w->names[w->depth++] = name.data;
        code = schema_walk(w, schema, is_text);
        w->depth--;
    }
    buf_fini(&name);
    return code;
}

static int holder_walk(struct walk *w, enum holds holds, struct json_text value, bool is_reached)
{
    struct json_text key, item;
    struct json_iter it = json_iter(value);
    int code = 0;
    if (holds == ONE)
        return schema_walk(w, value, false);
    if (holds == LIST && value.type == JSON_ARRAY)
        while (code == 0 && json_next_item(&it, &item))
            code = schema_walk(w, item, false);
    else if ((holds == MAP || holds == PROPERTIES) && value.type == JSON_OBJECT)
        while (code == 0 && json_next_member(&it, &key, &item))
            code = holds == PROPERTIES && is_reached ? property_walk(w, key, item)
                                                     : schema_walk(w, item, false);
    return code;
}

/* As deep as the JSON text is, which the scan has bounded. */
static int schema_walk(struct walk *w, struct json_text schema, bool is_reached)
{
    struct json_text key, value;
    int code = 0;
    if (schema.type != JSON_OBJECT)
        return 0;
    for (struct json_iter it = json_iter(schema);
         code == 0 && json_next_member(&it, &key, &value);) {
        if (!json_string_eq(key, KEYWORD, strlen(KEYWORD)))
            code = holder_walk(w, holds_of(key), value, is_reached);
        else if (is_reached && w->depth > 0)
            code = param_read(w, schema, value);
        else
            code = fault(w, KEYWORD " can stand at a property alone that names lead to: not at the "
                                    "top, in $defs, items, oneOf and the like");
    }
    return code;
}

int headerparams_compile(const char *schema, size_t len, struct headerparam **out, struct err *e)
{
    struct walk w = { .e = e };
    struct json_text root;
    struct json_limits limits = { .takes_nul = true };
    *out = NULL;
    w.end = &w.first;
    int code = json_scan(schema, len, &limits, &root, e);
    if (code == 0)
        code = schema_walk(&w, root, true);
    if (code == 0)
        *out = w.first;
    else
        headerparams_free(w.first);
    return code;
}

void headerparams_free(struct headerparam *first)
{
    while (first) {
        struct headerparam *next = first->next;
        free(first);
        first = next;
    }
}

struct json_text headerparam_value(const struct headerparam *h, struct json_text arguments)
{
    struct json_text at = arguments;
    for (unsigned i = 0; i < h->depth; i++) {
        if (at.type != JSON_OBJECT)
            return (struct json_text){ 0 };
        json_find(at, &h->names[i], &at, 1);
    }
    return at;
}

/* Does it come through a header as it is, and mean itself there? */
static bool is_plain(const struct buf *text)
{
    const char *p = text->data;
    size_t n = text->len;
    if (n == 0 || p[0] == ' ' || p[n - 1] == ' ' || (n >= 2 && memcmp(p, "=?", 2) == 0))
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[i] < ' ' || p[i] > '~')
            return false;
    return true;
}

static void string_write(struct json_text string, struct buf *out)
{
    struct buf text = { 0 };
    json_string_decode(string, &text);
    if (is_plain(&text)) {
        buf_append(out, text.data, text.len);
    } else {
        buf_str(out, "=?base64?");
        base64_encode(out, text.data, text.len, false);
        buf_str(out, "?=");
    }
    out->failed |= text.failed;
    buf_fini(&text);
}

bool headerparam_write(const struct headerparam *h, struct json_text value, struct buf *out)
{
    int64_t number = 0;
    bool is_string = value.type == JSON_STRING;
    bool is_boolean = value.type == JSON_TRUE || value.type == JSON_FALSE;
    if (!is_string && !is_boolean && !json_integer(value, &number))
        return false;
    buf_printf(out, "%s: ", h->header);
    if (is_string)
        string_write(value, out);
    else if (is_boolean)
        buf_append(out, value.p, value.len);
    else
        buf_printf(out, "%" PRId64, number);
    return true;
}
