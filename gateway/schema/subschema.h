/* subschema.h - one compiled schema of a document. Private to schema. Immutable once compiled. */
#ifndef MG_SCHEMA_SUBSCHEMA_H
#define MG_SCHEMA_SUBSCHEMA_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "schema/document.h"
#include "schema/number.h"
#include "schema/schema.h"

#define TYPE_INTEGER (1U << 8) /* beside 1 << enum json_type */
#define NO_LIMIT UINT64_MAX

struct subschemas {
    const struct subschema **item;
    uint32_t count;
};
struct named { /* what a schema says of one name; sorted by it */
    const char *name;
    size_t len;
    const struct subschema *property;
    bool is_required;
};
struct pattern {
    pcre2_code *code;
    const char *text;
    const struct subschema *schema; /* NULL: of `pattern` itself */
    struct pattern *next;           /* of all, to be freed */
};
struct dependency { /* "when `name` is there" */
    const char *name;
    size_t len;
    const struct subschema *schema; /* or NULL: */
    uint32_t required;              /* an array of names in the document */
};
struct range {
    uint64_t min, max;
};

struct subschema {
    struct resource *resource;
    uint32_t node;
    bool is_never;       /* false */
    bool sees_evaluated; /* has unevaluatedProperties or unevaluatedItems */
    bool is_unique;
    unsigned types; /* a set of 1 << enum json_type and TYPE_INTEGER; 0 = any */
    const struct number *minimum, *maximum, *over, *under, *multiple_of;
    struct range length, items_count, members, matches; /* matches: of contains */
    uint32_t constant, choices;                         /* nodes of const and enum; 0 = none */
    uint32_t fallback;                                  /* node of default; 0 = none */
    const struct pattern *pattern;
    const struct subschema *reference, *dynamic;
    const char *dynamic_name; /* NULL: `dynamic` is an ordinary reference */
    struct subschemas all, any, one, prefix;
    const struct subschema *negated, *condition, *then, *otherwise;
    const struct subschema *items, *contains, *unevaluated_items;
    struct named *named;
    uint32_t named_count, required_count;
    struct pattern *patterns;
    struct dependency *dependencies;
    uint32_t pattern_count, dependency_count;
    const struct subschema *additional, *names, *unevaluated_members;
};

struct schema {
    struct documents documents;
    struct pattern *all_patterns;
    const struct subschema *root;
    bool has_defaults; /* somewhere in it */
};

#endif
