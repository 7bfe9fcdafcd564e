/* Calls that can be cancelled from anywhere, as long as they are there. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/inflight.c"

static struct loop *loop;
static struct inflight *calls;

static int setup(void **state)
{
    struct err e;

    (void)state;
    loop = loop_new(&e);
    calls = inflight_new();
    return loop && calls ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    inflight_free(calls);
    loop_free(loop);
    return 0;
}

static void count_up(void *arg) { ++*(int *)arg; }

static struct inflight_entry *add(const char *key, int *cancelled)
{
    struct inflight_entry *e = NULL;

    assert_int_equal(inflight_add(calls, key, strlen(key), loop, count_up, cancelled, &e), 0);
    return e;
}

static void test_cancel(void **state)
{
    int a = 0, b = 0;
    struct inflight_entry *ea = add("p:1\n5", &a), *eb = add("p:1\n6", &b);

    (void)state;
    assert_int_equal(inflight_count(calls), 2);
    assert_false(inflight_cancel(calls, "p:1\n7", 5));
    assert_false(inflight_cancel(calls, "p:1\n5", 4));
    assert_true(inflight_cancel(calls, "p:1\n5", 5));
    assert_int_equal(a, 0); /* not here: on its loop */
    loop_poll(loop, 0);
    assert_int_equal(a, 1);
    assert_int_equal(b, 0);
    assert_true(inflight_cancel(calls, "p:1\n5", 5)); /* still there; told once */
    loop_poll(loop, 0);
    assert_int_equal(a, 1);
    inflight_remove(calls, ea);
    assert_false(inflight_cancel(calls, "p:1\n5", 5));
    inflight_remove(calls, eb);
    inflight_remove(calls, NULL);
    assert_int_equal(inflight_count(calls), 0);
}

/* Two owners under one key: nobody can say which of them is meant. */
static void test_blurred(void **state)
{
    int a = 0, b = 0;
    struct inflight_entry *ea = add("p:1\n5", &a), *eb = add("p:1\n6", &b), *again = NULL;

    (void)state;
    assert_int_equal(inflight_add(calls, "p:1\n5", 5, loop, count_up, &a, &again), MG_E_CONFLICT);
    assert_null(again);
    inflight_blur(calls, "p:1\n5", 5);
    inflight_blur(calls, "p:1\n7", 5); /* nobody's: nothing to do */
    assert_true(inflight_cancel(calls, "p:1\n5", 5));
    assert_true(inflight_cancel(calls, "p:1\n6", 5));
    loop_poll(loop, 0);
    assert_int_equal(a, 0);
    assert_int_equal(b, 1);
    inflight_remove(calls, ea);
    ea = add("p:1\n5", &a); /* the next owner is alone again */
    assert_true(inflight_cancel(calls, "p:1\n5", 5));
    loop_poll(loop, 0);
    assert_int_equal(a, 1);
    inflight_remove(calls, ea);
    inflight_remove(calls, eb);
}

/* Removed between the cancellation and the loop's turn: cancel() is not called. */
static void test_removed_first(void **state)
{
    int a = 0;
    struct inflight_entry *e = add("call", &a);

    (void)state;
    assert_true(inflight_cancel(calls, "call", 4));
    inflight_remove(calls, e);
    e = add("call", &a); /* the same id, another call: not the one that was meant */
    loop_poll(loop, 0);
    assert_int_equal(a, 0);
    inflight_remove(calls, e);
}

static void test_taken(void **state)
{
    int a = 0, b = 0;
    struct inflight_entry *e = add("call", &a), *other = NULL;

    (void)state;
    assert_int_equal(inflight_add(calls, "call", 4, loop, count_up, &b, &other), MG_E_CONFLICT);
    assert_null(other);
    assert_true(inflight_cancel(calls, "call", 4));
    loop_poll(loop, 0);
    assert_int_equal(a, 1);
    assert_int_equal(b, 0);
    inflight_remove(calls, e);
    e = add("call", &b);
    inflight_remove(calls, e);
}

static void sum_lengths(void *arg, const char *key, size_t len)
{
    assert_memory_equal(key, "key", 3);
    *(size_t *)arg += len;
}

