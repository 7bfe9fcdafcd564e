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

struct schema;

struct tool {
    const char *name;
    const char *title, *description; /* NULL when not declared */
    const char *input_schema;        /* JSON text on one line, an object with "type":"object" */
    const char *output_schema;       /* or NULL */
    /* Compiled, the set's own; NULL: anything goes. */
    struct schema *input, *output;
    const char *annotations, *icons, *meta; /* JSON text or NULL */
    /* What the file says it needs, and the settings that it declares: for people, JSON or NULL. */
    const char *needs, *settings;
    const char *file;   /* "greet.lua", for messages */
    int64_t timeout_ms; /* already within what mcp.ini allows */
    uint64_t memory_bytes;
    uint32_t concurrent;                  /* per process; 0 = only the process-wide limit */
    uint32_t rate_bucket, rate_window_ms; /* 0 = none */
    bool coerce;
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
/* Copies everything, but takes over the compiled schemas when it returns 0. MG_E_CONFLICT with a
 * text naming both files for a name that is taken. */
int toolset_add(struct toolset *s, const struct tool *t, struct err *e) MG_NODISCARD;
/* Copies everything. shown NULL: nothing more to show. */
int toolset_add_problem(struct toolset *s, const struct toolset_problem *p) MG_NODISCARD;
int toolset_seal(struct toolset *s) MG_NODISCARD; /* sorts; from here on it is immutable */

struct toolset *toolset_ref(struct toolset *s);
void toolset_unref(struct toolset *s);
uint32_t toolset_generation(const struct toolset *s);
size_t toolset_count(const struct toolset *s);
const struct tool *toolset_at(const struct toolset *s, size_t i);             /* wire order */
const struct tool *toolset_by_index(const struct toolset *s, uint32_t index); /* order of adding */
const struct tool *toolset_find(const struct toolset *s, const char *name, size_t len);
/* Would a client be shown the same list? Both are sealed. */
bool toolset_lists_alike(const struct toolset *a, const struct toolset *b);
/* Was this very problem there already, with the same version of its file? */
bool toolset_has_problem(const struct toolset *s, const struct toolset_problem *p);
size_t toolset_problem_count(const struct toolset *s);
const struct toolset_problem *toolset_problem_at(const struct toolset *s, size_t i);

#endif
