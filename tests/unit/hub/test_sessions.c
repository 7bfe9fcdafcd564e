/* Sessions: whose they are, how long they last, how many there may be. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/sessions.c"

#define IDLE 1000

static void create(struct sessions *s, uint64_t principal, int64_t now, char id[SESSION_ID_SIZE])
{
    struct session_info info = { .protocol = "2025-11-25",
                                 .client_name = "test",
                                 .client_version = "1",
                                 .principal = principal,
                                 .log_level = -1 };

    assert_int_equal(sessions_create(s, &info, now), 0);
    memcpy(id, info.id, SESSION_ID_SIZE);
}

static int find(struct sessions *s, const char *id, uint64_t principal, int64_t now)
{
    struct session_info info;

    return sessions_find(s, id, principal, now, &info);
}

static void test_life(void **state)
{
    struct sessions *s = sessions_new(100, IDLE);
    struct session_info info;
    char id[SESSION_ID_SIZE], other[SESSION_ID_SIZE];

    (void)state;
    create(s, 7, 0, id);
    create(s, 7, 0, other);
    assert_int_equal(strspn(id, "0123456789abcdef"), 32);
    assert_int_equal(strlen(id), 32);
    assert_string_not_equal(id, other);
    assert_int_equal(sessions_count(s), 2);
    assert_int_equal(sessions_find(s, id, 7, 0, &info), 0);
    assert_string_equal(info.id, id);
    assert_string_equal(info.protocol, "2025-11-25");
    assert_string_equal(info.client_name, "test");
    assert_string_equal(info.client_version, "1");
    assert_true(info.principal == 7);
    assert_false(info.initialized);
    assert_int_equal(info.log_level, -1);
    assert_int_equal(sessions_set_initialized(s, id, 7, 0), 0);
    assert_int_equal(sessions_set_log_level(s, id, 7, 0, 4), 0);
    assert_int_equal(sessions_find(s, id, 7, 0, &info), 0);
    assert_true(info.initialized);
    assert_int_equal(info.log_level, 4);
    assert_int_equal(sessions_find(s, other, 7, 0, &info), 0);
    assert_false(info.initialized);
    assert_int_equal(sessions_remove(s, id, 7), 0);
    assert_int_equal(sessions_remove(s, id, 7), MG_E_NOTFOUND);
    assert_int_equal(find(s, id, 7, 0), MG_E_NOTFOUND);
    assert_int_equal(find(s, other, 7, 0), 0);
    sessions_free(s);
    sessions_free(NULL);
}

/* Under another principal a session does not exist, for any operation, and is not kept alive
 * either. */
static void test_owner(void **state)
{
    struct sessions *s = sessions_new(100, IDLE);
    char id[SESSION_ID_SIZE];

    (void)state;
    create(s, 7, 0, id);
    assert_int_equal(find(s, id, 8, 0), MG_E_NOTFOUND);
    assert_int_equal(find(s, id, 0, 0), MG_E_NOTFOUND);
    assert_int_equal(sessions_set_initialized(s, id, 8, 0), MG_E_NOTFOUND);
    assert_int_equal(sessions_set_log_level(s, id, 8, 0, 1), MG_E_NOTFOUND);
    assert_int_equal(sessions_remove(s, id, 8), MG_E_NOTFOUND);
    assert_int_equal(find(s, id, 8, IDLE - 1), MG_E_NOTFOUND);
    assert_int_equal(find(s, id, 7, IDLE), MG_E_NOTFOUND); /* 8 has not touched it */
    sessions_free(s);
}

static void test_ids(void **state)
{
    struct sessions *s = sessions_new(100, IDLE);
    char id[SESSION_ID_SIZE], bad[64];

    (void)state;
    create(s, 7, 0, id);
    snprintf(bad, sizeof bad, "%s0", id);
    assert_int_equal(find(s, bad, 7, 0), MG_E_NOTFOUND);
    snprintf(bad, sizeof bad, "%.31s", id);
    assert_int_equal(find(s, bad, 7, 0), MG_E_NOTFOUND);
    assert_int_equal(find(s, "", 7, 0), MG_E_NOTFOUND);
    snprintf(bad, sizeof bad, "%s", id);
    bad[31] ^= 1;
    assert_int_equal(find(s, bad, 7, 0), MG_E_NOTFOUND);
    assert_int_equal(find(s, id, 7, 0), 0);
    sessions_free(s);
}

static void test_idle(void **state)
{
    struct sessions *s = sessions_new(100, IDLE);
    char a[SESSION_ID_SIZE], b[SESSION_ID_SIZE], c[SESSION_ID_SIZE];

    (void)state;
    create(s, 1, 0, a);
    create(s, 1, 0, b);
    create(s, 1, 500, c);
    assert_int_equal(find(s, a, 1, IDLE - 1), 0); /* used: it starts anew */
    assert_int_equal(find(s, b, 1, IDLE), MG_E_NOTFOUND);
    assert_int_equal(sessions_count(s), 2);
    assert_int_equal(find(s, a, 1, IDLE), 0);
    sessions_sweep(s, IDLE + 499);
    assert_int_equal(sessions_count(s), 2);
    sessions_sweep(s, IDLE + 500);
    assert_int_equal(sessions_count(s), 1);
    assert_int_equal(find(s, c, 1, IDLE + 500), MG_E_NOTFOUND);
    assert_int_equal(find(s, a, 1, 0), 0); /* time that goes back does no harm */
    sessions_sweep(s, INT64_MAX);
    assert_int_equal(sessions_count(s), 0);
    sessions_free(s);
}

