/* fetch_url.h - the URL of a request, taken apart by the same code that will use it, so that what
 * is judged and what is done cannot differ.
 * Accepted are http and https with a host, without user and password. A host is a name in ASCII
 * (one with other letters is written xn--...), IPv4 in any spelling, which is normalised to four
 * decimal numbers, or IPv6 in brackets without a zone. One dot at its end is dropped; case does not
 * matter. Blanks and bytes over 127 in path and query are percent-encoded; control characters are
 * refused; the fragment is dropped.
 * Lifetime: {0} is valid and empty; fetch_url_fini() frees.   Threads: any. */
#ifndef MG_FETCH_URL_H
#define MG_FETCH_URL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FETCH_URL_MAX 8192 /* bytes */

struct fetch_url {
    char *text;       /* whole, normalised */
    const char *host; /* behind text; lower case; IPv6 in brackets */
    uint16_t port;
    bool is_tls;
};

/* Resolves text against base, which may be NULL. 0; MG_E_INVALID; MG_E_DENIED for a scheme that is
 * not http or https; MG_E_NOMEM. The reason repeats nothing of a path or a query. */
int fetch_url_parse(struct fetch_url *out, const struct fetch_url *base, const char *text,
                    struct err *e) MG_NODISCARD;
void fetch_url_fini(struct fetch_url *u);
/* The same scheme, host and port? */
bool fetch_url_same_origin(const struct fetch_url *a, const struct fetch_url *b);

/* Is host (lower case) at port among the grants "HOST" (ports 80 and 443) and "HOST:PORT"? HOST may
 * be a glob; case does not matter. hosts is NULL or NULL-terminated. */
bool fetch_host_is_granted(const char *const *hosts, const char *host, uint16_t port);
/* What a line of mcp.ini that grants it says: "api.example.org" or "api.example.org:8080". */
void fetch_host_grant(const struct fetch_url *u, char *out, size_t size);

#endif
