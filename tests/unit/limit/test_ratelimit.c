/* Token buckets under a clock that the test moves. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "limit/ratelimit.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct ratelimit_rule rule = { .bucket = 60, .window_ms = 10000 };

static uint32_t take(struct ratelimit *rl, const struct ratelimit_rule *r, const char *key,
                     int64_t now)
{
    return ratelimit_take(rl, r, key, strlen(key), now);
}

/* Exactly `bucket` at once; then the wait that is told is exact to the millisecond, again and
 * again. */
static void test_exact(void **state)
{
    static const struct ratelimit_rule rules[] = {
        { 60, 10000 }, { 1, 1 },     { 1, 1000 },       { 3, 1000 },          { 7, 1000 },
        { 1000, 1 },   { 1000, 10 }, { 13, 604800000 }, { UINT32_MAX, 1000 }, { 2, UINT32_MAX },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++) {
        struct ratelimit *rl = ratelimit_new(100);
        const struct ratelimit_rule *r = &rules[i];
        int64_t now = 12345;
        uint32_t burst = r->bucket < 2000 ? r->bucket : 2000, wait;
        for (uint32_t n = 0; n < burst; n++)
            assert_int_equal(take(rl, r, "a", now), 0);
        if (burst < r->bucket) {
            ratelimit_free(rl);
            continue;
        }
        for (int round = 0; round < 50; round++) {
            wait = take(rl, r, "a", now);
            assert_true(wait >= 1);
            assert_true(wait <= r->window_ms / r->bucket + 1);
            if (wait > 1)
                assert_int_equal(take(rl, r, "a", now + wait - 1), 1);
            now += wait;
            assert_int_equal(take(rl, r, "a", now), 0);
            for (uint32_t n = 1; n < r->bucket / r->window_ms; n++) /* several a millisecond */
                assert_int_equal(take(rl, r, "a", now), 0);
        }
        ratelimit_free(rl);
    }
}

/* Asking every millisecond for ten minutes gives exactly what the rule allows: no rounding adds up.
 */
static void test_no_drift(void **state)
{
    static const struct ratelimit_rule odd = { .bucket = 7, .window_ms = 1001 };
    struct ratelimit *rl = ratelimit_new(10);
    uint64_t taken = 0;

    (void)state;
    for (int64_t now = 0; now < 600000; now++)
        taken += take(rl, &odd, "a", now) == 0;
    assert_int_equal(taken, 7 + (uint64_t)599999 * 7 / 1001);
    ratelimit_free(rl);
}

static void test_refill_is_continuous(void **state)
{
    struct ratelimit *rl = ratelimit_new(10);

    (void)state;
    for (int i = 0; i < 60; i++)
        assert_int_equal(take(rl, &rule, "a", 0), 0);
    for (int i = 0; i < 30; i++) /* half a window later: half a bucket */
        assert_int_equal(take(rl, &rule, "a", 5000), 0);
    assert_int_equal(take(rl, &rule, "a", 5000), 167);
    for (int i = 0; i < 60; i++) /* a day later: one bucket, not more */
        assert_int_equal(take(rl, &rule, "a", 86400000), 0);
    assert_true(take(rl, &rule, "a", 86400000) > 0);
    ratelimit_free(rl);
}

static void test_time_jumps(void **state)
{
    struct ratelimit *rl = ratelimit_new(10);

    (void)state;
    for (int i = 0; i < 60; i++)
        assert_int_equal(take(rl, &rule, "a", 1000000), 0);
    assert_int_equal(take(rl, &rule, "a", 1000000), 167);
    assert_int_equal(take(rl, &rule, "a", 0), 167); /* back: nothing comes, nothing is lost */
    assert_int_equal(take(rl, &rule, "a", INT64_MIN), 167);
    assert_int_equal(take(rl, &rule, "a", 1000166), 1);
    for (int i = 0; i < 60; i++)
        assert_int_equal(take(rl, &rule, "a", INT64_MAX), 0);
    assert_int_equal(take(rl, &rule, "a", INT64_MAX), 167);
    for (int i = 0; i < 60; i++)
        assert_int_equal(take(rl, &rule, "b", INT64_MIN), 0);
    assert_int_equal(take(rl, &rule, "b", INT64_MIN), 167);
    assert_int_equal(take(rl, &rule, "b", INT64_MAX), 0);
    ratelimit_free(rl);
}

static void test_off(void **state)
{
    static const struct ratelimit_rule off = { .bucket = 0, .window_ms = 1000 };
    static const struct ratelimit_rule no_window = { .bucket = 1, .window_ms = 0 };
    struct ratelimit *rl = ratelimit_new(10);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(rl, &off, "a", 0), 0);
    assert_int_equal(ratelimit_count(rl), 0);
    assert_int_equal(take(rl, &no_window, "a", 0), 0);
    assert_int_equal(take(rl, &no_window, "a", 0), 1);
    assert_int_equal(take(rl, &no_window, "a", 1), 0);
    ratelimit_free(rl);
    ratelimit_free(NULL);
}

