#include "http/guard.h"

#include <string.h>
#include <strings.h>

#include "base/parse.h"

/* Where a known header's value goes, and what a second one means. */
enum rule {
    FIRST, /* the first counts, others are ignored */
    LIST,  /* may repeat: the lines are one list */
    ONCE,  /* a second one refuses the request */
};

struct known {
    const char *name;
    enum rule rule;
    size_t offset; /* in struct http_headers */
};

#define KNOWN(name, rule, field)                         \
    {                                                    \
        name, rule, offsetof(struct http_headers, field) \
    }
#define ALL(...) ((const struct known[]){ __VA_ARGS__, { 0 } })

/* By the length of their names, so that a lookup compares one or two. */
static const struct known *const known[] = {
    [4] = ALL(KNOWN("Host", ONCE, host)),
    [6] = ALL(KNOWN("Accept", LIST, accept), KNOWN("Origin", ONCE, origin)),
    [8] = ALL(KNOWN("Mcp-Name", ONCE, mcp_name)),
    [9] = ALL(KNOWN("X-API-Key", ONCE, x_api_key)),
    [10] = ALL(KNOWN("User-Agent", FIRST, user_agent), KNOWN("Mcp-Method", ONCE, mcp_method)),
    [11] = ALL(KNOWN("traceparent", FIRST, traceparent)),
    [12] = ALL(KNOWN("Content-Type", ONCE, content_type)),
    [13] = ALL(KNOWN("Authorization", ONCE, authorization),
               KNOWN("Last-Event-ID", ONCE, last_event_id)),
    [14] = ALL(KNOWN("Mcp-Session-Id", ONCE, mcp_session_id)),
    [15] = ALL(KNOWN("X-Forwarded-For", LIST, x_forwarded_for)),
    [16] = ALL(KNOWN("X-Forwarded-Host", ONCE, x_forwarded_host)),
    [20] = ALL(KNOWN("MCP-Protocol-Version", ONCE, mcp_protocol_version)),
    [29] = ALL(KNOWN("Access-Control-Request-Method", FIRST, access_control_request_method)),
    [30] = ALL(KNOWN("Access-Control-Request-Headers", FIRST, access_control_request_headers)),
};

static bool is_control(unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }

/* Is any of eight bytes below 0x20 or 0x7f? The usual tricks: a byte's high bit after a subtraction
 * without carry. */
