/* headerparams.h - which arguments of a tool a modern client repeats in headers: those whose schema
 * says "x-mcp-header": "Region", in the header Mcp-Param-Region.
 * Immutable once compiled; threads: any. */
#ifndef MG_TOOLS_HEADERPARAMS_H
#define MG_TOOLS_HEADERPARAMS_H
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_scan.h"

#define HEADERPARAMS_MAX 16 /* of a tool: as many as a request may carry */

struct headerparam {
    struct headerparam *next; /* in the order of the schema */
    const char *header;       /* "Mcp-Param-Region" */
    enum json_type type;      /* JSON_STRING, JSON_TRUE: a boolean, JSON_NUMBER: an integer */
    unsigned depth;           /* how many names lead from the arguments to the value */
    const char *names[];      /* decoded */
};

/* Those of an input schema, which is a valid JSON text. *out is NULL when there are none; the
 * caller frees it. MG_E_INVALID: "at /properties/region: ...", where the keyword stands in a place
 * or says something that no client can follow; MG_E_NOMEM. */
int headerparams_compile(const char *schema, size_t len, struct headerparam **out,
                         struct err *e) MG_NODISCARD;
void headerparams_free(struct headerparam *first); /* NULL is allowed */

/* The value in a call's arguments; JSON_NONE when it is not there. */
struct json_text headerparam_value(const struct headerparam *h, struct json_text arguments);

/* Appends the header that says so, as a client sends it: "Mcp-Param-Region: eu"; in Base64 what no
 * header may hold. False, and nothing: the value is not there, or none that a header repeats. */
bool headerparam_write(const struct headerparam *h, struct json_text value, struct buf *out);

#endif
