#include "tools/toolset.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema.h"
#include "tools/headerparams.h"
#include "tools/legacyschema.h"
#include "tools/skill.h"
#include "tools/uritemplate.h"

struct toolset {
    atomic_uint refs;
    uint32_t generation;
    bool is_sealed;
    struct tool **added; /* in the order of adding */
    size_t count, cap;
    size_t kinds[TOOL_KINDS]; /* how many there are of each */
    struct tool **wire;       /* tools, in wire order; after sealing */
    struct tool **by_name;    /* by kind, each bytewise; after sealing */
    struct toolset_problem *problems;
    size_t problem_count;
};

struct toolset *toolset_new(uint32_t generation)
{
    struct toolset *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->generation = generation;
    return s;
}

/* ---- building ---- */

static size_t text_size(const char *s) { return s ? strlen(s) + 1 : 0; }

static const char *text_copy(char **at, const char *s)
{
    size_t n = text_size(s);
    char *copy = *at;

    if (!s)
        return NULL;
    memcpy(copy, s, n);
    *at += n;
    return copy;
}

/* The tool and all its strings in one block. */
static struct tool *tool_copy(const struct tool *t)
{
    size_t texts = text_size(t->name) + text_size(t->title) + text_size(t->description) +
                   text_size(t->input_schema) + text_size(t->output_schema) +
                   text_size(t->legacy_input) + text_size(t->legacy_output) +
                   text_size(t->annotations) + text_size(t->icons) + text_size(t->meta) +
                   text_size(t->needs) + text_size(t->settings) + text_size(t->arguments) +
                   text_size(t->uri) + text_size(t->mime_type) + text_size(t->file);
    struct tool *copy = malloc(sizeof *copy + texts);

    if (!copy)
        return NULL;
    char *at = (char *)(copy + 1);
    *copy = *t;
    copy->name = text_copy(&at, t->name);
    copy->title = text_copy(&at, t->title);
    copy->description = text_copy(&at, t->description);
    copy->input_schema = text_copy(&at, t->input_schema);
    copy->output_schema = text_copy(&at, t->output_schema);
    copy->legacy_input = text_copy(&at, t->legacy_input);
    copy->legacy_output = text_copy(&at, t->legacy_output);
    copy->annotations = text_copy(&at, t->annotations);
    copy->icons = text_copy(&at, t->icons);
    copy->meta = text_copy(&at, t->meta);
    copy->needs = text_copy(&at, t->needs);
    copy->settings = text_copy(&at, t->settings);
    copy->arguments = text_copy(&at, t->arguments);
    copy->uri = text_copy(&at, t->uri);
    copy->mime_type = text_copy(&at, t->mime_type);
    copy->file = text_copy(&at, t->file);
    return copy;
}

/* The same with the schemas that legacy clients are sent; NULL: no memory. */
static struct tool *tool_made(const struct tool *t)
{
    struct buf input = { 0 }, output = { 0 };
    struct tool whole = *t, *made = NULL;

    legacyschema_write(t->input_schema, &input);
    legacyschema_write(t->output_schema, &output);
    whole.legacy_input = input.len ? buf_cstr(&input) : NULL;
    whole.legacy_output = output.len ? buf_cstr(&output) : NULL;
    if (buf_ok(&input) && buf_ok(&output))
        made = tool_copy(&whole);
    buf_fini(&input);
    buf_fini(&output);
    return made;
}

/* A part of something else bears its name. */
static bool is_part(const struct tool *t)
{
    return t->kind == TOOL_COMPLETER || t->kind == TOOL_LISTER;
}

int toolset_add(struct toolset *s, const struct tool *t, struct err *e)
{
    if (s->is_sealed)
        return err_set(e, MG_E_INVALID, "the set of tools is complete");
    for (size_t i = 0; i < s->count; i++)
        if (!is_part(t) && !is_part(s->added[i]) && strcmp(s->added[i]->name, t->name) == 0)
            return err_set(e, MG_E_CONFLICT, "%s: the tool %s is already declared by %s",
                           t->file ? t->file : "?", t->name,
                           s->added[i]->file ? s->added[i]->file : "?");
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 32;
        struct tool **more = realloc(s->added, cap * sizeof(struct tool *));
        if (!more)
            return err_set(e, MG_E_NOMEM, "tools: out of memory");
        s->added = more;
        s->cap = cap;
    }
    struct tool *copy = tool_made(t);
    if (!copy)
        return err_set(e, MG_E_NOMEM, "tools: out of memory");
    copy->index = (uint32_t)s->count;
    s->added[s->count++] = copy;
    s->kinds[t->kind]++;
    return 0;
}

