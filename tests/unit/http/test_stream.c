/* test_stream.c - event streams: order, bounds, clients that leave or never read, thousands at
 * once. */
#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"

static void open_stream(struct site *s, struct client *c)
{
    int before = s->n_held;
    client_send(c, "GET /stream " H "\r\n");
    site_pump_until(s, &s->n_held, before + 1);
}

static void test_a_stream_made_at_once(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct answer a;
    site_visit(&s, NULL, &c);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_ask(&c, "POST /events " H "Content-Length: 0\r\n\r\n", &a), 200);
        assert_string_equal(a.body, "data: 1\n\ndata: 2\n\n");
        assert_non_null(strstr(a.head, "Content-Type: text/event-stream\r\n"));
        assert_non_null(strstr(a.head, "Cache-Control: no-cache\r\n"));
        assert_non_null(strstr(a.head, "X-Accel-Buffering: no\r\n"));
        answer_free(&a);
    }
    site_leave(&s, &c);
}

/* The head goes out before the first event; events come as they are sent; the connection is used
 * again. */
static void test_events_come_one_by_one(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct answer a;
    char text[64];
    site_visit(&s, NULL, &c);
    open_stream(&s, &c);
    client_until_text(&c, "\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        if (i % 5 == 0)
            site_pump_for(&s, 30);
        snprintf(text, sizeof text, "data: event-%d\n\n", i);
        assert_int_equal(exchange_send(s.held[0], text, strlen(text)), 0);
        assert_true(exchange_is_stream(s.held[0]));
        client_until_text(&c, text);
    }
    for (int i = 0; i < 10; i++) /* several at once keep their order */
        assert_int_equal(exchange_send(s.held[0], &"abcdefghij"[i], 1), 0);
    exchange_finish(s.held[0]);
    s.held[0] = NULL;
    assert_true(client_answer(&c, &a));
    assert_string_equal(a.body + a.len - 10, "abcdefghij");
    answer_free(&a);
    client_check(&c);
    site_leave(&s, &c);
}

/* First an answer that waits, then it becomes a stream. */
static void test_stream_after_waiting(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    struct answer a;
    struct http_field f = { "Mcp-Session-Id", "abc" };
    struct http_reply r = { .fields = &f, .field_count = 1 };
    site_visit(&s, NULL, &c);
    for (int wait_ms = 0; wait_ms <= 80; wait_ms += 40) {
        s.n_held = 0;
        client_send(&c, "GET /hold " H "\r\n");
        site_pump_until(&s, &s.n_held, 1);
        site_pump_for(&s, wait_ms);
        assert_int_equal(exchange_stream(s.held[0], &r), 0);
        assert_int_equal(exchange_send(s.held[0], "data: x\n\n", 9), 0);
        client_until_text(&c, "data: x\n\n");
        exchange_finish(s.held[0]);
        s.held[0] = NULL;
        assert_true(client_answer(&c, &a));
        assert_non_null(strstr(a.head, "Mcp-Session-Id: abc\r\n"));
        assert_string_equal(a.body, "data: x\n\n");
        answer_free(&a);
    }
    site_leave(&s, &c);
}

static void test_large_events(void **state)
{
    (void)state;
    enum { SIZE = 60000 };
    struct http_options o;
    struct site s;
    struct client c;
    struct answer a;
    site_defaults(&o);
    o.max_stream_queue = 4 * SIZE;
    site_open(&s, &o);
    client_open_small(&s, &c);
    open_stream(&s, &c);
    char *data = malloc(4 * SIZE);
    for (int i = 0; i < 4 * SIZE; i++)
        data[i] = (char)('a' + i % 23);
    assert_int_equal(exchange_send(s.held[0], data, SIZE), 0);
    site_pump_for(&s, 10);
    assert_int_equal(exchange_send(s.held[0], data + SIZE, SIZE), 0);
    assert_int_equal(exchange_send(s.held[0], data + 2 * SIZE, 2 * SIZE), 0);
    assert_int_equal(exchange_bytes(s.held[0]), 4 * SIZE);
    exchange_finish(s.held[0]);
    s.held[0] = NULL;
    assert_true(client_answer(&c, &a));
    assert_int_equal(a.len, 4 * SIZE);
    assert_memory_equal(a.body, data, 4 * SIZE);
    answer_free(&a);
    free(data);
    site_leave(&s, &c);
}

