/* fuzz_uri.c - URLs of requests and targets of ours. Input: a base, a newline, what is resolved
 * against it, which is also read as a target. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http/guard.h"
#include "io/fetch_url.h"

static void check_url(const struct fetch_url *u)
{
    struct fetch_url again = { 0 };
    char grant[FETCH_URL_MAX + 16];

    fuzz_hold(strncmp(u->text, u->is_tls ? "https://" : "http://", u->is_tls ? 8 : 7) == 0,
              "a URL begins with its scheme");
    fuzz_hold(u->host[0] != '\0' && u->port != 0, "a URL has a host and a port");
    for (const char *p = u->text; *p; p++)
        fuzz_hold((unsigned char)*p > ' ' && (unsigned char)*p < 127, "a URL is printable");
    for (const char *p = u->host; *p; p++)
        fuzz_hold(!(*p >= 'A' && *p <= 'Z'), "a host is in lower case");
    fuzz_hold(fetch_url_parse(&again, NULL, u->text, NULL) == 0 &&
                  strcmp(u->text, again.text) == 0 && strcmp(u->host, again.host) == 0 &&
                  u->port == again.port && fetch_url_same_origin(u, &again),
              "a normalised URL is normalised to itself");
    fetch_host_grant(u, grant, sizeof grant);
    const char *const hosts[] = { grant, NULL };
    /* In a grant the brackets of an IPv6 address are a set of a glob: not judged here. */
    if (u->host[0] != '[' && !strpbrk(u->host, "*?["))
        fuzz_hold(fetch_host_is_granted(hosts, u->host, u->port), "a URL's own grant grants it");
    fetch_url_fini(&again);
}

static void check_target(const char *target)
{
    char whole[8300], part[24];
    const char *reason = guard_target(target);

    target_mask(target, whole, sizeof whole);
    target_mask(target, part, sizeof part);
    fuzz_hold(strlen(part) < sizeof part && strlen(whole) < sizeof whole, "a masked target fits");
    fuzz_hold(strncmp(whole, target, strcspn(target, "?")) == 0 || strlen(target) > 8000,
              "a path is not masked");
    for (const char *p = strchr(whole, '?'); p; p = strchr(p + 1, '&'))
        if (strncmp(p + 1, "key=", 4) == 0)
            fuzz_hold(p[5] == '\0' || p[5] == '&' || strncmp(p + 5, "***", 3) == 0 ||
                          strcmp(p + 5 + strspn(p + 5, "*"), "...") == 0, /* cut in the middle */
                      "a key is masked");
    if (!reason)
        fuzz_hold(target[0] == '/' || strcmp(target, "*") == 0, "a target has the origin form");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fetch_url base = { 0 }, url = { 0 };
    size_t len;
    char *first = fuzz_take(&data, &size, '\n', NULL);
    char *second = fuzz_take(&data, &size, '\n', &len);
    bool has_base = fetch_url_parse(&base, NULL, first, NULL) == 0;

    if (has_base)
        check_url(&base);
    if (fetch_url_parse(&url, has_base ? &base : NULL, second, NULL) == 0) {
        check_url(&url);
#ifdef FUZZ_PLANT
        if (has_base && url.port != base.port && !url.is_tls)
            fuzz_overrun(url.text, strlen(url.text));
#endif
        fetch_url_fini(&url);
    }
    check_target(second);
    if (has_base)
        fetch_url_fini(&base);
    free(first);
    free(second);
    return 0;
}
