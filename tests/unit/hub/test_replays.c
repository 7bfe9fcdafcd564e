/* Streams of calls: what their readers are given, once and in order, and what is kept for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/replay_feed.c"
#include "hub/replays.c"
#include "hub/session_items.c"
#include "hub/per_key.c"
#include "hub/shares.c"

#define ONE "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210"
#define FRAME 46 /* what an event has beside its data, while its number has one digit */

struct client {
    struct replay_feed *feed;
    struct buf heard;
    uint32_t retry_ms;
    bool is_lost, is_over;
};

static struct loop *loop;
static struct replays *hub;

static int setup(void **state)
{
    struct err e;

    (void)state;
    loop = loop_new(&e);
    hub = replays_new(1000);
    return loop && hub ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop); /* messages that are under way look at the hub's lock */
    replays_free(hub);
    return 0;
}

static void on_due(void *arg)
{
    struct client *c = arg;
    enum replay_next what;

    while ((what = replay_next(c->feed, &c->heard, &c->retry_ms)) == REPLAY_EVENT ||
           what == REPLAY_WHOLE)
        ;
    if (what == REPLAY_NOTHING)
        return;
    c->is_over = what == REPLAY_OVER;
    replay_close(c->feed, 0);
    c->feed = NULL;
}

static void on_lost(void *arg)
{
    struct client *c = arg;

    c->is_lost = true;
    replay_close(c->feed, 0);
    c->feed = NULL;
}

static const struct replay_feed_ops feed_ops = { on_due, on_lost };

static struct replay *begin_as(struct client *c, const char *session, uint64_t principal)
{
    struct replay *one = NULL;

    assert_int_equal(replays_begin(hub, session, principal, &one), 0);
    *c = (struct client){ 0 };
    assert_int_equal(replay_follow(one, loop, &feed_ops, c, &c->feed), 0);
    return one;
}

static struct replay *begin_call(struct client *c) { return begin_as(c, ONE, 7); }

static void say(struct replay *one, const char *text, bool must)
{
    assert_int_equal(replay_put(one, text, strlen(text), must), 0);
}

static int resume_as(struct client *c, const char *session, uint64_t principal, uint64_t stream,
                     uint64_t number)
{
    char id[EVENT_ID_SIZE];

    event_id_write(stream, number, id);
    *c = (struct client){ 0 };
    return replays_resume(hub, loop, session, principal, id, &feed_ops, c, &c->feed);
}

/* The data of what it was given since, "a b c". */
static void hears(struct client *c, const char *what)
{
    char got[4000] = "";

    loop_poll(loop, 0);
    for (const char *p = c->heard.len ? buf_cstr(&c->heard) : ""; (p = strstr(p, "data: "));) {
        p += 6;
        size_t n = strcspn(p, "\n"), at = strlen(got);
        snprintf(got + at, sizeof got - at, "%s%.*s", at ? " " : "", (int)n, p);
    }
    assert_string_equal(got, what);
    buf_fini(&c->heard);
}

static void leave(struct client *c)
{
    replay_close(c->feed, 0);
    c->feed = NULL;
}

static void test_resume(void **state)
{
    struct client c, d;

    (void)state;
    struct replay *one = begin_call(&c);
    uint64_t stream = one->stream;
    say(one, "a", false);
    say(one, "b", true);
    hears(&c, "a b");
    leave(&c);
    say(one, "c", false);
    assert_int_equal(resume_as(&c, ONE, 7, stream, 1), 0);
    hears(&c, "b c");
    say(one, "d", false);
    hears(&c, "d");
    /* Another connection takes over; what comes goes there alone. */
    assert_int_equal(resume_as(&d, ONE, 7, stream, 4), 0);
    say(one, "e", true);
    replay_end(one, true, 0);
    hears(&d, "e");
    hears(&c, "");
    assert_true(c.is_lost && d.is_over && !d.feed);
    /* And once more, after the end. */
    assert_int_equal(resume_as(&c, ONE, 7, stream, 0), 0);
    hears(&c, "a b c d e");
    assert_true(c.is_over);
}

static void test_whose(void **state)
{
    struct client c, d;

    (void)state;
    struct replay *one = begin_call(&c);
    say(one, "a", false);
    assert_int_equal(resume_as(&d, TWO, 7, one->stream, 0), MG_E_NOTFOUND);
    assert_int_equal(resume_as(&d, ONE, 8, one->stream, 0), MG_E_NOTFOUND);
    assert_int_equal(resume_as(&d, ONE, 7, one->stream + 1, 0), MG_E_NOTFOUND);
    assert_int_equal(resume_as(&d, ONE, 7, one->stream, 2), MG_E_NOTFOUND);
    assert_int_equal(replays_resume(hub, loop, ONE, 7, "", &feed_ops, &d, &d.feed), MG_E_NOTFOUND);
    hears(&c, "a");
    leave(&c);
    replay_end(one, false, 0);
    assert_int_equal(atomic_load(&hub->count), 0);
}