static void test_the_queue_is_bounded_exactly(void **state)
{
    (void)state;
    static char data[1001];
    struct http_options o;
    struct site s;
    struct client c, idle;
    site_defaults(&o);
    o.max_stream_queue = 1000;
    site_open(&s, &o);
    client_open(&s, &idle); /* an older connection, behind which a forgotten one could hide */
    site_pump_until_open(&s, 1);
    client_open(&s, &c);
    open_stream(&s, &c);
    client_until_text(&c, "\r\n\r\n");
    site_pump_for(&s, 10);
    memset(data, 'x', sizeof data);
    assert_int_equal(exchange_send(s.held[0], data, 1000), 0);
    assert_int_equal(exchange_queued(s.held[0]), 1000);
    /* An answer is not bounded here, and counts. */
    assert_int_equal(exchange_send_whole(s.held[0], data, 1001), 0);
    assert_int_equal(exchange_queued(s.held[0]), 2001);
    assert_int_equal(exchange_send(s.held[0], data, 1), MG_E_LIMIT);
    assert_int_equal(exchange_send_whole(s.held[0], data, 1), MG_E_CLOSED);
    assert_int_equal(s.lost, 0); /* not inside the call */
    assert_int_equal(exchange_send(s.held[0], data, 1), MG_E_CLOSED);
    site_pump_until(&s, &s.lost, 1);
    client_until_closed(&c);
    client_close(&c);
    site_pump_until_open(&s, 1);
    client_close(&idle);
    assert_string_equal(exchange_path(s.held[0]), "/stream"); /* it outlives its connection */
    assert_int_equal(exchange_send(s.held[0], data, 1), MG_E_CLOSED);
    exchange_finish(s.held[0]);
    s.held[0] = NULL;
    site_close(&s);
}

static void test_clients_that_leave(void **state)
{
    (void)state;
    struct site s;
    struct client c[4];
    site_open(&s, NULL);
    s.drops_when_lost = true;
    for (int i = 0; i < 4; i++) {
        client_open(&s, &c[i]);
        open_stream(&s, &c[i]);
    }
    client_until_text(&c[1], "\r\n\r\n"); /* a close with unread bytes would be a reset */
    client_until_text(&c[3], "\r\n\r\n");
    /* A reset is known at once; a close shows as a half-closed client, and is lost at the next
     * write. */
    client_reset(&c[0]);
    site_pump_until(&s, &s.lost, 1);
    assert_null(s.held[0]);
    client_close(&c[1]);
    site_pump_until(&s, &s.half, 1);
    for (int64_t end = clock_mono_ms() + 5000; s.lost < 2 && clock_mono_ms() < end;) {
        if (s.held[1])
            exchange_send(s.held[1], ":\n\n", 3);
        site_pump(&s);
    }
    assert_int_equal(s.lost, 2);
    /* The others do not notice. */
    assert_int_equal(exchange_send(s.held[2], "data: here\n\n", 12), 0);
    client_until_text(&c[2], "data: here\n\n");
    /* A client that only closes its sending half reads on. */
    assert_int_equal(shutdown(c[3].fd, SHUT_WR), 0);
    site_pump_until(&s, &s.half, 2);
    assert_int_equal(exchange_send(s.held[3], "data: half\n\n", 12), 0);
    client_until_text(&c[3], "data: half\n\n");
    for (int i = 2; i < 4; i++)
        client_close(&c[i]);
    site_close(&s);
}

/* A call that waits, suspended, and its client leaves: told, and the exchange stays until it is
 * given back. */
