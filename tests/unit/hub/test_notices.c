/* Listeners: what they are to be told, in which order, once, and again when they resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/listener.c"
#include "hub/notices.c"
#include "hub/per_key.c"
#include "hub/shares.c"

#define ONE "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210"

struct client {
    struct notice_feed *feed;
    char heard[400];
    int closed;
};

static struct loop *loop;
static struct notices *hub;

static int setup(void **state)
{
    static const struct notices_limits limits = { .max_feeds = 3, .max_uris = 2 };
    struct err e;

    (void)state;
    loop = loop_new(&e);
    hub = notices_new(&limits);
    return loop && hub ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop); /* messages that are under way look at the hub's lock */
    notices_free(hub);
    return 0;
}

static void on_due(void *arg)
{
    struct client *c = arg;
    struct notice n;

    while (notices_next(c->feed, &n)) {
        size_t len = strlen(c->heard);
        snprintf(c->heard + len, sizeof c->heard - len, "%u:%d%s ", (unsigned)n.number, n.kind,
                 n.uri);
    }
}

static void on_closed(void *arg, int code)
{
    struct client *c = arg;

    c->closed = code;
    notices_close(c->feed);
    c->feed = NULL;
}

static const struct notice_feed_ops ops = { on_due, on_closed };

static int open_session(struct client *c, const char *session, const char *last)
{
    *c = (struct client){ 0 };
    return notices_open_session(hub, loop, session, 7, last, &ops, c, &c->feed);
}

static int open_of(uint64_t principal, struct client *c)
{
    struct notice_filter filter = { .lists = 1u << NOTICE_TOOLS };

    *c = (struct client){ 0 };
    return notices_open_subscription(hub, loop, principal, &filter, &ops, c, &c->feed);
}

static void hears(struct client *c, const char *what)
{
    loop_poll(loop, 0);
    assert_string_equal(c->heard, what);
    c->heard[0] = '\0';
}

static int subscribe(const char *session, const char *uri)
{
    return notices_subscribe(hub, session, 7, uri, strlen(uri));
}

static void updated(const char *uri) { notices_updated(hub, uri, strlen(uri)); }

static unsigned tools_of_seven(void *arg, uint64_t principal)
{
    (void)arg;
    return principal == 7 ? 1u << NOTICE_TOOLS : 0;
}

static void test_told_once(void **state)
{
    struct client c;

    (void)state;
    assert_int_equal(open_session(&c, ONE, NULL), 0);
    hears(&c, "");
    notices_lists(hub, tools_of_seven, NULL);
    notices_lists(hub, tools_of_seven, NULL);
    hears(&c, "2:0 "); /* the last of two that came together */
    hears(&c, "");
    assert_int_equal(subscribe(ONE, "a:1"), 0);
    assert_int_equal(subscribe(ONE, "a:2"), 0);
    updated("a:2");
    updated("a:1");
    updated("a:2");
    updated("a:3");
    hears(&c, "4:3a:1 5:3a:2 ");
    notices_unsubscribe(hub, ONE, "a:1", 3);
    notices_unsubscribe(hub, ONE, "a:9", 3);
    updated("a:1");
    hears(&c, "");
    notices_close(c.feed);
}

static unsigned tools_of_seven_counted(void *arg, uint64_t principal)
{
    ++*(int *)arg;
    return tools_of_seven(NULL, principal);
}

/* Each key's lists are compared once, however many listen with it; without memory as well. */
static void test_compared_once(void **state)
{
    struct client a, b, c;
    int asked = 0;

    (void)state;
    assert_int_equal(open_session(&a, ONE, NULL), 0);
    assert_int_equal(open_of(8, &b), 0);
    assert_int_equal(notices_subscribe(hub, TWO, 7, "a:1", 3), 0);
    notices_lists(hub, tools_of_seven_counted, &asked);
    assert_int_equal(asked, 2);
    hears(&a, "1:0 ");
    hears(&b, "");
    failing_after = 0;
    notices_lists(hub, tools_of_seven_counted, &asked);
    failing_after = -1;
    assert_int_equal(asked, 4);
    hears(&a, "2:0 ");
    hears(&b, "");
    notices_close(a.feed);
    notices_close(b.feed);
    assert_int_equal(open_session(&c, TWO, NULL), 0);
    hears(&c, "2:0 "); /* the last of two */
    notices_close(c.feed);
    notices_forget(hub, ONE);
    notices_forget(hub, TWO);
    assert_null(hub->audiences);
}

