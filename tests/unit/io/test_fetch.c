/* test_fetch.c - requests on the loop: what is answered, what is refused, every limit at its edge.
 */
#include "fetch_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_answers(void **state)
{
    struct test *t = *state;
    check(t, "/text", 200, "hello");
    check(t, "/chunked", 200, "hello");
    check(t, "/empty", 204, "");
    check(t, "/early", 200, "hello");
    check(t, "/status?404", 404, "status");
    check(t, "/status?503", 503, "status");
    check(t, "/to?302+/text", 302, "moved");
    char name[64];
    snprintf(name, sizeof name, "http://localhost:%u/text", web_port(t->web));
    check(t, name, 200, "hello");
}

static void test_what_fails(void **state)
{
    struct test *t = *state;
    check(t, "/drop", 0, "!CLOSED");
    check(t, "/cut", 0, "!CLOSED");
    check(t, "/garbage", 0, "!PROTOCOL");
    check(t, "http://nobody.invalid/", 0, "!DNS");
    t->o.timeout_ms = 150;
    check(t, "/stall", 0, "!TIMEOUT");
    check(t, "/half", 0, "!TIMEOUT");
    t->o.timeout_ms = LIMIT_MS;
    /* A port on which nobody listens any more. */
    struct web *gone = web_start();
    char url[64];
    snprintf(t->grants[0], sizeof t->grants[0], "127.0.0.1:%u", web_port(gone));
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", web_port(gone));
    web_stop(gone);
    check(t, url, 0, "!ECONNREFUSED");
}

static void expect_refused(struct test *t, const char *text, int code, const char *part)
{
    struct err e = { 0 };
    struct fetch *f = start(t, text, &e);
    if (f)
        fail_msg("%s is not refused", text);
    assert_int_equal(e.code, code);
    if (!strstr(e.text, part))
        fail_msg("%s: %s", text, e.text);
}

static void test_what_is_refused(void **state)
{
    struct test *t = *state;
    expect_refused(t, "http://a.example/", MG_E_DENIED, "[tool t] http = a.example");
    expect_refused(t, "http://a.example:81/", MG_E_DENIED, "[tool t] http = a.example:81");
    expect_refused(t, "file:///etc/passwd", MG_E_DENIED, "file:");
    expect_refused(t, "http://u:secret@127.0.0.1/", MG_E_INVALID, "Authorization");
    t->o.allow_private = false;
    check(t, "/text", 0, "!DENIED");
    char name[64];
    snprintf(name, sizeof name, "http://localhost:%u/text", web_port(t->web));
    check(t, name, 0, "!DENIED");
    assert_int_equal(web_connections(t->web), 0);
}

/* A connection that one tool opened is in the pool; another one is not allowed to use it. */
static void test_pool_does_not_lend_rights(void **state)
{
    struct test *t = *state;
    check(t, "/text", 200, "hello");
    t->o.allow_private = false;
    check(t, "/text", 0, "!DENIED");
    t->o.allow_private = true;
    check(t, "/text", 200, "hello");
    assert_int_equal(web_requests(t->web), 2);
}

static void test_connections_are_kept(void **state)
{
    struct test *t = *state;
    for (int i = 0; i < 10; i++)
        check(t, "/text", 200, "hello");
    assert_int_equal(web_requests(t->web), 10);
    assert_int_equal(web_connections(t->web), 1);
    /* It was closed by the server meanwhile: a new one. */
    check(t, "/bytes?1", 200, "x");
    check(t, "/text", 200, "hello");
    assert_int_equal(web_connections(t->web), 2);
}

static void test_size(void **state)
{
    struct test *t = *state;
    char *want = malloc(5001);
    assert_non_null(want);
    memset(want, 0, 5001);
    for (size_t i = 0; i < 5000; i++)
        want[i] = i % 4096 == 0 ? 'x' : '\0';
    t->o.max_bytes = 5000;
    struct fetch *f = get(t, "/bytes?5000");
    assert_null(fetch_answer(f)->word);
    assert_int_equal(fetch_answer(f)->body.len, 5000);
    assert_memory_equal(fetch_answer(f)->body.data, want, 5000);
    fetch_drop(f);
    check(t, "/bytes?5001", 0, "!TOO_LARGE");
    check(t, "/bytes?100000000", 0, "!TOO_LARGE");
    t->o.max_bytes = 0;
    check(t, "/empty", 204, "");
    check(t, "/text", 0, "!TOO_LARGE");
    free(want);
}