static void test_waiting_calls_notice(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    site_visit(&s, NULL, &c);
    client_send(&c, "GET /hold?key=secret " H "User-Agent: t/1\r\nX-API-Key: k\r\n\r\n");
    site_pump_until(&s, &s.n_held, 1);
    client_reset(&c);
    site_pump_until(&s, &s.lost, 1);
    site_pump_until_open(&s, 0);
    struct exchange *x = s.held[0];
    assert_string_equal(exchange_path(x), "/hold");
    assert_string_equal(exchange_url(x), "/hold?key=***");
    assert_string_equal(exchange_method_text(x), "GET");
    assert_string_equal(exchange_headers(x)->user_agent, "t/1");
    assert_string_equal(exchange_headers(x)->x_api_key, "k");
    assert_null(exchange_headers(x)->origin);
    assert_string_equal(exchange_peer(x), "127.0.0.1");
    struct http_reply r = { 0 };
    assert_int_equal(exchange_stream(x, &r), MG_E_CLOSED);
    site_reply(x, "to nobody");
    s.held[0] = NULL;
    /* The second way: half-closed, and the handler answers because of it. */
    s.replies_when_half = true;
    client_open(&s, &c);
    client_send(&c, "GET /hold " H "\r\n");
    site_pump_until(&s, &s.n_held, 2);
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    client_until_text(&c, "half");
    site_leave(&s, &c);
}

/* It is told even if the owner asks late. */
static void test_gone_is_told_to_a_late_asker(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    site_visit(&s, NULL, &c);
    open_stream(&s, &c);
    exchange_on_gone(s.held[0], NULL, NULL);
    client_reset(&c);
    site_pump_until_open(&s, 0);
    assert_int_equal(s.lost, 0);
    s.drops_when_lost = true;
    site_ask(&s, 0);
    assert_int_equal(s.lost, 0); /* not inside the call */
    site_pump_until(&s, &s.lost, 1);
    assert_null(s.held[0]);
    site_close(&s);
}

/* A stream has no head alone. Its owner still has it when it is over, so the next request must wait
 * for another connection. */
static void test_head_of_a_stream(void **state)
{
    (void)state;
    struct site s;
    struct client c;
    site_visit(&s, NULL, &c);
    client_send(&c, "HEAD /stream " H "\r\nGET /static " H "\r\n");
    site_pump_until(&s, &s.lost, 1);
    client_until_closed(&c);
    assert_int_equal(s.requests, 1);
    assert_non_null(strstr(buf_cstr(&c.in), "text/event-stream"));
    assert_null(strstr(buf_cstr(&c.in), "static"));
    assert_int_equal(exchange_send(s.held[0], "x", 1), MG_E_CLOSED);
    site_leave(&s, &c);
}

static void test_pings(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c[3];
    site_defaults(&o);
    o.sse_keepalive_ms = 100;
    site_open(&s, &o);
    for (int i = 0; i < 3; i++) {
        client_open(&s, &c[i]);
        open_stream(&s, &c[i]);
    }
    int64_t begin = clock_mono_ms();
    for (int i = 0; i < 3; i++)
        client_until_text(&c[i], ":\n\n\r\n3\r\n:\n\n");
    assert_in_range(clock_mono_ms() - begin, 90, 2000);
    assert_int_equal(exchange_bytes(s.held[0]), 0); /* not the handler's */
    for (int i = 0; i < 3; i++)
        client_close(&c[i]);
    site_close(&s);
}

/* Streams that were opened together are not pinged all in one turn, and none is left out. */
static void test_pings_are_spread(void **state)
{
    (void)state;
    enum { N = 600, MOST = 256 + 2 * N / 16 };
    static struct client c[N];
    struct http_options o;
    struct site s;
    site_defaults(&o);
    o.sse_keepalive_ms = 400;
    o.max_connections = N + 1;
    site_open(&s, &o);
    for (int i = 0; i < N; i++) {
        client_open(&s, &c[i]);
        client_send(&c[i], "GET /stream " H "\r\n");
    }
    site_pump_until(&s, &s.n_held, N);
    int pinged = 0;
    for (int64_t end = clock_mono_ms() + 20000; pinged < N && clock_mono_ms() < end;) {
        int before = pinged;
        site_pump(&s);
        pinged = 0;
        for (int i = 0; i < N; i++) {
            client_fill(&c[i]);
            pinged += c[i].in.len > 0 && strstr(buf_cstr(&c[i].in), ":\n\n") != NULL;
        }
        assert_true(pinged - before <= MOST);
    }
    assert_int_equal(pinged, N);
    for (int i = 0; i < N; i++)
        client_close(&c[i]);
    site_close(&s);
}

