/* test_trouble.c - files that are damaged, foreign, full, locked or not there; operations that are
 * cancelled, late, too many or left over at the end. */
#include "fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "index/database.h"
#include "support/slow.h"

static void overwrite(const char *path, long at, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static long size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void name_beside(const struct fixture *f, char *out, size_t size, const char *end)
{
    assert_true(snprintf(out, size, "%s%s", f->path, end) < (int)size);
}

/* Puts some documents, closes, spoils the file and opens it again. */
static void spoil(struct fixture *f, void (*how)(struct fixture *f))
{
    fill(f, 50, "some words to make it more than one page long, and then some more of them");
    fixture_close(f);
    how(f);
    fixture_open(f);
}

static void spoil_header(struct fixture *f) { overwrite(f->path, 0, "no database", 11); }
static void spoil_pages(struct fixture *f)
{
    char junk[512];
    memset(junk, 0xA5, sizeof junk);
    for (long at = 4096; at < size_of(f->path); at += 4096)
        overwrite(f->path, at, junk, sizeof junk);
}
static void spoil_cut(struct fixture *f) { assert_int_equal(truncate(f->path, 3 * 4096 + 100), 0); }
static void spoil_cut_page(struct fixture *f) { assert_int_equal(truncate(f->path, 100), 0); }
static void spoil_empty(struct fixture *f) { assert_int_equal(truncate(f->path, 0), 0); }
static void spoil_version(struct fixture *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(database_run(db, "PRAGMA user_version = 99"), SQLITE_OK);
    sqlite3_close(db);
}
static void spoil_schema(struct fixture *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(database_run(db, "DROP TABLE names"), SQLITE_OK);
    sqlite3_close(db);
}

/* Whatever the first operation is, the index is there again, empty, and can be filled. */
static void test_damaged(void **state)
{
    static void (*const ways[])(struct fixture * f) = { spoil_header,   spoil_pages, spoil_cut,
                                                        spoil_cut_page, spoil_empty, spoil_version,
                                                        spoil_schema };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        spoil(f, ways[i]);
        assert_int_equal(put(f, "new", "", "fresh words"), 0);
        assert_string_equal(search(f, "fresh"), "new");
        assert_int_equal(count(f), 1);
        assert_int_equal(take_away(f, "new"), 1);
        spoil(f, ways[i]);
        assert_string_equal(search(f, "some"), "");
        assert_int_equal(count(f), 0);
        assert_int_equal(put(f, "new", "", "fresh words"), 0);
        assert_string_equal(search(f, "fresh"), "new");
        assert_int_equal(take_away(f, "new"), 1);
    }
}

/* Damage that shows only in the middle of a life, with connections open. Tables that are missing
 * are seen at the next opening. */
static void test_damaged_while_open(void **state)
{
    struct fixture *f = *state;
    fill(f, 50, "some words");
    assert_int_equal(count(f), 50);
    spoil_schema(f);
    assert_int_equal(put(f, "new", "", "fresh words"), MG_E_IO);
    fixture_reopen(f);
    assert_int_equal(put(f, "new", "", "fresh words"), 0);
    assert_int_equal(count(f), 1);
    spoil_pages(f); /* the connections remember little */
    for (int i = 0; i < 3; i++) {
        int code = put(f, "other", "", "fresh words");
        assert_true(code == 0);
    }
    assert_string_equal(search(f, "\"fresh words\" NOTHING"), "");
    assert_non_null(strstr(search(f, "fresh"), "other"));
}

/* Somebody's file that is no index is not lost when [search] path names it by mistake. */
static void test_foreign(void **state)
{
    struct fixture *f = *state;
    char bak[FOLDER_PATH + 32], text[32] = "";

    fixture_close(f);
    folder_write(f->dir, "index", "a letter to somebody");
    fixture_open(f);
    assert_int_equal(put(f, "a", "", "words"), 0);
    assert_string_equal(search(f, "words"), "a");
    name_beside(f, bak, sizeof bak, ".bak");
    FILE *in = fopen(bak, "re");
    assert_non_null(in);
    assert_non_null(fgets(text, sizeof text, in));
    fclose(in);
    assert_string_equal(text, "a letter to somebody");

    fixture_close(f);
    sqlite3 *db;
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(database_run(db, "CREATE TABLE t (x); INSERT INTO t VALUES (1)"), SQLITE_OK);
    sqlite3_close(db);
    fixture_open(f);
    assert_int_equal(put(f, "a", "", "words"), 0);
    name_beside(f, bak, sizeof bak, ".bak.1");
    assert_int_equal(sqlite3_open(bak, &db), SQLITE_OK);
    assert_int_equal(database_run(db, "SELECT x FROM t"), SQLITE_OK);
    sqlite3_close(db);
}