static void problem_fini(struct toolset_problem *p)
{
    free((void *)p->file);
    free((void *)p->text);
    free((void *)p->shown);
}

int toolset_add_problem(struct toolset *s, const struct toolset_problem *problem)
{
    struct toolset_problem *more = realloc(s->problems, (s->problem_count + 1) * sizeof *more);

    if (!more)
        return MG_E_NOMEM;
    s->problems = more;
    struct toolset_problem copy = { .file = strdup(problem->file),
                                    .text = strdup(problem->text),
                                    .shown = strdup(problem->shown ? problem->shown : ""),
                                    .version = problem->version };
    if (!copy.file || !copy.text || !copy.shown) {
        problem_fini(&copy);
        return MG_E_NOMEM;
    }
    more[s->problem_count++] = copy;
    return 0;
}

bool toolset_has_problem(const struct toolset *s, const struct toolset_problem *problem)
{
    for (size_t i = 0; i < s->problem_count; i++) {
        const struct toolset_problem *p = &s->problems[i];
        if (p->version == problem->version && strcmp(p->file, problem->file) == 0 &&
            strcmp(p->text, problem->text) == 0)
            return true;
    }
    return false;
}

/* Connectors look for "search" first and "fetch" second. */
static int wire_rank(const char *name)
{
    if (strcmp(name, "search") == 0)
        return 0;
    return strcmp(name, "fetch") == 0 ? 1 : 2;
}

