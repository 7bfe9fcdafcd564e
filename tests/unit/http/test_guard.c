/* test_guard.c - the table of requests that must not pass, and of those that must. */
#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Runs "Name: value\n" lines through the guard, split as libmicrohttpd does. */
static const char *run(const char *lines, const char *version, struct guard *g,
                       struct http_headers *h, char *copy, size_t size)
{
    memset(copy, 0, size);
    snprintf(copy, size, "%s", lines);
    guard_begin(g, h);
    for (char *line = copy, *next; *line; line = next) {
        char *end = strchr(line, '\n'), *colon = strchr(line, ':');
        assert_non_null(end);
        assert_true(colon && colon < end);
        next = end + 1;
        *end = *colon = '\0';
        char *value = colon + 1 + strspn(colon + 1, " \t");
        guard_field(g, line, (size_t)(colon - line), value, (size_t)(end - value));
    }
    return guard_end(g, version);
}

static const char *const bad_rows[] = {
    /* two framings, or one in two ways */
    "Host: a\nContent-Length: 5\nTransfer-Encoding: chunked\n",
    "Host: a\nTransfer-Encoding: chunked\nContent-Length: 5\n",
    "Host: a\nContent-Length: 5\nContent-Length: 6\n",
    "Host: a\nContent-Length: 5\nContent-Length: 5\n",
    "Host: a\nContent-Length: 5\ncontent-length: 5\n",
    "Host: a\nContent-Length: 5, 5\n",
    "Host: a\nContent-Length: +5\n",
    "Host: a\nContent-Length: -5\n",
    "Host: a\nContent-Length: 0x5\n",
    "Host: a\nContent-Length: 5 \n",
    "Host: a\nContent-Length:\n",
    "Host: a\nContent-Length: 1234567890123456789\n",
    "Host: a\nContent-Length: 99999999999999999999999999999\n",
    "Host: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n",
    "Host: a\nTransfer-Encoding: chunked\nTransfer-Encoding: identity\n",
    "Host: a\nTransfer-Encoding: identity\n",
    "Host: a\nTransfer-Encoding: gzip, chunked\n",
    "Host: a\nTransfer-Encoding: chunked, chunked\n",
    "Host: a\nTransfer-Encoding: chunked \n",
    "Host: a\nTransfer-Encoding: xchunked\n",
    "Host: a\nTransfer-Encoding:\n",
    "Host: a\nTransfer-Encoding: \x0b"
    "chunked\n",
    /* names that are none */
    "Host: a\nContent-Length : 5\n",
    "Host: a\nContent-Length\t: 5\n",
    "Host: a\nTransfer-Encoding : chunked\n",
    "Host: a\n: x\n",
    "Host: a\nX y: z\n",
    "Host: a\nX(y): z\n",
    "Host: a\nX\"y: z\n",
    "Host: a\nX\x80y: z\n",
    "Host: a\nX\x01y: z\n",
    /* a bare CR would begin a header elsewhere */
    "Host: a\nX: y\rContent-Length: 5\n",
    "Host: a\nX: \x7f\n",
    "Host: a\x01\n",
    /* what decides something and stands there twice */
    "Host: a\nHost: a\n",
    "Host: a\nhost: b\n",
    "Host: a\nOrigin: http://a\nOrigin: http://a\n",
    "Host: a\nAuthorization: Bearer a\nAuthorization: Bearer b\n",
    "Host: a\nX-API-Key: a\nx-api-key: b\n",
    "Host: a\nContent-Type: application/json\nContent-Type: text/plain\n",
    "Host: a\nMcp-Method: a\nMcp-Method: b\n",
    "Host: a\nMcp-Name: a\nMCP-NAME: b\n",
    "Host: a\nMcp-Session-Id: a\nMcp-Session-Id: a\n",
    "Host: a\nMCP-Protocol-Version: a\nMcp-Protocol-Version: a\n",
    "Host: a\nMcp-Param-X: a\nMcp-Other: a\nmcp-param-x: b\n",
    "Host: a\nLast-Event-ID: 1\nLast-Event-ID: 2\n",
    "Host: a\nX-Forwarded-Host: 1\nX-Forwarded-Host: 2\n",
    /* HTTP/1.1 without Host */
    "Accept: x\n",
    "",
    "Host: a\nMcp-1: x\nMcp-2: x\nMcp-3: x\nMcp-4: x\nMcp-5: x\nMcp-6: x\nMcp-7: x\nMcp-8: x\n"
    "Mcp-9: x\nMcp-10: x\nMcp-11: x\nMcp-12: x\nMcp-13: x\nMcp-14: x\nMcp-15: x\nMcp-16: x\n"
    "Mcp-17: x\n",
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++) {
        struct guard g;
        struct http_headers h;
        char copy[512];
        if (!run(bad_rows[i], "HTTP/1.1", &g, &h, copy, sizeof copy))
            fail_msg("row %zu passed: %s", i, bad_rows[i]);
    }
}

