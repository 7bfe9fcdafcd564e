/* test_fetch_queue.c - many requests at once: how many run, who waits, and how they end. */
#include "fetch_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void turn_until_requests(struct test *t, unsigned n)
{
    int64_t end = clock_mono_ms() + LIMIT_MS;
    while (web_requests(t->web) < n) {
        if (clock_mono_ms() > end)
            fail_msg("%u of %u requests came", web_requests(t->web), n);
        loop_poll(t->loop, 10);
    }
}

/* Some turns, in which nothing more may begin. */
static void turn_for(struct test *t, int64_t ms)
{
    for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end;)
        loop_poll(t->loop, 10);
}

static void start_all(struct test *t, struct fetch **all, int n, const char *path)
{
    struct err e = { 0 };
    for (int i = 0; i < n; i++) {
        all[i] = start(t, path, &e);
        if (!all[i])
            fail_msg("%s", e.text);
    }
}

static void drop_all(struct fetch **all, int n)
{
    for (int i = 0; i < n; i++)
        fetch_drop(all[i]);
}

static void test_so_many_run(void **state)
{
    enum { N = FETCH_RUNNING_EACH + 20 };
    struct test *t = *state;
    struct fetch *mine[N], *other[N];
    t->o.owner = "me";
    start_all(t, mine, N, "/stall");
    turn_until_requests(t, FETCH_RUNNING_EACH);
    turn_for(t, 100);
    assert_int_equal(web_requests(t->web), FETCH_RUNNING_EACH);
    /* Another owner's are not held up by those of mine that wait. */
    t->o.owner = "you";
    start_all(t, other, N, "/stall");
    turn_until_requests(t, FETCH_RUNNING);
    turn_for(t, 100);
    assert_int_equal(web_requests(t->web), FETCH_RUNNING);
    /* A place that is given back is taken. */
    fetch_drop(mine[0]);
    turn_until_requests(t, FETCH_RUNNING + 1);
    drop_all(mine + 1, N - 1);
    drop_all(other, N);
    assert_int_equal(t->done, 0);
    check(t, "/text", 200, "hello");
}

static void test_waiting_is_time(void **state)
{
    enum { N = FETCH_RUNNING_EACH };
    struct test *t = *state;
    struct fetch *all[N];
    t->o.owner = "me";
    start_all(t, all, N, "/stall");
    turn_until_requests(t, N);
    t->o.timeout_ms = 100;
    struct fetch *late = get(t, "/text");
    assert_string_equal(fetch_answer(late)->word, "TIMEOUT");
    assert_has(fetch_answer(late)->error, "other requests", true);
    fetch_drop(late);
    drop_all(all, N);
    assert_int_equal(web_requests(t->web), N);
}

static void test_queue_is_bounded(void **state)
{
    static struct fetch *all[FETCH_QUEUED];
    struct test *t = *state;
    struct err e = { 0 };
    start_all(t, all, FETCH_QUEUED, "/text");
    assert_null(start(t, "/text", &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    turn_until_done(t, FETCH_QUEUED);
    for (int i = 0; i < FETCH_QUEUED; i++)
        assert_int_equal(fetch_answer(all[i])->status, 200);
    drop_all(all, FETCH_QUEUED);
    assert_true(web_connections(t->web) <= FETCH_RUNNING);
}

/* In every state, also the moment its connection is being made. */
static void test_drop(void **state)
{
    static const char *const paths[] = { "/stall", "/half", "/text", "http://nobody.invalid/" };
    struct test *t = *state;
    struct err e = { 0 };
    for (int turns = 0; turns < 12; turns++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            struct fetch *f = start(t, paths[i], &e);
            assert_non_null(f);
            for (int k = 0; k < turns; k++)
                loop_poll(t->loop, 1);
            int64_t begin = clock_mono_ms();
            fetch_drop(f);
            assert_true(clock_mono_ms() - begin < 2000);
        }
    fetch_drop(NULL);
    check(t, "/text", 200, "hello");
}

/* The bodies that a worker holds, of requests and of answers, are bounded together. */
static void test_held_bytes(void **state)
{
    enum { PART = 8 << 20, N = 8 };
    struct test *t = *state;
    struct fetch *all[N];
    struct err e = { 0 };
    char *body = calloc(1, PART);
    assert_non_null(body);
    assert_int_equal(FETCH_HELD_MAX, (size_t)PART * N);
    t->o.method = "POST";
    t->o.body = body;
    t->o.body_len = PART;
    start_all(t, all, N, "/text");
    assert_null(start(t, "/text", &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    drop_all(all, N - 1);
    t->o.body_len = 1;
    t->o.max_bytes = PART * N;
    start_all(t, all, 1, "/bytes?67108864"); /* all[N-1] holds some */
    turn_until_done(t, 2);
    assert_string_equal(fetch_answer(all[0])->word, "LIMIT");
    free(body);
    fetch_drop(all[0]);
    fetch_drop(all[N - 1]);
    t->o.method = "GET";
    t->o.body = NULL;
    check(t, "/text", 200, "hello");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_so_many_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_is_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
