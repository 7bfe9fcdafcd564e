/* schema.h - JSON Schema 2020-12: compiled once, then held against texts.
 * All keywords of the core, applicator, unevaluated and validation vocabularies; format and content
 * are annotations. References reach the schema itself, what is in it, and the metaschemas; nothing
 * is fetched. `pattern` is PCRE2 with a match limit.
 * Bounds of one check: SCHEMA_STEPS steps (some 30 ns each), SCHEMA_DEPTH schemas inside each
 * other. Lifetime: a schema is immutable until schema_free(). Threads: any number may check at
 * once. */
#ifndef MG_SCHEMA_H
#define MG_SCHEMA_H
#include "base/buf.h"
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

/* What the arguments of a call mean. SCHEMA_ARGUMENTS: members that are missing get their
 * `default`, also in objects inside; a member of the root that is null and not required is absent.
 * With SCHEMA_COERCE besides, for clients of older, lenient servers: members of the root are made
 * to fit: a number's text becomes the number, a number becomes text, "true" a truth value; whole
 * numbers are cut, numbers out of range moved to its edge; items that do not fit their list are
 * left out; what has another type all the same, and what the schema does not name, is absent, and
 * nothing is required. SCHEMA_RESULT: {} becomes [] where the schema wants a list, for writers that
 * cannot tell the two apart. *fitted gets the text to use instead, or stays empty: use the one that
 * came. Then it is checked; with SCHEMA_COERCE, member by member. Errors as of schema_check(); e is
 * not NULL. */
enum schema_use { SCHEMA_ARGUMENTS = 1, SCHEMA_COERCE = 2, SCHEMA_RESULT = 4 };
int schema_fit(const struct schema *s, struct json_text instance, unsigned use, struct buf *fitted,
               struct err *e) MG_NODISCARD;

/* Is every `default` of the text itself allowed where it stands? MG_E_INVALID tells which is not.
 */
int schema_check_defaults(const struct schema *s, struct err *e) MG_NODISCARD;

#endif
