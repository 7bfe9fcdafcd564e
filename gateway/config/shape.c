#include "config/shape.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define NAME_BYTES LETTERS DIGITS "_.-"

static bool consists_of(const char *s, const char *bytes, size_t max)
{
    size_t len = strlen(s);

    return len >= 1 && len <= max && strspn(s, bytes) == len;
}

const char *shape_address(const char *s)
{
    struct in6_addr addr;

    if (inet_pton(AF_INET, s, &addr) == 1 || inet_pton(AF_INET6, s, &addr) == 1)
        return NULL;
    return "an IP address in digits";
}

bool shape_is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, address, &six) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

const char *shape_network(const char *s)
{
    static const char expected[] = "an IP address, or one with /BITS";
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(s, '/');
    size_t len = slash ? (size_t)(slash - s) : strlen(s);
    uint64_t bits;

    if (len >= sizeof address)
        return expected;
    memcpy(address, s, len);
    address[len] = '\0';
    if (shape_address(address))
        return expected;
    if (slash && parse_uint(slash + 1, strchr(address, ':') ? 128 : 32, &bits) < 0)
        return expected;
    return NULL;
}

/* Is [s, s+len) a host name of these bytes or an address, with or without a port? */
static bool is_authority_of(const char *bytes, const char *s, size_t len)
{
    char text[256];
    uint64_t port;

    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, s, len);
    text[len] = '\0';
    char *host = text, *rest;
    if (*host == '[') {
        rest = strchr(++host, ']');
        struct in6_addr six;
        if (!rest)
            return false;
        *rest++ = '\0';
        if (inet_pton(AF_INET6, host, &six) != 1)
            return false;
    } else {
        rest = host + strspn(host, bytes);
        if (rest == host)
            return false;
    }
    return *rest == '\0' || (*rest == ':' && parse_uint(rest + 1, 65535, &port) == 0);
}

static bool is_authority(const char *s, size_t len) { return is_authority_of(NAME_BYTES, s, len); }

const char *shape_host_grant(const char *s)
{
    size_t len = strlen(s);

    if (strcmp(s, "@evals") == 0)
        return NULL;
    if (is_authority_of(NAME_BYTES "*?", s, len) && !(len > 2 && strcmp(s + len - 2, ":0") == 0))
        return NULL;
    return "a host or HOST:PORT, * and ? for any, or @evals";
}

const char *shape_host(const char *s)
{
    return is_authority(s, strlen(s)) ? NULL : "a host, or HOST:PORT";
}

const char *shape_origin(const char *s)
{
    const char *host = strstr(s, "://");

    if (strcmp(s, "null") == 0 || strcmp(s, "*") == 0)
        return NULL;
    if (host && host > s && strspn(s, LETTERS DIGITS "+.-") == (size_t)(host - s) &&
        is_authority(host + 3, strlen(host + 3)))
        return NULL;
    return "an origin such as https://app.example.com, null or *";
}

const char *shape_url(const char *s)
{
    size_t skip = strncmp(s, "http://", 7) == 0 ? 7 : strncmp(s, "https://", 8) == 0 ? 8 : 0;

    if (skip > 0 && is_authority(s + skip, strcspn(s + skip, "/?#"))) {
        while (*s > ' ' && *s != 0x7f)
            s++;
        if (*s == '\0')
            return NULL;
    }
    return "a URL that begins with http:// or https://";
}

const char *shape_orchestrator(const char *s)
{
    if (shape_url(s) || strpbrk(s, "?#") || strlen(s) > 2000)
        return "a URL that begins with http:// or https://, without ? and #";
    return NULL;
}

const char *shape_header(const char *s)
{
    static const char expected[] = "NAME: VALUE, none of the fields that frame a message";
    static const char *const framing[] = { "host",        "content-length", "transfer-encoding",
                                           "te",          "connection",     "keep-alive",
                                           "upgrade",     "trailer",        "expect",
                                           "content-type" };
    size_t len = token_span(s, strlen(s));

    if (len == 0 || len > 100 || s[len] != ':' || strlen(s) > 4096 ||
        strncasecmp(s, "proxy-", 6) == 0)
        return expected;
    for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++)
        if (strlen(framing[i]) == len && strncasecmp(s, framing[i], len) == 0)
            return expected;
    for (const char *c = s + len; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
            return expected;
    return s[len + 1 + strspn(s + len + 1, " \t")] != '\0' ? NULL : expected;
}