static bool may_have_control(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t del = w ^ (ones * 0x7f);
    return (((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & high;
}

/* A bare CR ends a line for some servers; no control character but the tab has a place in a value.
 * Eight bytes at a time, as every byte of every request's headers goes through here. */
static bool is_clean(const char *s, size_t len)
{
    size_t i = 0;
    while (len - i >= sizeof(uint64_t)) {
        uint64_t w;
        memcpy(&w, s + i, sizeof w);
        if (may_have_control(w))
            break;
        i += sizeof w;
    }
    for (; i < len; i++)
        if (is_control((unsigned char)s[i]))
            return false;
    return true;
}

static bool is_same(const char *s, size_t len, const char *want)
{
    return len == strlen(want) && strncasecmp(s, want, len) == 0;
}

/* Does the value stand right behind its name, as both were sent? A line that goes on in the next
 * one (obsolete since RFC 9112) does not: libmicrohttpd 0.9.75 moves it elsewhere and glues the
 * continuation to the name, so that "Transfer-Encoding:\r\n chunked" becomes an innocent header
 * named "Transfer-Encodingchunked". */
static bool is_one_line(const char *name, size_t name_len, const char *value)
{
    const char *p = name + name_len;
    if (!value || (uintptr_t)value <= (uintptr_t)p || *p != '\0')
        return false;
    while (++p != value)
        if (*p != ' ' && *p != '\t')
            return false;
    return true;
}

/* Or it stays in place, and its continuation is written over what is behind the name: then a value
 * behind enough blanks still seems to follow. But its own line, as it came, is not the last: behind
 * the end of the line, of which libmicrohttpd has made one NUL or two, the next one begins with a
 * blank. */
static bool goes_on(const char *end)
{
    const char *next = end + 1;
    if (*next == '\0' || *next == '\n')
        next++;
    return *next == ' ' || *next == '\t';
}

static void refuse(struct guard *g, const char *reason)
{
    if (!g->reason)
        g->reason = reason;
}

static void take_length(struct guard *g, const char *value, size_t len)
{
    if (g->has_length)
        refuse(g, "more than one Content-Length");
    g->has_length = true;
    uint64_t length = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9') {
            refuse(g, "bad Content-Length");
            return;
        }
        length = length * 10 + (uint64_t)(value[i] - '0');
    }
    if (len == 0 || len > 18)
        refuse(g, "bad Content-Length");
    g->length = length;
}

static void take_encoding(struct guard *g, const char *value, size_t len)
{
    if (g->is_chunked)
        refuse(g, "more than one Transfer-Encoding");
    g->is_chunked = true;
    /* libmicrohttpd decodes this very value only, and reads any other as a body without end. */
    if (!is_same(value, len, "chunked"))
        refuse(g, "Transfer-Encoding other than chunked");
}

/* Headers that shape the message itself. */
static bool take_framing(struct guard *g, const char *name, size_t name_len, const char *value,
                         size_t len)
{
    if (is_same(name, name_len, "Content-Length"))
        take_length(g, value, len);
    else if (is_same(name, name_len, "Transfer-Encoding"))
        take_encoding(g, value, len);
    else if (is_same(name, name_len, "Expect"))
        g->expects_continue = is_same(value, len, "100-continue");
    else
        return false;
    return true;
}

static const struct known *find(const char *name, size_t len)
{
    const struct known *k = len < sizeof known / sizeof *known ? known[len] : NULL;
    for (; k && k->name; k++)
        if (((name[0] ^ k->name[0]) & ~0x20) == 0 && strncasecmp(name, k->name, len) == 0)
            return k;
    return NULL;
}

/* Any other Mcp-* header may decide something too, if not here then further on. */
static void take_other(struct guard *g, const char *name, size_t len)
{
    if (len == 0 || token_span(name, len) < len) /* a blank before the colon is no part of one */
        refuse(g, "bad name of a header");
    if (len < 4 || strncasecmp(name, "Mcp-", 4) != 0)
        return;
    for (unsigned i = 0; i < g->n_others; i++)
        if (is_same(name, len, g->others[i]))
            refuse(g, "an Mcp header came twice");
    if (g->n_others == GUARD_OTHERS)
        refuse(g, "too many Mcp headers");
    else
        g->others[g->n_others++] = name;
}

void guard_begin(struct guard *g, struct http_headers *headers)
{
    *g = (struct guard){ .headers = headers };
    *headers = (struct http_headers){ 0 };
}

void guard_field(struct guard *g, const char *name, size_t name_len, const char *value, size_t len)
{
    if (!is_one_line(name, name_len, value)) {
        refuse(g, "a header in more than one line");
        return;
    }
    if (!is_clean(value, len) || value[len] != '\0') {
        refuse(g, "control character in a header");
        return;
    }
    if (goes_on(value + len)) {
        refuse(g, "a header in more than one line");
        return;
    }
    const struct known *k = find(name, name_len);
    if (!k) {
        if (!take_framing(g, name, name_len, value, len))
            take_other(g, name, name_len);
        return;
    }
    const char **slot = (const char **)(void *)((char *)g->headers + k->offset);
    if (!*slot)
        *slot = value;
    else if (k->rule == ONCE)
        refuse(g, "a header that may come once came twice");
    else if (k->rule == LIST)
        g->repeated = true;
}

const char *guard_end(struct guard *g, const char *version)
{
    bool is_old = strcmp(version, "HTTP/1.0") == 0;
    if (g->is_chunked && g->has_length)
        refuse(g, "both Content-Length and Transfer-Encoding");
    if (g->is_chunked && is_old)
        refuse(g, "Transfer-Encoding in HTTP/1.0");
    if (!g->headers->host && !is_old)
        refuse(g, "no Host");
    return g->reason;
}

const char *guard_target(const char *target)
{
    if (target[0] == '*' && target[1] == '\0')
        return NULL;
    if (target[0] != '/')
        return "target is not a path";
    for (const char *p = target; *p; p++) {
        if (*p <= 0x20 || *p == 0x7f) /* bytes over 0x7f are negative: they are not ASCII either */
            return "target with a byte that must be encoded";
        if (p[0] == '%' && p[1] == '0' && p[2] == '0')
            return "encoded NUL in the target";
    }
    return NULL;
}