static void test_header(void **state)
{
    struct test *t = *state;
    char path[32];
    struct fetch *f = get(t, "/cookies");
    static const char want[] = "set-cookie\0a=1\0x-two\0001\0set-cookie\0b=2\0x-two\0002\0"
                               "content-length\0000";
    assert_int_equal(fetch_answer(f)->header_count, 5);
    assert_int_equal(fetch_answer(f)->headers.len, sizeof want);
    assert_memory_equal(fetch_answer(f)->headers.data, want, sizeof want);
    fetch_drop(f);
    /* Content-Length is one of them. */
    snprintf(path, sizeof path, "/fields?%d", FETCH_HEADER_COUNT_MAX - 1);
    check(t, path, 200, "");
    snprintf(path, sizeof path, "/fields?%d", FETCH_HEADER_COUNT_MAX);
    check(t, path, 0, "!TOO_LARGE");
    /* All its lines count: 17 bytes of the first, 8 + 2 around the field, 19 + 2 behind it.
     */
    snprintf(path, sizeof path, "/wide?%zu", FETCH_HEADERS_MAX - 48);
    check(t, path, 200, "");
    snprintf(path, sizeof path, "/wide?%zu", FETCH_HEADERS_MAX - 47);
    check(t, path, 0, "!TOO_LARGE");
    check(t, "/wide?200000", 0, "!TOO_LARGE");
    /* Trailers do not join the header. */
    f = get(t, "/chunked");
    assert_int_equal(fetch_answer(f)->header_count, 1);
    fetch_drop(f);
}

static void test_what_is_sent(void **state)
{
    static const struct fetch_header fields[] = { { "X-Empty", "" }, { "X-One", "two words" } };
    struct test *t = *state;
    t->o.headers = fields;
    t->o.header_count = 2;
    const char *got = echo(t, "/echo?a=b");
    assert_has(got, "GET /echo?a=b HTTP/1.1\r\n", true);
    assert_has(got, "\r\nX-Empty:\r\n", true);
    assert_has(got, "\r\nX-One: two words\r\n", true);
    assert_has(got, "\r\nUser-Agent: moongate/", true);
    assert_has(got, "\r\nContent-", false);
    assert_has(got, "Cookie", false);

    static const struct fetch_header agent[] = { { "user-agent", "me" } };
    t->o.headers = agent;
    t->o.header_count = 1;
    t->o.method = "PUT";
    t->o.body = "a\0b";
    t->o.body_len = 3;
    got = echo(t, "/echo");
    assert_has(got, "PUT /echo HTTP/1.1\r\n", true);
    assert_has(got, "\r\nuser-agent: me\r\n", true);
    assert_has(got, "moongate", false);
    assert_has(got, "\r\nContent-Length: 3\r\n", true);
    assert_has(got, "Content-Type", false);
    assert_has(got, "Expect", false);
    t->o.method = "DELETE";
    t->o.body = NULL;
    t->o.body_len = 0;
    assert_has(echo(t, "/echo"), "DELETE /echo HTTP/1.1\r\n", true);
    t->o.method = "POST";
    assert_has(echo(t, "/echo"), "\r\nContent-Length: 0\r\n", true);
    t->o.method = "HEAD";
    check(t, "/empty", 204, "");
}

static void test_no_proxy(void **state)
{
    struct test *t = *state;
    static const char *const names[] = { "http_proxy", "ALL_PROXY", "all_proxy" };
    for (size_t i = 0; i < 3; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    check(t, "/text", 200, "hello");
    for (size_t i = 0; i < 3; i++)
        unsetenv(names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pool_does_not_lend_rights, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_proxy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