static void test_pause(void **state)
{
    struct client c;

    (void)state;
    struct replay *one = begin_call(&c);
    say(one, "a", false);
    replay_pause(one, 500);
    say(one, "b", false); /* for the next connection */
    hears(&c, "a");
    assert_true(!c.feed && c.retry_ms == 500);
    replay_pause(one, 500); /* nobody is there: nothing to do */
    assert_int_equal(resume_as(&c, ONE, 7, one->stream, 1), 0);
    hears(&c, "b");
    replay_end(one, false, 0);
    hears(&c, "");
    assert_true(c.is_over);
    assert_int_equal(atomic_load(&hub->count), 0);
}

static void test_session_ends(void **state)
{
    struct client c, d;

    (void)state;
    struct replay *runs = begin_call(&c), *over = begin_call(&d);
    uint64_t stream = over->stream;
    say(runs, "a", false);
    hears(&c, "a");
    leave(&d);
    say(over, "b", true);
    replay_end(over, true, 0);
    replays_forget(hub, TWO);
    assert_int_equal(resume_as(&d, ONE, 7, stream, 1), 0);
    replays_forget(hub, ONE);
    hears(&c, "");
    hears(&d, "");
    assert_true(c.is_lost && d.is_lost);
    assert_int_equal(hub->bytes.held, 0);
    say(runs, "c", true); /* the call does not know */
    replay_end(runs, true, 0);
    assert_int_equal(hub->bytes.held, 0);
    assert_int_equal(atomic_load(&hub->count), 0);
    assert_null(hub->sessions);
}

/* Of what may be missed the oldest leaves, at the very byte; the rest stays. */
static void test_bound_of_one(void **state)
{
    char text[500 - FRAME + 1];
    struct client c;

    (void)state;
    struct replay *one = begin_call(&c);
    leave(&c);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    say(one, "must", true);
    say(one, text, false);
    assert_int_equal(one->may_bytes, 500);
    text[0] = '3';
    say(one, text, false);
    assert_int_equal(one->may_bytes, 1000);
    assert_int_equal(hub->left_out, 0);
    say(one, "4", false);
    assert_int_equal(one->may_bytes, 500 + FRAME + 1);
    assert_int_equal(hub->left_out, 1);
    replays_set_max(hub, 10);
    say(one, "5", false); /* it alone is too large */
    assert_int_equal(hub->left_out, 4);
    say(one, "answer", true);
    replay_end(one, true, 0);
    assert_int_equal(resume_as(&c, ONE, 7, one->stream, 0), 0);
    hears(&c, "must answer");
}

static struct replay *over_call(const char *text, size_t len, int64_t at_ms, bool is_told)
{
    struct client c;
    struct replay *one = begin_call(&c);

    assert_int_equal(replay_put(one, text, len, true), 0);
    if (is_told)
        loop_poll(loop, 0);
    buf_fini(&c.heard);
    leave(&c);
    replay_end(one, true, at_ms);
    return one;
}

static void test_time(void **state)
{
    (void)state;
    over_call("a", 1, 1000, true);
    over_call("b", 1, 1000, false);
    replays_sweep(hub, 1000 + REPLAYS_TOLD_MS - 1);
    assert_int_equal(hub->waiting.held, 2);
    replays_sweep(hub, 1000 + REPLAYS_TOLD_MS);
    assert_int_equal(hub->waiting.held, 1);
    replays_sweep(hub, 1000 + REPLAYS_KEEP_MS - 1);
    assert_int_equal(hub->waiting.held, 1);
    replays_sweep(hub, 1000 + REPLAYS_KEEP_MS);
    assert_int_equal(hub->waiting.held, 0);
    assert_int_equal(hub->bytes.held, 0);
}

/* What one key may have, alone: half of all. */
#define SHARE (REPLAYS_MAX / 2)

static void test_number_of_all(void **state)
{
    struct client c;
    uint64_t first = 0, told = 0;

    (void)state;
    /* What was told leaves first, then the oldest. */
    for (int i = 0; i < SHARE; i++) {
        struct replay *one = over_call("z", 1, i, i == 300);
        first = i == 0 ? one->stream : first;
        told = i == 300 ? one->stream : told;
    }
    assert_int_equal(hub->waiting.held, SHARE);
    over_call("z", 1, 0, false);
    assert_int_equal(hub->waiting.held, SHARE);
    assert_int_equal(resume_as(&c, ONE, 7, told, 0), MG_E_NOTFOUND);
    assert_int_equal(resume_as(&c, ONE, 7, first, 1), 0);
    leave(&c);
    over_call("z", 1, 0, false);
    over_call("z", 1, 0, false);
    assert_int_equal(hub->waiting.held, SHARE);
    assert_int_equal(resume_as(&c, ONE, 7, first, 1), MG_E_NOTFOUND);
}

