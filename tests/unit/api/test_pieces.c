/* test_pieces.c - the parts below the modules that need no Lua: captured output, lines, kinds of
 * jobs, the outbox. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/capture.h"
#include "api/job_gates.h"
#include "api/line_queue.h"
#include "api/outbox.h"
#include "hub/notices.h"
#include "store/backend.h"

/* ---- capture ---- */

/* Adds text in pieces of n bytes and compares what is kept. */
static void check_capture(size_t max, const char *text, size_t n, const char *want)
{
    struct capture c;
    struct buf out = { 0 };
    capture_init(&c, max);
    for (size_t at = 0; at < strlen(text); at += n)
        capture_add(&c, text + at, strlen(text) - at < n ? strlen(text) - at : n);
    capture_text(&c, &out);
    assert_string_equal(buf_cstr(&out), want);
    assert_int_equal(capture_is_cut(&c), strlen(text) > max);
    buf_fini(&out);
    capture_fini(&c);
}

static void test_capture(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 12; n++) {
        check_capture(10, "", n, "");
        check_capture(10, "0123456789", n, "0123456789");
        check_capture(10, "0123456789a", n, "01234\n[1 bytes left out]\n6789a");
        check_capture(10, "0123\n56789abcdef", n, "0123\n[6 bytes left out]\nbcdef");
        check_capture(11, "0123456789ab", n, "01234\n[1 bytes left out]\n6789ab");
        check_capture(1, "ab", n, "[1 bytes left out]\nb");
        check_capture(0, "ab", n, "[2 bytes left out]\n");
    }
}

static void test_capture_end(void **state)
{
    static const struct {
        size_t max, within;
        const char *text, *want;
    } cases[] = {
        { 100, 100, "a\nbc\nd", "a\nbc\nd" },
        { 100, 6, "a\nbc\nd", "a\nbc\nd" },
        { 100, 5, "a\nbc\nd", "bc\nd" }, /* what is cut off ends with a line, or so it may be */
        { 100, 4, "a\nbc\nd", "d" },
        { 100, 1, "a\nbc\nd", "" },
        { 100, 0, "a\nbc\nd", "" },
        { 8, 100, "0123\n56789\nab", "ab" }, /* head and tail do not touch */
        { 12, 100, "0123\n56789\na", "0123\n56789\na" },
        { 0, 100, "abc", "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct capture c;
        struct buf out = { 0 };
        capture_init(&c, cases[i].max);
        capture_add(&c, cases[i].text, strlen(cases[i].text));
        capture_end(&c, cases[i].within, &out);
        if (strcmp(buf_cstr(&out), cases[i].want) != 0)
            fail_msg("case %zu: %s", i, out.data);
        buf_fini(&out);
        capture_fini(&c);
    }
}

static void test_last_object(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "" },
        { "no\n", "" },
        { "{\"a\":1}", "{\"a\":1}" },
        { "{\"a\":1}\n{\"b\":2}\nend\n\n", "{\"b\":2}" },
        { "{\"a\":1}\n{\"b\":\n", "{\"a\":1}" },
        { "{\"a\":1}\n[1]\n\"{}\"\n", "{\"a\":1}" },
        { "  {\"a\":1}  \r\nx", "{\"a\":1}" },
        { "{\"a\":01}\n", "" },
        { "{\"a\":1}{}\n", "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = { 0 };
        buf_str(&text, cases[i].text);
        struct json_text got = capture_last_object(&text);
        if (got.len != strlen(cases[i].want) ||
            memcmp(got.p ? got.p : "", cases[i].want, got.len) != 0)
            fail_msg("case %zu: %.*s", i, (int)got.len, got.p);
        buf_fini(&text);
    }
}

/* However many lines behind it only look like one. */
static void test_last_object_far(void **state)
{
    struct buf text = { 0 };
    (void)state;
    buf_str(&text, "{\"a\":1}\n");
    while (text.len < 30000)
        buf_str(&text, "{bad\n");
    struct json_text got = capture_last_object(&text);
    assert_int_equal(got.len, strlen("{\"a\":1}"));
    assert_ptr_equal(got.p, text.data);
    buf_fini(&text);
}

/* ---- lines ---- */

static void expect_line(struct line_queue *q, int fd, const char *want)
{
    struct line *line = line_queue_take(q);
    assert_non_null(line);
    assert_int_equal(line->fd, fd);
    assert_int_equal(line->len, strlen(want));
    assert_memory_equal(line->text, want, line->len);
    free(line);
}

