/* Every bound of the topics at its edge, memory that runs out, and how often a loop is woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/topic_fixture.h"

static unsigned posts;

static void counted_post(struct loop *l, struct mail *m)
{
    posts++;
    loop_post(l, m);
}

#define loop_post counted_post
#include "hub/topic_node.c"
#include "hub/topic_sub.c"
#include "hub/topics.c"
#include "hub/topics_subscribe.c"
#undef loop_post

#define FRAME(data_len) (7 + 1 + 7 + (data_len) + 2) /* bytes of a frame of an event named "e" */
#define KEPT(data_len) (sizeof(struct topic_past) + sizeof(struct topic_event) + FRAME(data_len))

static void publish_bytes(const char *topic, size_t len)
{
    char data[4096];

    assert_true(len <= sizeof data);
    memset(data, 'd', len);
    assert_int_equal(topics_publish(topic_hub, topic, "e", data, len), 0);
}

static void late(const char *topic, const char *want)
{
    struct listener l;

    listen_to(&l, topic);
    listener_expect(&l, want);
    listener_leave(&l);
}

/* One message per burst, however many events and topics. */
static void test_one_wake_per_burst(void **state)
{
    struct listener a, b;

    (void)state;
    for (int i = 0; i < 5; i++)
        publish("job/1", "e", "1");
    posts = 0;
    listen_to(&a, "job/1 job/2");
    assert_int_equal(posts, 1);
    for (int i = 0; i < 100; i++)
        publish("job/2", "e", "2");
    assert_int_equal(posts, 1);
    loop_poll(topic_loop, 0);
    assert_int_equal(a.events, 105);
    publish("job/1", "e", "3");
    publish("job/2", "e", "3");
    assert_int_equal(posts, 2);
    posts = 0;
    listen_to(&b, "job/empty"); /* no past: nobody is woken */
    assert_int_equal(posts, 0);
    loop_poll(topic_loop, 0);
    buf_fini(&a.got);
    listener_leave(&a);
    listener_leave(&b);
}

/* A queue takes exactly its bytes; one more closes it, and what was queued is not delivered. */
static void test_queue(void **state)
{
    static const struct topics_options o = { .max_topics = 10,
                                             .max_bytes = 1 << 20,
                                             .max_topics_per_sub = 2,
                                             .max_queue_bytes = 3 * FRAME(4) };
    struct listener a, b;

    (void)state;
    topic_hub_make(&o);
    listen_to(&a, "t");
    listen_to(&b, "t");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            publish("t", "e", "1234");
        listener_expect(&a, "e:1234 e:1234 e:1234 ");
        listener_expect(&b, "e:1234 e:1234 e:1234 ");
    }
    for (int i = 0; i < 2; i++)
        publish("t", "e", "1234");
    publish("t", "e", "12345"); /* one byte too many */
    publish("t", "e", "1");
    listener_expect(&a, "closed:LIMIT ");
    listener_expect(&b, "closed:LIMIT ");
    assert_int_equal(a.closed, 1);
    listen_to(&a, "t"); /* and can come again */
    publish("t", "e", "1");
    listener_expect(&a, "e:1 ");
    publish_bytes("t", 4096); /* a single event larger than all */
    listener_expect(&a, "closed:LIMIT ");
}

/* The past is let in whatever its size, and leaves as much room for live events as ever. */
static void test_queue_and_past(void **state)
{
    static const struct topics_options o = { .max_topics = 10,
                                             .max_bytes = 1 << 20,
                                             .max_topics_per_sub = 2,
                                             .max_queue_bytes = 2 * FRAME(1) };
    struct listener a;

    (void)state;
    topic_hub_make(&o);
    for (int i = 0; i < 5; i++)
        publish("job/1", "e", "1");
    listen_to(&a, "job/1");
    publish("job/1", "e", "2");
    publish("job/1", "e", "3");
    listener_expect(&a, "e:1 e:1 e:1 e:1 e:1 e:2 e:3 ");
    publish("job/1", "e", "4");
    publish("job/1", "e", "5");
    listener_expect(&a, "e:4 e:5 ");
    for (int i = 0; i < 3; i++)
        publish("job/1", "e", "6");
    listener_expect(&a, "closed:LIMIT ");
    listen_to(&a, "job/1");
    for (int i = 0; i < 3; i++) /* the third is too much behind the past as well */
        publish("job/1", "e", "7");
    listener_expect(&a, "closed:LIMIT ");
}

