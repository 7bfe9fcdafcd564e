/* test_framing.c - where a message ends: headers in several lines, lengths that are none, and
 * chunks whose lines never end; and what bodies may take together. */
#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/server_struct.h"
#include "support/slow.h"

#define CHUNKED "POST /echo " H "Transfer-Encoding: chunked\r\n\r\n"
#define BODIES_MAX (256U << 20)

static void add_many(struct buf *text, char byte, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(text, byte);
}

/* Sends it with a request behind, which must not be answered. */
static void check_refused(struct site *s, const char *text, int status)
{
    struct client c;
    int before = s->refusals;
    client_open(s, &c);
    client_send(&c, text);
    client_send(&c, "GET /static " H "\r\n");
    client_until_closed(&c);
    const char *in = buf_cstr(&c.in);
    if (!in || strncmp(in, "HTTP/1.1 ", 9) != 0 || atoi(in + 9) != status)
        fail_msg("%s: %s", text, in ? in : "nothing");
    if (strstr(in, "HTTP/1.1 200"))
        fail_msg("the request behind was answered: %s", text);
    assert_int_equal(s->refusals, before + 1);
    assert_int_equal(s->refused_status, status);
    assert_int_equal(s->requests, 0);
    client_close(&c);
}

/* Each would be an innocent header with a longer name. */
static void test_headers_in_two_lines(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "POST /echo " H "Transfer-Encoding:\r\n chunked\r\n\r\n",
        "POST /echo " H "Transfer-Encoding:\r\n\tchunked\r\nX: y\r\n\r\n",
        "POST /echo " H "Transfer-Encoding: ch\r\n unked\r\n\r\n",
        "POST /echo " H "Content-Length: 4\r\n 0\r\n\r\n",
        "POST /echo " H "Content-Length:\r\n 40\r\n\r\n",
        "POST /echo " H "Content-Length: 4\r\n \r\n\r\n",
        "GET /static " H "Origin: http://ev\r\n il.com\r\n\r\n",
        "GET /static HTTP/1.0\r\nHost: a\r\n b\r\n\r\n",
        "GET /static HTTP/1.1\r\nHost:\r\n a\r\n\r\n",
        "GET /static " H "Authorization: Bearer\r\n x\r\n\r\n",
        "GET /static " H "X-API-Key:\n x\n\n",
        "GET /static " H "Mcp-Method: a\r\n  b\r\n  c\r\n\r\n",
        "GET /static " H "X: a\r\n b\r\n\r\n",
        "GET /static HTTP/1.1\r\n Host: a\r\n\r\n",
    };
    struct site s;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_refused(&s, rows[i], 400);
    site_close(&s);
}

/* Wherever the name lies: at the end of what libmicrohttpd reads into, the continuation is written
 * over the blanks before the value, and the longer name and its value look as if they had come so.
 * The first end is at half the connection's memory. */
static void test_two_lines_anywhere(void **state)
{
    (void)state;
    struct site s;
    site_open(&s, NULL);
    size_t end = (s.options.max_headers + 1024) / 2;
    for (size_t at = end - 64; at < end + 16; at++) {
        static const char begin[] = "POST /echo " H "X-Pad: ";
        static const char last[] = "\r\nTransfer-Encoding";
        struct buf text = { 0 };
        buf_str(&text, begin);
        add_many(&text, 'x', at - (sizeof begin - 1) - (sizeof last - 1));
        buf_str(&text, last);
        assert_int_equal(text.len, at);
        buf_str(&text, at % 2 ? ": chunked\n x\n\r\n" : ":\tchunked\n\tx\n\r\n");
        check_refused(&s, buf_cstr(&text), 400);
        buf_fini(&text);
    }
    site_close(&s);
}