/* 200 clients that never read, while events pour in: each ends at its bound, and others are served.
 */
static void test_clients_that_never_read(void **state)
{
    (void)state;
    enum { N = 200 };
    static struct client c[N];
    static char event[4096];
    struct site s;
    struct client other;
    site_open(&s, NULL);
    s.drops_when_lost = true;
    for (int i = 0; i < N; i++) {
        client_open_small(&s, &c[i]);
        client_send(&c[i], "GET /stream " H "\r\n");
    }
    site_pump_until(&s, &s.n_held, N);
    client_open(&s, &other);
    memset(event, 'e', sizeof event);
    int64_t end = clock_mono_ms() + 30000;
    for (int round = 0; s.lost < N && clock_mono_ms() < end; round++) {
        for (int i = 0; i < N; i++)
            if (s.held[i])
                exchange_send(s.held[i], event, sizeof event);
        client_check(&other);
    }
    assert_int_equal(s.lost, N);
    site_pump_until_open(&s, 1);
    for (int i = 0; i < N; i++)
        client_close(&c[i]);
    client_close(&other);
    site_close(&s);
}

static long resident_kb(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &resident), 2);
    fclose(f);
    return resident * 4;
}

/* 2000 idle streams: they cost no time while nothing happens, little memory, and one event reaches
 * all. */
static void test_many_idle_streams(void **state)
{
    (void)state;
    enum { N = 2000 };
    static struct client c[N];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 2 * N + 64) {
        print_message("skipped: %lu descriptors only\n", (unsigned long)files.rlim_cur);
        skip();
    }
    struct site s;
    struct client other;
    site_open(&s, NULL);
    long before_kb = resident_kb();
    for (int i = 0; i < N; i++) {
        client_open(&s, &c[i]);
        client_send(&c[i], "GET /stream " H "\r\n");
        if (i % 100 == 99)
            site_pump_until(&s, &s.n_held, i + 1);
    }
    for (int i = 0; i < N; i++)
        client_until_text(&c[i], "\r\n\r\n");
    site_pump_for(&s, 50);
    long each_kb = (resident_kb() - before_kb) / N;
    int64_t cpu = site_cpu_us();
    site_pump_for(&s, 400);
    cpu = site_cpu_us() - cpu;
    client_open(&s, &other); /* calls that wait, beside all these suspended ones */
    for (int i = 0; i < 5; i++) {
        int at = s.n_held;
        client_send(&other, "GET /hold " H "\r\n");
        site_pump_until(&s, &s.n_held, at + 1);
        site_pump_for(&s, 5);
        site_reply(s.held[at], "ok");
        s.held[at] = NULL;
        struct answer a;
        assert_true(client_answer(&other, &a));
        answer_free(&a);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(exchange_send(s.held[i], "data: all\n\n", 11), 0);
    for (int i = 0; i < N; i++)
        client_until_text(&c[i], "data: all\n\n");
    for (int i = 0; i < N; i++) {
        exchange_finish(s.held[i]);
        s.held[i] = NULL;
        client_close(&c[i]);
    }
    site_pump_until_open(&s, 1);
    client_close(&other);
    site_close(&s);
    print_message("%ld KB each, %ld us of time in 400 ms\n", each_kb, (long)cpu);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_in_range(each_kb, 0, 32); /* with this side's buffer for the reply */
#endif
    assert_in_range(cpu, 0, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_made_at_once),
        cmocka_unit_test(test_events_come_one_by_one),
        cmocka_unit_test(test_stream_after_waiting),
        cmocka_unit_test(test_large_events),
        cmocka_unit_test(test_the_queue_is_bounded_exactly),
        cmocka_unit_test(test_clients_that_leave),
        cmocka_unit_test(test_waiting_calls_notice),
        cmocka_unit_test(test_gone_is_told_to_a_late_asker),
        cmocka_unit_test(test_head_of_a_stream),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_pings_are_spread),
        cmocka_unit_test(test_clients_that_never_read),
        cmocka_unit_test(test_many_idle_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
