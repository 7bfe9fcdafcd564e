/* What the sweep removes, and above all what it does not; the time is passed in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/fixture.h"
#include "store/local.h"

#define NOW INT64_C(1795501841220) /* 2026-11-24T05:50:41.220Z */
#define TTL 60000

static int setup(void **state)
{
    memory_setup(state);
    store_reconfigure(((struct fixture *)*state)->s, 1000, TTL);
    return 0;
}

static void job(struct store *s, const char *id, const char *status, int64_t age_ms)
{
    char text[200], iso[CLOCK_ISO_SIZE];

    clock_iso(iso, NOW - age_ms);
    snprintf(text, sizeof text, "{\"jobId\":\"%s\",\"status\":\"%s\",\"updatedAt\":\"%s\"}", id,
             status, iso);
    assert_int_equal(put_text(s, "jobs", id, text), 0);
}

static int64_t sweep(struct store *s, int64_t now)
{
    struct err e = { 0 };
    return local_sweep(local_of(s), now, &e);
}

static void check_keys(struct store *s, const char *collection, const char *want)
{
    char *k = keys(s, collection);
    assert_string_equal(k, want);
    free(k);
}

static void ended_jobs_go_at_their_age(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;

    job(s, "older", "COMPLETED", TTL + 1);
    job(s, "exactly", "FAILED", TTL);
    job(s, "younger", "CANCELLED", TTL - 1);
    job(s, "future", "COMPLETED", -1000);
    assert_int_equal(sweep(s, NOW), 1);
    check_keys(s, "jobs", "exactly younger future");
    assert_int_equal(sweep(s, NOW + 1), 1);
    check_keys(s, "jobs", "younger future");
    assert_int_equal(sweep(s, NOW + 2), 1);
    assert_int_equal(sweep(s, NOW + 2), 0);
}

static void living_jobs_stay(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;

    job(s, "q", "QUEUED", 1000 * TTL);
    job(s, "r", "RUNNING", 1000 * TTL);
    job(s, "d", "DRY_RUN", 1000 * TTL);
    assert_int_equal(sweep(s, NOW), 1);
    check_keys(s, "jobs", "q r");
}

static void what_cannot_be_judged_stays(void **state)
{
    static const char *const members[] = {
        "\"status\":\"COMPLETED\"",
        "\"updatedAt\":\"2020-01-01T00:00:00.000Z\"",
        "\"status\":1,\"updatedAt\":\"2020-01-01T00:00:00.000Z\"",
        "\"status\":\"COMPLETED\",\"updatedAt\":1577836800000",
        "\"status\":\"COMPLETED\",\"updatedAt\":\"2020-01-01\"",
        "\"status\":\"COMPLETED\",\"updatedAt\":\"2020-01-01T00:00:00.000\"",
        "\"status\":\"COMPLETED\",\"updatedAt\":\"2020-01-01T00:00:00,000Z\"",
        "\"status\":\"COMPLETED\",\"updatedAt\":\"2020-1x-01T00:00:00.000Z\"",
        "\"status\":\"COMPLETED\",\"updatedAt\":\"\"",
    };
    struct store *s = ((struct fixture *)*state)->s;
    char id[8], text[200];
    size_t n = sizeof members / sizeof members[0];

    for (size_t i = 0; i < n; i++) {
        snprintf(id, sizeof id, "j%zu", i);
        snprintf(text, sizeof text, "{\"jobId\":\"%s\",%s}", id, members[i]);
        assert_int_equal(put_text(s, "jobs", id, text), 0);
    }
    /* As the kit wrote it, and without milliseconds: these can. */
    assert_int_equal(put_text(s, "jobs", "k",
                              "{\"jobId\":\"k\",\"status\":\"COMPLETED\",\"updatedAt\":\"2020-01-"
                              "01T00:00:00Z\"}"),
                     0);
    assert_int_equal(sweep(s, NOW), 1);
    assert_int_equal(count(s, "jobs"), n);
}

