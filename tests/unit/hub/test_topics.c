/* What subscribers get: the past, then what happens, in order, nothing twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub/topic_fixture.h"

static void test_live(void **state)
{
    struct listener a, b;

    (void)state;
    listen_to(&a, "job/1");
    listen_to(&b, "job/2");
    publish("job/1", "queued", "{\"n\":1}");
    publish("job/2", "queued", "2");
    publish("job/1", "running", "{}");
    publish("job/3", "queued", "3");
    listener_expect(&a, "queued:{\"n\":1} running:{} ");
    listener_expect(&b, "queued:2 ");
    publish("job/1", "completed", "{}");
    listener_expect(&a, "completed:{} ");
    listener_expect(&b, "");
    listener_leave(&a);
    publish("job/1", "completed", "again");
    listener_expect(&a, "");
    listener_leave(&b);
    topics_unsubscribe(NULL);
}

static void test_late(void **state)
{
    struct listener a, b;

    (void)state;
    assert_false(topics_has_history(topic_hub, "job/1"));
    publish("job/1", "queued", "1");
    publish("job/1", "running", "2");
    listen_to(&a, "job/1");
    assert_true(topics_has_history(topic_hub, "job/1"));
    assert_false(topics_has_history(topic_hub, "job/"));
    publish("job/1", "progress", "3");
    listener_expect(&a, "queued:1 running:2 progress:3 ");
    publish("job/1", "completed", "4");
    listen_to(&b, "job/1");
    listener_expect(&b, "queued:1 running:2 progress:3 completed:4 ");
    listener_expect(&a, "completed:4 ");
    assert_int_equal(topic_metric("moongate_events_published_total"), 4);
    assert_int_equal(topic_metric("moongate_events_replayed_total"), 6);
    assert_int_equal(topic_metric("moongate_topics"), 1);
    listener_leave(&a);
    listener_leave(&b);
    publish("plain", "x", "1"); /* no slash: nothing is kept */
    listen_to(&a, "plain");
    publish("plain", "x", "2");
    listener_expect(&a, "x:2 ");
    assert_false(topics_has_history(topic_hub, "plain"));
    listener_leave(&a);
    assert_int_equal(topic_metric("moongate_topics_awaited"), 0);
}

/* Of several topics the whole past comes before anything live. */
static void test_late_for_several(void **state)
{
    struct listener a;

    (void)state;
    for (int i = 0; i < 7; i++) {
        char topic[16], data[16];
        snprintf(topic, sizeof topic, "job/%d", i);
        snprintf(data, sizeof data, "%d", i);
        publish(topic, "queued", data);
    }
    listen_to(&a, "job/3 job/0 job/6 job/nothing");
    publish("job/0", "running", "x");
    publish("job/nothing", "queued", "y");
    listener_expect(&a, "queued:3 queued:0 queued:6 running:x queued:y ");
    listener_leave(&a);
}

/* All states are kept, and the last hundred lines of progress, in their places. */
static void test_progress(void **state)
{
    struct listener a;
    struct buf want = { 0 };
    char data[16];

    (void)state;
    for (int i = 0; i < 250; i++) {
        snprintf(data, sizeof data, "%d", i);
        publish("job/1", i % 25 == 0 ? "state" : "progress", data);
    }
    for (int i = 0, progress = 0; i < 250; i++) {
        progress += i % 25 != 0;
        if (i % 25 == 0)
            buf_printf(&want, "state:%d ", i);
        else if (progress > 240 - 100)
            buf_printf(&want, "progress:%d ", i);
    }
    listen_to(&a, "job/1");
    listener_expect(&a, buf_cstr(&want));
    listener_leave(&a);
    buf_fini(&want);
}

static void test_patterns(void **state)
{
    struct listener all, jobs, canaries, both;

    (void)state;
    publish("job/0", "queued", "0"); /* a pattern is given no past */
    listen_to(&all, "*");
    listen_to(&jobs, "jobs");
    listen_to(&canaries, "canaries");
    listen_to(&both, "canaries jobs");
    publish("job/1", "e", "1");
    publish("canary/1", "e", "2");
    publish("jobs", "e", "3");
    publish("jobless/1", "e", "4");
    publish("other", "e", "5");
    listener_expect(&all, "e:1 e:2 e:3 e:4 e:5 ");
    listener_expect(&jobs, "e:1 ");
    listener_expect(&canaries, "e:2 ");
    listener_expect(&both, "e:1 e:2 ");
    listener_leave(&all);
    listener_leave(&jobs);
    listener_leave(&canaries);
    listener_leave(&both);
    publish("job/1", "e", "6");
    listener_expect(&all, "");
}

/* However many of a subscriber's names and patterns an event matches, it comes once. */
static void test_nothing_twice(void **state)
{
    struct listener a, b;

    (void)state;
    publish("job/1", "e", "1");
    listen_to(&a, "* job/1 jobs job/1 * jobs");
    listen_to(&b, "job/1 job/1 job/1");
    publish("job/1", "e", "2");
    publish("job/2", "e", "3");
    listener_expect(&a, "e:1 e:2 e:3 ");
    listener_expect(&b, "e:1 e:2 ");
    listener_leave(&a);
    listener_leave(&b);
}

