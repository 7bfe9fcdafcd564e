/* test_times.c - requests that come slowly, connections that idle, answers that take long. */
#include "site.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

static void test_slow_requests_get_408(void **state)
{
    (void)state;
    static const char *const parts[] = { "G", "GET /static HTTP/1.1\r\nHo",
                                         "POST /echo " H "Content-Length: 10\r\n\r\nabc" };
    struct http_options o;
    struct site s;
    site_defaults(&o);
    o.request_timeout_ms = 300;
    site_open(&s, &o);
    for (int used = 0; used <= 1; used++) {
        struct client c[3];
        for (int i = 0; i < 3; i++) {
            client_open(&s, &c[i]);
            if (used)
                client_check(&c[i]);
        }
        site_pump_for(&s, used ? 40 : 0); /* so that what comes now is told from what was answered
                                           */
        int64_t begin = clock_mono_ms();
        for (int i = 0; i < 3; i++)
            client_send(&c[i], parts[i]);
        site_pump_until(&s, &s.refusals, 3 * used + 3);
        assert_int_equal(s.refused_status, 408);
        assert_in_range(clock_mono_ms() - begin, 100, 2000);
        for (int i = 0; i < 3; i++) {
            client_expect(&c[i], 408, NULL);
            client_close(&c[i]);
        }
    }
    site_close(&s);
}

/* One byte each now and then keeps no connection beyond request_timeout. */
static void test_slow_loris(void **state)
{
    (void)state;
    static const char text[] =
        "GET /static HTTP/1.1\r\nHost: a\r\nX-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    struct http_options o;
    struct site s;
    struct client c;
    site_defaults(&o);
    o.request_timeout_ms = 400;
    site_visit(&s, &o, &c);
    int64_t begin = clock_mono_ms();
    for (size_t i = 0; text[i] && s.refusals == 0; i++) {
        (void)send(c.fd, text + i, 1, MSG_NOSIGNAL);
        site_pump_for(&s, 30);
    }
    assert_int_equal(s.refused_status, 408);
    assert_in_range(clock_mono_ms() - begin, 380, 2000);
    client_until_closed(&c);
    site_leave(&s, &c);
}

/* Silent from the start: closed after request_timeout without a word. Silent between requests: that
 * is idle_timeout's, which may be longer. */
static void test_silent_connections(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client fresh, used;
    site_defaults(&o);
    o.request_timeout_ms = 300;
    o.idle_timeout_ms = 1000;
    site_open(&s, &o);
    client_open(&s, &used);
    client_open(&s, &fresh);
    client_check(&used);
    int64_t begin = clock_mono_ms();
    client_until_closed(&fresh);
    assert_in_range(clock_mono_ms() - begin, 200, 1500);
    assert_int_equal(fresh.in.len, 0);
    client_fill(&used);
    assert_false(used.is_closed);
    client_until_closed(&used);
    assert_in_range(clock_mono_ms() - begin, 900, 6000);
    assert_int_equal(used.in.len, 0);
    assert_int_equal(s.refusals, 0);
    client_close(&fresh);
    client_close(&used);
    site_close(&s);
}

/* A call that takes longer than all timeouts is none of their business. */
static void test_waiting_is_not_idling(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c;
    site_defaults(&o);
    o.request_timeout_ms = 200;
    o.idle_timeout_ms = 1000;
    site_visit(&s, &o, &c);
    client_send(&c, "GET /hold " H "\r\n");
    site_pump_until(&s, &s.n_held, 1);
    site_pump_for(&s, 1300);
    site_reply(s.held[0], "still there");
    s.held[0] = NULL;
    client_expect(&c, 200, "still there");
    assert_int_equal(s.lost + s.half + s.refusals, 0);
    site_leave(&s, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_requests_get_408),
        cmocka_unit_test(test_slow_loris),
        cmocka_unit_test(test_silent_connections),
        cmocka_unit_test(test_waiting_is_not_idling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
