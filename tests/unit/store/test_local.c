/* A store with files: closed and opened, crashed and recovered, the kit's file adopted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/fixture.h"

static void a_first_start_writes_a_file(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    fixture_open(f);
    char *text = file_read(f, "", NULL);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"jobs\":[]"));
    assert_non_null(strstr(text, "\"models\":[]"));
    free(text);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(file_exists(f, ".lock"));
    assert_true(file_exists(f, ".journal.1"));
    fixture_close(f);
    assert_false(file_exists(f, ".journal.1"));
    assert_true(file_exists(f, ".lock"));
    assert_false(file_exists(f, ".tmp"));
}

static void closed_and_opened(void **state)
{
    struct fixture *f = *state;

    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "b", 2), 0);
    assert_int_equal(put(f->s, "jobs", "a", 1), 0);
    assert_int_equal(put(f->s, "jobs", "c", 3), 0);
    assert_int_equal(del(f->s, "jobs", "c", NULL), 0);
    fixture_close(f);
    fixture_open(f);
    char *k = keys(f->s, "jobs");
    assert_string_equal(k, "b a");
    free(k);
    assert_int_equal(get(f->s, "jobs", "a", NULL), 1);
    fixture_close(f);
}

static void crashed_and_recovered(void **state)
{
    struct fixture *f = *state;
    store_seq seq, again;

    fixture_open(f);
    assert_int_equal(store_declare(f->s, "x", "id", NULL), 0);
    assert_int_equal(put(f->s, "jobs", "a", 1), 0);
    assert_int_equal(put(f->s, "x", "k \xc3\xa9/\xf0\x9f\x8c\x99", 5), 0);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    assert_int_equal(put(f->s, "jobs", "b", 2), 0);
    assert_int_equal(del(f->s, "jobs", "a", NULL), 0);
    assert_int_equal(put_if(f->s, "jobs", "a", 3, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);
    for (int round = 0; round < 3; round++) {
        fixture_open(f);
        char *k = keys(f->s, "jobs");
        assert_string_equal(k, "b a");
        free(k);
        assert_int_equal(get(f->s, "jobs", "a", &again), 3);
        assert_true(again > 0 && again <= seq);
        assert_true(store_is_durable(f->s, seq));
        assert_int_equal(get(f->s, "x", "k \xc3\xa9/\xf0\x9f\x8c\x99", NULL), 5);
        assert_int_equal(store_declare(f->s, "x", "other", NULL), MG_E_CONFLICT);
        /* Numbers go on where they stopped. */
        assert_int_equal(put_if(f->s, "models", "m", round, STORE_ANY, &again), 0);
        assert_true(again > seq);
        assert_int_equal(wait_durable(f->s, again), 0);
        seq = again;
        fixture_crash(f);
    }
}

static void a_second_gateway_is_refused(void **state)
{
    struct fixture *f = *state;
    char pid[40];

    fixture_open(f);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(fixture_refused(f), pid));
    assert_int_equal(put(f->s, "jobs", "a", 1), 0);
    fixture_close(f);
}

static void paths_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    char path[128];

    f->options.path = path;
    snprintf(path, sizeof path, "%s/missing/state.json", f->dir);
    assert_non_null(strstr(fixture_refused(f), "cannot open the state's folder"));
    snprintf(path, sizeof path, "%s/", f->dir);
    assert_non_null(strstr(fixture_refused(f), "names no file"));
    snprintf(path, sizeof path, "%s/.", f->dir);
    assert_non_null(strstr(fixture_refused(f), "names no file"));
    snprintf(path, sizeof path, "%s/state.json", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_non_null(strstr(fixture_refused(f), "no regular file"));
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_non_null(strstr(fixture_refused(f), "no regular file"));
    unlink(path);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_non_null(strstr(fixture_refused(f), "symbolic link"));
}