/* Libmicrohttpd answers these by itself, the head twice; what counts is that it closes. */
static void test_bad_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *length;
        int status;
    } rows[] = {
        { "+40", 400 },  { "-1", 400 }, { "0x28", 400 },   { "4 0", 400 },
        { "5, 5", 400 }, { "", 400 },   { "forty", 400 },  { "18446744073709551616", 413 },
        { "4;", 400 },   { "5,", 400 }, { "\v40\v", 400 }, { "99999999999999999999999999", 413 },
    };
    struct site s;
    site_open(&s, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "POST /echo " H "Content-Length: %s\r\n\r\n", rows[i].length);
        check_refused(&s, text, rows[i].status);
    }
    site_close(&s);
}

/* ---- chunks whose lines never end ---- */

/* One request, and the processor is free again, whether the client waits or has left. */
static void check_stuck(const char *line, char byte, size_t n, bool leaves)
{
    struct site s;
    struct client c;
    struct answer a;
    struct buf text = { 0 };
    int rare = 0, often = 0;
    buf_str(&text, line);
    add_many(&text, byte, n);
    site_visit(&s, NULL, &c);
    (void)client_offer(&c, text.data, text.len);
    if (leaves)
        client_close(&c);
    int64_t end = clock_mono_ms() + 10000;
    while (s.refusals == 0 && clock_mono_ms() < end) {
        site_pump(&s);
        int64_t wait = http_server_wait(s.server);
        rare += wait == 1;
        often += wait == 0;
    }
    assert_int_equal(s.refused_status, 400);
    assert_in_range(rare, 1, 400);
    assert_in_range(often, 1, 300);
    if (!leaves) {
        do {
            assert_true(client_answer(&c, &a));
            answer_free(&a);
        } while (a.status == 100);
        assert_int_equal(a.status, 400);
        client_until_closed(&c);
    }
    site_pump_until_open(&s, 0); /* whatever the client does */
    if (!leaves)
        client_close(&c);
    assert_int_equal(s.requests, 0);
    site_close(&s);
    buf_fini(&text);
}

static void test_lines_that_never_end(void **state)
{
    (void)state;
    for (int leaves = 0; leaves <= 1; leaves++) {
        check_stuck(CHUNKED "1;", 'a', 20000, leaves);
        check_stuck(CHUNKED, '0', 40000, leaves);
        check_stuck(CHUNKED "1\r\nx\r\n1;", 'a', 20000, leaves);
    }
    check_stuck("POST /echo " H "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n1;", 'a',
                20000, false); /* who leaves does not take the 100, and is found by that */
}

/* Also on a connection that has served before, and behind a body that is thrown away. */
static void test_stuck_while_thrown_away(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c;
    struct buf text = { 0 };
    site_defaults(&o);
    o.max_body = 10;
    site_visit(&s, &o, &c);
    client_check(&c);
    buf_str(&text, CHUNKED "b\r\nhello world\r\n1;");
    add_many(&text, 'a', 30000);
    (void)client_offer(&c, text.data, text.len);
    int64_t begin = clock_mono_ms();
    site_pump_until(&s, &s.refusals, 1);
    assert_int_equal(s.refused_status, 400);
    assert_in_range(clock_mono_ms() - begin, 0, 1500); /* not after the time for throwing away */
    site_pump_until_open(&s, 0);
    site_leave(&s, &c);
    buf_fini(&text);
}

/* Pumps until libmicrohttpd asks for nothing more; false: it goes on asking. */
static bool is_calm(struct site *s)
{
    for (int i = 0; i < 400; i++) {
        int64_t wait = http_server_wait(s->server);
        if (wait < 0 || wait > 1)
            return true;
        site_pump(s);
    }
    return false;
}

static void fill_to_the_byte(struct site *s, struct client *c)
{
    struct buf text = { 0 };
    buf_str(&text, CHUNKED "1;");
    add_many(&text, 'a', 12000);
    client_send_bytes(c, text.data, text.len);
    for (int i = 0; i < 8000 && s->server->n_suspended == 0 && s->refusals == 0; i++) {
        client_send(c, "a");
        site_pump(s);
        assert_true(is_calm(s));
    }
    assert_int_equal(s->refusals, 0);
    assert_true(s->server->n_suspended > 0);
    buf_fini(&text);
}

