/* test_limits.c - every limit at its edge: sizes, times, numbers of connections; and what is
 * malformed. */
#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/shared.h"

/* ---- malformed requests, over the wire ---- */

static void test_smuggling_is_refused_and_closed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "POST /echo " H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo " H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST /echo " H "Content-Length : 5\r\n\r\nhello",
        "POST /echo " H "Transfer-Encoding: gzip\r\n\r\nx",
        "POST /echo " H "Host: b\r\nContent-Length: 0\r\n\r\n",
        "POST /echo " H "Mcp-Method: a\r\nMcp-Method: b\r\nContent-Length: 0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "GET http://b/static " H "\r\n",
        "GET /static%00x " H "\r\n",
        "GET /sta tic " H "\r\n",
        "GET /static " H "X: a\rb\r\n\r\n",
    };
    struct site s;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c;
        struct answer a;
        client_open(&s, &c);
        client_send(&c, rows[i]);
        client_send(&c, "GET /static " H "\r\n"); /* must not be answered */
        if (!client_answer(&c, &a))
            fail_msg("no reply to row %zu", i);
        if (a.status != 400)
            fail_msg("row %zu: %d", i, a.status);
        assert_non_null(strstr(a.head, "Connection: close\r\n"));
        answer_free(&a);
        client_until_closed(&c);
        assert_int_equal(c.in.len, 0);
        assert_int_equal(s.refusals, (int)i + 1);
        assert_int_equal(s.refused_status, 400);
        client_close(&c);
    }
    assert_int_equal(s.requests, 0);
    site_close(&s);
}

/* What libmicrohttpd answers by itself is told too, without knowing whose it was. */
static void test_its_own_refusals_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        { "GET /static " H "no colon\r\n\r\n", 400 },
        { "POST /echo " H "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400 },
        { "GET /static HTTP/3.0\r\nHost: a\r\n\r\n", 505 },
    };
    struct site s;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c;
        client_open(&s, &c);
        assert_int_equal(client_ask(&c, rows[i].text, NULL), rows[i].status);
        client_until_closed(&c);
        assert_int_equal(s.refusals, (int)i + 1);
        assert_int_equal(s.refused_status, rows[i].status);
        assert_string_equal(s.refused_url, "||");
        client_close(&c);
    }
    site_close(&s);
}

/* ---- sizes ---- */

/* A request whose head, blank line included, has exactly n bytes. */
static char *head_of(size_t n)
{
    static const char begin[] = "GET /static " H "X-Long: ";
    char *text = malloc(n + 1);
    assert_non_null(text);
    memcpy(text, begin, sizeof begin - 1);
    memset(text + sizeof begin - 1, 'x', n - sizeof begin + 1 - 4);
    memcpy(text + n - 4, "\r\n\r\n", 5);
    return text;
}

static void test_max_headers(void **state)
{
    (void)state;
    struct http_options o;
    site_defaults(&o);
    o.max_headers = 12 << 10;
    static const struct {
        size_t bytes;
        int status;
    } rows[] = {
        { 100, 200 },
        { (12 << 10) - 2 * 64, 200 }, /* two headers */
        { (12 << 10) - 2 * 64 + 1, 431 },
        { (12 << 10) + 2000, 431 }, /* libmicrohttpd's own: it does not fit its memory */
        { 20 << 10, 431 },
        { 100 << 10, 431 },
    };
    struct site s;
    site_open(&s, &o);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c;
        struct answer a;
        char *text = head_of(rows[i].bytes);
        client_open(&s, &c);
        (void)client_offer(&c, text, rows[i].bytes);
        if (!client_answer(&c, &a)) {
            /* So much too much that its rest made the kernel take the answer back. */
            assert_true(rows[i].bytes >= 100 << 10 && c.error == ECONNRESET);
        } else {
            assert_int_equal(a.status, rows[i].status);
            answer_free(&a);
        }
        assert_int_equal(s.refused_status, rows[i].status == 200 ? 0 : 431);
        free(text);
        client_close(&c);
    }
    site_close(&s);
}

/* Many small fields take memory too: the answer is 200 up to some number and 431 from there, never
 * silence. */