/* Keys are bytes, and one's tokens are not another's. */
static void test_keys(void **state)
{
    static const struct ratelimit_rule one = { .bucket = 1, .window_ms = 1000 };
    struct ratelimit *rl = ratelimit_new(100);

    (void)state;
    assert_int_equal(ratelimit_take(rl, &one, "a\0b", 3, 0), 0);
    assert_int_equal(ratelimit_take(rl, &one, "a\0c", 3, 0), 0);
    assert_int_equal(ratelimit_take(rl, &one, "a", 1, 0), 0);
    assert_int_equal(ratelimit_take(rl, &one, "", 0, 0), 0);
    assert_int_equal(ratelimit_take(rl, &one, "a\0b", 3, 0), 1000);
    assert_int_equal(ratelimit_take(rl, &one, "", 0, 0), 1000);
    assert_int_equal(ratelimit_count(rl), 4);
    ratelimit_free(rl);
}

/* A reload changes the rule: the tokens that are left stay, up to what the new bucket holds. */
static void test_rule_changes(void **state)
{
    static const struct ratelimit_rule slow = { .bucket = 10, .window_ms = 60000 };
    static const struct ratelimit_rule small = { .bucket = 5, .window_ms = 1000 };
    struct ratelimit *rl = ratelimit_new(10);

    (void)state;
    for (int i = 0; i < 53; i++)
        take(rl, &rule, "a", 0);
    for (int i = 0; i < 7; i++)
        assert_int_equal(take(rl, &slow, "a", 0), 0);
    assert_int_equal(take(rl, &slow, "a", 0), 6000);
    assert_int_equal(take(rl, &small, "a", 0), 200);
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(rl, &small, "a", 1000), 0);
    assert_int_equal(take(rl, &small, "a", 1000), 200);
    take(rl, &rule, "b", 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(rl, &small, "b", 0), 0);
    assert_int_equal(take(rl, &small, "b", 0), 200);
    ratelimit_free(rl);
}

/* At most max_keys are held, and who was seen last stays. */
static void test_bound(void **state)
{
    static const struct ratelimit_rule one = { .bucket = 1, .window_ms = 1000000 };
    struct ratelimit *rl = ratelimit_new(3);

    (void)state;
    assert_int_equal(take(rl, &one, "a", 0), 0);
    assert_int_equal(take(rl, &one, "b", 1), 0);
    assert_int_equal(take(rl, &one, "c", 2), 0);
    assert_true(take(rl, &one, "a", 3) > 0); /* seen again: now b is the oldest */
    assert_int_equal(take(rl, &one, "d", 4), 0);
    assert_int_equal(ratelimit_count(rl), 3);
    assert_true(take(rl, &one, "a", 5) > 0);
    assert_true(take(rl, &one, "c", 5) > 0);
    assert_true(take(rl, &one, "d", 5) > 0);
    assert_int_equal(take(rl, &one, "b", 5), 0); /* forgotten, so full again */
    ratelimit_free(rl);

    rl = ratelimit_new(2000);
    for (int i = 0; i < 20000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(take(rl, &one, key, i), 0);
        assert_true(ratelimit_count(rl) <= 2000);
    }
    assert_true(ratelimit_count(rl) > 1900);
    ratelimit_free(rl);

    rl = ratelimit_new(0); /* one is the least */
    assert_int_equal(take(rl, &one, "a", 0), 0);
    assert_true(take(rl, &one, "a", 0) > 0);
    assert_int_equal(ratelimit_count(rl), 1);
    ratelimit_free(rl);
}

/* A limiter that cannot count a new client refuses it, and serves those that it knows. */
static void test_no_memory(void **state)
{
    struct ratelimit *rl;

    (void)state;
    failing_after = 0;
    assert_null(ratelimit_new(10));
    failing_after = -1;
    rl = ratelimit_new(10);
    for (long n = 0; n < 3; n++) { /* the client, the table, its buckets */
        failing_after = n;
        assert_int_equal(take(rl, &rule, "a", 0), 1000);
        assert_int_equal(ratelimit_count(rl), 0);
    }
    failing_after = -1;
    assert_int_equal(take(rl, &rule, "a", 0), 0);
    failing_after = 0;
    assert_int_equal(take(rl, &rule, "a", 0), 0);
    assert_int_equal(take(rl, &rule, "b", 0), 1000);
    failing_after = -1;
    ratelimit_free(rl);
}

#define THREADS 4
#define EACH 5000

static struct ratelimit *shared;
static uint32_t granted[THREADS];

static void *taker(void *arg)
{
    int t = (int)(intptr_t)arg;
    static const struct ratelimit_rule r = { .bucket = 1000, .window_ms = 1000000 };

    for (int i = 0; i < EACH; i++) {
        char key[16];
        granted[t] += take(shared, &r, "shared", 0) == 0;
        snprintf(key, sizeof key, "%d-%d", t, i % 700);
        take(shared, &r, key, i);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];
    uint32_t sum = 0;

    (void)state;
    shared = ratelimit_new(100000);
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, taker, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += granted[i];
    }
    assert_int_equal(sum, 1000);
    assert_int_equal(ratelimit_count(shared), 1 + THREADS * 700);
    ratelimit_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_no_drift),
        cmocka_unit_test(test_refill_is_continuous),
        cmocka_unit_test(test_time_jumps),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_rule_changes),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
