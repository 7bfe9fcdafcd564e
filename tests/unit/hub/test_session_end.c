/* Sessions that nobody came back to: when they expire, all that was kept for them goes, and the
 * memory with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/slow.h"

#include "base/buf.h"
#include "hub/asks.h"
#include "hub/notices.h"
#include "hub/replays.h"
#include "hub/sessions.h"

#define SESSIONS 1000
#define IDLE_MS 3600000

static struct {
    struct loop *loop;
    struct sessions *sessions;
    struct notices *notices;
    struct replays *replays;
    struct asks *asks;
    int answered;
} g;

static void ended(void *arg, const char *id)
{
    (void)arg;
    notices_forget(g.notices, id);
    asks_forget(g.asks, id);
    replays_forget(g.replays, id);
}

static void answered(void *arg, const char *result, size_t len, const char *error)
{
    (void)arg, (void)len;
    assert_null(result);
    assert_string_equal(error, "the client's session has ended");
    g.answered++;
}

/* A result waits for it, it was asked, it subscribed. */
static int fill(void *arg)
{
    static char text[4000];
    const char *id = arg;
    struct replay *one;
    struct ask *ask;

    memset(text, 'x', sizeof text);
    assert_int_equal(notices_subscribe(g.notices, id, 7, "test://one", 10), 0);
    assert_int_equal(replays_begin(g.replays, id, 7, &one), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(replay_put(one, text, sizeof text, i == 2), 0);
    replay_end(one, true, 0);
    assert_int_equal(asks_add(g.asks, id, 7, g.loop, answered, NULL, &ask), 0);
    return 0;
}

static void open_and_expire(int64_t now_ms)
{
    for (int i = 0; i < SESSIONS; i++) {
        struct session_info info = { .protocol = "2025-11-25", .principal = 7 };
        assert_int_equal(sessions_create(g.sessions, &info, now_ms), 0);
        assert_int_equal(sessions_enter(g.sessions, info.id, 7, now_ms, false, fill, info.id), 0);
    }
    sessions_sweep(g.sessions, now_ms + IDLE_MS - 1);
    assert_int_equal(sessions_count(g.sessions), SESSIONS);
    g.answered = 0;
    sessions_sweep(g.sessions, now_ms + IDLE_MS);
    assert_int_equal(sessions_count(g.sessions), 0);
    loop_poll(g.loop, 0);
    assert_int_equal(g.answered, SESSIONS);
}

static void nothing_is_left(void)
{
    static const char *const zero[] = {
        "\nmoongate_listeners 0\n",    "\nmoongate_subscriptions 0\n", "\nmoongate_replays 0\n",
        "\nmoongate_replays_over 0\n", "\nmoongate_replay_bytes 0\n",  "\nmoongate_asks 0\n"
    };
    struct buf b = { 0 };

    notices_metrics(g.notices, &b);
    replays_metrics(g.replays, &b);
    asks_metrics(g.asks, &b);
    for (size_t i = 0; i < sizeof zero / sizeof *zero; i++)
        if (!strstr(buf_cstr(&b), zero[i]))
            fail_msg("no%sin %s", zero[i], buf_cstr(&b));
    buf_fini(&b);
}

/* Bytes that are in use: pages that a heap keeps depend on what else lies in them. */
static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void test_expired(void **state)
{
    struct notices_limits limits = { .max_feeds = 10, .max_uris = 10 };
    struct err e;

    (void)state;
    g.loop = loop_new(&e);
    g.sessions = sessions_new(100000, IDLE_MS);
    g.notices = notices_new(&limits);
    g.replays = replays_new(100000);
    g.asks = asks_new();
    assert_true(g.loop && g.sessions && g.notices && g.replays && g.asks);
    sessions_on_end(g.sessions, ended, NULL);
    open_and_expire(0);
    nothing_is_left();
    size_t before = in_use(); /* with tables that are as large as they get */
    open_and_expire(10 * IDLE_MS);
    nothing_is_left();
    size_t after = in_use();
    /* A checker keeps what was freed, to find uses of it. */
    if (slow_factor() == 1 && after > before + before / 50)
        fail_msg("%zu bytes before, %zu after", before, after);
    sessions_free(g.sessions);
    notices_free(g.notices);
    replays_free(g.replays);
    asks_free(g.asks);
    loop_free(g.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_expired) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
