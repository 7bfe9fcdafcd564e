#include "http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PORT_TRIES 32 /* for a port that is free on every address */

static const struct sockaddr_in *as_v4(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in *)(const void *)a;
}

static const struct sockaddr_in6 *as_v6(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in6 *)(const void *)a;
}

/* The IPv4 address in network order, of either kind. */
static bool get_v4(const struct sockaddr_storage *a, struct in_addr *out)
{
    if (a->ss_family == AF_INET) {
        *out = as_v4(a)->sin_addr;
        return true;
    }
    if (a->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&as_v6(a)->sin6_addr))
        return false;
    memcpy(out, &as_v6(a)->sin6_addr.s6_addr[12], sizeof *out);
    return true;
}

void address_text(const struct sockaddr_storage *a, char out[ADDRESS_TEXT])
{
    struct in_addr v4;
    out[0] = '\0';
    if (get_v4(a, &v4))
        inet_ntop(AF_INET, &v4, out, ADDRESS_TEXT);
    else if (a->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &as_v6(a)->sin6_addr, out, ADDRESS_TEXT);
}

uint16_t address_port(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET6 ? as_v6(a)->sin6_port : as_v4(a)->sin_port);
}

bool address_is_loopback(const struct sockaddr_storage *a)
{
    struct in_addr v4;
    if (get_v4(a, &v4))
        return ntohl(v4.s_addr) >> 24 == 127;
    return a->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&as_v6(a)->sin6_addr);
}

bool address_is_any(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return as_v4(a)->sin_addr.s_addr == INADDR_ANY;
    return a->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&as_v6(a)->sin6_addr);
}

void address_key(const struct sockaddr_storage *a, struct peer_key *out)
{
    struct in_addr v4;
    *out = (struct peer_key){ 0 };
    if (get_v4(a, &v4)) {
        out->bytes[10] = out->bytes[11] = 0xff;
        memcpy(&out->bytes[12], &v4, sizeof v4);
    } else if (a->ss_family == AF_INET6) {
        memcpy(out->bytes, as_v6(a)->sin6_addr.s6_addr, 8);
    }
}

/* ---- the addresses to listen on ---- */

static void set_port(struct http_address *a, uint16_t port)
{
    struct sockaddr_storage ss = { 0 };
    memcpy(&ss, a->sockaddr, a->len);
    if (ss.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)&ss)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)&ss)->sin_port = htons(port);
    memcpy(a->sockaddr, &ss, a->len);
    char text[ADDRESS_TEXT];
    address_text(&ss, text);
    snprintf(a->text, sizeof a->text, strchr(text, ':') ? "[%s]:%u" : "%s:%u", text, port);
}

/* Binds once, without SO_REUSEPORT: that fails while another process listens, and a connection in
 * TIME_WAIT does not stand in its way. Returns 0 or an errno; *port is the one that was bound. */
static int probe(const struct http_address *a, uint16_t *port)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = a->len;
    memcpy(&ss, a->sockaddr, a->len);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int on = 1, rc = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ss.ss_family == AF_INET6 && !address_is_any(&ss))
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&ss, len) != 0)
        rc = errno;
    len = sizeof ss;
    if (rc == 0 && getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
        *port = address_port(&ss);
    close(fd);
    return rc;
}

/* Without SO_REUSEADDR, so that nobody's probe passes, and with SO_REUSEPORT, as the sockets that
 * will listen. It fails where a server of another kind has left connections in TIME_WAIT. */
static int guard_open(const struct http_address *a)
{
    struct sockaddr_storage ss = { 0 };
    memcpy(&ss, a->sockaddr, a->len);
    int on = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (ss.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ !address_is_any(&ss) }, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&ss, a->len) == 0)
        return fd;
    close(fd);
    return -1;
}

void http_addresses_hold(struct http_address *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i].guard = guard_open(&a[i]);
}

void http_addresses_release(struct http_address *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].guard >= 0)
            close(a[i].guard);
        a[i].guard = -1;
    }
}

static bool is_absent(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

static bool is_loopback_name(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "::1") == 0;
}

static int add(const char *host, struct http_address *out, size_t max, size_t *n, struct err *e)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE };
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host, NULL, &hints, &list);
    if (rc != 0)
        return err_set(e, MG_E_INVALID, "cannot resolve the address %s: %s", host,
                       rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
    for (struct addrinfo *i = list; i && *n < max; i = i->ai_next) {
        struct http_address *a = &out[*n];
        if ((i->ai_family != AF_INET && i->ai_family != AF_INET6) ||
            i->ai_addrlen > sizeof a->sockaddr)
            continue;
        a->len = (uint32_t)i->ai_addrlen;
        memcpy(a->sockaddr, i->ai_addr, i->ai_addrlen);
        a->guard = -1;
        ++*n;
    }
    freeaddrinfo(list);
    return 0;
}

/* Probes all of them with one port; 0: with one that the first probe picks. Addresses of a family
 * that this machine does not have leave the list when there are others. Returns 0 or an errno, *at
 * says of which. */
static int probe_all(struct http_address *out, size_t *n, uint16_t *port, size_t *at)
{
    for (size_t i = 0; i < *n;) {
        set_port(&out[i], *port);
        int rc = probe(&out[i], port);
        if (is_absent(rc) && *n > 1) {
            memmove(&out[i], &out[i + 1], (*n - i - 1) * sizeof *out);
            --*n;
            continue;
        }
        *at = i;
        if (rc != 0)
            return rc;
        set_port(&out[i++], *port);
    }
    return 0;
}

int http_addresses(const char *host, uint16_t port, struct http_address *out, size_t max, size_t *n,
                   uint16_t *picked, struct err *e)
{
    size_t at = 0;
    *n = 0;
    int code =
        is_loopback_name(host) ? add("127.0.0.1", out, max, n, e) : add(host, out, max, n, e);
    if (code == 0 && is_loopback_name(host))
        code = add("::1", out, max, n, e);
    if (code != 0)
        return code;
    if (*n == 0)
        return err_set(e, MG_E_INVALID, "no address to listen on in %s", host);
    int rc = EADDRINUSE;
    for (int i = 0; rc == EADDRINUSE && i < (port ? 1 : PORT_TRIES); i++) {
        *picked = port;
        rc = probe_all(out, n, picked, &at);
    }
    if (rc == 0)
        return 0;
    if (rc == EADDRINUSE)
        return err_set(e, MG_E_CONFLICT, "%s is in use: another server listens there",
                       out[at].text);
    if (is_absent(rc))
        return err_set(e, MG_E_INVALID, "cannot listen on %s: this machine has no such address",
                       out[at].text);
    return err_set(e, rc == EACCES ? MG_E_DENIED : MG_E_IO, "cannot listen on %s: %s", out[at].text,
                   strerror(rc));
}