/* The topic that was published to longest ago leaves; being listened to keeps it. */
static void test_max_topics(void **state)
{
    static const struct topics_options o = {
        .max_topics = 3, .max_bytes = 1 << 20, .max_topics_per_sub = 4, .max_queue_bytes = 1 << 20
    };
    struct listener a, b;

    (void)state;
    topic_hub_make(&o);
    publish("job/1", "e", "1");
    publish("job/2", "e", "2");
    publish("job/3", "e", "3");
    publish("job/1", "e", "1b");
    publish("job/4", "e", "4");
    assert_int_equal(topic_metric("moongate_topics"), 3);
    late("job/2", "");
    late("job/3", "e:3 ");
    late("job/1", "e:1 e:1b ");
    listen_to(&a, "job/4");
    publish("job/5", "e", "5"); /* 3 and 1 were listened to, in this order, after 4: 3 leaves */
    publish("job/6", "e", "6");
    publish("job/7", "e", "7");
    late("job/3", "");
    late("job/1", "");
    late("job/5", "");
    late("job/6", "e:6 ");
    listener_expect(&a, "e:4 ");
    late("job/4", "e:4 ");

    /* All of them are listened to: a further one is delivered, but has no past. */
    listen_to(&b, "job/6 job/7 job/8 *");
    loop_poll(topic_loop, 0);
    buf_fini(&b.got);
    publish("job/8", "e", "8");
    publish("job/9", "e", "9");
    listener_expect(&b, "e:8 e:9 ");
    late("job/8", "");
    late("job/9", "");
    assert_int_equal(topic_metric("moongate_topics"), 3);
    listener_leave(&a);
    publish("job/8", "e", "8b"); /* 4 may leave now */
    late("job/4", "");
    late("job/8", "e:8b ");
    listener_expect(&b, "e:8b ");
    listener_leave(&b);
}

static void test_max_bytes(void **state)
{
    static const struct topics_options o = { .max_topics = 100,
                                             .max_bytes = 5 * KEPT(100),
                                             .max_topics_per_sub = 4,
                                             .max_queue_bytes = 1 << 20 };
    struct listener a;

    (void)state;
    topic_hub_make(&o);
    for (int i = 0; i < 5; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "job/%d", i);
        publish_bytes(topic, 100);
    }
    assert_int_equal(topic_metric("moongate_topics"), 5);
    assert_int_equal(topic_metric("moongate_topic_bytes"), 5 * KEPT(100));
    publish_bytes("job/4", 1); /* over: the oldest topic leaves */
    assert_int_equal(topic_metric("moongate_topics"), 4);
    late("job/0", "");
    publish_bytes("job/5", 400); /* more than one leaves */
    assert_int_equal(topic_metric("moongate_topic_bytes"), KEPT(400) + KEPT(1) + KEPT(100));

    /* One topic alone, listened to: its own oldest events leave. */
    topic_hub_make(&o);
    listen_to(&a, "job/1");
    for (int i = 0; i < 12; i++) {
        char data[101];
        snprintf(data, sizeof data, "%0100d", i);
        publish("job/1", "e", data);
        assert_true(topic_metric("moongate_topic_bytes") <= (long)(5 * KEPT(100)));
    }
    loop_poll(topic_loop, 0);
    assert_int_equal(a.events, 12);
    buf_fini(&a.got);
    listener_leave(&a);
    listen_to(&a, "job/1");
    loop_poll(topic_loop, 0);
    assert_int_equal(a.events, 5);
    assert_memory_equal(a.got.data + a.got.len - 4, "011 ", 4);
    buf_fini(&a.got);
    publish_bytes("job/1", 4096); /* one event larger than all: delivered, not kept */
    loop_poll(topic_loop, 0);
    assert_int_equal(a.events, 6);
    assert_int_equal(topic_metric("moongate_topic_bytes"), 0);
    assert_int_equal(topic_metric("moongate_topics"), 0);
    buf_fini(&a.got);
    listener_leave(&a);
    publish_bytes("job/2", 4096);
    late("job/2", "");
}