static void test_resume(void **state)
{
    struct client c, d;
    char first[EVENT_ID_SIZE], later[EVENT_ID_SIZE + 1];

    (void)state;
    assert_int_equal(subscribe(ONE, "a:1"), 0);
    updated("a:1");
    assert_int_equal(open_session(&c, ONE, NULL), 0);
    notices_event_id(c.feed, 0, first);
    hears(&c, "1:3a:1 ");
    assert_int_equal(open_session(&d, ONE, NULL), MG_E_CONFLICT);
    assert_int_equal(open_session(&d, TWO, first), MG_E_INVALID);
    assert_int_equal(open_session(&d, ONE, "nonsense"), MG_E_INVALID);
    notices_event_id(c.feed, 2, later); /* was never told */
    assert_int_equal(open_session(&d, ONE, later), MG_E_INVALID);
    snprintf(later, sizeof later, "%s ", first);
    assert_int_equal(open_session(&d, ONE, later), MG_E_INVALID);
    /* From the beginning; the old stream loses its place. */
    assert_int_equal(open_session(&d, ONE, first), 0);
    hears(&d, "1:3a:1 ");
    assert_int_equal(c.closed, MG_E_CONFLICT);
    assert_null(c.feed);
    notices_close(d.feed);
    updated("a:1");
    /* Without an event, only what no stream was given. */
    assert_int_equal(open_session(&c, ONE, NULL), 0);
    hears(&c, "2:3a:1 ");
    notices_close(c.feed);
}

static void test_session_ends(void **state)
{
    struct client c;

    (void)state;
    assert_int_equal(open_session(&c, ONE, NULL), 0);
    assert_int_equal(subscribe(ONE, "a:1"), 0);
    updated("a:1");
    notices_forget(hub, TWO);
    notices_forget(hub, ONE);
    hears(&c, "");
    assert_int_equal(c.closed, MG_E_NOTFOUND);
    assert_int_equal(atomic_load(&hub->interests), 0);
    assert_int_equal(atomic_load(&hub->listeners), 0);
    assert_int_equal(hub->feeds.held, 0);
    assert_int_equal(hub->bytes.held, 0);
    /* A message is under way while it is closed. */
    assert_int_equal(open_session(&c, ONE, NULL), 0);
    notices_lists(hub, tools_of_seven, NULL);
    notices_close(c.feed);
    hears(&c, "");
}

static void test_limits(void **state)
{
    struct client c, d, e;
    char uri[NOTICE_URI_MAX + 2];
    const char *uris[] = { "a:1", "a:2", "a:3" };
    const size_t lens[] = { 3, 3, 3 };
    struct notice_filter filter = { .uris = uris, .uri_lens = lens, .uri_count = 3 };

    (void)state;
    assert_int_equal(subscribe(ONE, "a:1"), 0);
    assert_int_equal(subscribe(ONE, "a:1"), 0);
    assert_int_equal(subscribe(ONE, "a:2"), 0);
    assert_int_equal(subscribe(ONE, "a:3"), MG_E_LIMIT);
    memset(uri, 'a', sizeof uri);
    assert_int_equal(notices_subscribe(hub, TWO, 7, uri, NOTICE_URI_MAX + 1), MG_E_INVALID);
    assert_int_equal(notices_subscribe(hub, TWO, 7, uri, NOTICE_URI_MAX), 0);
    c = d = (struct client){ 0 };
    assert_int_equal(notices_open_subscription(hub, loop, 8, &filter, &ops, &c, &c.feed),
                     MG_E_LIMIT);
    filter.uri_count = 2;
    filter.lists = 1u << NOTICE_TOOLS;
    assert_int_equal(notices_open_subscription(hub, loop, 8, &filter, &ops, &c, &c.feed), 0);
    assert_int_equal(open_session(&d, ONE, NULL), 0);
    assert_int_equal(open_session(&e, TWO, NULL), MG_E_LIMIT);
    assert_int_equal(notices_open_subscription(hub, loop, 8, &filter, &ops, &e, &e.feed),
                     MG_E_LIMIT);
    notices_lists(hub, tools_of_seven, NULL);
    updated("a:2");
    hears(&c, "1:3a:2 "); /* the list is another key's */
    hears(&d, "1:0 2:3a:2 ");
    notices_close(c.feed);
    assert_int_equal(open_session(&e, TWO, NULL), 0);
    notices_close(d.feed);
    notices_close(e.feed);
}

/* One key has its share of the streams and no more, and one that resumes needs no second place. */
static void test_shares_of_streams(void **state)
{
    struct notices_limits limits = { .max_feeds = 5, .max_uris = 2 };
    struct client a, b, c, d, e;
    char first[EVENT_ID_SIZE];

    (void)state;
    notices_set_limits(hub, &limits);
    assert_int_equal(open_of(7, &a), 0);
    assert_int_equal(open_of(7, &b), 0);
    assert_int_equal(open_session(&c, ONE, NULL), 0);
    assert_int_equal(open_of(7, &d), MG_E_LIMIT);
    assert_int_equal(open_session(&d, TWO, NULL), MG_E_LIMIT);
    assert_null(listener_find(hub, TWO));
    assert_int_equal(open_of(8, &d), 0);
    notices_event_id(c.feed, 0, first);
    assert_int_equal(open_session(&e, ONE, first), 0); /* the old one has not gone yet */
    hears(&c, "");
    assert_int_equal(c.closed, MG_E_CONFLICT);
    notices_close(a.feed);
    assert_int_equal(open_of(7, &a), MG_E_LIMIT); /* of five two, and one is another's */
    notices_close(d.feed);
    assert_int_equal(open_of(7, &a), 0);
    for (struct client *all[] = { &a, &b, &e, NULL }, **one = all; *one; one++)
        notices_close((*one)->feed);
    assert_null(hub->feeds.table);
}

