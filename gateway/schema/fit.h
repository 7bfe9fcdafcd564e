/* fit.h - what the parts of schema_fit() share. Private to schema. */
#ifndef MG_SCHEMA_FIT_H
#define MG_SCHEMA_FIT_H
#include "base/buf.h"
#include "schema/check.h"

struct fit {
    struct check check; /* of the instance */
    unsigned use;       /* enum schema_use */
    struct buf *out;
    bool is_changed;
};

/* Through what only refers to another schema. */
const struct subschema *fit_target(const struct subschema *s);
/* Writes a value as it is meant under s (NULL: as it came). */
void fit_value(struct fit *f, const struct subschema *s, uint32_t node);
/* fit_coerce.c: writes the value of a member of the root, made to fit. False: it has another type
 * and cannot be converted, or f->check.failure is set, also to MG_E_INVALID for one of the right
 * type that does not fit; the caller takes back what was written. */
bool fit_coerce(struct fit *f, const struct subschema *s, uint32_t node, const char *name,
                size_t len);

#endif
