/* test_cache.c - the cache of tools: what is kept for how long, the bounds, and threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub/cache.h"

static int setup(void **state) { return (*state = cache_new()) ? 0 : -1; }

static int teardown(void **state)
{
    cache_free(*state);
    return 0;
}

static struct cache_key key_of(const char *owner, const char *key)
{
    return (struct cache_key){ owner, key, strlen(key) };
}

static int set(struct cache *c, const char *owner, const char *key, const char *text, int64_t now,
               int64_t ttl)
{
    struct cache_key k = key_of(owner, key);
    return cache_set(c, &k, text, strlen(text), now, ttl);
}

/* "-" for none. Static storage. */
static const char *get(struct cache *c, const char *owner, const char *key, int64_t now)
{
    static char text[64];
    struct cache_key k = key_of(owner, key);
    struct cache_value *v = cache_get(c, &k, now);
    size_t len = 0;
    const char *p = v ? cache_value_text(v, &len) : NULL;

    snprintf(text, sizeof text, "%.*s", v ? (int)(len < 60 ? len : 60) : 1, v ? p : "-");
    cache_value_unref(v);
    return text;
}

static void test_get_set(void **state)
{
    struct cache *c = *state;
    struct cache_key k = key_of("a", "x");

    assert_string_equal(get(c, "a", "x", 0), "-");
    assert_int_equal(set(c, "a", "x", "1", 0, 0), 0);
    assert_int_equal(set(c, "b", "x", "2", 0, 0), 0);
    assert_string_equal(get(c, "a", "x", 0), "1");
    assert_string_equal(get(c, "b", "x", 0), "2");
    assert_int_equal(set(c, "a", "x", "3", 0, 0), 0);
    assert_string_equal(get(c, "a", "x", 0), "3");
    assert_int_equal(cache_add(c, &k, "4", 1, 0, 0), MG_E_CONFLICT);
    assert_true(cache_delete(c, &k, 0));
    assert_false(cache_delete(c, &k, 0));
    assert_int_equal(cache_add(c, &k, "4", 1, 0, 0), 0);
    assert_string_equal(get(c, "a", "x", 0), "4");
    /* No key of one owner is another's: "a" + "b" is not "ab" + "". */
    assert_int_equal(set(c, "ab", "c", "5", 0, 0), 0);
    assert_string_equal(get(c, "a", "bc", 0), "-");
    struct cache_key zero = { "a", "\0z", 2 }, other = { "a", "\0y", 2 };
    assert_int_equal(cache_set(c, &zero, "6", 1, 0, 0), 0);
    assert_false(cache_delete(c, &other, 0));
    assert_true(cache_delete(c, &zero, 0));
}

static void test_ttl(void **state)
{
    struct cache *c = *state;
    struct cache_key k = key_of("a", "x");
    int64_t sum;

    assert_int_equal(set(c, "a", "x", "1", 1000, 100), 0);
    assert_string_equal(get(c, "a", "x", 1099), "1");
    assert_string_equal(get(c, "a", "x", 1100), "-");
    assert_int_equal(cache_bytes(c), 0);
    assert_int_equal(set(c, "a", "x", "1", 1000, 100), 0);
    assert_int_equal(cache_add(c, &k, "2", 1, 1100, 100), 0);
    assert_int_equal(set(c, "a", "y", "1", 1000, 100), 0);
    cache_sweep(c, 1150);
    assert_string_equal(get(c, "a", "x", 1150), "2");
    cache_sweep(c, 1200);
    assert_int_equal(cache_bytes(c), 0);
    /* The ttl of a counter counts from its first value. */
    assert_int_equal(cache_incr(c, &k, 5, 1000, 100, &sum), 0);
    assert_int_equal(cache_incr(c, &k, -7, 1099, 100, &sum), 0);
    assert_int_equal(sum, -2);
    assert_int_equal(cache_incr(c, &k, 1, 1100, 100, &sum), 0);
    assert_int_equal(sum, 1);
    assert_int_equal(set(c, "a", "z", "1", 1000, INT64_MAX), 0);
    assert_string_equal(get(c, "a", "z", INT64_MAX - 1), "1");
}

static void test_incr(void **state)
{
    struct cache *c = *state;
    struct cache_key k = key_of("a", "x");
    int64_t sum = 0;

    assert_int_equal(cache_incr(c, &k, CACHE_INTEGER_MAX, 0, 0, &sum), 0);
    assert_int_equal(cache_incr(c, &k, 1, 0, 0, &sum), MG_E_LIMIT);
    assert_int_equal(cache_incr(c, &k, INT64_MAX, 0, 0, &sum), MG_E_LIMIT);
    assert_int_equal(cache_incr(c, &k, INT64_MIN, 0, 0, &sum), MG_E_LIMIT);
    assert_int_equal(cache_incr(c, &k, -CACHE_INTEGER_MAX, 0, 0, &sum), 0);
    assert_int_equal(cache_incr(c, &k, -CACHE_INTEGER_MAX, 0, 0, &sum), 0);
    assert_int_equal(sum, -CACHE_INTEGER_MAX);
    assert_int_equal(cache_incr(c, &k, -1, 0, 0, &sum), MG_E_LIMIT);
    static const char *const odd[] = { "\"1\"", "1.5", "-", "", "null", "99999999999999999999999" };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_int_equal(set(c, "a", "x", odd[i], 0, 0), 0);
        assert_int_equal(cache_incr(c, &k, 1, 0, 0, &sum), MG_E_INVALID);
        assert_string_equal(get(c, "a", "x", 0), odd[i]);
    }
}

