/* test_basic.c - requests and replies: methods, keep-alive, pipelining, bodies in pieces, waiting
 * answers. */
#include "site.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_echo_and_keep_alive(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct answer a;
    site_visit(&s, NULL, &c);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(client_ask(&c, "POST /echo " H "Content-Length: 5\r\n\r\nhello", &a), 200);
        assert_string_equal(a.body, "hello");
        assert_non_null(strstr(a.head, "X-Method: POST\r\n"));
        assert_non_null(strstr(a.head, "Content-Type: text/plain\r\n"));
        answer_free(&a);
    }
    assert_int_equal(s.requests, 50);
    assert_int_equal(http_server_open(s.server), 1);
    client_send(&c, "GET /static " H "\r\n");
    client_expect(&c, 200, "static");
    assert_int_equal(client_ask(&c, "GET /nothing " H "\r\n", NULL), 404);
    client_close(&c);
    site_pump_until_open(&s, 0);
    site_close(&s);
}

static void test_head_has_the_length_and_no_body(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    site_visit(&s, NULL, &c);
    client_send(&c, "HEAD /static " H "\r\nGET /close " H "\r\n");
    client_until_closed(&c);
    const char *in = buf_cstr(&c.in);
    const char *second = strstr(in + 10, "HTTP/1.1 200");
    assert_non_null(strstr(in, "Content-Length: 6\r\n"));
    assert_null(strstr(in, "static"));
    assert_non_null(second);
    assert_memory_equal(second - 4, "\r\n\r\n", 4);
    site_leave(&s, &c);
}

static void test_pipelined_requests_answer_in_order(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    site_visit(&s, NULL, &c);
    client_send(&c, "POST /echo " H "Content-Length: 1\r\n\r\n1"
                    "POST /hold " H "Content-Length: 0\r\n\r\n"
                    "POST /echo " H "Transfer-Encoding: chunked\r\n\r\n1\r\n3\r\n0\r\n\r\n"
                    "GET /static " H "\r\n");
    client_expect(&c, 200, "1");
    site_pump_until(&s, &s.n_held, 1);
    site_pump_for(&s, 80);
    assert_int_equal(s.requests, 2); /* the next ones wait behind the one that waits */
    site_reply(s.held[0], "2");
    s.held[0] = NULL;
    const char *want[] = { "2", "3", "static" };
    for (int i = 0; i < 3; i++)
        client_expect(&c, 200, want[i]);
    site_leave(&s, &c);
}

static void test_a_request_in_single_bytes(void **state)
{
    (void)state;
    static const char text[] = "POST /echo " H "Content-Length: 3\r\n\r\nabc"
                               "POST /echo " H "Transfer-Encoding: chunked\r\n\r\n"
                               "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n";
    struct site s;
    struct client c;
    site_visit(&s, NULL, &c);
    for (size_t i = 0; text[i]; i++) {
        client_send_bytes(&c, text + i, 1);
        site_pump(&s);
        client_fill(&c);
    }
    client_expect(&c, 200, "abc");
    client_expect(&c, 200, "abc0123456789");
    site_leave(&s, &c);
}

static void test_headers_and_query(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct answer a;
    site_visit(&s, NULL, &c);
    assert_int_equal(client_ask(&c,
                                "GET /head%65rs?q=1&key=geheim&q=%32+x " H
                                "accept: application/json\r\nACCEPT: text/event-stream\r\n"
                                "User-Agent: t/1\r\nuser-agent: t/2\r\nX-Other: o\r\n"
                                "X-Forwarded-For: 1.1.1.1\r\nx-api-key: k\r\n"
                                "X-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n\r\n",
                                &a),
                     200);
    assert_string_equal(a.body, "accept=application/json, text/event-stream\nua=t/1\n"
                                "xff=1.1.1.1, 2.2.2.2, 3.3.3.3\nkey=k\nother=o\nq=1|2 x\n"
                                "url=/head%65rs?q=***&key=***&q=***\npath=/headers\n");
    answer_free(&a);
    client_send(&c, "GET /headers " H "\r\n");
    client_expect(&c, 200,
                  "accept=-\nua=-\nxff=-\nkey=-\nother=-\nq=-|-\nurl=/headers\n"
                  "path=/headers\n");
    site_leave(&s, &c);
}

