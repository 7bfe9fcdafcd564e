/* test_fetch_hops.c - redirects: each hop is judged anew, and takes along what it may. */
#include "fetch_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A redirect with this status to a path of the server under this host. */
static const char *to(struct test *t, int status, const char *host, const char *path)
{
    static char text[512];
    snprintf(text, sizeof text, "/to?%d+http://%s:%u%s", status, host, web_port(t->web), path);
    return text;
}

static void test_follows(void **state)
{
    struct test *t = *state;
    t->o.redirects = 1;
    check(t, "/to?302+/text", 200, "hello");
    check(t, "/to?301+text", 200, "hello");
    check(t, to(t, 308, "localhost", "/text"), 200, "hello");
    check(t, "/to?305+/text", 305, "moved");
    check(t, "/to?300+/text", 300, "moved");
    check(t, "/status?302", 302, "status"); /* leads nowhere */
    /* Counted. */
    check(t, "/to?302+/to?302+/text", 0, "!REDIRECTS");
    t->o.redirects = 2;
    check(t, "/to?302+/to?302+/text", 200, "hello");
    check(t, "/to?302+/status?404", 404, "status");
}

static void test_refuses(void **state)
{
    struct test *t = *state;
    t->o.redirects = 5;
    check(t, "/to?302+file:///etc/passwd", 0, "!DENIED");
    check(t, "/to?302+ftp://127.0.0.1/", 0, "!DENIED");
    check(t, "/to?302+http://other.example/", 0, "!DENIED");
    check(t, "/to?302+//127.0.0.1:1/", 0, "!DENIED");
    check(t, "/to?302+http://u:p@127.0.0.1/", 0, "!PROTOCOL");
    check(t, "/to?302+http://:/", 0, "!PROTOCOL");
    check(t, to(t, 302, "2130706433", "/drop"), 0, "!CLOSED"); /* the granted one, spelled so */
    struct fetch *f = get(t, "/to?302+http://127.0.0.2/x?secret");
    assert_has(fetch_answer(f)->error, "[tool t] http = 127.0.0.2", true);
    assert_has(fetch_answer(f)->error, "secret", false);
    fetch_drop(f);
}

static const struct fetch_header fields[] = { { "Authorization", "Bearer hush" },
                                              { "Cookie", "a=b" },
                                              { "X-Api-Key", "hush" },
                                              { "X-Anything", "hush" },
                                              { "Content-Type", "text/plain" },
                                              { "Accept", "text/x" } };

static void test_credentials(void **state)
{
    struct test *t = *state;
    t->o.redirects = 3;
    t->o.headers = fields;
    t->o.header_count = 6;
    const char *got = echo(t, "/to?302+/echo");
    assert_has(got, "Bearer hush", true);
    assert_has(got, "Cookie: a=b", true);
    assert_has(got, "X-Api-Key: hush", true);
    assert_has(got, "X-Anything: hush", true);
    /* The same server under another name is another origin. */
    got = echo(t, to(t, 302, "localhost", "/echo"));
    assert_has(got, "hush", false);
    assert_has(got, "Cookie", false);
    assert_has(got, "Accept: text/x", true);
    /* What was dropped does not come back with the way back. */
    char path[512];
    snprintf(path, sizeof path, "/to?302+http://localhost:%u/to?302+http://127.0.0.1:%u/echo",
             web_port(t->web), web_port(t->web));
    assert_has(echo(t, path), "hush", false);
}

static void expect_method(struct test *t, int status, const char *method, const char *want,
                          bool has_body)
{
    char line[64];
    t->o.method = method;
    const char *got = echo(t, to(t, status, "127.0.0.1", "/echo"));
    snprintf(line, sizeof line, "%s /echo HTTP/1.1\r\n", want);
    assert_has(got, line, true);
    assert_has(got, "\r\n\r\nbody", has_body);
    assert_has(got, "Content-Type: text/plain", has_body);
    assert_has(got, "Content-Length: 4", has_body);
}

static void test_methods(void **state)
{
    struct test *t = *state;
    t->o.redirects = 1;
    t->o.headers = fields;
    t->o.header_count = 6;
    t->o.body = "body";
    t->o.body_len = 4;
    expect_method(t, 301, "POST", "GET", false);
    expect_method(t, 302, "POST", "GET", false);
    expect_method(t, 303, "POST", "GET", false);
    expect_method(t, 307, "POST", "POST", true);
    expect_method(t, 308, "POST", "POST", true);
    expect_method(t, 302, "PUT", "PUT", true);
    expect_method(t, 303, "PUT", "GET", false);
}

/* Each hop may take FETCH_CONNECT_MS; all of them together the request's time. */
static void test_time(void **state)
{
    struct test *t = *state;
    t->o.redirects = 5;
    t->o.timeout_ms = 200;
    check(t, "/to?302+/stall", 0, "!TIMEOUT");
    check(t, "/to?302+/half", 0, "!TIMEOUT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_credentials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