static void test_lines(void **state)
{
    struct line_queue q = { 0 };
    (void)state;
    line_queue_add(&q, 1, "a\nb\r\n\nc", 7);
    line_queue_add(&q, 2, "err", 3);
    line_queue_add(&q, 1, "d\n", 2);
    line_queue_add(&q, 2, "or\n", 3);
    line_queue_add(&q, 1, "rest", 4);
    expect_line(&q, 1, "a");
    expect_line(&q, 1, "b");
    expect_line(&q, 1, "");
    expect_line(&q, 1, "cd");
    expect_line(&q, 2, "error");
    assert_null(line_queue_take(&q));
    line_queue_end(&q);
    expect_line(&q, 1, "rest");
    assert_null(line_queue_take(&q));
    assert_int_equal(q.bytes, 0);
    line_queue_fini(&q);
}

static void test_long_lines(void **state)
{
    static char text[LINE_MAX_BYTES + 2];
    struct line_queue q = { 0 };
    struct line *line;
    (void)state;
    memset(text, 'x', sizeof text);
    text[LINE_MAX_BYTES] = '\n';
    line_queue_add(&q, 1, text, LINE_MAX_BYTES + 1);
    line = line_queue_take(&q);
    assert_int_equal(line->len, LINE_MAX_BYTES);
    free(line);
    assert_null(line_queue_take(&q));
    text[LINE_MAX_BYTES] = 'x';
    text[LINE_MAX_BYTES + 1] = '\n';
    for (size_t i = 0; i < sizeof text; i += 4099)
        line_queue_add(&q, 1, text + i, sizeof text - i < 4099 ? sizeof text - i : 4099);
    line = line_queue_take(&q);
    assert_int_equal(line->len, LINE_MAX_BYTES);
    free(line);
    expect_line(&q, 1, "x");
    assert_false(line_queue_full(&q));
    for (int i = 0; i < 5; i++)
        line_queue_add(&q, 1, text, sizeof text);
    assert_true(line_queue_full(&q));
    line_queue_fini(&q);
}

/* ---- kinds of jobs ---- */

static void test_job_gates(void **state)
{
    struct job_gates *g = job_gates_new();
    char name[16];
    (void)state;
    struct job_kind *k = job_gates_find(g, "k", 2);
    assert_ptr_equal(job_gates_find(g, "k", 2), k);
    for (int i = 0; i < 3; i++)
        assert_true(job_kind_add(k, 1));
    assert_false(job_kind_add(k, 1));
    assert_true(job_kind_add(k, 2));
    job_kind_remove(k);
    assert_ptr_equal(job_gates_find(g, "k", 3), k);
    assert_true(job_kind_add(k, 1));
    assert_true(job_kind_add(k, JOB_UNBOUNDED));
    for (int i = 1; i < JOB_KINDS_MAX; i++) {
        snprintf(name, sizeof name, "k%d", i);
        assert_non_null(job_gates_find(g, name, 1));
    }
    assert_null(job_gates_find(g, "one more", 1));
    assert_ptr_equal(job_gates_find(g, "k", 3), k);
    job_gates_free(g);
    job_gates_free(NULL);
}

/* ---- the outbox ---- */

static store_seq write_one(struct fixture *f)
{
    struct store_change change = { .collection = "x",
                                   .key = "a",
                                   .key_len = 1,
                                   .text = "{\"id\":\"a\"}",
                                   .len = 10,
                                   .expect = STORE_ANY };
    struct store_op op = {
        .loop = f->services.loop, .kind = STORE_WRITE, .changes = &change, .change_count = 1
    };
    assert_int_equal(store_submit(f->services.store, &op), 1);
    assert_int_equal(op.code, 0);
    store_seq seq = op.seq;
    store_op_fini(&op);
    return seq;
}

/* All waits for a record that is not written yet, up to the limit; then all of it leaves, in order.
 */