static void test_keys_are_bytes(void **state)
{
    int a = 0, b = 0;
    struct inflight_entry *ea, *eb;
    size_t sum = 0;

    (void)state;
    assert_int_equal(inflight_add(calls, "key\0a", 5, loop, count_up, &a, &ea), 0);
    assert_int_equal(inflight_add(calls, "key\0b", 5, loop, count_up, &b, &eb), 0);
    inflight_each(calls, sum_lengths, &sum);
    assert_int_equal(sum, 10);
    assert_true(inflight_cancel(calls, "key\0b", 5));
    loop_poll(loop, 0);
    assert_int_equal(a, 0);
    assert_int_equal(b, 1);
    inflight_remove(calls, ea);
    inflight_remove(calls, eb);
}

static struct inflight_entry *own;

static void removes_itself(void *arg)
{
    ++*(int *)arg;
    inflight_remove(calls, own);
}

static void test_removed_by_its_cancel(void **state)
{
    int a = 0;

    (void)state;
    assert_int_equal(inflight_add(calls, "call", 4, loop, removes_itself, &a, &own), 0);
    assert_true(inflight_cancel(calls, "call", 4));
    loop_poll(loop, 0);
    assert_int_equal(a, 1);
    assert_int_equal(inflight_count(calls), 0);
}

static void test_no_memory(void **state)
{
    struct inflight_entry *e = NULL;
    int a = 0;

    (void)state;
    failing_after = 0;
    assert_null(inflight_new());
    for (long n = 0; n < 3; n++) {
        failing_after = n;
        assert_int_equal(inflight_add(calls, "call", 4, loop, count_up, &a, &e), MG_E_NOMEM);
        assert_null(e);
        assert_false(inflight_cancel(calls, "call", 4));
    }
    failing_after = -1;
    e = add("call", &a);
    failing_after = 0; /* cancelling needs none */
    assert_true(inflight_cancel(calls, "call", 4));
    failing_after = -1;
    loop_poll(loop, 0);
    assert_int_equal(a, 1);
    inflight_remove(calls, e);
}

/* ---- threads ---- */

#define OWNERS 2
#define CANCELLERS 2
#define ROUNDS 4000
#define IDS 4

struct call {
    struct inflight_entry *entry;
    unsigned cancelled;
    bool is_open;
};

static atomic_bool owners_done;

static void call_cancelled(void *arg)
{
    struct call *c = arg;

    assert_true(c->is_open); /* never after it was removed */
    c->cancelled++;
}

static void *owner(void *arg)
{
    struct err e;
    struct loop *l = loop_new(&e);
    unsigned cancelled = 0;

    assert_non_null(l);
    for (int i = 0; i < ROUNDS; i++) {
        struct call *c = calloc(1, sizeof *c);
        char key[16];
        int len = snprintf(key, sizeof key, "%d-%d", (int)(intptr_t)arg, i % IDS);
        assert_non_null(c);
        assert_int_equal(inflight_add(calls, key, (size_t)len, l, call_cancelled, c, &c->entry), 0);
        c->is_open = true;
        if (i % 2)
            loop_poll(l, 0);
        inflight_remove(calls, c->entry);
        assert_true(c->cancelled <= 1);
        cancelled += c->cancelled;
        c->is_open = false;
        free(c);
    }
    loop_free(l); /* runs what is still under way */
    return (void *)(uintptr_t)cancelled;
}

static void *canceller(void *arg)
{
    uintptr_t hits = 0;

    for (int i = (int)(intptr_t)arg; !atomic_load(&owners_done); i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "%d-%d", i % OWNERS, i / OWNERS % IDS);
        hits += inflight_cancel(calls, key, (size_t)len);
    }
    return (void *)hits;
}

/* Owners add and remove as fast as they can while others cancel: nobody is told of a call that is
 * gone. */
static void test_races(void **state)
{
    pthread_t owners[OWNERS], cancellers[CANCELLERS];

    (void)state;
    atomic_store(&owners_done, false);
    for (intptr_t i = 0; i < OWNERS; i++)
        assert_int_equal(pthread_create(&owners[i], NULL, owner, (void *)i), 0);
    for (intptr_t i = 0; i < CANCELLERS; i++)
        assert_int_equal(pthread_create(&cancellers[i], NULL, canceller, (void *)i), 0);
    for (int i = 0; i < OWNERS; i++)
        pthread_join(owners[i], NULL);
    atomic_store(&owners_done, true);
    for (int i = 0; i < CANCELLERS; i++)
        pthread_join(cancellers[i], NULL);
    assert_int_equal(inflight_count(calls), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cancel),    TEST(test_blurred),        TEST(test_removed_first),
        TEST(test_taken),     TEST(test_keys_are_bytes), TEST(test_removed_by_its_cancel),
        TEST(test_no_memory), TEST(test_races),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