/* An owner keeps its newest within a quarter of all; everybody together stays within all. */
static void test_bounds(void **state)
{
    struct cache *c = *state;
    char *big = calloc(1, CACHE_VALUE_MAX + 1);
    char name[32];
    struct cache_key k = key_of("a", "x");

    assert_non_null(big);
    memset(big, '1', CACHE_VALUE_MAX + 1);
    assert_int_equal(cache_set(c, &k, big, CACHE_VALUE_MAX + 1, 0, 0), MG_E_LIMIT);
    assert_int_equal(cache_set(c, &k, big, CACHE_VALUE_MAX, 0, 0), 0);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        k = key_of("a", name);
        assert_int_equal(cache_set(c, &k, big, 10000, 0, 0), 0);
        assert_true(cache_bytes(c) <= CACHE_BYTES / CACHE_OWNER_PART);
    }
    assert_true(cache_bytes(c) > CACHE_BYTES / CACHE_OWNER_PART * 9 / 10);
    assert_string_equal(get(c, "a", "k0", 0), "-");
    assert_string_not_equal(get(c, "a", "k2999", 0), "-");
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "owner%d", i);
        for (int n = 0; n < 200; n++) {
            char key[16];
            snprintf(key, sizeof key, "%d", n);
            k = key_of(name, key);
            assert_int_equal(cache_set(c, &k, big, 10000, 0, 0), 0);
        }
        assert_true(cache_bytes(c) <= CACHE_BYTES);
    }
    assert_true(cache_bytes(c) > CACHE_BYTES * 9 / 10);
    free(big);
}

/* What was used stays; what was not leaves. */
static void test_least_recently_used(void **state)
{
    struct cache *c = *state;
    char *text = calloc(1, 20000);
    char name[32];

    assert_non_null(text);
    memset(text, '1', 20000);
    assert_int_equal(set(c, "a", "kept", "1", 0, 0), 0);
    assert_int_equal(set(c, "a", "left", "1", 0, 0), 0);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        struct cache_key k = key_of("a", name);
        assert_int_equal(cache_set(c, &k, text, 20000, 0, 0), 0);
        assert_string_equal(get(c, "a", "kept", 0), "1");
    }
    assert_string_equal(get(c, "a", "left", 0), "-");
    free(text);
}

static void test_metrics(void **state)
{
    struct cache *c = *state;
    struct buf out = { 0 };

    assert_int_equal(set(c, "a", "x", "1", 0, 0), 0);
    get(c, "a", "x", 0);
    get(c, "a", "y", 0);
    cache_metrics(c, &out);
    const char *text = buf_cstr(&out);
    assert_non_null(strstr(text, "\nmoongate_cache_entries 1\n"));
    assert_non_null(strstr(text, "\nmoongate_cache_hits_total 1\n"));
    assert_non_null(strstr(text, "\nmoongate_cache_misses_total 1\n"));
    assert_non_null(strstr(text, "\nmoongate_cache_evicted_total 0\n"));
    buf_fini(&out);
}

#define THREADS 4
#define EACH 3000

static struct cache *shared;
static atomic_int odd_values;

/* Counts, and reads values that others replace and evict meanwhile. */
static void *hammer(void *arg)
{
    char text[4096], name[16];
    int64_t sum;
    unsigned me = (unsigned)(uintptr_t)arg;

    memset(text, '1' + (int)me, sizeof text);
    for (unsigned i = 0; i < EACH; i++) {
        struct cache_key count = key_of("t", "count");
        odd_values += cache_incr(shared, &count, 1, 0, 0, &sum) != 0;
        snprintf(name, sizeof name, "k%u", i % 7);
        struct cache_key k = key_of("t", name);
        odd_values += cache_set(shared, &k, text, sizeof text, (int64_t)i, i % 3) != 0;
        struct cache_value *v = cache_get(shared, &k, (int64_t)i);
        if (v) {
            size_t len;
            const char *p = cache_value_text(v, &len);
            odd_values += len != sizeof text || p[0] != p[len - 1];
            cache_value_unref(v);
        }
        if (i % 50 == 0)
            cache_sweep(shared, (int64_t)i);
        if (i % 20 == 0)
            cache_delete(shared, &k, (int64_t)i);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];

    shared = *state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(odd_values, 0);
    char want[16];
    snprintf(want, sizeof want, "%d", THREADS * EACH);
    assert_string_equal(get(shared, "t", "count", 0), want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ttl, setup, teardown),
        cmocka_unit_test_setup_teardown(test_incr, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_least_recently_used, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