/* Who leaves gets nothing more: not what is queued, not the rest of what is being delivered. */
static void test_leaving(void **state)
{
    struct listener a;

    (void)state;
    listen_to(&a, "job/1 *");
    publish("job/1", "e", "1");
    listener_leave(&a);
    listener_expect(&a, "");
    listen_to(&a, "job/1");
    a.leave_after = 2;
    publish("job/1", "e", "2");
    publish("job/1", "e", "3");
    listener_expect(&a, "e:1 e:2 ");
    assert_null(a.sub);
}

static void on_event_publish(void *arg, struct topic_event *ev)
{
    int *left = arg;

    (void)ev;
    if (--*left > 0)
        publish("job/1", "e", "more");
}

static void on_closed_never(void *arg, int code)
{
    (void)arg;
    fail_msg("closed: %d", code);
}

/* A callback may publish, to its own topic too; that is delivered later, not inside. */
static void test_publishing_from_inside(void **state)
{
    static const struct topic_sub_ops ops = { on_event_publish, on_closed_never };
    static const char *const topics[] = { "job/1" };
    int left = 5;
    struct topic_sub *s = topics_subscribe(topic_hub, topic_loop, topics, 1, &ops, &left, NULL);

    (void)state;
    assert_non_null(s);
    publish("job/1", "e", "first");
    for (int i = 5; i > 0; i--) {
        assert_int_equal(left, i);
        loop_poll(topic_loop, 0);
    }
    assert_int_equal(left, 0);
    topics_unsubscribe(s);
}

/* An event that somebody keeps outlives its topic. */
static struct topic_event *kept;

static void on_event_keep(void *arg, struct topic_event *ev)
{
    (void)arg;
    kept = topic_event_ref(ev);
}

static void test_kept_event(void **state)
{
    static const struct topic_sub_ops ops = { on_event_keep, on_closed_never };
    static const char *const topics[] = { "job/1" };
    struct topic_sub *s = topics_subscribe(topic_hub, topic_loop, topics, 1, &ops, NULL, NULL);

    (void)state;
    publish("job/1", "e", "{\"kept\":true}");
    loop_poll(topic_loop, 0);
    topics_unsubscribe(s);
    topic_hub_make(NULL);
    assert_int_equal(kept->len, strlen("event: e\ndata: {\"kept\":true}\n\n"));
    assert_memory_equal(kept->frame, "event: e\ndata: {\"kept\":true}\n\n", kept->len);
    topic_event_unref(kept);
}

static void test_names(void **state)
{
    static const char *const bad[] = { "",
                                       " ",
                                       "job 1",
                                       "job/1\n",
                                       "j\xc3\xb6"
                                       "b",
                                       "a*",
                                       "job/*",
                                       "a\"b",
                                       "a,b",
                                       "a?b" };
    static const struct topic_sub_ops ops = { on_event_keep, on_closed_never };
    char longest[202];
    const char *pattern = longest;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(topics_publish(topic_hub, bad[i], "e", "1", 1), MG_E_INVALID);
        assert_int_equal(topics_publish(topic_hub, "t", bad[i], "1", 1), MG_E_INVALID);
        assert_null(topics_subscribe(topic_hub, topic_loop, &bad[i], 1, &ops, NULL, &e));
        assert_int_equal(e.code, MG_E_INVALID);
    }
    assert_int_equal(topics_publish(topic_hub, "*", "e", "1", 1), MG_E_INVALID);
    assert_int_equal(topics_publish(topic_hub, "t", "e", "1\n2", 3), MG_E_INVALID);
    assert_int_equal(topics_publish(topic_hub, "t", "e", "1\r2", 3), MG_E_INVALID);
    memset(longest, 'x', sizeof longest);
    longest[200] = '\0';
    assert_int_equal(topics_publish(topic_hub, longest, longest, "1", 1), 0);
    longest[200] = 'x';
    longest[201] = '\0';
    assert_int_equal(topics_publish(topic_hub, longest, "e", "1", 1), MG_E_INVALID);
    assert_int_equal(topics_publish(topic_hub, "t", longest, "1", 1), MG_E_INVALID);
    assert_null(topics_subscribe(topic_hub, topic_loop, &pattern, 1, &ops, NULL, &e));
    assert_null(topics_subscribe(topic_hub, topic_loop, &pattern, 0, &ops, NULL, &e));
    assert_int_equal(e.code, MG_E_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, topic_setup, topic_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_live),
        TEST(test_late),
        TEST(test_late_for_several),
        TEST(test_progress),
        TEST(test_patterns),
        TEST(test_nothing_twice),
        TEST(test_leaving),
        TEST(test_publishing_from_inside),
        TEST(test_kept_event),
        TEST(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
