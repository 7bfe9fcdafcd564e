/* schema.h - JSON Schema 2020-12: compiled once, then held against texts.
 * All keywords of the core, applicator, unevaluated and validation vocabularies; format and content
 * are annotations. References reach the schema itself, what is in it, and the metaschemas; nothing
 * is fetched. `pattern` is PCRE2 with a match limit.
 * Bounds of one check: SCHEMA_STEPS steps (some 30 ns each), SCHEMA_DEPTH schemas inside each
 * other. Lifetime: a schema is immutable until schema_free(). Threads: any number may check at
 * once. */
#ifndef MG_SCHEMA_H
#define MG_SCHEMA_H
#include "base/json_scan.h"

#define SCHEMA_STEPS 400000
#define SCHEMA_DEPTH 300
#define SCHEMA_MATCH_LIMIT 100000 /* of one pattern on one string, in PCRE2's steps */

struct schema;

/* Another document that references may name, under the URI it would have been fetched from. */
struct schema_document {
    const char *uri, *text;
    size_t len;
};

/* text: a whole JSON schema. documents: n of them, borrowed until this returns. NULL with
 * MG_E_INVALID ("at /properties/a/type: ..."), MG_E_LIMIT or MG_E_NOMEM. */
struct schema *schema_compile(const char *text, size_t len, const struct schema_document *documents,
                              size_t n, struct err *e);
void schema_free(struct schema *s); /* NULL is legal */

/* instance: text that json_scan() accepted. 0: it fits. MG_E_INVALID: it does not, with the place,
 * what was expected and what came: "at /times: expected at most 10, got 12". MG_E_LIMIT: it would
 * take too long to tell. MG_E_NOMEM. */
int schema_check(const struct schema *s, struct json_text instance, struct err *e) MG_NODISCARD;

#endif