static void test_outbox_limit(void **state)
{
    struct fixture *f = *state;
    static char data[1 << 20];
    struct err e = { 0 };

    memset(data, ' ', sizeof data);
    memcpy(data, "{}", 2);
    assert_int_equal(store_declare(f->services.store, "x", NULL, &e), 0);
    store_seq next = write_one(f) + 1;
    struct outbox *o = f->services.outbox;
    assert_int_equal(outbox_publish(o, next, "job/a", "first", "{}", 2), 0);
    /* Behind what waits, also what needs not wait by itself. */
    assert_int_equal(outbox_publish(o, 0, "job/a", "second", "{}", 2), 0);
    for (int i = 0; i < 15; i++)
        assert_int_equal(outbox_publish(o, next, "job/big", "e", data, sizeof data), 0);
    assert_int_equal(outbox_publish(o, next, "job/big", "e", data, sizeof data), MG_E_LIMIT);
    assert_int_equal(outbox_publish(o, next, "job/a", "third", "{}", 2), 0);
    for (int i = 0; i < 5; i++)
        loop_poll(f->services.loop, 1);
    assert_false(outbox_is_empty(o));
    assert_false(topics_has_history(f->services.topics, "job/a"));

    assert_int_equal(write_one(f), next);
    while (!outbox_is_empty(o))
        loop_poll(f->services.loop, 100);
    loop_poll(f->services.loop, 0);
    const char *first = strstr(f->events, "event: first"),
               *second = strstr(f->events, "event: second");
    assert_true(first && second && first < second);
}

static const char *told(struct fixture *f)
{
    loop_poll(f->services.loop, 0); /* what is on its way to the subscriber */
    return f->events;
}

/* The disk failed under record `next`, and an event that tells of it waits. */
static store_seq fail_under(struct fixture *f, const char *event)
{
    struct err e = { 0 };
    assert_int_equal(store_declare(f->services.store, "x", NULL, &e), 0);
    store_seq next = write_one(f) + 1;
    while (!store_is_durable(f->services.store, next - 1))
        loop_poll(f->services.loop, 1);
    assert_int_equal(outbox_publish(f->services.outbox, next, "job/a", event, "{}", 2), 0);
    assert_false(outbox_is_settled(f->services.outbox));
    waiters_fail(&f->services.store->waiters);
    while (!outbox_is_settled(f->services.outbox))
        loop_poll(f->services.loop, 100);
    assert_false(outbox_is_empty(f->services.outbox));
    return next;
}

/* As a snapshot does that saves the record all the same. */
static void heal(struct fixture *f, store_seq seq)
{
    waiters_heal(&f->services.store->waiters, seq);
    assert_int_equal(write_one(f), seq);
}

/* What is unsure waits until it is durable; what does not depend on it goes on. */
static void test_outbox_trouble(void **state)
{
    struct fixture *f = *state;
    store_seq next = fail_under(f, "first");
    struct outbox *o = f->services.outbox;
    assert_int_equal(outbox_publish(o, next, "job/a", "second", "{}", 2), 0);
    assert_int_equal(outbox_publish(o, next - 1, "job/b", "other", "{}", 2), 0);
    assert_non_null(strstr(told(f), "event: other"));
    assert_null(strstr(told(f), "event: first"));
    assert_true(outbox_is_settled(o));

    heal(f, next);
    while (!outbox_is_empty(o))
        loop_poll(f->services.loop, 100);
    const char *first = strstr(told(f), "event: first"), *second = strstr(told(f), "event: second");
    assert_true(first && second && first < second);
}

/* What comes behind it does not overtake it, though nobody has looked yet. */
static void test_outbox_trouble_over(void **state)
{
    struct fixture *f = *state;
    store_seq next = fail_under(f, "first");
    heal(f, next);
    assert_int_equal(outbox_publish(f->services.outbox, next, "job/a", "second", "{}", 2), 0);
    const char *first = strstr(told(f), "event: first"), *second = strstr(told(f), "event: second");
    assert_true(first && second && first < second);
}

/* What was durable behind what is not leaves when the trouble is known, what cannot be safe does
 * not. */