/* The least recently used one leaves. */
static void test_bound(void **state)
{
    struct sessions *s = sessions_new(3, IDLE);
    char id[4][SESSION_ID_SIZE], last[SESSION_ID_SIZE];

    (void)state;
    for (int i = 0; i < 3; i++)
        create(s, 1, i, id[i]);
    assert_int_equal(find(s, id[0], 1, 3), 0);
    create(s, 1, 4, id[3]);
    assert_int_equal(sessions_count(s), 3);
    assert_int_equal(find(s, id[1], 1, 5), MG_E_NOTFOUND);
    assert_int_equal(find(s, id[0], 1, 5), 0);
    assert_int_equal(find(s, id[2], 1, 5), 0);
    assert_int_equal(find(s, id[3], 1, 5), 0);
    sessions_free(s);

    s = sessions_new(5000, IDLE);
    for (int i = 0; i < 20000; i++) {
        create(s, 1, 0, last);
        assert_int_equal(find(s, last, 1, 0), 0);
    }
    assert_in_range(sessions_count(s), 4800, 5000);
    sessions_free(s);
}

/* What cannot be made takes no other's place. */
static void test_no_memory(void **state)
{
    struct session_info info = { .principal = 1 };
    struct sessions *s;
    char id[SESSION_ID_SIZE];

    (void)state;
    failing_after = 0;
    assert_null(sessions_new(1, IDLE));
    failing_after = -1;
    s = sessions_new(1, IDLE);
    for (long n = 0; n < 3; n++) {
        failing_after = n;
        assert_int_equal(sessions_create(s, &info, 0), MG_E_NOMEM);
        assert_int_equal(sessions_count(s), 0);
    }
    failing_after = -1;
    create(s, 1, 0, id);
    failing_after = 0;
    assert_int_equal(sessions_create(s, &info, 0), MG_E_NOMEM);
    failing_after = -1;
    assert_int_equal(find(s, id, 1, 0), 0);
    sessions_free(s);
}

#define THREADS 4
#define EACH 3000

static struct sessions *shared;

/* Returns how often something was not as a thread alone would have it. */
static void *user(void *arg)
{
    uint64_t me = (uint64_t)(uintptr_t)arg;
    char id[8][SESSION_ID_SIZE];
    uintptr_t odd = 0;

    for (int i = 0; i < EACH; i++) {
        create(shared, me, 0, id[i % 8]);
        odd += find(shared, id[i % 8], me, 0) != 0;
        odd += find(shared, id[i % 8], me + 1, 0) != MG_E_NOTFOUND;
        if (i % 3 == 0)
            odd += sessions_remove(shared, id[i % 8], me) != 0;
        if (i % 500 == 0)
            sessions_sweep(shared, IDLE - 1);
    }
    return (void *)odd;
}

static uintptr_t crowd(uint32_t max)
{
    pthread_t threads[THREADS];
    uintptr_t odd = 0;

    shared = sessions_new(max, IDLE);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, user, (void *)(i * 10)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        odd += (uintptr_t)result;
    }
    return odd;
}

static void test_threads(void **state)
{
    (void)state;
    assert_int_equal(crowd(100000), 0);
    assert_int_equal(sessions_count(shared), THREADS * EACH / 3 * 2);
    sessions_free(shared);
    crowd(100); /* they push each other out, so that nobody can be sure of anything but the bound */
    assert_in_range(sessions_count(shared), 1, 100);
    sessions_free(shared);
}

static int answer(void *arg) { return *(int *)arg; }

static void note_end(void *arg, const char *id)
{
    (void)id;
    ++*(int *)arg;
}

/* One that has a stream does not expire; whoever ends one is told. */
static void test_in_use(void **state)
{
    struct sessions *s = sessions_new(100, IDLE);
    char id[SESSION_ID_SIZE], idle[SESSION_ID_SIZE];
    int ended = 0, ok = 0, not = MG_E_LIMIT;

    (void)state;
    sessions_on_end(s, note_end, &ended);
    create(s, 7, 0, id);
    create(s, 7, 0, idle);
    assert_int_equal(sessions_enter(s, id, 8, 0, true, answer, &ok), MG_E_NOTFOUND);
    assert_int_equal(sessions_enter(s, id, 7, 0, true, answer, &not), MG_E_LIMIT);
    assert_int_equal(sessions_enter(s, id, 7, 0, true, answer, &ok), 0);
    sessions_sweep(s, 10 * IDLE);
    assert_int_equal(ended, 1);
    assert_int_equal(find(s, idle, 7, 10 * IDLE), MG_E_NOTFOUND);
    sessions_release(s, id, 7, 10 * IDLE);
    sessions_sweep(s, 11 * IDLE - 1);
    assert_int_equal(ended, 1);
    sessions_sweep(s, 11 * IDLE);
    assert_int_equal(ended, 2);
    sessions_release(s, id, 7, 11 * IDLE);
    sessions_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_in_use),    cmocka_unit_test(test_owner),
        cmocka_unit_test(test_ids),     cmocka_unit_test(test_idle),
        cmocka_unit_test(test_bound),   cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