static int compare_names(const void *a, const void *b)
{
    const struct tool *x = *(struct tool *const *)a, *y = *(struct tool *const *)b;

    return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

/* Tools first; nobody looks at what is behind them. */
static int compare_wire(const void *a, const void *b)
{
    const struct tool *x = *(struct tool *const *)a, *y = *(struct tool *const *)b;
    int ra = wire_rank(x->name), rb = wire_rank(y->name);

    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;

    return ra != rb ? ra - rb : compare_names(a, b);
}

static struct tool **sorted(const struct toolset *s, int (*compare)(const void *, const void *))
{
    struct tool **list = calloc(s->count + 1, sizeof(struct tool *));

    if (list && s->count > 0) {
        memcpy(list, s->added, s->count * sizeof(struct tool *));
        qsort(list, s->count, sizeof(struct tool *), compare);
    }
    return list;
}

int toolset_seal(struct toolset *s)
{
    if (s->is_sealed)
        return 0;
    s->wire = sorted(s, compare_wire);
    s->by_name = sorted(s, compare_names);
    if (!s->wire || !s->by_name) {
        free(s->wire);
        free(s->by_name);
        s->wire = s->by_name = NULL;
        return MG_E_NOMEM;
    }
    s->is_sealed = true;
    return 0;
}

/* ---- life ---- */

static void toolset_free(struct toolset *s)
{
    for (size_t i = 0; i < s->count; i++) {
        schema_free(s->added[i]->input);
        schema_free(s->added[i]->output);
        headerparams_free(s->added[i]->headers);
        uritemplate_free(s->added[i]->pattern);
        skill_unref(s->added[i]->skill);
        free(s->added[i]);
    }
    for (size_t i = 0; i < s->problem_count; i++) {
        problem_fini(&s->problems[i]);
    }
    free(s->added);
    free(s->wire);
    free(s->by_name);
    free(s->problems);
    free(s);
}

struct toolset *toolset_ref(struct toolset *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void toolset_unref(struct toolset *s)
{
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        toolset_free(s);
}

/* ---- reading ---- */

uint32_t toolset_generation(const struct toolset *s) { return s->generation; }

size_t toolset_count(const struct toolset *s) { return s->kinds[TOOL_TOOL]; }

size_t toolset_size(const struct toolset *s) { return s->count; }

const struct tool *toolset_at(const struct toolset *s, size_t i)
{
    return s->is_sealed && i < s->kinds[TOOL_TOOL] ? s->wire[i] : NULL;
}

const struct tool *toolset_by_index(const struct toolset *s, uint32_t index)
{
    return index < s->count ? s->added[index] : NULL;
}

/* name has a length and no NUL; a tool's name sorts as strcmp() has it. */
static int name_compare(const char *name, size_t len, const char *tool)
{
    int c = strncmp(name, tool, len);

    return c != 0 || tool[len] == '\0' ? c : -1;
}

static const struct tool *list_find(struct tool *const *list, size_t high, const char *name,
                                    size_t len)
{
    size_t low = 0;

    /* A NUL inside would end the comparison early, and with it find the wrong tool. */
    if (memchr(name, '\0', len))
        return NULL;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = name_compare(name, len, list[mid]->name);
        if (c == 0)
            return list[mid];
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const struct tool *toolset_find(const struct toolset *s, const char *name, size_t len)
{
    return list_find(s->by_name, s->is_sealed ? s->kinds[TOOL_TOOL] : 0, name, len);
}

size_t toolset_offers(const struct toolset *s, enum tool_kind kind) { return s->kinds[kind]; }

static struct tool *const *offers_of(const struct toolset *s, enum tool_kind kind)
{
    struct tool *const *list = s->by_name;

    for (enum tool_kind k = TOOL_TOOL; k < kind; k++)
        list += s->kinds[k];
    return list;
}

const struct tool *toolset_offer_at(const struct toolset *s, enum tool_kind kind, size_t i)
{
    return s->is_sealed && i < s->kinds[kind] ? offers_of(s, kind)[i] : NULL;
}

const struct tool *toolset_offer_find(const struct toolset *s, enum tool_kind kind,
                                      const char *name, size_t len)
{
    return s->is_sealed ? list_find(offers_of(s, kind), s->kinds[kind], name, len) : NULL;
}

const struct tool *toolset_named(const struct toolset *s, const char *name)
{
    const struct tool *found = NULL;

    for (enum tool_kind k = TOOL_TOOL; k <= TOOL_SKILL && !found; k++)
        found = toolset_offer_find(s, k, name, strlen(name));
    return found;
}

const char *tool_wire_name(const struct tool *t)
{
    const char *colon = strchr(t->name, ':');

    return colon ? colon + 1 : t->name;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_shown_alike(const struct tool *x, const struct tool *y)
{
    return is_same_text(x->name, y->name) && is_same_text(x->title, y->title) &&
           is_same_text(x->description, y->description) &&
           is_same_text(x->input_schema, y->input_schema) &&
           is_same_text(x->output_schema, y->output_schema) &&
           is_same_text(x->annotations, y->annotations) && is_same_text(x->icons, y->icons) &&
           is_same_text(x->meta, y->meta) && is_same_text(x->arguments, y->arguments) &&
           is_same_text(x->uri, y->uri) && is_same_text(x->mime_type, y->mime_type) &&
           x->size == y->size && skill_is_same(x->skill, y->skill);
}

bool toolset_lists_alike(const struct toolset *a, const struct toolset *b, enum tool_kind kind)
{
    if (toolset_offers(a, kind) != toolset_offers(b, kind))
        return false;
    for (size_t i = 0; a != b && i < toolset_offers(a, kind); i++)
        if (!is_shown_alike(toolset_offer_at(a, kind, i), toolset_offer_at(b, kind, i)))
            return false;
    return true;
}

/* The next that is shown, from *i on, which goes behind it; NULL: no more. */
static const struct tool *next_shown(const struct toolset *s, struct toolset_filter f,
                                     enum tool_kind kind, size_t *i)
{
    while (f.arg && *i < toolset_offers(s, kind)) {
        const struct tool *t = toolset_offer_at(s, kind, (*i)++);
        if (f.shows(f.arg, t->name))
            return t;
    }
    return NULL;
}

bool toolset_lists_alike_for(const struct toolset *a, struct toolset_filter fa,
                             const struct toolset *b, struct toolset_filter fb, enum tool_kind kind)
{
    size_t i = 0, j = 0;

    for (;;) {
        const struct tool *x = next_shown(a, fa, kind, &i), *y = next_shown(b, fb, kind, &j);
        if (!x || !y)
            return x == y;
        if (!is_shown_alike(x, y))
            return false;
    }
}

size_t toolset_problem_count(const struct toolset *s) { return s->problem_count; }

const struct toolset_problem *toolset_problem_at(const struct toolset *s, size_t i)
{
    return i < s->problem_count ? &s->problems[i] : NULL;
}