static void check_many(const char *begin, const char *field, const char *end)
{
    struct site s;
    site_open(&s, NULL);
    int passed = 0, refused = 0;
    for (int n = 200; n < 2000; n = n < 300 ? n + 1 : n * 2) {
        struct client c;
        struct buf text = { 0 };
        buf_str(&text, begin);
        for (int i = 0; i < n; i++)
            buf_str(&text, field);
        buf_str(&text, end);
        client_open(&s, &c);
        int status = client_ask(&c, buf_cstr(&text), NULL);
        if (status != (refused ? 431 : 200)) {
            assert_int_equal(status, 431);
            assert_int_equal(passed, n - 200);
        }
        passed += status == 200;
        refused += status == 431;
        client_close(&c);
        buf_fini(&text);
    }
    assert_in_range(passed, 1, 80);
    assert_in_range(refused, 20, 100);
    site_close(&s);
}

static void test_many_fields(void **state)
{
    (void)state;
    check_many("GET /static?", "a&", " " H "\r\n");
    check_many("GET /static " H "Cookie: ", "a=b; ", "\r\n\r\n");
    check_many("GET /static " H, "a:b\r\n", "\r\n");
}

static void post(struct client *c, size_t len, const char *more)
{
    char head[256];
    snprintf(head, sizeof head, "POST /echo " H "Content-Length: %zu\r\n%s\r\n", len, more);
    client_send(c, head);
}

static void send_body(struct client *c, size_t len)
{
    static char block[65536];
    memset(block, 'b', sizeof block);
    while (len > 0) {
        size_t n = len < sizeof block ? len : sizeof block;
        if (!client_offer(c, block, n))
            return;
        len -= n;
    }
}

static void send_chunks(struct client *c, size_t len)
{
    char *chunk = malloc(65536 + 16);
    memcpy(chunk, "10000\r\n", 7);
    memset(chunk + 7, 'b', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    for (size_t sent = 0; sent < len; sent += 65536)
        if (!client_offer(c, chunk, 65536 + 9))
            break;
    free(chunk);
}

static void test_max_body_at_its_edge(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c;
    struct answer a;
    site_defaults(&o);
    o.max_body = 100000;
    site_visit(&s, &o, &c);
    for (size_t len = 99999; len <= 100001; len++) {
        post(&c, len, "");
        send_body(&c, len);
        assert_true(client_answer(&c, &a));
        assert_int_equal(a.status, len > 100000 ? 413 : 200);
        if (len <= 100000)
            assert_int_equal(a.len, len);
        answer_free(&a);
    }
    assert_int_equal(s.refused_status, 413);
    assert_string_equal(s.refused_url, "POST|/echo|127.0.0.1");
    /* One byte over, in chunks; the connection has lived through all of it. */
    client_send(&c, "POST /echo " H "Transfer-Encoding: chunked\r\n\r\n186a0\r\n");
    send_body(&c, 100000);
    client_send(&c, "\r\n1\r\nx\r\n0\r\n\r\n");
    client_expect(&c, 413, NULL);
    client_check(&c);
    site_leave(&s, &c);
}

/* Way one: what is a little too large is thrown away, then answered, and the connection goes on. */
static void test_413_after_throwing_away(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct answer a;
    site_visit(&s, NULL, &c);
    post(&c, 6 << 20, "");
    send_body(&c, 6 << 20);
    assert_true(client_answer(&c, &a));
    assert_int_equal(a.status, 413);
    assert_null(strstr(a.head, "Connection: close"));
    answer_free(&a);
    client_check(&c);
    site_leave(&s, &c);
}

/* Way two: who asks first is told at once, and never sends. */
static void test_413_before_the_body(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    site_visit(&s, NULL, &c);
    post(&c, 2 << 20, "Expect: 100-continue\r\n");
    client_expect(&c, 413, NULL);
    client_until_closed(&c);
    client_close(&c);
    /* And who may, is told to go on. */
    client_open(&s, &c);
    post(&c, 5, "Expect: 100-continue\r\n");
    client_expect(&c, 100, NULL);
    client_send(&c, "hello");
    client_expect(&c, 200, "hello");
    site_leave(&s, &c);
}

/* Way three: far too large, announced or in chunks without end; or a little too large, and then
 * silent. The answer stands although a client goes on, to the client it ends at once, and 2 s later
 * altogether. */
static void test_413_past_libmicrohttpd(void **state)
{
    (void)state;
    enum { ANNOUNCED, CHUNKED, SILENT };
    struct site s;
    struct client c[3];
    site_open(&s, NULL);
    for (int i = 0; i < 3; i++)
        client_open(&s, &c[i]);
    int64_t begin = clock_mono_ms();
    post(&c[SILENT], 3 << 20, "");
    send_body(&c[SILENT], 2 << 20);
    post(&c[ANNOUNCED], 500 << 20, "");
    send_body(&c[ANNOUNCED], 3 << 20);
    client_send(&c[CHUNKED], "POST /echo " H "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(&c[CHUNKED], 12 << 20);
    for (int i = 0; i < 3; i++) {
        struct answer a;
        assert_true(client_answer(&c[i], &a));
        assert_int_equal(a.status, 413);
        assert_non_null(strstr(a.head, "Connection: close"));
        answer_free(&a);
        int64_t answered = clock_mono_ms();
        client_until_closed(&c[i]);
        assert_in_range(clock_mono_ms() - answered, 0, 1500);
        assert_in_range(answered - begin, i == SILENT ? 1900 : 0, i == SILENT ? 8000 : 1900);
    }
    assert_int_equal(s.refusals, 3);
    client_close(&c[SILENT]);
    site_pump_until_open(&s, 0); /* whatever the others do */
    client_close(&c[ANNOUNCED]);
    client_close(&c[CHUNKED]);
    site_close(&s);
}

/* ---- numbers of connections ---- */

static void test_max_connections(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c[4];
    struct answer a;
    site_defaults(&o);
    o.max_connections = 3;
    site_open(&s, &o);
    for (int i = 0; i < 4; i++)
        client_open(&s, &c[i]);
    client_send(&c[3], "GET /static " H "\r\n");
    site_pump_until_open(&s, 3);
    assert_true(client_answer(&c[3], &a));
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.head, "Retry-After: 1\r\n"));
    answer_free(&a);
    client_until_closed(&c[3]);
    client_check(&c[2]);
    client_close(&c[0]);
    site_pump_until_open(&s, 2);
    client_close(&c[3]);
    client_open(&s, &c[3]);
    client_check(&c[3]); /* a place was free */
    for (int i = 1; i < 4; i++)
        client_close(&c[i]);
    site_close(&s);
}

