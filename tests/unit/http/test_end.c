/* test_end.c - how it ends: drain, the end of drain_timeout, a stuck worker that is bypassed; and
 * how it begins. */
#include "site.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/clock.h"
#include "support/slow.h"

static bool can_connect(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_up = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return is_up;
}

static void test_drain(void **state)
{
    (void)state;
    struct site s;
    struct client idle, half_sent, waiting, stream, backlog;
    struct answer a;
    site_open(&s, NULL);
    client_open(&s, &idle);
    client_check(&idle);
    client_open(&s, &half_sent);
    client_send(&half_sent, "POST /echo " H "Content-Length: 5\r\n\r\nhe");
    client_open(&s, &waiting);
    client_send(&waiting, "GET /hold " H "\r\n");
    site_pump_until(&s, &s.n_held, 1);
    client_open(&s, &stream);
    client_send(&stream, "GET /stream " H "\r\n");
    site_pump_until(&s, &s.n_held, 2);
    client_open(&s, &backlog); /* connected, not yet accepted: it is not turned away */
    client_send(&backlog, "GET /static " H "\r\n");

    http_server_drain(s.server);
    client_until_closed(&idle); /* at once */
    assert_int_equal(idle.in.len, 0);
    assert_false(can_connect(s.port));
    assert_true(client_answer(&backlog, &a));
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "Connection: close\r\n"));
    answer_free(&a);
    client_send(&half_sent, "llo"); /* what has begun is finished */
    assert_true(client_answer(&half_sent, &a));
    assert_string_equal(a.body, "hello");
    assert_non_null(strstr(a.head, "Connection: close\r\n"));
    answer_free(&a);
    client_until_closed(&half_sent);
    client_until_closed(&backlog);
    site_reply(s.held[0], "done");
    s.held[0] = NULL;
    assert_true(client_answer(&waiting, &a));
    assert_non_null(strstr(a.head, "Connection: close\r\n"));
    answer_free(&a);
    client_until_closed(&waiting);
    assert_int_equal(exchange_send(s.held[1], "data: last\n\n", 12), 0);
    exchange_finish(s.held[1]);
    s.held[1] = NULL;
    client_expect(&stream, 200, "data: last\n\n");
    client_until_closed(&stream);
    site_pump_until_open(&s, 0);
    struct client *all[] = { &idle, &half_sent, &waiting, &stream, &backlog };
    for (int i = 0; i < 5; i++)
        client_close(all[i]);
    site_close(&s);
}

/* drain_timeout is over with everything still open: owners are told, and nothing aborts. */
static void test_close_all(void **state)
{
    (void)state;
    enum { N = 30 };
    struct site s;
    struct client c[N];
    site_open(&s, NULL);
    s.drops_when_lost = true;
    for (int i = 0; i < N; i++) {
        client_open(&s, &c[i]);
        client_send(&c[i], i % 3 == 0   ? "GET /hold " H "\r\n"
                           : i % 3 == 1 ? "GET /stream " H "\r\n"
                                        : "POST /echo " H "Content-Length: 5\r\n\r\nhe");
    }
    site_pump_until(&s, &s.n_held, 20);
    site_pump_for(&s, 70);
    http_server_close_all(s.server);
    http_server_run(s.server);
    assert_int_equal(s.lost, 20);
    site_pump_until_open(&s, 0);
    for (int i = 0; i < N; i++) {
        client_until_closed(&c[i]);
        client_close(&c[i]);
    }
    site_close(&s);
}

/* Handlers that give their exchanges back only after the server is gone. */
static void test_exchanges_outlive_the_server(void **state)
{
    (void)state;
    struct site s;
    struct client c[6];
    site_open(&s, NULL);
    for (int i = 0; i < 6; i++) {
        client_open(&s, &c[i]);
        client_send(&c[i],
                    i % 2 ? "GET /hold?a " H "User-Agent: u\r\n\r\n" : "GET /stream " H "\r\n");
        site_pump_until(&s, &s.n_held, i + 1);
    }
    http_server_close_all(s.server);
    http_server_run(s.server);
    http_server_free(s.server);
    assert_int_equal(s.lost, 6);
    assert_string_equal(exchange_headers(s.held[1])->user_agent, "u");
    assert_string_equal(exchange_url(s.held[1]), "/hold?***");
    assert_null(exchange_header(s.held[1], "user-agent"));
    assert_null(exchange_query(s.held[1], "a", 0));
    assert_int_equal(exchange_send(s.held[0], "x", 1), MG_E_CLOSED);
    const int order[] = { 3, 0, 5, 2, 1, 4 };
    for (int i = 0; i < 6; i++) {
        struct exchange *x = s.held[order[i]];
        if (i % 3 == 0)
            site_reply(x, "late");
        else if (i % 3 == 1)
            exchange_finish(x);
        else
            exchange_drop(x);
        client_close(&c[i]);
    }
    loop_free(s.loop);
    http_shared_free(s.shared);
}

static void *bypass(void *servers)
{
    struct http_server **s = servers;
    http_server_bypass(s[0], s[1]);
    return NULL;
}

/* Two workers on one port; one is stuck. The other gets what has come to it, and every new
 * connection; once it is back both serve again. */
