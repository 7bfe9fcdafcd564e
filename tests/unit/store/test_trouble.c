/* The disk says no: what was acknowledged stays, what was not is told so, and the way back. A limit
 * on the size of files stands in for the full disk. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/fixture.h"
#include "store/waiters.h"

static void limit_files(rlim_t bytes)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static rlim_t size_of(struct fixture *f, const char *suffix)
{
    size_t len;
    char *text = file_read(f, suffix, &len);
    assert_non_null(text);
    free(text);
    return len;
}

static int setup(void **state)
{
    signal(SIGXFSZ, SIG_IGN);
    return fixture_setup(state);
}

static int teardown(void **state)
{
    limit_files(RLIM_INFINITY);
    return fixture_teardown(state);
}

/* A state with one durable object, on a disk that takes `room` more bytes of the journal. */
static void fill_disk(struct fixture *f, rlim_t room)
{
    store_seq seq;

    fixture_open(f);
    assert_int_equal(put_if(f->s, "jobs", "safe", 1, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    limit_files(size_of(f, ".journal.1") + room);
}

/* The same, and then a write that does not fit: it is done, but its fate is not known. */
static store_seq fail_write(struct fixture *f, rlim_t room)
{
    store_seq seq;

    fill_disk(f, room);
    assert_int_equal(put_if(f->s, "jobs", "unsure", 2, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), MG_E_UNSURE);
    return seq;
}

static void a_failed_write_makes_it_read_only(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    store_seq seq;
    char why[200];

    seq = fail_write(f, 10);                                /* the record is cut in the middle */
    assert_int_equal(wait_durable(f->s, seq), MG_E_UNSURE); /* at once for those who come later */
    assert_false(store_is_durable(f->s, seq));
    assert_non_null(store_trouble(f->s, why, sizeof why));
    assert_non_null(strstr(why, "state.json.journal.1: File too large"));
    assert_int_equal(put(f->s, "jobs", "more", 3), MG_E_READONLY);
    assert_int_equal(del(f->s, "jobs", "safe", NULL), MG_E_READONLY);
    assert_int_equal(store_declare(f->s, "x", NULL, &e), MG_E_READONLY);
    assert_non_null(strstr(e.text, "File too large"));

    /* Reads go on; what is not durable waits for what cannot come. */
    store_seq safe;
    assert_int_equal(get(f->s, "jobs", "safe", &safe), 1);
    assert_true(store_is_durable(f->s, safe));
    assert_int_equal(get(f->s, "jobs", "unsure", &safe), 2);
    assert_int_equal(safe, seq);
}

/* The seq of a change that is refused with that code. */
static store_seq refused(struct fixture *f, const char *key, store_seq expect, int code)
{
    store_seq seq;
    assert_int_equal(put_if(f->s, "jobs", key, 3, expect, &seq), code);
    return seq;
}

/* Else a caller would hear that his change may survive, which was never made. */
static void a_refusal_waits_for_nothing_unsure(void **state)
{
    struct fixture *f = *state;
    store_seq unsure = fail_write(f, 10), safe;

    get(f->s, "jobs", "safe", &safe);
    assert_int_equal(refused(f, "unsure", STORE_ANY, MG_E_READONLY), 0);
    assert_int_equal(refused(f, "none", STORE_ANY, MG_E_READONLY), 0);
    /* These tell of what is there. */
    assert_int_equal(refused(f, "unsure", unsure, MG_E_READONLY), unsure);
    assert_int_equal(refused(f, "unsure", safe, MG_E_CONFLICT), unsure);
    assert_int_equal(refused(f, "safe", safe, MG_E_READONLY), safe);
}

static void a_snapshot_ends_it(void **state)
{
    struct fixture *f = *state;
    store_seq seq;
    char why[200];

    seq = fail_write(f, 10);
    assert_true(store_snapshot_now(f->s, NULL) != 0);
    limit_files(RLIM_INFINITY);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    assert_null(store_trouble(f->s, why, sizeof why));
    assert_true(store_is_durable(f->s, seq));
    assert_int_equal(wait_durable(f->s, seq), 0);
    assert_false(file_exists(f, ".journal.1"));
    assert_int_equal(put_if(f->s, "jobs", "after", 3, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);
    fixture_open(f);
    char *k = keys(f->s, "jobs");
    assert_string_equal(k, "safe unsure after");
    free(k);
    fixture_close(f);
}

static void it_ends_by_itself(void **state)
{
    struct fixture *f = *state;
    char why[200];

    fail_write(f, 0);
    limit_files(RLIM_INFINITY);
    int64_t until = clock_mono_ms() + 10000;
    while (store_trouble(f->s, why, sizeof why) && clock_mono_ms() < until)
        usleep(10000);
    assert_null(store_trouble(f->s, why, sizeof why));
    assert_int_equal(put(f->s, "jobs", "after", 3), 0);
    fixture_close(f);
}

static void a_crash_in_trouble_keeps_what_was_durable(void **state)
{
    struct fixture *f = *state;

    fail_write(f, 30);
    limit_files(RLIM_INFINITY);
    fixture_crash(f);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "safe", NULL), 1);
    fixture_close(f);
}

static void closing_in_trouble_saves_all(void **state)
{
    struct fixture *f = *state;

    fail_write(f, 0);
    limit_files(RLIM_INFINITY);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "unsure", NULL), 2);
    fixture_close(f);
}