static void test_max_topics_per_sub(void **state)
{
    static const char *const many[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
    static const struct topic_sub_ops ops = { 0 };
    struct topic_sub *s;
    struct err e;

    (void)state;
    s = topics_subscribe(topic_hub, topic_loop, many, 8, &ops, NULL, &e);
    assert_non_null(s);
    assert_null(topics_subscribe(topic_hub, topic_loop, many, 9, &ops, NULL, &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    topics_unsubscribe(s);
}

/* Names that nobody has published to are bounded too, and a subscription that fails leaves nothing.
 */
static void test_awaited(void **state)
{
    static const struct topics_options o = {
        .max_topics = 2, .max_bytes = 1 << 20, .max_topics_per_sub = 10, .max_queue_bytes = 1 << 20
    };
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    static const struct topic_sub_ops ops = { 0 };
    struct topic_sub *s;
    struct err e;

    (void)state;
    topic_hub_make(&o);
    assert_null(topics_subscribe(topic_hub, topic_loop, names, 9, &ops, NULL, &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    assert_int_equal(topic_metric("moongate_topics_awaited"), 0);
    s = topics_subscribe(topic_hub, topic_loop, names, 8, &ops, NULL, &e);
    assert_non_null(s);
    assert_int_equal(topic_metric("moongate_topics_awaited"), 8);
    assert_null(topics_subscribe(topic_hub, topic_loop, names + 8, 1, &ops, NULL, &e));
    topics_unsubscribe(s);
    assert_int_equal(topic_metric("moongate_topics_awaited"), 0);
    s = topics_subscribe(topic_hub, topic_loop, names + 8, 1, &ops, NULL, &e);
    assert_non_null(s);
    topics_unsubscribe(s);
}

/* ---- memory runs out ---- */

static void test_publish_without_memory(void **state)
{
    struct listener a;
    long n;
    int rc = MG_E_NOMEM;

    (void)state;
    listen_to(&a, "job/1 *");
    for (int i = 0; i < 2; i++) { /* then both arrays of the queue are there */
        publish("job/1", "e", "0");
        listener_expect(&a, "e:0 ");
    }
    for (n = 0; rc != 0; n++) { /* nothing happened, or all of it */
        failing_after = n;
        rc = topics_publish(topic_hub, "job/2", "e", "1", 1);
        failing_after = -1;
        assert_true(rc == 0 || rc == MG_E_NOMEM);
        assert_int_equal(topic_metric("moongate_topics"), rc == 0 ? 2 : 1);
        assert_int_equal(topic_metric("moongate_topics_awaited"), 0);
        listener_expect(&a, rc == 0 ? "e:1 " : "");
        assert_true(n < 10);
    }
    assert_true(n > 2);
    /* The event is there, but the listener's queue cannot grow: it is told, the others get it. */
    for (int i = 0; i < 8; i++)
        publish("job/1", "e", "x");
    failing_after = 2;
    assert_int_equal(topics_publish(topic_hub, "job/1", "e", "y", 1), 0);
    failing_after = -1;
    listener_expect(&a, "closed:NOMEM ");
    late("job/1", "e:0 e:0 e:x e:x e:x e:x e:x e:x e:x e:x e:y ");
}

static void test_subscribe_without_memory(void **state)
{
    static const char *const names[] = { "job/1", "job/new", "*" };
    static const struct topic_sub_ops ops = { 0 };
    struct topic_sub *s = NULL;
    struct err e;
    long n;

    (void)state;
    failing_after = 0;
    assert_null(topics_new(&(struct topics_options){ .max_topics = 1 }));
    failing_after = -1;
    for (int i = 0; i < 20; i++)
        publish("job/1", "e", "x");
    for (n = 0; !s; n++) {
        failing_after = n;
        s = topics_subscribe(topic_hub, topic_loop, names, 3, &ops, NULL, &e);
        failing_after = -1;
        if (!s)
            assert_int_equal(e.code, MG_E_NOMEM);
        assert_int_equal(topic_metric("moongate_topics_awaited"), s ? 1 : 0);
        assert_true(n < 10);
    }
    assert_true(n > 2);
    topics_unsubscribe(s);
    loop_poll(topic_loop, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, topic_setup, topic_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_wake_per_burst),
        TEST(test_queue),
        TEST(test_queue_and_past),
        TEST(test_max_topics),
        TEST(test_max_bytes),
        TEST(test_max_topics_per_sub),
        TEST(test_awaited),
        TEST(test_publish_without_memory),
        TEST(test_subscribe_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
