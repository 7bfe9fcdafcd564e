#include "worker/origin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

static bool is_port(const char *s, size_t len)
{
    unsigned value = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        value = value * 10 + (unsigned)(s[i] - '0');
    }
    return value <= 65535;
}

static bool is_host(const char *s, size_t len, bool is_ipv6)
{
    const char *extra = is_ipv6 ? ":." : "-._";
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && (c == '\0' || !strchr(extra, c)))
            return false;
    }
    return len > 0 && len <= 255;
}

bool authority_parse(const char *text, size_t len, struct authority *out)
{
    const char *end = text + len, *after;
    *out = (struct authority){ 0 };
    bool is_ipv6 = len > 0 && text[0] == '[';
    if (is_ipv6) {
        const char *close = memchr(text, ']', len);
        if (!close)
            return false;
        out->host = text + 1;
        out->host_len = (size_t)(close - out->host);
        after = close + 1;
    } else {
        const char *colon = memchr(text, ':', len);
        out->host = text;
        after = colon ? colon : end;
        out->host_len = (size_t)(after - text);
    }
    if (!is_host(out->host, out->host_len, is_ipv6))
        return false;
    if (after == end)
        return true;
    out->port = after + 1;
    out->port_len = (size_t)(end - out->port);
    return *after == ':' && is_port(out->port, out->port_len);
}

static bool text_is(const char *s, size_t len, const char *want)
{
    return strlen(want) == len && strncasecmp(s, want, len) == 0;
}

/* 127.0.0.0/8 in four plain numbers: no name server can be asked for such a host. */
static bool is_loopback_v4(const char *s, size_t len)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr v4;
    if (len >= sizeof text || len < 4 || memcmp(s, "127.", 4) != 0)
        return false;
    if (len == 9 && memcmp(s, "127.0.0.1", 9) == 0)
        return true;
    memcpy(text, s, len);
    text[len] = '\0';
    return inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

bool authority_is_loopback(const struct authority *a)
{
    return text_is(a->host, a->host_len, "localhost") || text_is(a->host, a->host_len, "::1") ||
           is_loopback_v4(a->host, a->host_len);
}

/* scheme://authority[/...]: the authority's extent. */
static bool url_authority(const char *url, const char **start, size_t *len)
{
    const char *p = strstr(url, "://");
    if (!p)
        return false;
    *start = p + 3;
    *len = strcspn(*start, "/?#");
    return true;
}

/* allowed without a port fits every port. */
static bool authority_fits(const struct authority *a, const char *allowed, size_t len)
{
    struct authority want;
    if (!authority_parse(allowed, len, &want))
        return false;
    if (a->host_len != want.host_len || strncasecmp(a->host, want.host, a->host_len) != 0)
        return false;
    return !want.port || (a->port && a->port_len == want.port_len &&
                          memcmp(a->port, want.port, a->port_len) == 0);
}

bool host_is_allowed(const char *host, const char *const *allowed, const char *public_url)
{
    struct authority a;
    const char *own;
    size_t len;
    if (!host || !authority_parse(host, strlen(host), &a))
        return false;
    if (authority_is_loopback(&a))
        return true;
    for (; *allowed; allowed++)
        if (authority_fits(&a, *allowed, strlen(*allowed)))
            return true;
    if (!public_url || !public_url[0] || !url_authority(public_url, &own, &len))
        return false;
    struct authority public;
    return authority_parse(own, len, &public) && a.host_len == public.host_len &&
           strncasecmp(a.host, public.host, a.host_len) == 0;
}

static bool is_loopback_origin(const char *origin)
{
    const char *start;
    size_t len;
    struct authority a;
    if (strncasecmp(origin, "http://", 7) != 0 && strncasecmp(origin, "https://", 8) != 0)
        return false;
    return url_authority(origin, &start, &len) && start[len] == '\0' &&
           authority_parse(start, len, &a) && authority_is_loopback(&a);
}

bool origin_is_allowed(const char *origin, const char *const *allowed, const char *public_url)
{
    bool is_null = strcmp(origin, "null") == 0;
    if (!is_null && is_loopback_origin(origin))
        return true;
    for (; *allowed; allowed++) {
        if (strcmp(*allowed, "*") == 0 && !is_null)
            return true;
        if (strcasecmp(*allowed, origin) == 0)
            return true;
    }
    const char *own;
    size_t len;
    if (is_null || !public_url || !public_url[0] || !url_authority(public_url, &own, &len))
        return false;
    size_t whole = (size_t)(own - public_url) + len;
    return strlen(origin) == whole && strncasecmp(origin, public_url, whole) == 0;
}