static void test_passed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "Host: a\n",
        "host: a\nContent-Length: 0\n",
        "Host: a\nContent-Length: 999999999999999999\n",
        "Host: a\nTransfer-Encoding: Chunked\n",
        "Host: a\nX: \ty \t\xc3\xa9\n",
        "Host: a\nX: 1\nX: 2\nCookie: a\nCookie: b\n",
        "Host: a\nAccept: a\nAccept: b\nUser-Agent: a\nUser-Agent: b\n",
        "Host: a\n!#$%&'*+-.^_`|~09azAZ: x\n",
        "Host:\n",
        "Host: a\nExpect: 100-Continue\n",
        "Host: a\nMcp-1: x\nMcp-2: x\nMcp-3: x\nMcp-4: x\nMcp-5: x\nMcp-6: x\nMcp-7: x\nMcp-8: x\n"
        "Mcp-9: x\nMcp-10: x\nMcp-11: x\nMcp-12: x\nMcp-13: x\nMcp-14: x\nMcp-15: x\nMcp-16: x\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g;
        struct http_headers h;
        char copy[512];
        const char *reason = run(rows[i], "HTTP/1.1", &g, &h, copy, sizeof copy);
        if (reason)
            fail_msg("row %zu refused (%s): %s", i, reason, rows[i]);
    }
}

static void test_what_is_taken(void **state)
{
    (void)state;
    struct guard g;
    struct http_headers h;
    char copy[1024];
    assert_null(run("HOST: a:1\norigin: o\nauthorization: z\nX-Api-Key: k\ncontent-type: t\n"
                    "Accept: x\naccept: y\nUser-Agent: u\nmcp-session-id: s\n"
                    "mcp-protocol-version: p\nmcp-method: m\nmcp-name: n\nlast-event-id: l\n"
                    "x-forwarded-for: f\nx-forwarded-host: g\ntraceparent: q\ntraceparent: r\n"
                    "access-control-request-method: c\naccess-control-request-headers: d\n"
                    "content-length: 42\nexpect: 100-continue\n",
                    "HTTP/1.1", &g, &h, copy, sizeof copy));
    const struct http_headers want = { "a:1", "o", "z", "k", "t", "x", "u", "s", "p",
                                       "m",   "n", "l", "f", "g", "q", "c", "d" };
    const char *const *got = (const char *const *)(const void *)&h;
    const char *const *expected = (const char *const *)(const void *)&want;
    for (size_t i = 0; i < sizeof h / sizeof *got; i++)
        assert_string_equal(got[i], expected[i]);
    assert_true(g.repeated && g.has_length && g.expects_continue && !g.is_chunked);
    assert_int_equal(g.length, 42);
    assert_null(run("Transfer-Encoding: chunked\nHost: a\n", "HTTP/1.1", &g, &h, copy,
                    sizeof copy));
    assert_true(g.is_chunked && !g.has_length && !g.repeated);
    assert_null(run("Accept: a\n", "HTTP/1.0", &g, &h, copy, sizeof copy));
    assert_non_null(run("Transfer-Encoding: chunked\n", "HTTP/1.0", &g, &h, copy, sizeof copy));
    /* A NUL inside is shorter for C than it came. */
    static const char line[] = "Host\0a\0b\0\0";
    guard_begin(&g, &h);
    guard_field(&g, line, 4, line + 5, 3);
    assert_string_equal(guard_end(&g, "HTTP/1.1"), "control character in a header");
}

