/* toolset.h - the immutable set of tools of one generation, shared by all workers.
 * Built by the loader from what the Lua files declare, then never changed; a reference count frees
 * it. Lists are in wire order: "search", "fetch", then by name, bytewise. Threads: any, once built.
 * All strings belong to the set. */
#ifndef MG_TOOLSET_H
#define MG_TOOLSET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct headerparam;
struct schema;
struct skill;
struct uritemplate;

/* What else a file may declare is run as a tool is, under grants and limits of its own; it is no
 * tool for those who list and call tools. */
enum tool_kind {
    TOOL_TOOL,
    TOOL_PROMPT,    /* its name begins with "prompt:" */
    TOOL_RESOURCE,  /* "resource:" */
    TOOL_TEMPLATE,  /* likewise: of resources */
    TOOL_SKILL,     /* "skill:"; nothing of it runs */
    TOOL_COMPLETER, /* completes what the prompt or template of the same name takes */
    TOOL_LISTER,    /* lists resources of the template of the same name */
    TOOL_KINDS
};

struct tool {
    enum tool_kind kind;
    const char *name;
    const char *title, *description; /* NULL when not declared */
    const char *input_schema;        /* JSON text on one line, an object with "type":"object" */
    const char *output_schema;       /* or NULL */
    /* The same for clients up to 2025-11-25, by toolset_add(); NULL: as they are. */
    const char *legacy_input, *legacy_output;
    /* Compiled, the set's own; NULL: anything goes. */
    struct schema *input, *output;
    struct headerparam *headers;            /* of input; the set's own; NULL: none */
    const char *annotations, *icons, *meta; /* JSON text or NULL */
    /* What the file says it needs, and the settings that it declares: for people, JSON or NULL. */
    const char *needs, *settings;
    const char *arguments;       /* of a prompt: JSON text, a list; or NULL */
    const char *uri, *mime_type; /* of a resource; the URI of a template is a URI template */
    int64_t size;                /* of a resource, in bytes; -1: unknown */
    /* How long clients may keep what is read of a resource, or of a template's; for all callers? */
    int64_t cache_ttl_ms;
    bool cache_is_public;
    struct uritemplate *pattern; /* of a template: its URI, compiled; the set's own */
    struct skill *skill;         /* of a skill: a reference of the set's own */
    const char *file;            /* "greet.lua", for messages */
    int64_t timeout_ms;          /* already within what mcp.ini allows */
    uint64_t memory_bytes;
    uint32_t concurrent;                  /* per process; 0 = only the process-wide limit */
    uint32_t rate_bucket, rate_window_ms; /* 0 = none */
    bool coerce;
    bool needs_task; /* only for clients that know tasks: its calls become some */
    unsigned metric; /* metrics_tool() index */
    uint32_t index;  /* position in the set: the Lua side's handle */
};

struct toolset_problem { /* a file that did not load */
    const char *file;
    const char *text; /* "tools.d/greet.lua:12: ..." one line for each thing that is wrong */
    /* The same for people, with the lines of the file that are meant; "": nothing more to show. */
    const char *shown;
    uint64_t version; /* of the file: another number for another content, in this process */
};

struct toolset;
struct toolset *toolset_new(uint32_t generation); /* NULL: no memory; building starts */
/* Copies everything, but takes over what is compiled when it returns 0.
 * MG_E_CONFLICT with a text naming both files for a name that is taken. */
int toolset_add(struct toolset *s, const struct tool *t, struct err *e) MG_NODISCARD;
/* Copies everything. shown NULL: nothing more to show. */
int toolset_add_problem(struct toolset *s, const struct toolset_problem *p) MG_NODISCARD;
int toolset_seal(struct toolset *s) MG_NODISCARD; /* sorts; from here on it is immutable */

struct toolset *toolset_ref(struct toolset *s);
void toolset_unref(struct toolset *s);
uint32_t toolset_generation(const struct toolset *s);
size_t toolset_count(const struct toolset *s);                    /* tools alone */
const struct tool *toolset_at(const struct toolset *s, size_t i); /* tools, in wire order */
/* A tool; nothing else is found. */
const struct tool *toolset_find(const struct toolset *s, const char *name, size_t len);
/* Everything, of every kind, in the order of adding. */
size_t toolset_size(const struct toolset *s);
const struct tool *toolset_by_index(const struct toolset *s, uint32_t index);
/* Would a client be shown the same list of that kind? Both are sealed. */
bool toolset_lists_alike(const struct toolset *a, const struct toolset *b, enum tool_kind kind);

/* The same for one who is shown only what his filter lets through; a filter gets its arg. */
struct toolset_filter {
    bool (*shows)(const void *arg, const char *name);
    const void *arg; /* NULL: nothing is shown */
};
bool toolset_lists_alike_for(const struct toolset *a, struct toolset_filter fa,
                             const struct toolset *b, struct toolset_filter fb,
                             enum tool_kind kind);

/* ---- what is no tool; by kind, and then by name, bytewise ---- */
size_t toolset_offers(const struct toolset *s, enum tool_kind kind); /* how many */
const struct tool *toolset_offer_at(const struct toolset *s, enum tool_kind kind, size_t i);
const struct tool *toolset_offer_find(const struct toolset *s, enum tool_kind kind,
                                      const char *name, size_t len);
/* A tool, prompt, resource, template or skill by its full name, as mcp.ini knows it; NULL: none. */
const struct tool *toolset_named(const struct toolset *s, const char *name);
/* "review" of "prompt:review": what clients call it. */
const char *tool_wire_name(const struct tool *t);
/* Was this very problem there already, with the same version of its file? */
bool toolset_has_problem(const struct toolset *s, const struct toolset_problem *p);
size_t toolset_problem_count(const struct toolset *s);
const struct toolset_problem *toolset_problem_at(const struct toolset *s, size_t i);

#endif