const char *shape_http_path(const char *s)
{
    if (*s == '/' && consists_of(s, NAME_BYTES "/~", 128) && !strstr(s, "//") && s[1] != '\0')
        return NULL;
    return "a path such as /mcp";
}

const char *shape_sha256(const char *s)
{
    if (strlen(s) == 64 && consists_of(s, DIGITS "abcdefABCDEF", 64))
        return NULL;
    return "64 hex digits";
}

/* Prompts, resources and skills stand beside the tools, behind a word of their own. */
const char *shape_tool_glob(const char *s)
{
    static const char *const kinds[] = { "prompt:", "resource:", "skill:" };

    for (size_t i = 0; i < 3; i++)
        if (strncmp(s, kinds[i], strlen(kinds[i])) == 0) {
            s += strlen(kinds[i]);
            break;
        }
    return consists_of(s, NAME_BYTES "*?", 128) ? NULL : "a tool's name, * and ? for any";
}

const char *shape_word(const char *s)
{
    return consists_of(s, NAME_BYTES, 128) ? NULL : "a name of letters, digits and _ . -";
}

const char *shape_secret(const char *s)
{
    size_t len = strlen(s);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
            return "a key without blanks or control characters";
    if (*s == '#' || *s == ';')
        return "a key that does not begin as a comment does, with # or ;";
    return len >= 1 && len <= 1024 ? NULL : "a key of 1 to 1024 bytes";
}

const char *shape_scope(const char *s)
{
    return consists_of(s, NAME_BYTES ":/*", 128) ? NULL
                                                 : "a scope of letters, digits and _ . - : / *";
}

const char *shape_program(const char *s)
{
    if (strcmp(s, "@evals") == 0)
        return NULL;
    if (*s == '/' ? s[strlen(s) - 1] != '/' : consists_of(s, NAME_BYTES "+", 128))
        return NULL;
    return "a program's name, its absolute path, or @evals";
}

const char *shape_env_name(const char *s)
{
    if (!isdigit((unsigned char)*s) && consists_of(s, LETTERS DIGITS "_", 128))
        return NULL;
    return "the name of an environment variable";
}

const char *shape_state_grant(const char *s)
{
    size_t len = strspn(s, NAME_BYTES "*?");
    const char *mode = s + len;

    if (len >= 1 && len <= 200 &&
        (*mode == '\0' || strcmp(mode, ":r") == 0 || strcmp(mode, ":rw") == 0))
        return NULL;
    return "NAME:r or NAME:rw";
}

const char *shape_glob(const char *s)
{
    if (*s == '/' || strcmp(s, "..") == 0 || strncmp(s, "../", 3) == 0 || strstr(s, "/../"))
        return "a glob relative to the root, without ..";
    return NULL;
}

const char *shape_key_name(const char *s)
{
    if (strcmp(s, "anonymous") == 0 ||
        (strncmp(s, "key", 3) == 0 && consists_of(s + 3, DIGITS, 64)))
        return "another name: this one stands for callers without a section";
    return consists_of(s, NAME_BYTES, 64) ? NULL : "a name of letters, digits and _ . -";
}

const char *shape_eval_name(const char *s)
{
    if (strcmp(s, "*") == 0 || consists_of(s, NAME_BYTES ":/@+", 128))
        return NULL;
    return "a task's name of letters, digits and _ . - : / @ +, or *";
}

const char *shape_placeholder(const char *s)
{
    static const char *const known[] = { "{taskId}", "{configId}", "{jobId}", "{root}" };

    for (s = strchr(s, '{'); s; s = strchr(s + 1, '{')) {
        size_t len = strspn(s + 1, LETTERS DIGITS "_");
        bool found = len == 0 || s[len + 1] != '}'; /* any other brace is itself */
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || strncmp(s, known[i], len + 2) == 0;
        if (!found)
            return "no placeholder but {taskId}, {configId}, {jobId}, {root}";
    }
    return NULL;
}