static void test_max_connections_per_ip(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c[3];
    site_defaults(&o);
    o.max_connections_per_ip = 2;
    site_open(&s, &o);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            client_open(&s, &c[i]);
        client_check(&c[0]);
        client_check(&c[1]);
        client_send(&c[2], "GET /static " H "\r\n");
        client_expect(&c[2], 503, NULL);
        for (int i = 0; i < 3; i++)
            client_close(&c[i]);
        site_pump_until_open(&s, 0);
    }
    site_close(&s);
}

static void test_counting_by_address(void **state)
{
    (void)state;
    struct http_shared *s = http_shared_new();
    struct http_options o = { .max_connections = 100, .max_connections_per_ip = 2 };
    struct peer_key a = { "address a" }, b = { "address b" };
    bool by;
    assert_true(shared_enter(s, &o, &a, &by) && by);
    assert_true(shared_enter(s, &o, &a, &by) && by);
    assert_false(shared_enter(s, &o, &a, &by));
    assert_true(shared_enter(s, &o, &b, &by) && by);
    o.max_connections_per_ip = 0; /* a reload took the limit away */
    assert_true(shared_enter(s, &o, &a, &by) && !by);
    shared_leave(s, &a, false);
    o.max_connections_per_ip = 2;
    assert_false(shared_enter(s, &o, &a, &by));
    shared_leave(s, &a, true);
    assert_true(shared_enter(s, &o, &a, &by));
    o.max_connections = 3;
    assert_false(shared_enter(s, &o, &b, &by)); /* the total counts first */
    http_shared_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smuggling_is_refused_and_closed),
        cmocka_unit_test(test_its_own_refusals_are_told),
        cmocka_unit_test(test_max_headers),
        cmocka_unit_test(test_many_fields),
        cmocka_unit_test(test_max_body_at_its_edge),
        cmocka_unit_test(test_413_after_throwing_away),
        cmocka_unit_test(test_413_before_the_body),
        cmocka_unit_test(test_413_past_libmicrohttpd),
        cmocka_unit_test(test_max_connections),
        cmocka_unit_test(test_max_connections_per_ip),
        cmocka_unit_test(test_counting_by_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