static void a_close_that_cannot_save_says_so(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };

    fill_disk(f, 0);
    limit_files(10);
    assert_int_equal(store_close(f->s, &e), MG_E_IO);
    assert_non_null(strstr(e.text, "state.json.tmp: File too large"));
    f->s = NULL;
    limit_files(RLIM_INFINITY);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "safe", NULL), 1);
    fixture_close(f);
}

/* A failed snapshot alone is no trouble: the journal goes on. */
static void a_failed_snapshot_leaves_the_journal_alone(void **state)
{
    struct fixture *f = *state;
    char temp[128], why[100];
    store_seq seq;

    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "a", 1), 0);
    snprintf(temp, sizeof temp, "%s.tmp", f->path);
    assert_int_equal(mkdir(temp, 0700), 0);
    assert_int_equal(store_snapshot_now(f->s, NULL), MG_E_IO);
    assert_int_equal(put_if(f->s, "jobs", "b", 2, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    assert_null(store_trouble(f->s, why, sizeof why));
    rmdir(temp);
    fixture_crash(f);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "b", NULL), 2);
    fixture_close(f);
}

/* ---- waits ---- */

struct three {
    struct store_wait wait; /* first */
    int order, code;
};

static int finished;

static void three_done(struct store_wait *w, int code)
{
    struct three *t = (struct three *)(void *)w;
    t->order = ++finished;
    t->code = code;
}

static void waits_end_by_record(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct three w[3];

    fixture_open(f);
    finished = 0;
    for (int i = 2; i >= 0; i--) {
        w[i] = (struct three){ .wait = { .loop = l, .done = three_done } };
        assert_int_equal(put_if(f->s, "jobs", "w", i, STORE_ANY, &w[i].wait.seq), 0);
        store_wait(f->s, &w[i].wait);
    }
    assert_int_equal(finished, 0); /* never from within store_wait() */
    while (finished < 3)
        loop_poll(l, 10000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(w[i].code, 0);
    assert_true(store_is_durable(f->s, w[0].wait.seq));
    /* Also for what is durable, and for nothing at all, the answer comes later. */
    w[0].wait.seq = 0;
    store_wait(f->s, &w[0].wait);
    assert_int_equal(finished, 3);
    while (finished < 4)
        loop_poll(l, 10000);
    /* A wait that is pending when the store is closed is posted. */
    assert_int_equal(put_if(f->s, "jobs", "w", 9, STORE_ANY, &w[1].wait.seq), 0);
    store_wait(f->s, &w[1].wait);
    fixture_close(f);
    while (finished < 5)
        loop_poll(l, 10000);
    loop_free(l);
}

/* One that is patient is told of the end of trouble, or of the state, and of nothing else. */
static void patient_waits_last_through_trouble(void **state)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct waiters waiters;
    struct three w[4];

    (void)state;
    waiters_init(&waiters, 0);
    finished = 0;
    for (unsigned i = 0; i < 4; i++) {
        w[i] = (struct three){
            .wait = { .loop = l, .seq = i + 1, .is_patient = i > 0, .done = three_done }
        };
        if (i < 3) /* the last comes in trouble */
            waiters_add(&waiters, &w[i].wait);
    }
    waiters_fail(&waiters);
    waiters_add(&waiters, &w[3].wait);
    loop_poll(l, 0);
    assert_int_equal(finished, 1);
    assert_int_equal(w[0].code, MG_E_UNSURE);
    waiters_heal(&waiters, 3);
    loop_poll(l, 0);
    assert_int_equal(finished, 3);
    assert_true(w[1].order > 0 && w[1].code == 0 && w[2].order > 0 && w[2].code == 0);
    waiters_fini(&waiters);
    loop_poll(l, 0);
    assert_int_equal(finished, 4);
    assert_int_equal(w[3].code, MG_E_UNSURE);
    loop_free(l);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_failed_write_makes_it_read_only),
        TEST(a_refusal_waits_for_nothing_unsure),
        TEST(a_snapshot_ends_it),
        TEST(it_ends_by_itself),
        TEST(a_crash_in_trouble_keeps_what_was_durable),
        TEST(closing_in_trouble_saves_all),
        TEST(a_close_that_cannot_save_says_so),
        TEST(a_failed_snapshot_leaves_the_journal_alone),
        TEST(waits_end_by_record),
        TEST(patient_waits_last_through_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