/* A line that fills the memory to the byte, from a client that then is silent: nothing is wrong
 * yet, so nothing is refused; and nothing turns. A slow client beside it is not disturbed. */
static void test_a_line_that_just_fits(void **state)
{
    (void)state;
    struct site s;
    struct client c, slow;
    site_open(&s, NULL);
    client_open(&s, &slow);
    client_send(&slow, CHUNKED "5\r\nhe");
    client_open(&s, &c);
    fill_to_the_byte(&s, &c);
    int64_t before = site_cpu_us();
    site_pump_for(&s, 200);
    assert_in_range(site_cpu_us() - before, 0, 100000);
    client_send(&slow, "llo\r\n");
    site_pump_for(&s, 20);
    client_send(&slow, "0\r\n\r\n");
    client_expect(&slow, 200, "hello");
    client_send(&c, "a"); /* now it does not fit */
    site_pump_until(&s, &s.refusals, 1);
    assert_int_equal(s.refused_status, 400);
    site_pump_until_open(&s, 1);
    client_close(&slow);
    site_leave(&s, &c);
}

/* The same, and silent until request_timeout, which is long enough to fill the line in. */
static void test_a_line_that_fits_is_late(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c;
    site_defaults(&o);
    o.request_timeout_ms = slow_factor() > 1 ? 10000 : 1000;
    o.idle_timeout_ms = 0;
    site_visit(&s, &o, &c);
    fill_to_the_byte(&s, &c);
    site_pump_until(&s, &s.refusals, 1);
    assert_int_equal(s.refused_status, 408);
    site_pump_until_open(&s, 0); /* although its client stays */
    site_leave(&s, &c);
}

/* A silent client that is suspended meanwhile, and then leaves or is late, is told from one that
 * goes on. */
static void test_suspended_and_gone(void **state)
{
    (void)state;
    struct http_options o;
    struct site s;
    struct client c[2], stuck;
    struct buf text = { 0 };
    site_defaults(&o);
    o.request_timeout_ms = 400;
    site_open(&s, &o);
    for (int i = 0; i < 2; i++) {
        client_open(&s, &c[i]);
        client_send(&c[i], CHUNKED "5\r\nhe");
    }
    site_pump_for(&s, 20);
    client_open(&s, &stuck);
    buf_str(&text, CHUNKED "1;");
    add_many(&text, 'a', 20000);
    client_send_bytes(&stuck, text.data, text.len);
    site_pump_until(&s, &s.refusals, 1);
    assert_int_equal(s.refused_status, 400);
    client_close(&c[0]);
    site_pump_until_open(&s, 1);
    site_pump_until(&s, &s.refusals, 2);
    assert_int_equal(s.refused_status, 408);
    client_until_closed(&c[1]);
    site_pump_until_open(&s, 0);
    client_close(&c[1]);
    client_close(&stuck);
    site_close(&s);
    buf_fini(&text);
}

/* ---- what bodies take together ---- */

static void test_counting_bytes(void **state)
{
    (void)state;
    static const struct {
        uint64_t max_body;
        size_t max;
    } rows[] = {
        { 1 << 20, BODIES_MAX }, { 4 << 20, BODIES_MAX },  { (4 << 20) + 1, (256 << 20) + 64 },
        { 8 << 20, 512U << 20 }, { UINT64_MAX, SIZE_MAX }, { UINT64_MAX / 64 + 1, SIZE_MAX },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_shared *s = http_shared_new();
        struct http_options o = { .max_body = rows[i].max_body };
        assert_non_null(s);
        assert_true(shared_take_bytes(s, &o, rows[i].max - 1));
        assert_true(shared_take_bytes(s, &o, 1));
        assert_false(shared_take_bytes(s, &o, 1));
        shared_give_bytes(s, rows[i].max);
        if (rows[i].max < SIZE_MAX)
            assert_false(shared_take_bytes(s, &o, rows[i].max + 1));
        assert_true(shared_take_bytes(s, &o, rows[i].max)); /* what was refused was not counted */
        http_shared_free(s);
    }
}

