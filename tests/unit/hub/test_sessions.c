/* Sessions: whose they are, how long they last, how many there may be. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/per_key.c"
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

/* The least recently used one leaves, where its holder has his share: half of all, alone. */
static void test_bound(void **state)
{
    struct sessions *s = sessions_new(6, IDLE);
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
    assert_in_range(sessions_count(s), 2400, 2500);
    sessions_free(s);
}

/* A flood of one key's drives out nobody else's, whatever there is already. */
static void test_shares(void **state)
{
    struct sessions *s = sessions_new(10, IDLE);
    char id[3][SESSION_ID_SIZE], last[SESSION_ID_SIZE];

    (void)state;
    for (int i = 0; i < 3; i++)
        create(s, 1, i, id[i]);
    for (int i = 0; i < 1000; i++)
        create(s, 2, 10 + i, last);
    assert_int_equal(sessions_count(s), 7); /* 3 and 4: as many as it left to the others */
    for (int i = 0; i < 3; i++)
        assert_int_equal(find(s, id[i], 1, 999), 0);
    assert_int_equal(find(s, last, 2, 1009), 0);
    create(s, 3, 1010, last);
    assert_int_equal(sessions_count(s), 8);
    sessions_free(s);

    /* Where nothing is left, one of who has the most leaves. */
    s = sessions_new(3, IDLE);
    create(s, 1, 0, id[0]);
    create(s, 1, 1, id[1]);
    create(s, 2, 2, id[2]);
    create(s, 3, 3, last);
    assert_int_equal(sessions_count(s), 3);
    assert_int_equal(find(s, id[0], 1, 3), MG_E_NOTFOUND);
    assert_int_equal(find(s, id[1], 1, 3), 0);
    assert_int_equal(find(s, id[2], 2, 3), 0);
    assert_int_equal(find(s, last, 3, 3), 0);
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
    for (long n = 0; n < 6; n++) { /* a session, its holder, and their tables */
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
    /* Each pushes out his own alone. */
    assert_int_equal(crowd(100), 0);
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
    assert_int_equal(sessions_enter(s, id, 7, 0, true, answer, &not ), MG_E_LIMIT);
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

static void use(struct sessions *s, const char *id, int64_t now)
{
    int ok = 0;

    assert_int_equal(sessions_enter(s, id, 7, now, true, answer, &ok), 0);
}

/* One that has a stream leaves only when all of its holder's have one; then the one that was used
 * least. */
static void test_in_use_leaves_last(void **state)
{
    struct sessions *s = sessions_new(6, IDLE);
    char id[3][SESSION_ID_SIZE], more[SESSION_ID_SIZE];

    (void)state;
    for (int i = 0; i < 3; i++)
        create(s, 7, i, id[i]);
    use(s, id[0], 3);
    use(s, id[1], 4);
    create(s, 7, 5, more);
    assert_int_equal(find(s, id[2], 7, 5), MG_E_NOTFOUND);
    use(s, more, 6);
    create(s, 7, 7, id[2]);
    assert_int_equal(find(s, id[0], 7, 7), MG_E_NOTFOUND);
    sessions_release(s, more, 7, 8);
    create(s, 7, 9, id[0]); /* idle again, but used after this one: */
    assert_int_equal(find(s, id[2], 7, 9), MG_E_NOTFOUND);
    assert_int_equal(find(s, id[1], 7, 9), 0);
    assert_int_equal(find(s, more, 7, 9), 0);
    sessions_free(s);

    /* Of others' likewise: an idle one of whoever has some. */
    s = sessions_new(3, IDLE);
    create(s, 7, 0, id[0]);
    create(s, 7, 1, id[1]);
    use(s, id[0], 2);
    use(s, id[1], 2);
    create(s, 8, 3, id[2]);
    create(s, 9, 4, more);
    assert_int_equal(sessions_count(s), 3);
    assert_int_equal(find(s, id[2], 8, 4), MG_E_NOTFOUND);
    assert_int_equal(find(s, id[0], 7, 4), 0);
    assert_int_equal(find(s, more, 9, 4), 0);
    sessions_free(s);
}

/* A reload changes it for those that are there. */
static void test_another_idle(void **state)
{
    struct sessions *s = sessions_new(100, IDLE);
    char a[SESSION_ID_SIZE], b[SESSION_ID_SIZE];

    (void)state;
    create(s, 1, 0, a);
    create(s, 1, 50, b);
    sessions_set_idle(s, 100);
    sessions_sweep(s, 100);
    assert_int_equal(sessions_count(s), 1);
    assert_int_equal(find(s, b, 1, 149), 0);
    assert_int_equal(find(s, b, 1, 249), MG_E_NOTFOUND);
    sessions_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),         cmocka_unit_test(test_shares),
        cmocka_unit_test(test_another_idle), cmocka_unit_test(test_in_use_leaves_last),
        cmocka_unit_test(test_in_use),       cmocka_unit_test(test_owner),
        cmocka_unit_test(test_ids),          cmocka_unit_test(test_idle),
        cmocka_unit_test(test_bound),        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
