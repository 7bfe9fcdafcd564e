/* Many threads at once, with snapshots going on beneath them: compare-and-set loses no update,
 * batches are seen whole, lists are consistent, and a restart finds it all. Meant for
 * ThreadSanitizer as well. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "store/fixture.h"

#define THREADS 4
#define ROUNDS 300

struct shared {
    struct store *s;
    atomic_int wrong;
    atomic_bool stop;
};

static int64_t number_in(const struct store_value *v)
{
    const char *name = "v";
    struct json_text root = { .type = JSON_OBJECT }, member;
    int64_t n = -1;

    root.p = store_value_text(v, &root.len);
    json_find(root, &name, &member, 1);
    return json_integer(member, &n) ? n : -1;
}

/* One atomic increment by compare-and-set; the number of tries. */
static int increment(struct store *s, const char *key, store_seq *seq)
{
    char text[80];

    for (int tries = 1;; tries++) {
        struct store_op op = {
            .kind = STORE_GET, .collection = "jobs", .key = key, .key_len = strlen(key)
        };
        int64_t n = 0;
        store_seq version = 0;
        if (store_submit(s, &op) == 1 && op.code == 0) {
            n = number_in(op.values[0]);
            version = store_value_seq(op.values[0]);
        }
        store_op_fini(&op);
        snprintf(text, sizeof text, "{\"jobId\":\"%s\",\"v\":%d}", key, (int)n + 1);
        struct store_change ch = change("jobs", key, text, version);
        struct store_op set = { .kind = STORE_WRITE, .changes = &ch, .change_count = 1 };
        if (store_submit(s, &set) != 1)
            return -1;
        int code = set.code;
        *seq = set.seq;
        store_op_fini(&set);
        if (code != MG_E_CONFLICT)
            return code == 0 ? tries : -1;
    }
}

static void *incrementer(void *arg)
{
    struct shared *sh = arg;
    store_seq seq = 0;

    for (int i = 0; i < ROUNDS; i++) {
        if (increment(sh->s, "counter", &seq) < 0)
            sh->wrong++;
        if (i % 50 == 0 && wait_durable(sh->s, seq) != 0)
            sh->wrong++;
    }
    return NULL;
}

/* Writes the same number to two collections in one batch, and removes both in one. */
static void *batcher(void *arg)
{
    struct shared *sh = arg;
    char a[80], b[80];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(a, sizeof a, "{\"jobId\":\"pair\",\"v\":%d}", i);
        snprintf(b, sizeof b, "{\"modelId\":\"pair\",\"v\":%d}", i);
        struct store_change ch[2] = { change("models", "pair", i % 3 == 2 ? NULL : b, STORE_ANY),
                                      change("jobs", "pair", i % 3 == 2 ? NULL : a, STORE_ANY) };
        struct store_op op = { .kind = STORE_WRITE, .changes = ch, .change_count = 2 };
        if (store_submit(sh->s, &op) != 1 || op.code != 0 || op.count != 2)
            sh->wrong++;
        store_op_fini(&op);
    }
    return NULL;
}

/* Objects come and go; every list holds each key once, and its numbers in order. */
static void *churner(void *arg)
{
    struct shared *sh = arg;
    char key[16], text[64];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        snprintf(text, sizeof text, "{\"id\":\"%s\",\"v\":%d}", key, i);
        if (put_text(sh->s, "churn", key, text) != 0)
            sh->wrong++;
        if (i >= 20) {
            snprintf(key, sizeof key, "k%d", i - 20);
            bool existed = false;
            if (del(sh->s, "churn", key, &existed) != 0 || !existed)
                sh->wrong++;
        }
    }
    return NULL;
}

static void *lister(void *arg)
{
    struct shared *sh = arg;

    while (!sh->stop) {
        struct store_op op = { .kind = STORE_LIST, .collection = "churn" };
        int64_t before = -1;
        if (store_submit(sh->s, &op) != 1 || op.code != 0 || op.count > 21)
            sh->wrong++;
        for (size_t i = 0; i < op.count; i++) {
            int64_t n = number_in(op.values[i]);
            if (n <= before || store_value_seq(op.values[i]) > op.seq)
                sh->wrong++;
            before = n;
        }
        store_op_fini(&op);
    }
    return NULL;
}

static void *snapshotter(void *arg)
{
    struct shared *sh = arg;
    struct err e = { 0 };

    while (!sh->stop)
        if (store_snapshot_now(sh->s, &e) != 0)
            sh->wrong++;
    return NULL;
}

static void everything_at_once(void **state)
{
    struct fixture *f = *state;
    struct shared sh;
    pthread_t work[THREADS + 2], watch[2];

    f->options.autosave_ms = 5;
    fixture_open(f);
    assert_int_equal(store_declare(f->s, "churn", NULL, NULL), 0);
    sh.s = f->s;
    atomic_init(&sh.wrong, 0);
    atomic_init(&sh.stop, false);
    pthread_create(&watch[0], NULL, lister, &sh);
    pthread_create(&watch[1], NULL, snapshotter, &sh);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&work[i], NULL, incrementer, &sh);
    pthread_create(&work[THREADS], NULL, batcher, &sh);
    pthread_create(&work[THREADS + 1], NULL, churner, &sh);
    for (int i = 0; i < THREADS + 2; i++)
        pthread_join(work[i], NULL);
    sh.stop = true;
    pthread_join(watch[0], NULL);
    pthread_join(watch[1], NULL);
    assert_int_equal(sh.wrong, 0);
    assert_int_equal(get(f->s, "jobs", "counter", NULL), THREADS * ROUNDS);

    store_seq seq;
    assert_int_equal(put_if(f->s, "jobs", "last", 1, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "counter", NULL), THREADS * ROUNDS);
    assert_int_equal(get(f->s, "jobs", "pair", NULL), get(f->s, "models", "pair", NULL));
    assert_int_equal(count(f->s, "churn"), 20);
    fixture_close(f);
}

/* Crash after crash while all that goes on: a pair is never half. */
static void *pairs(void *arg)
{
    struct shared *sh = arg;

    while (!sh->stop)
        batcher(sh);
    return NULL;
}

static void crashes_show_whole_batches(void **state)
{
    struct fixture *f = *state;

    f->options.autosave_ms = 1;
    for (int round = 0; round < 10; round++) {
        struct shared sh;
        pthread_t work, watch;
        store_seq seq;
        fixture_open(f);
        assert_int_equal(get(f->s, "jobs", "pair", NULL), get(f->s, "models", "pair", NULL));
        sh.s = f->s;
        atomic_init(&sh.wrong, 0);
        atomic_init(&sh.stop, false);
        pthread_create(&work, NULL, pairs, &sh);
        pthread_create(&watch, NULL, snapshotter, &sh);
        assert_int_equal(put_if(f->s, "jobs", "mark", round, STORE_ANY, &seq), 0);
        assert_int_equal(wait_durable(f->s, seq), 0);
        sh.stop = true;
        pthread_join(work, NULL);
        pthread_join(watch, NULL);
        assert_int_equal(sh.wrong, 0);
        fixture_crash(f);
        fixture_open(f);
        assert_int_equal(get(f->s, "jobs", "mark", NULL), round);
        fixture_close(f);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(everything_at_once),
        TEST(crashes_show_whole_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
