/* admit.h - who may come in: Host and Origin, the address's token, the key, the key's token, in
 * this order; 429 comes before 401, so that guessing keys is limited. Every request but the health
 * pages passes here, on every path. Threads: the worker's. */
#ifndef MG_ADMIT_H
#define MG_ADMIT_H
#include <stdbool.h>

#include "auth/principal.h"
#include "http/exchange.h"
#include "base/json_scan.h"
#include "worker/access.h"

struct worker;

enum admit_form {
    ADMIT_JSON,   /* refusals are JSON-RPC errors */
    ADMIT_PAGE,   /* plain texts */
    ADMIT_STREAM, /* event streams: plain texts, and ?key= counts where [auth] query_key allows it
                   */
};

/* Host and Origin alone. False: refused with 403, answered and logged. */
bool admit_origin(struct worker *w, struct exchange *x, const struct access *a);

/* Tokens and key, after admit_origin(). Returns the principal (lives as long as the worker's
 * serving) and sets a->key, or NULL: answered and logged. */
const struct principal *admit(struct worker *w, struct exchange *x, struct access *a,
                              enum admit_form form);

/* n further tokens of both kinds, for a request that asks for as much as n more would: false:
 * answered with 429 and logged. */
bool admit_more(struct worker *w, struct exchange *x, const struct access *a,
                const struct principal *p, size_t n);

/* The ends of a request that is not served, logged and with the CORS fields: a JSON-RPC error about
 * id, or without one where that is JSON_NONE; a plain text. */
void admit_error(struct worker *w, struct exchange *x, const struct access *a, int status, int code,
                 struct json_text id, const char *message);
void admit_text(struct worker *w, struct exchange *x, const struct access *a, int status,
                const char *text);

/* Adds the CORS fields of an allowed origin to fields[*n..]; at most ADMIT_CORS_FIELDS. */
#define ADMIT_CORS_FIELDS 6
void admit_cors(const struct worker *w, const struct exchange *x, bool is_preflight,
                struct http_field *fields, size_t *n);

#endif