static char *megabyte(void)
{
    char *mega = calloc(1, 1 << 20);

    assert_non_null(mega);
    memset(mega, 'y', 1 << 20);
    return mega;
}

static void test_bytes_of_all(void **state)
{
    struct client c;
    char *mega = megabyte();

    (void)state;
    for (int i = 0; i < 64; i++)
        over_call(mega, 1 << 20, 0, false);
    assert_true(hub->bytes.held <= REPLAYS_MAX_BYTES / 2);
    assert_int_equal(hub->waiting.held, 31);
    /* Those of calls that run do not leave; then no further one begins. */
    struct replay *runs = begin_call(&c), *another;
    leave(&c);
    for (int i = 0; i < 32; i++)
        assert_int_equal(replay_put(runs, mega, 1 << 20, true), 0);
    assert_int_equal(replays_begin(hub, ONE, 7, &another), MG_E_LIMIT);
    assert_int_equal(hub->waiting.held, 0);
    uint64_t left_out = hub->left_out;
    say(runs, "progress", false);
    assert_int_equal(hub->left_out, left_out + 1);
    replay_end(runs, true, 0);
    assert_int_equal(hub->bytes.held, 0); /* it alone is over the bound */
    assert_null(hub->bytes.table);
    assert_null(hub->waiting.table);
    free(mega);
}

/* However much one key has said, and however many of its answers wait, another's wait as well. */
static void test_shares(void **state)
{
    struct client c;
    char *mega = megabyte();

    (void)state;
    struct replay *other = begin_as(&c, TWO, 8);
    uint64_t stream = other->stream;
    leave(&c);
    say(other, "theirs", true);
    replay_end(other, true, 0);
    for (int i = 0; i < 2 * REPLAYS_MAX; i++)
        over_call("z", 1, 0, false);
    assert_int_equal(shares_of(&hub->waiting, 7), SHARE);
    struct replay *runs = begin_call(&c);
    leave(&c);
    for (int i = 0; i < 80; i++)
        assert_int_equal(replay_put(runs, mega, 1 << 20, true), 0);
    other = begin_as(&c, TWO, 8);
    leave(&c);
    say(other, "more", false);
    say(other, "end", true);
    replay_end(other, true, 0);
    assert_int_equal(hub->left_out, 0);
    assert_int_equal(resume_as(&c, TWO, 8, stream, 0), 0);
    hears(&c, "theirs");
    assert_int_equal(resume_as(&c, TWO, 8, other->stream, 0), 0);
    hears(&c, "more end");
    replay_end(runs, true, 0);
    free(mega);
}

/* Without memory nothing is half there. */
static void test_memory(void **state)
{
    struct client c = { 0 };
    struct replay *one = NULL;
    int code = MG_E_NOMEM;

    (void)state;
    for (long n = 0; code == MG_E_NOMEM; n++) {
        failing_after = n;
        code = replays_begin(hub, ONE, 7, &one);
        failing_after = -1;
        assert_int_equal(atomic_load(&hub->count), code == 0);
    }
    failing_after = 0;
    assert_int_equal(replay_follow(one, loop, &feed_ops, &c, &c.feed), MG_E_NOMEM);
    assert_int_equal(replay_put(one, "a", 1, true), MG_E_NOMEM);
    failing_after = -1;
    assert_int_equal(one->number, 0);
    say(one, "b", true);
    failing_after = 0;
    assert_int_equal(resume_as(&c, ONE, 7, one->stream, 0), MG_E_NOMEM);
    failing_after = -1;
    assert_int_equal(resume_as(&c, ONE, 7, one->stream, 0), 0);
    hears(&c, "b");
    leave(&c);
    replay_end(one, true, 0);
}

static void test_metrics(void **state)
{
    struct buf out = { 0 };

    (void)state;
    over_call("abc", 3, 0, false);
    replays_metrics(hub, &out);
    assert_non_null(strstr(buf_cstr(&out), "\nmoongate_replays 1\n"));
    assert_non_null(strstr(buf_cstr(&out), "\nmoongate_replays_over 1\n"));
    assert_non_null(strstr(buf_cstr(&out), "\nmoongate_replay_bytes 49\n"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_of_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_number_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
