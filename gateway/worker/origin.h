/* origin.h - authorities and origins: is this Host ours, is this Origin allowed?
 * One parser for both, so that no two places read an authority differently. Pure. */
#ifndef MG_ORIGIN_H
#define MG_ORIGIN_H
#include <stdbool.h>
#include <stddef.h>

struct authority {    /* parts of "host:port", borrowed */
    const char *host; /* without the brackets of an IPv6 address */
    size_t host_len;
    const char *port; /* NULL: none */
    size_t port_len;
};

/* False: not an authority (userinfo, blanks, a path, an empty host, a port that is no number). */
bool authority_parse(const char *text, size_t len, struct authority *out);
bool authority_is_loopback(const struct authority *a); /* localhost, 127.x.x.x, ::1; any port */

/* Host header: loopback, or in allowed ("mcp.example.com", "mcp.example.com:8443", "*.example.com"
 * is not known: names only), or the host of public_url. allowed is NULL-terminated. */
bool host_is_allowed(const char *host, const char *const *allowed, const char *public_url);

/* Origin header: scheme://authority. Loopback with http or https, or in allowed (exactly, any case
 * of scheme and host; "*" is all but null, "null" only when listed), or public_url's own origin. */
bool origin_is_allowed(const char *origin, const char *const *allowed, const char *public_url);

#endif