/* A name that was moved and made longer is no longer followed by its value. */
static void test_headers_in_two_lines(void **state)
{
    (void)state;
    static const char memory[] = "Content-Length\0 4\0X-0\0Content-Length0\0\t4\0Host\0:a\0Hosta\0";
    static const struct {
        size_t name, len, value;
        bool is_good;
    } rows[] = {
        { 0, 14, 16, true },  { 0, 14, 15, true },  { 22, 15, 16, false }, { 22, 15, 39, true },
        { 0, 14, 39, false }, { 22, 15, 38, true }, { 41, 4, 47, false },  { 41, 4, 46, true },
        { 0, 13, 16, false }, { 41, 4, 45, false }, { 49, 5, 47, false },  { 41, 4, 0, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g;
        struct http_headers h;
        const char *value = memory + rows[i].value;
        guard_begin(&g, &h);
        guard_field(&g, memory + rows[i].name, rows[i].len, value, strlen(value));
        bool is_good = !g.reason || strcmp(g.reason, "a header in more than one line") != 0;
        if (is_good != rows[i].is_good)
            fail_msg("row %zu", i);
    }
    struct guard g;
    struct http_headers h;
    guard_begin(&g, &h);
    guard_field(&g, "Host", 4, NULL, 0);
    assert_non_null(g.reason);
}

/* What comes behind the end of its line. */
static void test_headers_that_go_on(void **state)
{
    (void)state;
    static const struct {
        const char *memory;
        bool is_good;
    } rows[] = {
        { "X\0 y\0\0Z\0", true },      { "X\0 y\0Z\0", true },
        { "X\0 y\0\0 z\0", false },    { "X\0 y\0 z\0", false },
        { "X\0 y\0\0\tz\0", false },   { "X\0 y\0\tz\0", false },
        { "X\0 y\0\n z\0", false },    { "X\0 y\0\nZ\0", true },
        { "X\0 y\0\0\0\0 z\0", true }, /* the end of the head, and a body */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g;
        struct http_headers h;
        guard_begin(&g, &h);
        guard_field(&g, rows[i].memory, 1, rows[i].memory + 3, 1);
        if ((g.reason == NULL) != rows[i].is_good)
            fail_msg("row %zu", i);
    }
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int is_good;
    } rows[] = {
        { "/", 1 },          { "/mcp?key=a%20b", 1 },
        { "*", 1 },          { "/%0a%01", 1 }, /* encoded they are the path's business */
        { "", 0 },           { "**", 0 },
        { "mcp", 0 },        { "http://evil/mcp", 0 },
        { "//evil/mcp", 1 }, /* a path that no route has */
        { "/a b", 0 },       { "/a\tb", 0 },
        { "/a\x7f", 0 },     { "/a\xc3\xa9", 0 },
        { "/mcp%00/x", 0 },  { "/mcp?key=%00", 0 },
        { "/%0", 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((guard_target(rows[i].target) == NULL) != (rows[i].is_good != 0))
            fail_msg("%s", rows[i].target);
}

static void test_masks(void **state)
{
    (void)state;
    static const struct {
        const char *target, *masked;
    } rows[] = {
        { "/sse", "/sse" },
        { "/sse?topic=a&key=geheim", "/sse?topic=a&key=***" },
        { "/sse?key=geheim", "/sse?key=***" },
        { "/sse?key=geheim&topic=a", "/sse?key=***&topic=a" },
        { "/sse?key=a&key=b", "/sse?key=***&key=***" },
        { "/sse?key=a=b?c", "/sse?key=***" },
        { "/sse?key=", "/sse?key=" },
        { "/sse?%6bey=geheim", "/sse?%6bey=***" },
        { "/sse?k%65%79=geheim&x=1", "/sse?k%65%79=***&x=***" },
        { "/sse?KEY=geheim&api_key=x", "/sse?KEY=***&api_key=***" },
        { "/sse?geheim", "/sse?***" },
        { "/sse?topic", "/sse?***" },
        { "/sse?topic=job/7;key=geheim", "/sse?topic=job/7;***" },
        { "/sse?topic=job/7;", "/sse?topic=job/7;" },
        { "/sse?t%6Fpic=job%2F7", "/sse?t%6Fpic=job%2F7" },
        { "/sse?topics=a", "/sse?topics=***" },
        { "/sse?topi=a", "/sse?topi=***" },
        { "/sse?atopic=a", "/sse?atopic=***" },
        { "/sse?a=topic=b", "/sse?a=***" },
        { "/sse?topic%3Da=b", "/sse?topic%3Da=***" },
        { "/sse?topi%=b", "/sse?topi%=***" },
        { "/sse?%", "/sse?***" },
        { "/sse?%6", "/sse?***" },
        { "/sse?%6g=1", "/sse?%6g=***" },
        { "/key=a", "/key=a" },
        { "/sse?&&key=a&&", "/sse?&&key=***&&" },
        { "/sse?", "/sse?" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        target_mask(rows[i].target, out, sizeof out);
        assert_string_equal(out, rows[i].masked);
    }
    char out[16];
    target_mask("/123456789012345", out, sizeof out); /* one too many */
    assert_string_equal(out, "/12345678901...");
    target_mask("/12345678901234", out, sizeof out);
    assert_string_equal(out, "/12345678901234");
    target_mask("/1234567?key=geheim", out, sizeof out);
    assert_string_equal(out, "/1234567?key...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_passed),
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_headers_in_two_lines),
        cmocka_unit_test(test_headers_that_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