static void test_outbox_trouble_sorts(void **state)
{
    struct fixture *f = *state;
    struct outbox *o = f->services.outbox;
    struct err e = { 0 };
    assert_int_equal(store_declare(f->services.store, "x", NULL, &e), 0);
    store_seq next = write_one(f) + 1;
    assert_int_equal(outbox_publish(o, next + 1, "job/a", "third", "{}", 2), 0);
    assert_int_equal(outbox_publish(o, 0, "job/b", "other", "{}", 2), 0);
    assert_int_equal(outbox_publish(o, next, "job/a", "fourth", "{}", 2), 0);
    waiters_fail(&f->services.store->waiters);
    while (!outbox_is_settled(o))
        loop_poll(f->services.loop, 100);
    assert_non_null(strstr(told(f), "event: other"));
    assert_null(strstr(told(f), "event: third"));
    heal(f, next);
    assert_int_equal(write_one(f), next + 1);
    while (!outbox_is_empty(o))
        loop_poll(f->services.loop, 100);
    const char *third = strstr(told(f), "event: third"), *fourth = strstr(told(f), "event: fourth");
    assert_true(third && fourth && third < fourth);
}

/* The state closes without it: nobody is told. */
static void test_outbox_trouble_closed(void **state)
{
    struct fixture *f = *state;
    struct store s = { 0 };
    waiters_init(&s.waiters, 1);
    struct outbox *o = outbox_new(f->services.loop, &s, f->services.topics, NULL, NULL, NULL);
    assert_non_null(o);
    waiters_fail(&s.waiters);
    assert_int_equal(outbox_publish(o, 2, "job/a", "first", "{}", 2), 0);
    assert_false(outbox_is_settled(o));
    while (!outbox_is_settled(o))
        loop_poll(f->services.loop, 100);
    assert_int_equal(outbox_publish(o, 3, "job/a", "second", "{}", 2), 0);
    assert_true(outbox_is_settled(o));
    assert_false(outbox_is_empty(o));
    waiters_fini(&s.waiters);
    outbox_store_closed(o);
    assert_string_equal(told(f), "");
    assert_true(outbox_is_empty(o));
    outbox_free(o);
}

struct shown {
    uint64_t principal;
    char name[32];
    bool shows;
};

static bool shows(void *arg, uint64_t principal, const char *name)
{
    struct shown *s = arg;
    s->principal = principal;
    snprintf(s->name, sizeof s->name, "%s", name);
    return s->shows;
}

static void no_notice(void *arg) { (void)arg; }
static void not_closed(void *arg, int code) { (void)arg, (void)code; }

/* A list that has changed is told of when the change is safe, and to whoever is shown it. */
static void test_outbox_listed(void **state)
{
    static const struct notice_feed_ops ops = { no_notice, not_closed };
    static const struct notices_limits limits = { .max_feeds = 4, .max_uris = 4 };
    struct fixture *f = *state;
    struct notice_filter filter = { .lists = 1u << NOTICE_RESOURCES };
    struct notices *n = notices_new(&limits);
    struct shown shown = { .shows = false };
    struct notice_feed *feed;
    struct notice notice;
    struct err e = { 0 };

    assert_non_null(n);
    assert_int_equal(notices_open_subscription(n, f->services.loop, 7, &filter, &ops, NULL, &feed),
                     0);
    struct outbox *o = outbox_new(f->services.loop, f->services.store, NULL, n, shows, &shown);
    assert_non_null(o);
    assert_int_equal(store_declare(f->services.store, "x", NULL, &e), 0);
    for (int round = 0; round < 2; round++) {
        store_seq next = write_one(f) + 1;
        shown = (struct shown){ .shows = round > 0 };
        assert_int_equal(outbox_listed(o, next, "resource:job"), 0);
        loop_poll(f->services.loop, 1);
        assert_int_equal(shown.principal, 0);
        assert_int_equal(write_one(f), next);
        while (!outbox_is_empty(o))
            loop_poll(f->services.loop, 100);
        assert_int_equal(shown.principal, 7);
        assert_string_equal(shown.name, "resource:job");
        assert_int_equal(notices_next(feed, &notice), shown.shows);
    }
    assert_int_equal(notice.kind, NOTICE_RESOURCES);
    notices_close(feed);
    outbox_free(o);
    loop_poll(f->services.loop, 0); /* what is on its way to the feed */
    notices_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capture),
        cmocka_unit_test(test_capture_end),
        cmocka_unit_test(test_last_object),
        cmocka_unit_test(test_last_object_far),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_job_gates),
        cmocka_unit_test_setup_teardown(test_outbox_limit, fixture_setup_durable, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_outbox_trouble, fixture_setup_durable,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_outbox_trouble_over, fixture_setup_durable,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_outbox_trouble_sorts, fixture_setup_durable,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_outbox_trouble_closed, fixture_setup_durable,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_outbox_listed, fixture_setup_durable,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