static void test_close_and_http_1_0(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "GET /close " H "\r\n",
        "GET /static " H "Connection: close\r\n\r\n",
        "GET /static HTTP/1.0\r\n\r\n",
        "GET /events HTTP/1.0\r\n\r\n",
    };
    struct site s;
    struct client idle;
    site_open(&s, NULL);
    client_open(&s, &idle);
    client_check(&idle);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct client c;
        struct answer a;
        client_open(&s, &c);
        assert_int_equal(client_ask(&c, requests[i], &a), 200);
        answer_free(&a);
        client_until_closed(&c);
        assert_int_equal(c.error, 0);
        site_pump_until_open(&s, 1); /* of it nothing is left, although an older one idles */
        client_close(&c);
    }
    /* A stream that had to wait ends likewise: with the connection, and of that nothing is left. */
    struct client c;
    client_open(&s, &c);
    client_send(&c, "GET /stream HTTP/1.0\r\n\r\n");
    site_pump_until(&s, &s.n_held, 1);
    client_until_text(&c, "\r\n\r\n");
    assert_int_equal(exchange_send(s.held[0], "data: 1\n\n", 9), 0);
    client_until_text(&c, "data: 1\n\n");
    assert_int_equal(exchange_send(s.held[0], "data: 2\n\n", 9), 0);
    client_until_text(&c, "data: 2\n\n");
    site_pump_for(&s, 20); /* nothing is queued when the end comes */
    exchange_finish(s.held[0]);
    s.held[0] = NULL;
    client_until_closed(&c);
    assert_int_equal(c.error, 0);
    assert_string_equal(strstr(buf_cstr(&c.in), "data: 1"), "data: 1\n\ndata: 2\n\n");
    site_pump_until_open(&s, 1);
    client_close(&c);
    client_close(&idle);
    site_close(&s);
}

/* Answers that come later, in another order, short and long after the request. */
static void test_held_answers(void **state)
{
    (void)state;
    enum { N = 60 };
    struct site s;
    static struct client c[N];
    site_open(&s, NULL);
    for (int round = 0; round < 3; round++) {
        s.n_held = 0;
        for (int i = 0; i < N; i++) {
            if (round == 0)
                client_open(&s, &c[i]);
            client_send(&c[i], "GET /hold " H "\r\n");
        }
        site_pump_until(&s, &s.n_held, N);
        if (round > 0) /* suspended, and watched in the last round */
            site_pump_for(&s, round * 40);
        for (int i = N; i-- > 0;) {
            site_reply(s.held[i], "late");
            s.held[i] = NULL;
        }
        for (int i = 0; i < N; i++)
            client_expect(&c[i], 200, "late");
    }
    for (int i = 0; i < N; i++)
        client_close(&c[i]);
    assert_int_equal(s.lost + s.half, 0);
    site_close(&s);
}

/* A client that closes its sending half still gets its answer, however long it took, and then the
 * end. The first is answered at once, the second before it is suspended, the third when it is told,
 * the fourth closes its half only after it was suspended. */
static void test_half_closed_clients(void **state)
{
    (void)state;
    struct site s;
    struct client idle, c[4];
    site_open(&s, NULL);
    client_open(&s, &idle); /* libmicrohttpd treats its oldest connection better than the others */
    site_pump_until_open(&s, 1);
    for (int i = 0; i < 4; i++) {
        client_open(&s, &c[i]);
        client_send(&c[i], i == 0 ? "GET /static " H "\r\n" : "GET /hold " H "\r\n");
        if (i == 3)
            site_pump_for(&s, 10);
        assert_int_equal(shutdown(c[i].fd, SHUT_WR), 0);
        site_pump_until(&s, &s.n_held, i);
        if (i == 2)
            site_pump_until(&s, &s.half, 1); /* watched after 50 ms, and told */
        if (i > 0)
            site_reply(s.held[i - 1], "static");
    }
    for (int i = 0; i < 4; i++)
        client_expect(&c[i], 200, "static");
    for (int i = 0; i < 4; i++) {
        client_until_closed(&c[i]);
        client_close(&c[i]);
    }
    s.n_held = 0;
    assert_int_equal(s.lost, 0);
    client_close(&idle);
    site_close(&s);
}

static void test_drop_and_bad_field(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct answer a;
    site_visit(&s, NULL, &c);
    client_send(&c, "GET /drop " H "\r\n");
    assert_false(client_answer(&c, &a));
    client_close(&c);
    client_open(&s, &c);
    client_send(&c, "GET /hold " H "\r\n");
    site_pump_until(&s, &s.n_held, 1);
    site_pump_for(&s, 20);
    exchange_drop(s.held[0]);
    s.held[0] = NULL;
    assert_false(client_answer(&c, &a));
    client_close(&c);
    client_open(&s, &c);
    assert_int_equal(client_ask(&c, "GET /badfield " H "\r\n", &a), 500);
    assert_null(strstr(a.head, "Injected"));
    assert_string_equal(a.body, "internal error\n");
    answer_free(&a);
    client_check(&c); /* and goes on */
    site_leave(&s, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_and_keep_alive),
        cmocka_unit_test(test_head_has_the_length_and_no_body),
        cmocka_unit_test(test_pipelined_requests_answer_in_order),
        cmocka_unit_test(test_a_request_in_single_bytes),
        cmocka_unit_test(test_headers_and_query),
        cmocka_unit_test(test_close_and_http_1_0),
        cmocka_unit_test(test_held_answers),
        cmocka_unit_test(test_half_closed_clients),
        cmocka_unit_test(test_drop_and_bad_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
