/* check.h - what the parts of a check share. Private to schema. */
#ifndef MG_SCHEMA_CHECK_H
#define MG_SCHEMA_CHECK_H
#include "schema/subschema.h"

/* Where we are in the instance, from the inside out; made on the stack on the way in. */
struct place {
    const struct place *up;
    uint32_t key;   /* node of the member's name, or 0: */
    uint32_t index; /* of the item */
};
/* The resources that were entered on the way here, from the inside out. */
struct scope {
    const struct scope *up;
    const struct resource *resource;
};

struct check {
    struct tape tape; /* the instance */
    struct arena arena;
    struct err *e;
    pcre2_match_data *match_data;
    pcre2_match_context *match_context;
    uint64_t steps;
    uint32_t depth;
    int failure;   /* MG_E_LIMIT or MG_E_NOMEM: no answer is possible; everything ends */
    unsigned mute; /* inside what may fail without meaning anything */
};

/* One value under one schema. `seen` has a byte for each member or item that some schema at this
 * place has looked at; NULL where nobody will ask. */
struct frame {
    const struct subschema *s;
    uint32_t node;
    uint8_t *seen;
    const struct place *place;
    const struct scope *scope;
};

/* A check of s, or of a part of it, against an instance. MG_E_NOMEM: not begun. */
int check_begin(struct check *c, struct json_text instance, struct err *e) MG_NODISCARD;
void check_end(struct check *c);
int check_root(struct check *c, const struct subschema *s); /* 0, MG_E_INVALID, LIMIT, NOMEM */

/* All return whether it fits; false too when c->failure is set. */
bool check_value(struct check *c, const struct subschema *s, uint32_t node, uint8_t *seen,
                 const struct place *place, const struct scope *scope);
bool check_object(struct check *c, const struct frame *f);
bool check_array(struct check *c, const struct frame *f);
bool check_scalar(struct check *c, const struct frame *f);
/* Last of all: they ask what the others have seen. */
bool check_unevaluated(struct check *c, const struct frame *f);

/* What s says of a name by properties and required, or NULL. */
const struct named *named_find(const struct subschema *s, const char *name, size_t len);

/* Counts work; false when there has been too much. */
bool check_work(struct check *c, uint64_t steps);
/* Notes "at /a/0: expected ..., got ..." unless muted. Returns false. */
bool check_fail(struct check *c, const struct frame *f, const char *fmt, ...) MG_PRINTF(3, 4);
bool check_no_memory(struct check *c);
/* Does a string of the instance match? */
bool check_matches(struct check *c, const struct pattern *p, uint32_t string);
/* A string's bytes, decoded in the arena where need be. NULL: no memory. */
const char *check_text(struct check *c, uint32_t string, size_t *len);

/* equal.c: values compared as JSON Schema does: 1 and 1.0 are one, members have no order. */
bool equal_values(struct check *c, const struct tape *a, uint32_t i, const struct tape *b,
                  uint32_t j);
uint64_t equal_hash(struct check *c, const struct tape *t, uint32_t i); /* equal ones have equal
                                                                           ones */

#endif