static void test_bypass(void **state)
{
    (void)state;
    struct site a, b;
    struct client c, early[40];
    pthread_t thread;
    site_open(&a, NULL);
    site_open_beside(&b, &a);
    for (int i = 0; i < 40; i++) {
        client_open(&b, &early[i]);
        client_send(&early[i], "GET /static " H "\r\n");
    }
    struct http_server *servers[] = { a.server, b.server };
    assert_int_equal(pthread_create(&thread, NULL, bypass, servers), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (int i = 0; i < 40; i++) {
        client_expect(&early[i], 200, NULL);
        client_close(&early[i]);
    }
    assert_int_equal(b.requests, 40);
    b.requests = 0;
    for (int i = 0; i < 40; i++) { /* with both in the group some would hang in the stuck one's
                                      backlog */
        client_open(&b, &c);
        client_check(&c);
        client_close(&c);
    }
    assert_int_equal(b.requests, 40);
    site_pump(&a); /* back */
    for (int i = 0; i < 200 && a.requests == 0; i++) {
        struct client other;
        client_open(&b, &other);
        client_send(&other, "GET /close " H "\r\n");
        int64_t end = clock_mono_ms() + 5000;
        while (!other.is_closed && clock_mono_ms() < end) {
            site_pump(&a);
            site_pump(&b);
            client_fill(&other);
        }
        assert_true(other.is_closed);
        client_close(&other);
    }
    assert_true(a.requests > 0);
    site_close(&a);
    site_close(&b);
}

/* Without descriptors to accept with, the loop rests; with them it goes on. */
static void test_out_of_descriptors(void **state)
{
    (void)state;
    struct site s;
    struct client c[3];
    struct rlimit old, low;
    if (is_under_valgrind()) /* it closes what it accepted over the limit */
        skip();
    site_open(&s, NULL);
    for (int i = 0; i < 3; i++)
        client_open(&s, &c[i]);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)next + 1; /* room for one of them */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    site_pump_for(&s, 20);
    int64_t cpu = site_cpu_us();
    site_pump_for(&s, 500);
    cpu = site_cpu_us() - cpu;
    size_t open_then = http_server_open(s.server);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(open_then, 1);
    assert_in_range(cpu, 0, 150000);
    site_pump_until_open(&s, 3);
    for (int i = 0; i < 3; i++) {
        client_check(&c[i]);
        client_close(&c[i]);
    }
    site_close(&s);
}

static void test_reconfigure(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct http_options o;
    site_visit(&s, NULL, &c);
    assert_int_equal(client_ask(&c, "POST /echo " H "Content-Length: 5\r\n\r\nhello", NULL), 200);
    site_defaults(&o);
    o.max_body = 4;
    http_server_reconfigure(s.server, &o);
    assert_int_equal(client_ask(&c, "POST /echo " H "Content-Length: 5\r\n\r\nhello", NULL), 413);
    assert_int_equal(client_ask(&c, "POST /echo " H "Content-Length: 4\r\n\r\nhell", NULL), 200);
    site_leave(&s, &c);
}

static void test_addresses(void **state)
{
    (void)state;
    struct http_address a[4];
    struct err e = { 0 };
    size_t n;
    uint16_t port = 0, again;
    assert_int_equal(http_addresses("localhost", 0, a, 4, &n, &port, &e), 0);
    assert_in_range(n, 1, 2); /* two where the machine has IPv6 */
    assert_true(port > 0);
    char want[32];
    snprintf(want, sizeof want, "127.0.0.1:%u", port);
    assert_string_equal(a[0].text, want);
    snprintf(want, sizeof want, "[::1]:%u", port);
    if (n == 2)
        assert_string_equal(a[1].text, want);
    assert_int_equal(http_addresses("127.0.0.2", 0, a, 4, &n, &port, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(http_addresses("192.0.2.1", 0, a, 4, &n, &port, &e), MG_E_INVALID);
    assert_non_null(strstr(e.text, "192.0.2.1"));
    assert_int_equal(http_addresses("no such host.invalid", 0, a, 4, &n, &port, &e), MG_E_INVALID);
    /* A live server is found, although it shares its port with whoever asks; one that has gone is
     * not in the way. */
    struct site s;
    struct client c;
    site_open(&s, NULL);
    assert_int_equal(http_addresses("127.0.0.1", s.port, a, 4, &n, &again, &e), MG_E_CONFLICT);
    assert_non_null(strstr(e.text, "in use"));
    client_open(&s, &c);
    assert_int_equal(client_ask(&c, "GET /close " H "\r\n", NULL), 200);
    client_until_closed(&c); /* the server closed first: TIME_WAIT is on its side */
    client_close(&c);
    port = s.port;
    site_close(&s);
    assert_int_equal(http_addresses("127.0.0.1", port, a, 4, &n, &again, &e), 0);
    assert_int_equal(again, port);
}

/* Between the look whether a port is free and listening on it nobody else finds it free, although
 * sockets that listen could share it. */
static void test_addresses_are_held(void **state)
{
    (void)state;
    struct http_address a[4], other[4];
    struct err e = { 0 };
    size_t n, m;
    uint16_t port, again;
    assert_int_equal(http_addresses("127.0.0.1", 0, a, 4, &n, &port, &e), 0);
    http_addresses_hold(a, n);
    assert_true(a[0].guard >= 0);
    assert_int_equal(http_addresses("127.0.0.1", port, other, 4, &m, &again, &e), MG_E_CONFLICT);
    struct site s;
    struct client c;
    site_open_at(&s, a, n, port);
    http_addresses_release(a, n);
    client_open(&s, &c);
    client_check(&c);
    client_close(&c);
    site_close(&s);
    assert_int_equal(http_addresses("127.0.0.1", port, other, 4, &m, &again, &e), 0);
    http_addresses_release(other, m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_close_all),
        cmocka_unit_test(test_exchanges_outlive_the_server),
        cmocka_unit_test(test_bypass),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_reconfigure),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_addresses_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