/* Nothing of what came before is counted any more. */
static void check_none_is_counted(struct site *s)
{
    assert_true(shared_take_bytes(s->shared, &s->options, BODIES_MAX));
    shared_give_bytes(s->shared, BODIES_MAX);
}

static char *post_of(size_t len, size_t sent)
{
    struct buf text = { 0 };
    buf_printf(&text, "POST /echo " H "Content-Length: %zu\r\n\r\n", len);
    add_many(&text, 'b', sent);
    buf_putc(&text, '\0');
    assert_true(buf_ok(&text));
    return text.data;
}

static void test_bodies_together(void **state)
{
    (void)state;
    enum { LARGE = 100 << 10, SMALL = 16 << 10 };
    struct site s;
    struct client c;
    struct answer a;
    char *large = post_of(LARGE, LARGE), *small = post_of(SMALL, SMALL);
    site_visit(&s, NULL, &c);
    assert_int_equal(client_ask(&c, large, NULL), 200);
    client_check(&c);
    check_none_is_counted(&s);
    assert_true(shared_take_bytes(s.shared, &s.options, BODIES_MAX - LARGE / 2));
    assert_int_equal(client_ask(&c, small, NULL), 200);
    assert_int_equal(s.refusals, 0);
    assert_int_equal(client_ask(&c, large, &a), 503);
    assert_non_null(strstr(a.head, "Retry-After: 1\r\n"));
    answer_free(&a);
    assert_int_equal(s.refused_status, 503);
    assert_int_equal(client_ask(&c, small, NULL), 200); /* the connection goes on */
    shared_give_bytes(s.shared, BODIES_MAX - LARGE / 2);
    assert_int_equal(client_ask(&c, large, NULL), 200);
    client_close(&c);
    site_pump_until_open(&s, 0);
    check_none_is_counted(&s);
    site_close(&s);
    free(large);
    free(small);
}

/* Half a body, or a call, whose client leaves gives its memory back; and until then holds it. */
static void test_bodies_are_given_back(void **state)
{
    (void)state;
    struct site s;
    struct client c[2];
    char *half = post_of(200 << 10, 100 << 10), *held = post_of(100 << 10, 100 << 10);
    memcpy(held, "POST /hold", 10);
    site_open(&s, NULL);
    for (int i = 0; i < 2; i++) {
        client_open(&s, &c[i]);
        client_send(&c[i], i ? held : half);
    }
    site_pump_until(&s, &s.n_held, 1);
    site_pump_for(&s, 100);
    assert_false(shared_take_bytes(s.shared, &s.options, BODIES_MAX - (150 << 10)));
    client_close(&c[0]);
    site_pump_until_open(&s, 1);
    assert_false(shared_take_bytes(s.shared, &s.options, BODIES_MAX - (90 << 10)));
    s.replies_when_half = true;
    client_close(&c[1]);
    site_pump_until_open(&s, 0);
    check_none_is_counted(&s);
    site_close(&s);
    free(half);
    free(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_in_two_lines),
        cmocka_unit_test(test_two_lines_anywhere),
        cmocka_unit_test(test_bad_lengths),
        cmocka_unit_test(test_lines_that_never_end),
        cmocka_unit_test(test_stuck_while_thrown_away),
        cmocka_unit_test(test_a_line_that_just_fits),
        cmocka_unit_test(test_a_line_that_fits_is_late),
        cmocka_unit_test(test_suspended_and_gone),
        cmocka_unit_test(test_counting_bytes),
        cmocka_unit_test(test_bodies_together),
        cmocka_unit_test(test_bodies_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