static void the_kits_file_is_loaded(void **state)
{
    static const char kit[] =
        "{\n \"jobs\": [ {\"jobId\":\"a\",\"v\":1}, {\"jobId\":\"b\",\"v\":2}, "
        "{\"jobId\":\"a\",\"v\":3} ],\n \"models\": [],\n \"canaries\": [ "
        "{\"canaryId\":\"c\",\"v\":4} ],"
        "\n \"version\": 7\n}\n";
    struct fixture *f = *state;

    file_write(f, "", kit, strlen(kit));
    fixture_open(f);
    char *k = keys(f->s, "jobs");
    assert_string_equal(k, "a b");
    free(k);
    assert_int_equal(get(f->s, "jobs", "a", NULL), 3);
    assert_int_equal(put_if(f->s, "jobs", "a", 4, 0, NULL), MG_E_CONFLICT);
    fixture_crash(f);

    fixture_open(f);
    char *text = file_read(f, "", NULL);
    assert_non_null(strstr(text, "\"version\":7"));
    assert_non_null(strstr(text, "\"canaries\":[{\"canaryId\":\"c\",\"v\":4}]"));
    free(text);
    assert_int_equal(get(f->s, "canaries", "c", NULL), -1);
    /* Declared with a key that its objects do not have, it stays what it is. */
    struct err e = { 0 };
    assert_int_equal(store_declare(f->s, "canaries", "id", &e), MG_E_INVALID);
    assert_non_null(strstr(e.text, "cannot become a collection"));
    assert_int_equal(store_declare(f->s, "version", "id", &e), MG_E_INVALID);
    assert_int_equal(store_declare(f->s, "canaries", "canaryId", &e), 0);
    assert_int_equal(get(f->s, "canaries", "c", NULL), 4);
    store_seq seq;
    assert_int_equal(put_if(f->s, "jobs", "z", 1, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);

    /* The adoption comes from the journal, then from the file. */
    for (int i = 0; i < 2; i++) {
        fixture_open(f);
        assert_int_equal(get(f->s, "canaries", "c", NULL), 4);
        assert_int_equal(store_declare(f->s, "canaries", "canaryId", &e), 0);
        fixture_close(f);
        text = file_read(f, "", NULL);
        assert_non_null(strstr(text, "\"canaries\":[\n{\"canaryId\":\"c\",\"v\":4}\n]"));
        assert_null(strstr(strstr(text, "\"canaries\"") + 1, "\"canaries\":[{"));
        free(text);
    }
}

static void expiries_survive(void **state)
{
    struct fixture *f = *state;
    const char *text = "{\"jobId\":\"e\",\"v\":1}";
    struct store_change ch = change("jobs", "e", text, STORE_ANY);
    store_seq seq;

    ch.ttl_ms = 3600000;
    fixture_open(f);
    assert_int_equal(put_change(f->s, &ch, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f); /* the expiry is in the journal */
    fixture_open(f);
    fixture_close(f); /* and now in the file */
    char *file = file_read(f, "", NULL);
    assert_non_null(strstr(file, "\"expires\":{\"jobs\":{\"e\":"));
    free(file);
    fixture_open(f);
    fixture_close(f);
    file = file_read(f, "", NULL);
    assert_non_null(strstr(file, "\"expires\":{\"jobs\":{\"e\":"));
    free(file);
}

static void a_quiet_run_leaves_the_file_alone(void **state)
{
    struct fixture *f = *state;
    struct stat a, b;

    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "a", 1), 0);
    fixture_close(f);
    assert_int_equal(stat(f->path, &a), 0);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "a", NULL), 1);
    fixture_close(f);
    assert_int_equal(stat(f->path, &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    assert_false(file_exists(f, ".journal.1"));
    assert_false(file_exists(f, ".journal.2"));
}

static void without_a_journal(void **state)
{
    struct fixture *f = *state;
    store_seq seq;

    fixture_open(f);
    assert_int_equal(put_if(f->s, "jobs", "old", 1, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);
    assert_true(file_exists(f, ".journal.1"));

    f->options.durability = STORE_SNAPSHOT;
    fixture_open(f);
    assert_false(file_exists(f, ".journal.1"));
    assert_int_equal(get(f->s, "jobs", "old", NULL), 1);
    assert_int_equal(put_if(f->s, "jobs", "kept", 2, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0); /* nothing to wait for */
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    assert_int_equal(put(f->s, "jobs", "lost", 3), 0);
    fixture_crash(f);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "kept", NULL), 2);
    assert_int_equal(get(f->s, "jobs", "lost", NULL), -1);
    assert_int_equal(put(f->s, "jobs", "closed", 4), 0);
    fixture_close(f);

    f->options.durability = STORE_JOURNAL;
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "closed", NULL), 4);
    assert_int_equal(put_if(f->s, "jobs", "again", 5, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "again", NULL), 5);
    fixture_close(f);
}

static void autosave_writes_when_dirty(void **state)
{
    struct fixture *f = *state;
    bool found = false;

    f->options.autosave_ms = 20;
    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "auto", 1), 0);
    int64_t until = clock_mono_ms() + 10000;
    while (!found && clock_mono_ms() < until) {
        char *text = file_read(f, "", NULL);
        found = text && strstr(text, "\"auto\"");
        free(text);
        if (!found)
            usleep(5000);
    }
    assert_true(found);
    fixture_crash(f);
    fixture_open(f);
    assert_int_equal(get(f->s, "jobs", "auto", NULL), 1);
    fixture_close(f);
}

/* ---- the files it calls its own ---- */

struct own {
    int n;
    bool file, lock, temp, journal;
};

static void own_path(void *arg, const char *path)
{
    struct own *o = arg;
    const char *suffix = strstr(path, "state.json");
    assert_non_null(suffix);
    suffix += strlen("state.json");
    o->n++;
    o->file |= *suffix == '\0';
    o->lock |= strcmp(suffix, ".lock") == 0;
    o->temp |= strcmp(suffix, ".tmp") == 0;
    o->journal |= strcmp(suffix, ".journal.1") == 0;
}

static void its_own_files(void **state)
{
    struct fixture *f = *state;
    struct own o = { 0 };

    fixture_open(f);
    file_write(f, ".journal.01", "", 0); /* not one of ours */
    store_own_files(f->s, own_path, &o);
    assert_int_equal(o.n, 4);
    assert_true(o.file && o.lock && o.temp && o.journal);
    fixture_close(f);
}

static void figures(void **state)
{
    struct fixture *f = *state;
    struct buf b = { 0 };

    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "a", 1), 0);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    store_metrics(f->s, &b);
    const char *text = buf_cstr(&b);
    assert_non_null(strstr(text, "\nmoongate_state_objects{collection=\"jobs\"} 1\n"));
    assert_non_null(strstr(text, "\nmoongate_state_read_only 0\n"));
    assert_non_null(strstr(text, "\nmoongate_state_snapshots_total 1\n"));
    buf_fini(&b);
    fixture_close(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_first_start_writes_a_file),
        TEST(closed_and_opened),
        TEST(crashed_and_recovered),
        TEST(a_second_gateway_is_refused),
        TEST(paths_that_cannot_be),
        TEST(the_kits_file_is_loaded),
        TEST(expiries_survive),
        TEST(a_quiet_run_leaves_the_file_alone),
        TEST(without_a_journal),
        TEST(autosave_writes_when_dirty),
        TEST(its_own_files),
        TEST(figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
