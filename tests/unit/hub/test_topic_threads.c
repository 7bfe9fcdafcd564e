/* Publishers, subscribers that come and go, and topics that leave for want of room, all at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "hub/topics.h"

#define PUBLISHERS 2
#define READERS 2
#define TOPICS 4 /* topic t belongs to publisher t % PUBLISHERS */
#define EACH 800

static struct topics *hub;
static atomic_int publishers_left;

/* ---- no gap, nothing twice ---- */

struct reader {
    struct loop *loop;
    struct topic_sub *sub;
    int next[TOPICS]; /* the number that has to come; -1: whichever comes first */
    unsigned odd, events;
};

static void on_event(void *arg, struct topic_event *ev)
{
    struct reader *r = arg;
    char frame[64] = "";
    int topic, number;

    r->events++;
    memcpy(frame, ev->frame, ev->len < sizeof frame - 1 ? ev->len : sizeof frame - 1);
    if (sscanf(frame, "event: e\ndata: [%d,%d]", &topic, &number) != 2) {
        r->odd++;
        return;
    }
    r->odd += r->next[topic] >= 0 && r->next[topic] != number;
    r->next[topic] = number + 1;
}

static void on_closed(void *arg, int code)
{
    (void)code;
    ((struct reader *)arg)->odd++;
}

static const struct topic_sub_ops ops = { on_event, on_closed };

static void *publisher(void *arg)
{
    int me = (int)(intptr_t)arg;

    for (int i = 0; i < EACH; i++) {
        for (int t = me; t < TOPICS; t += PUBLISHERS) {
            char topic[16], data[32];
            int len = snprintf(data, sizeof data, "[%d,%d]", t, i);
            snprintf(topic, sizeof topic, "job/%d", t);
            if (topics_publish(hub, topic, "e", data, (size_t)len) != 0)
                return (void *)1;
        }
    }
    atomic_fetch_sub(&publishers_left, 1);
    return NULL;
}

/* Subscribes again and again, each time to another choice of topics and patterns. What was named is
 * seen from its first event on; what only a pattern takes in, without a gap from somewhere on. */
static void read_once(struct reader *r, unsigned choice)
{
    char names[TOPICS][16];
    const char *patterns[TOPICS + 2];
    size_t n = 0;

    for (int t = 0; t < TOPICS; t++) {
        r->next[t] = -1;
        if (choice >> t & 1) {
            snprintf(names[t], sizeof names[t], "job/%d", t);
            patterns[n++] = names[t];
            r->next[t] = 0;
        }
    }
    if (choice & 16 || n == 0)
        patterns[n++] = "*";
    if (choice & 32)
        patterns[n++] = "jobs";
    r->sub = topics_subscribe(hub, r->loop, patterns, n, &ops, r, NULL);
    if (!r->sub) {
        r->odd++;
        return;
    }
    unsigned before = r->events;
    do
        loop_poll(r->loop, 1);
    while (r->events < before + 50 && atomic_load(&publishers_left) > 0);
    topics_unsubscribe(r->sub);
}

static void *reader(void *arg)
{
    struct reader r = { .loop = loop_new(NULL) };
    unsigned choice = (unsigned)(uintptr_t)arg;

    while (atomic_load(&publishers_left) > 0) {
        choice = choice * 5 + 3;
        read_once(&r, choice % 64);
    }
    /* The last look: everything, from the first to the last. */
    r.sub = NULL;
    read_once(&r, 15);
    for (int t = 0; t < TOPICS; t++)
        r.odd += r.next[t] != EACH;
    loop_free(r.loop);
    return (void *)(uintptr_t)r.odd;
}

static uintptr_t run(void *(*first)(void *), void *(*second)(void *))
{
    pthread_t threads[PUBLISHERS + READERS];
    uintptr_t odd = 0;

    for (intptr_t i = 0; i < PUBLISHERS + READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < PUBLISHERS ? first : second,
                                        (void *)i),
                         0);
    for (int i = 0; i < PUBLISHERS + READERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        odd += (uintptr_t)result;
    }
    return odd;
}

static void test_no_gap_nothing_twice(void **state)
{
    static const struct topics_options o = { .max_topics = 100,
                                             .max_bytes = 64 << 20,
                                             .max_topics_per_sub = 8,
                                             .max_queue_bytes = 8 << 20 };

    (void)state;
    hub = topics_new(&o);
    assert_non_null(hub);
    atomic_store(&publishers_left, PUBLISHERS);
    assert_int_equal(run(publisher, reader), 0);
    topics_free(hub);
}

/* ---- no room ---- */

static void *crowding_publisher(void *arg)
{
    uint32_t x = (uint32_t)(uintptr_t)arg + 1;
    char data[300];

    memset(data, 'd', sizeof data);
    for (int i = 0; i < 4 * EACH; i++) {
        char topic[16];
        x = x * 1664525 + 1013904223;
        snprintf(topic, sizeof topic, "job/%u", (x >> 16) % 200);
        if (topics_publish(hub, topic, x & 64 ? "e" : "progress", data, (x >> 8) % 300) != 0)
            return (void *)1;
    }
    atomic_fetch_sub(&publishers_left, 1);
    return NULL;
}

static void on_any(void *arg, struct topic_event *ev) { *(size_t *)arg += ev->len; }

/* May be too slow here. */
static void on_any_closed(void *arg, int code) { *(size_t *)arg += code == MG_E_LIMIT; }

static void *crowding_reader(void *arg)
{
    static const struct topic_sub_ops any = { on_any, on_any_closed };
    struct loop *l = loop_new(NULL);
    size_t bytes = 0;

    for (uintptr_t i = (uintptr_t)arg; atomic_load(&publishers_left) > 0; i++) {
        char a[16], b[16];
        const char *patterns[] = { a, b, "jobs" };
        snprintf(a, sizeof a, "job/%d", (int)(i * 7 % 200));
        snprintf(b, sizeof b, "job/%d", (int)(i * 13 % 200));
        struct topic_sub *s = topics_subscribe(hub, l, patterns, 2 + i % 2, &any, &bytes, NULL);
        loop_poll(l, 0);
        topics_unsubscribe(s);
    }
    loop_free(l);
    return NULL;
}

static long metric(const char *name)
{
    struct buf b = { 0 };

    topics_metrics(hub, &b);
    const char *line = strstr(buf_cstr(&b), name);
    assert_non_null(line);
    long value = strtol(line + strlen(name), NULL, 10);
    buf_fini(&b);
    return value;
}

static void test_no_room(void **state)
{
    static const struct topics_options o = {
        .max_topics = 20, .max_bytes = 10000, .max_topics_per_sub = 8, .max_queue_bytes = 5000
    };

    (void)state;
    hub = topics_new(&o);
    assert_non_null(hub);
    atomic_store(&publishers_left, PUBLISHERS);
    assert_int_equal(run(crowding_publisher, crowding_reader), 0);
    assert_in_range(metric("\nmoongate_topics "), 1, 20);
    assert_in_range(metric("\nmoongate_topic_bytes "), 1, 10000);
    assert_int_equal(metric("\nmoongate_topics_awaited "), 0);
    topics_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_gap_nothing_twice),
        cmocka_unit_test(test_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