/* Neither the bytes that another program has in its -wal are lost, nor what was put away before. */
static void test_foreign_in_use(void **state)
{
    struct fixture *f = *state;
    char bak[FOLDER_PATH + 32], bak1[FOLDER_PATH + 32];
    sqlite3 *db;
    sqlite3_stmt *ask;

    fixture_close(f);
    name_beside(f, bak, sizeof bak, ".bak");
    name_beside(f, bak1, sizeof bak1, ".bak.1");
    folder_write(f->dir, "index.bak", "put away before");
    (void)unlink(f->path);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(database_run(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                                      "CREATE TABLE t (x); INSERT INTO t VALUES (7)"),
                     SQLITE_OK);
    fixture_open(f);
    assert_int_equal(put(f, "a", "", "words"), 0);
    assert_string_equal(search(f, "words"), "a");
    assert_int_equal(size_of(bak), strlen("put away before"));
    /* The other program dies: what it wrote is in the copy of its -wal. */
    sqlite3 *copy;
    assert_int_equal(sqlite3_open(bak1, &copy), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(copy, "SELECT x FROM t", -1, &ask, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(ask), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(ask, 0), 7);
    sqlite3_finalize(ask);
    sqlite3_close(copy);
    sqlite3_close(db);
    assert_string_equal(search(f, "words"), "a");
}

static void test_mode(void **state)
{
    struct fixture *f = *state;
    static const char *const ends[] = { "", "-wal", "-shm" };
    struct stat st;
    char path[FOLDER_PATH + 32];

    assert_int_equal(put(f, "a", "", "words"), 0);
    for (size_t i = 0; i < 3; i++) {
        name_beside(f, path, sizeof path, ends[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    snprintf(f->path, sizeof f->path, "%.200s/no/index", f->dir);
    fixture_open(f);
    assert_int_equal(put(f, "a", "", "words"), MG_E_IO);
    assert_non_null(strstr(f->err.text, f->path));
    assert_string_equal(search(f, "words"), ""); /* there is nothing */
}

/* The largest size stands for a full disk: SQLite tells both alike. */
static void test_full(void **state)
{
    struct fixture *f = *state;
    char text[20000], id[16];
    int i, code = 0;

    f->o.max_bytes = 64 * 4096;
    fixture_reopen(f);
    for (i = 0; i < 200 && code == 0; i++) {
        for (size_t k = 0; k < sizeof text - 1; k++)
            text[k] = (char)(k % 7 == 6 ? ' ' : 'a' + (int)((k * 7919 + (size_t)i * 104729) % 26));
        text[sizeof text - 1] = '\0';
        snprintf(id, sizeof id, "%d", i);
        code = put(f, id, id, text);
    }
    assert_int_equal(code, MG_E_LIMIT);
    assert_true(i > 2);
    assert_int_equal(count(f), i - 1); /* what was there is there */
    assert_string_equal(search(f, "0"), "0");
    assert_string_equal(stamp(f, id), "nil");
    /* Together with others, only what does not fit is refused. */
    struct test_op small, large;
    op_put(f, &large, "large", "", text);
    op_put(f, &small, "0", "zero", "tiny");
    index_submit(f->ix, &large.op);
    index_submit(f->ix, &small.op);
    assert_int_equal(op_wait(f, &large), MG_E_LIMIT);
    assert_int_equal(op_wait(f, &small), 0);
    index_op_fini(&large.op);
    index_op_fini(&small.op);
    assert_string_equal(search(f, "tiny"), "0");
    /* With room again it goes on. */
    f->o.max_bytes = 0;
    fixture_reopen(f);
    assert_int_equal(put(f, id, id, text), 0);
    assert_int_equal(count(f), i);
}

/* Another process has the file: changes wait a second and fail, reading goes on. */
static void test_locked(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other;

    assert_int_equal(put(f, "a", "", "words"), 0);
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(database_run(other, "BEGIN IMMEDIATE"), SQLITE_OK);
    struct test_op puts[3];
    int64_t begin = clock_mono_ms();
    for (int i = 0; i < 3; i++) {
        op_put(f, &puts[i], "b", "", "other words");
        index_submit(f->ix, &puts[i].op);
    }
    assert_string_equal(search(f, "words"), "a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(op_wait(f, &puts[i]), MG_E_CONFLICT);
        assert_non_null(strstr(f->err.text, "another process"));
        index_op_fini(&puts[i].op);
    }
    assert_true(clock_mono_ms() - begin >= 900);
    assert_int_equal(database_run(other, "ROLLBACK"), SQLITE_OK);
    sqlite3_close(other);
    assert_int_equal(put(f, "b", "", "other words"), 0);
    assert_int_equal(count(f), 2);
}

static void test_read_only(void **state)
{
    struct fixture *f = *state;
    char path[FOLDER_PATH + 32];

    f->o.read_only = true;
    fixture_reopen(f);
    assert_string_equal(search(f, "words"), "");
    assert_int_equal(put(f, "a", "", "words"), MG_E_READONLY);
    assert_int_equal(take_away(f, "a"), MG_E_READONLY);
    assert_int_equal(size_of(f->path), -1);
    f->o.read_only = false;
    fixture_reopen(f);
    assert_int_equal(put(f, "a", "", "words"), 0);
    f->o.read_only = true;
    fixture_reopen(f);
    assert_string_equal(search(f, "words"), "a");
    fixture_close(f);
    spoil_header(f);
    fixture_open(f);
    assert_string_equal(search(f, "words"), "!IO"); /* and it is left as it is */
    name_beside(f, path, sizeof path, ".bak");
    assert_int_equal(size_of(path), -1);
}

/* ---- operations that end otherwise ---- */

static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct test_op a, b;

    assert_int_equal(put(f, "a", "", "words"), 0);
    op_make(f, &a, INDEX_SEARCH, "words");
    op_put(f, &b, "b", "", "words");
    atomic_store(&a.op.is_cancelled, true);
    atomic_store(&b.op.is_cancelled, true);
    index_submit(f->ix, &a.op);
    index_submit(f->ix, &b.op);
    assert_int_equal(op_wait(f, &a), MG_E_CANCELLED);
    assert_int_equal(op_wait(f, &b), MG_E_CANCELLED);
    index_op_fini(&a.op);
    index_op_fini(&b.op);
    assert_int_equal(count(f), 1);
    op_make(f, &a, INDEX_SEARCH, "words");
    a.op.deadline_ms = clock_mono_ms() - 1;
    index_submit(f->ix, &a.op);
    assert_int_equal(op_wait(f, &a), MG_E_TIMEOUT);
    index_op_fini(&a.op);
}

/* Between the ranking of many and the end, a deadline is looked at. */
static void test_interrupted(void **state)
{
    struct fixture *f = *state;
    struct test_op t;
    char text[3000] = "";

    for (int i = 0; i < 200; i++)
        strcat(text, "common words ");
    fill(f, 1000 / slow_factor(), text);
    int64_t begin = clock_mono_ms();
    assert_int_equal((int)strlen(search(f, "common words")), 69);
    int64_t whole = clock_mono_ms() - begin;
    int code = 0;
    for (int64_t ms = 0; ms < whole && ms < 50 && code == 0; ms++) {
        op_make(f, &t, INDEX_SEARCH, "common words");
        t.op.deadline_ms = clock_mono_ms() + ms;
        index_submit(f->ix, &t.op);
        code = op_wait(f, &t);
        assert_true(code == 0 || code == MG_E_TIMEOUT);
        index_op_fini(&t.op);
        code = 0;
    }
    assert_int_equal((int)strlen(search(f, "common words")), 69); /* the connection is well */
}

/* As many as may wait do, one more does not; and at the end all are told. */
static void test_too_many(void **state)
{
    enum { N = INDEX_WAITING_MAX + 10 };
    struct fixture *f = *state;
    struct test_op *all = calloc(N, sizeof *all);
    sqlite3 *other;
    int refused = 0, ok = 0;

    assert_non_null(all);
    assert_int_equal(put(f, "a", "", "words"), 0);
    /* The writer is held, so that what is submitted waits. */
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(database_run(other, "BEGIN IMMEDIATE"), SQLITE_OK);
    for (int i = 0; i < N; i++) {
        op_make(f, &all[i], INDEX_REMOVE, "none");
        index_submit(f->ix, &all[i].op);
    }
    assert_int_equal(database_run(other, "ROLLBACK"), SQLITE_OK);
    sqlite3_close(other);
    for (int i = 0; i < N; i++) {
        int code = op_wait(f, &all[i]);
        refused += code == MG_E_LIMIT;
        ok += code == 0 || code == MG_E_CONFLICT;
        index_op_fini(&all[i].op);
    }
    assert_int_equal(refused + ok, N);
    /* Those that the writer had taken up no longer wait. */
    assert_true(ok >= INDEX_WAITING_MAX);
    free(all);
}

static void test_too_large(void **state)
{
    need_speed();
    enum { N = 10 };
    struct fixture *f = *state;
    struct test_op all[N];
    char *text = malloc(INDEX_DOCUMENT_MAX);
    sqlite3 *other;
    int refused = 0;

    assert_non_null(text);
    memset(text, 'x', INDEX_DOCUMENT_MAX - 1);
    text[INDEX_DOCUMENT_MAX - 1] = '\0';
    assert_int_equal(put(f, "a", "", "words"), 0);
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(database_run(other, "BEGIN IMMEDIATE"), SQLITE_OK);
    for (int i = 0; i < N; i++) {
        op_put(f, &all[i], "b", "", text);
        index_submit(f->ix, &all[i].op);
    }
    assert_int_equal(database_run(other, "ROLLBACK"), SQLITE_OK);
    sqlite3_close(other);
    for (int i = 0; i < N; i++) {
        refused += op_wait(f, &all[i]) == MG_E_LIMIT;
        index_op_fini(&all[i].op);
    }
    assert_true(refused >= 2); /* 32 MB are 7 of these and a bit */
    assert_int_equal(put(f, "b", "", text), 0);
    free(text);
}

static void test_closed(void **state)
{
    struct fixture *f = *state;
    struct test_op t;

    assert_int_equal(put(f, "a", "", "words"), 0);
    index_close(f->ix);
    op_make(f, &t, INDEX_SEARCH, "words");
    index_submit(f->ix, &t.op);
    assert_int_equal(op_wait(f, &t), MG_E_CLOSED);
    index_op_fini(&t.op);
    index_close(NULL);
    index_free(NULL);
}

/* All that are allowed at once, and one more. */
static void test_many_names(void **state)
{
    need_speed();
    struct fixture *f = *state;
    struct test_op *all = calloc(INDEX_NAMES_MAX + 1, sizeof *all);
    char(*names)[16] = calloc(INDEX_NAMES_MAX + 1, sizeof *names);

    assert_non_null(all);
    assert_non_null(names);
    for (int i = 0; i <= INDEX_NAMES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        op_put(f, &all[i], "a", "", "words");
        all[i].op.name = names[i];
        if (i < INDEX_NAMES_MAX)
            index_submit(f->ix, &all[i].op);
    }
    for (int i = 0; i <= INDEX_NAMES_MAX; i++) {
        if (i == INDEX_NAMES_MAX)
            index_submit(f->ix, &all[i].op);
        assert_int_equal(op_wait(f, &all[i]), i < INDEX_NAMES_MAX ? 0 : MG_E_LIMIT);
        index_op_fini(&all[i].op);
    }
    assert_non_null(strstr(f->err.text, "256 search indexes"));
    free(all);
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_damaged, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_while_open, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_foreign, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_in_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_mode, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_folder, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_full, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_locked, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_read_only, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_interrupted, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_too_many, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_too_large, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_closed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many_names, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
