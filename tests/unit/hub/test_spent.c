/* test_spent.c - once means once, until it has expired; what does not fit any more is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/rand.h"
#include "hub/spent.h"

static void test_once(void **state)
{
    struct spent *s = spent_new();
    uint8_t a[16], b[16];
    (void)state;
    assert_non_null(s);
    rand_bytes(a, sizeof a);
    rand_bytes(b, sizeof b);
    assert_true(spent_add(s, a, 1000, 10));
    assert_true(spent_add(s, b, 2000, 10));
    assert_false(spent_add(s, a, 1000, 11));
    assert_false(spent_add(s, a, 1000, 999));
    assert_false(spent_add(s, b, 2000, 1500));
    /* Expired, it means nothing any more: who asks has looked at the time. */
    assert_true(spent_add(s, a, 3000, 1000));
    assert_false(spent_add(s, a, 3000, 1001));
    spent_remove(s, a, 1002);
    assert_true(spent_add(s, a, 3000, 1003));
    assert_false(spent_add(s, a, 3000, 1004));
    rand_bytes(a, sizeof a);
    spent_remove(s, a, 1005); /* one that nobody used: nothing */
    assert_false(spent_add(s, b, 2000, 1006));
    spent_free(s);
    spent_free(NULL);
}

/* Whatever is used: the newest are known, as long as there is room for their like. */
static void test_full(void **state)
{
    struct spent *s = spent_new();
    uint8_t id[16];
    (void)state;
    for (int i = 0; i < 4 * SPENT_SLOTS; i++) {
        rand_bytes(id, sizeof id);
        assert_true(spent_add(s, id, 1000 + i, 10));
        assert_false(spent_add(s, id, 1000 + i, 10));
    }
    spent_free(s);
}

static struct spent *shared;
static uint8_t ids[1000][16];
static atomic_int wins;

static void *use_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        if (spent_add(shared, ids[i], 1000, 10))
            atomic_fetch_add(&wins, 1);
    return NULL;
}

/* Of several threads that bring the same, one is first. */
static void test_threads(void **state)
{
    pthread_t threads[4];
    (void)state;
    shared = spent_new();
    rand_bytes(ids, sizeof ids);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wins), 1000);
    spent_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
