/* A copy of the state: what is in the files, and nothing that is done to it comes back to them. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/fixture.h"

static struct store *copy_open(struct fixture *f)
{
    struct err e = { 0 };
    struct store *s = store_open_copy(f->path, &e);
    if (!s)
        fail_msg("%s", e.text);
    return s;
}

/* A running store's snapshot and journal, also what has no snapshot yet. */
static void a_running_store_is_copied(void **state)
{
    struct fixture *f = *state;
    store_seq seq;
    fixture_open(f);
    assert_int_equal(put(f->s, "jobs", "a", 1), 0);
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    assert_int_equal(put_if(f->s, "jobs", "b", 2, STORE_ANY, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);

    struct store *copy = copy_open(f);
    assert_int_equal(get(copy, "jobs", "a", NULL), 1);
    assert_int_equal(get(copy, "jobs", "b", NULL), 2);
    assert_int_equal(put(copy, "jobs", "a", 7), 0);
    assert_int_equal(del(copy, "jobs", "b", NULL), 0);
    assert_int_equal(store_close(copy, NULL), 0);

    assert_int_equal(get(f->s, "jobs", "a", NULL), 1);
    assert_int_equal(get(f->s, "jobs", "b", NULL), 2);
    fixture_close(f);
    fixture_open(f);
    char *k = keys(f->s, "jobs");
    assert_string_equal(k, "a b");
    free(k);
    fixture_close(f);
}

static void without_files_it_is_empty(void **state)
{
    struct fixture *f = *state;
    struct store *copy = copy_open(f);
    assert_int_equal(count(copy, "jobs"), 0);
    assert_int_equal(put(copy, "models", "m", 1), 0);
    assert_int_equal(store_close(copy, NULL), 0);
    assert_false(file_exists(f, ""));
    assert_false(file_exists(f, ".lock"));
}

/* The files stay as they are, torn as they may be; the copy's own are gone. */
static void nothing_is_left_or_changed(void **state)
{
    struct fixture *f = *state;
    char tmp[sizeof f->dir + 8];
    size_t before, after, files = 0;
    store_seq seq;
    fixture_open(f);
    assert_int_equal(put_if(f->s, "jobs", "a", 1, STORE_ANY, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);
    file_write(f, ".journal.1", "{\"torn", 6);
    free(file_read(f, ".journal.1", &before));

    snprintf(tmp, sizeof tmp, "%s", f->dir);
    assert_int_equal(setenv("TMPDIR", tmp, 1), 0);
    struct err e = { 0 };
    struct store *copy = store_open_copy(f->path, &e);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_non_null(copy);
    assert_int_equal(store_close(copy, NULL), 0);
    free(file_read(f, ".journal.1", &after));
    assert_int_equal(after, before);
    DIR *d = opendir(f->dir);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));)
        files += strncmp(entry->d_name, "moongate-", 9) == 0;
    closedir(d);
    assert_int_equal(files, 0);
}

static void damage_is_told(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    file_write(f, "", "{\"jobs\":", 8);
    assert_null(store_open_copy(f->path, &e));
    assert_non_null(strstr(e.text, f->path));
    e = (struct err){ 0 };
    assert_null(store_open_copy("/nowhere/at/all/state.json", &e));
    assert_true(e.text[0] != '\0');
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_running_store_is_copied),
        EACH(without_files_it_is_empty),
        EACH(nothing_is_left_or_changed),
        EACH(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