/* What all are told of has a bound in bytes, and one key its share of it. */
static void test_shares_of_bytes(void **state)
{
    struct notices_limits limits = { .max_feeds = 5, .max_uris = 1000000 };
    char uri[NOTICE_URI_MAX];
    uint32_t n = 0;
    int code;

    (void)state;
    notices_set_limits(hub, &limits);
    memset(uri, 'a', sizeof uri);
    do {
        char session[SESSION_ID_SIZE];
        snprintf(session, sizeof session, "%032u", n / 64);
        snprintf(uri, sizeof uri, "%08u", n++);
        uri[8] = 'a';
        code = notices_subscribe(hub, session, 7, uri, sizeof uri);
    } while (code == 0);
    assert_int_equal(code, MG_E_LIMIT);
    assert_in_range(hub->bytes.held, NOTICES_MAX_BYTES / 2 - 3000, NOTICES_MAX_BYTES / 2);
    assert_int_equal(notices_subscribe(hub, ONE, 8, uri, sizeof uri), 0);
    assert_int_equal(notices_subscribe(hub, TWO, 7, uri, sizeof uri), MG_E_LIMIT);
    notices_unsubscribe(hub, "00000000000000000000000000000000", "00000000", 8); /* none of its */
    assert_int_equal(notices_subscribe(hub, TWO, 7, uri, sizeof uri), MG_E_LIMIT);
    notices_forget(hub, "00000000000000000000000000000000");
    assert_int_equal(notices_subscribe(hub, TWO, 7, uri, sizeof uri), 0);
}

/* A task is known by its id alone; what it is like is told at once, and no URI is taken for one. */
static void test_tasks(void **state)
{
    struct client c = { 0 }, d = { 0 };
    char long_id[NOTICE_URI_MAX];
    const char *uris[] = { "\nt1", "t1" }, *tasks[] = { "t1", "t1" }, *too_long[] = { long_id };
    const size_t uri_lens[] = { 3, 2 }, lens[] = { 2, 2 }, long_lens[] = { sizeof long_id };
    struct notice_filter filter = { .tasks = tasks, .task_lens = lens, .task_count = 2 };

    (void)state;
    memset(long_id, 'x', sizeof long_id);
    notices_task(hub, "t1", 2);
    assert_int_equal(notices_open_subscription(hub, loop, 7, &filter, &ops, &c, &c.feed), 0);
    hears(&c, "2:4t1 ");
    notices_task(hub, "t1", 2);
    notices_task(hub, "t2", 2);
    updated("t1");
    notices_updated(hub, "\nt1", 3);
    hears(&c, "3:4t1 ");
    notices_close(c.feed);

    filter = (struct notice_filter){ .uris = uris, .uri_lens = uri_lens, .uri_count = 2 };
    assert_int_equal(notices_open_subscription(hub, loop, 7, &filter, &ops, &d, &d.feed), 0);
    assert_int_equal(notices_subscribe(hub, ONE, 7, "\nt1", 3), 0);
    notices_task(hub, "t1", 2);
    updated("t1");
    hears(&d, "1:3t1 ");
    notices_close(d.feed);
    assert_int_equal(atomic_load(&hub->interests), 0);

    filter = (struct notice_filter){ .tasks = too_long, .task_lens = long_lens, .task_count = 1 };
    assert_int_equal(notices_open_subscription(hub, loop, 7, &filter, &ops, &d, &d.feed),
                     MG_E_INVALID);
    notices_task(hub, long_id, sizeof long_id);
}

/* Without memory nothing is half there. */
static void test_memory(void **state)
{
    struct client c;
    int code = MG_E_NOMEM;

    (void)state;
    for (unsigned n = 0; code == MG_E_NOMEM; n++) {
        failing_after = (long)n;
        code = subscribe(ONE, "a:1");
        failing_after = -1;
        assert_true(code == 0 || code == MG_E_NOMEM);
        assert_int_equal(atomic_load(&hub->interests), code == 0);
    }
    code = MG_E_NOMEM;
    for (unsigned n = 0; code == MG_E_NOMEM; n++) {
        failing_after = (long)n;
        code = open_session(&c, TWO, NULL);
        failing_after = -1;
        assert_int_equal(hub->feeds.held, code == 0);
    }
    notices_close(c.feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compared_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shares_of_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shares_of_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