static void other_collections_have_no_age(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    const char *text =
        "{\"modelId\":\"m\",\"status\":\"COMPLETED\",\"updatedAt\":\"2020-01-01T00:00:00.000Z\"}";

    assert_int_equal(put_text(s, "models", "m", text), 0);
    assert_int_equal(sweep(s, NOW), 0);
    check_keys(s, "models", "m");
}

static void no_ttl_keeps_all(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;

    store_reconfigure(s, 1000, 0);
    job(s, "old", "COMPLETED", 1000 * (int64_t)TTL);
    assert_int_equal(sweep(s, NOW), 0);
}

/* ---- values with a time to live ---- */

static int64_t put_ttl(struct store *s, const char *key, int64_t ttl_ms)
{
    char text[64];
    snprintf(text, sizeof text, "{\"modelId\":\"%s\",\"v\":1}", key);
    struct store_change ch = change("models", key, text, STORE_ANY);
    ch.ttl_ms = ttl_ms;
    struct store_op op = { .kind = STORE_WRITE, .changes = &ch, .change_count = 1 };
    assert_int_equal(store_submit(s, &op), 1);
    assert_int_equal(op.code, 0);
    int64_t expires_ms = op.values[0]->expires_ms;
    store_op_fini(&op);
    return expires_ms;
}

static void values_expire(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct local *l = local_of(s);

    assert_int_equal(atomic_load(&l->next_expiry_ms), INT64_MAX);
    int64_t late = put_ttl(s, "late", 50000), soon = put_ttl(s, "soon", 10000);
    put_ttl(s, "ever", 0);
    put_ttl(s, "long", INT64_MAX);
    assert_int_equal(atomic_load(&l->next_expiry_ms), soon);
    assert_int_equal(sweep(s, soon - 1), 0);
    assert_int_equal(atomic_load(&l->next_expiry_ms), soon);
    assert_int_equal(sweep(s, soon), 1);
    check_keys(s, "models", "late ever long");
    assert_int_equal(atomic_load(&l->next_expiry_ms), late);
    /* A put without a time to live takes it away. */
    put_ttl(s, "late", 0);
    assert_int_equal(sweep(s, late), 0);
    check_keys(s, "models", "late ever long");
}

static void it_runs_by_itself(void **state)
{
    struct fixture *f = *state;

    f->options.autosave_ms = 20;
    fixture_open(f);
    put_ttl(f->s, "gone", 50);
    put_ttl(f->s, "kept", 3600000);
    int64_t until = clock_mono_ms() + 10000;
    while (count(f->s, "models") > 1 && clock_mono_ms() < until) {
        struct timespec pause = { .tv_nsec = 5000000 };
        nanosleep(&pause, NULL);
    }
    check_keys(f->s, "models", "kept");
    fixture_close(f);
}

/* However rarely it sweeps, it does when it starts: some are restarted more often. */
static void it_runs_at_the_start(void **state)
{
    struct fixture *f = *state;
    static const char jobs[] =
        "{\"jobs\":[{\"jobId\":\"old\",\"status\":\"COMPLETED\","
        "\"updatedAt\":\"2020-01-01T00:00:00.000Z\"},{\"jobId\":\"new\",\"status\":\"QUEUED\"}]}";

    file_write(f, "", jobs, strlen(jobs));
    f->options.job_ttl_ms = TTL;
    f->options.sweep_ms = 3600000;
    fixture_open(f);
    int64_t until = clock_mono_ms() + 10000;
    while (count(f->s, "jobs") > 1 && clock_mono_ms() < until) {
        struct timespec pause = { .tv_nsec = 5000000 };
        nanosleep(&pause, NULL);
    }
    check_keys(f->s, "jobs", "new");
    fixture_close(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(ended_jobs_go_at_their_age),
        TEST(living_jobs_stay),
        TEST(what_cannot_be_judged_stays),
        TEST(other_collections_have_no_age),
        TEST(no_ttl_keeps_all),
        TEST(values_expire),
        cmocka_unit_test_setup_teardown(it_runs_by_itself, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(it_runs_at_the_start, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
