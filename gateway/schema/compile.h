/* compile.h - what the parts of the compiler share. Private to schema. */
#ifndef MG_SCHEMA_COMPILE_H
#define MG_SCHEMA_COMPILE_H
#include "schema/subschema.h"

struct dynamic_name {
    struct dynamic_name *next;
    const char *name;
};

struct compiler {
    struct dynamic_name *dynamic_names; /* of all dynamic references */
    struct schema *schema;
    struct err *e;
    uint32_t depth, compiled;
};

/* The compiled schema at a node: made now, or found. NULL: *e says why. */
const struct subschema *compile_node(struct compiler *c, struct document *doc, uint32_t node);
/* "at /a/b: " and what is wrong. Returns MG_E_INVALID. */
int compile_fail(struct compiler *c, const struct document *doc, uint32_t node, const char *what);
int compile_no_memory(struct compiler *c);

/* compile_object.c: properties, required, patternProperties, dependent*, ... */
int compile_object_keywords(struct compiler *c, struct document *doc, struct subschema *s);
/* compile_scalar.c: type, const, enum, numbers, lengths, pattern */
int compile_scalar_keywords(struct compiler *c, struct document *doc, struct subschema *s);
/* regex.c: as ECMA-262 means it. NULL with *e's text set (no place), or without memory. */
pcre2_code *regex_compile(const char *text, size_t len, struct err *e);
int compile_pattern(struct compiler *c, struct document *doc, uint32_t node, struct pattern *p);

/* The node of a member of s, or 0. */
uint32_t compile_member(const struct document *doc, const struct subschema *s, const char *name);

#endif
