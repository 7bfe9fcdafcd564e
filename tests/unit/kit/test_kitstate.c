/* test_kitstate.c - the kit's SQLite state as objects, and every file that is refused, with why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/kitstate.h"
#include "kit/kittime.h"
#include "support/folder.h"

struct site {
    char dir[FOLDER_PATH];
    char path[FOLDER_PATH + 16], tmp[FOLDER_PATH + 16];
};

static int setup(void **state)
{
    struct site *s = calloc(1, sizeof *s);
    assert_non_null(s);
    folder_make(s->dir, "kit");
    snprintf(s->path, sizeof s->path, "%s/kit.db", s->dir);
    snprintf(s->tmp, sizeof s->tmp, "%s/tmp", s->dir);
    assert_int_equal(mkdir(s->tmp, 0700), 0);
    assert_int_equal(setenv("TMPDIR", s->tmp, 1), 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct site *s = *state;
    assert_int_equal(rmdir(s->tmp), 0); /* no copy stayed behind */
    unsetenv("TMPDIR");
    folder_remove(s->dir);
    free(s);
    return 0;
}

static void sql(sqlite3 *db, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
}

static sqlite3 *database(const struct site *s)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    return db;
}

static void make(const struct site *s, const char *text)
{
    (void)unlink(s->path);
    sqlite3 *db = database(s);
    sql(db, text);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void refused(const struct site *s, const struct kit_limits *limits, int code,
                    const char *why)
{
    struct kit_state kit;
    struct err e = { 0 };
    int got = kit_state_read(s->path, limits, &kit, &e);
    if (got != code || !strstr(e.text, why))
        fail_msg("%d \"%s\" should be %d with \"%s\"", got, e.text, code, why);
    assert_int_equal(kit.count, 0);
    assert_memory_equal(e.text, s->path, strlen(s->path));
}

#define JOBS_OF(id, started, updated, result)                                                      \
    "CREATE TABLE jobs (jobId " id ", taskId TEXT, configId TEXT, status TEXT, startedAt " started \
    ", updatedAt " updated ", result " result ");"
#define JOBS JOBS_OF("TEXT", "TEXT", "TEXT", "TEXT")
#define T0 "'2026-11-20T10:00:00.000Z'"
#define JOB(id, rest) "INSERT INTO jobs VALUES (" id ", 't', 'c', 'COMPLETED', " rest ");"
#define MODELS                                                               \
    "CREATE TABLE models (modelId TEXT, promoted INTEGER, promotedAt TEXT);" \
    "CREATE TABLE model_gates (modelId TEXT, gate TEXT);"

static void read_all(const struct site *s, struct kit_state *kit)
{
    struct err e = { 0 };
    if (kit_state_read(s->path, &kit_limits, kit, &e) != 0)
        fail_msg("%s", e.text);
}

static void test_objects(void **state)
{
    struct site *s = *state;
    struct kit_state kit;
    make(s,
         "CREATE TABLE Jobs (job_id TEXT PRIMARY KEY, task_id, config_id, status, started_at, "
         "updated_at, result, extra);"
         "INSERT INTO jobs VALUES ('j1', 't', 7, 'RUNNING', '2026-11-20 10:00:00', "
         "1795501841220, '{ \"a\": [1, 2] }', 1),"
         "('j2', 't', 'c', 'COMPLETED', '2026-11-20T12:30+02:30', 1795501841220.0, NULL, 2);" MODELS
         "INSERT INTO models VALUES ('m', 1, NULL), ('n', 'false', " T0 ");"
         "INSERT INTO model_gates VALUES ('m', 'dev'), ('n', 'x'), ('m', 'canary');"
         "CREATE TABLE audits (what TEXT, at INTEGER, score REAL);"
         "INSERT INTO audits VALUES ('p|\"q\"', 1, 0.5), (NULL, NULL, NULL);");
    read_all(s, &kit);
    static const char *const want[] = {
        "{\"jobId\":\"j1\",\"taskId\":\"t\",\"configId\":\"7\",\"status\":\"RUNNING\","
        "\"startedAt\":\"2026-11-20T10:00:00.000Z\",\"updatedAt\":\"2026-11-24T06:30:41.220Z\","
        "\"result\":{\"a\":[1,2]}}",
        "{\"jobId\":\"j2\",\"taskId\":\"t\",\"configId\":\"c\",\"status\":\"COMPLETED\","
        "\"startedAt\":\"2026-11-20T10:00:00.000Z\",\"updatedAt\":\"2026-11-24T06:30:41.220Z\"}",
        "{\"modelId\":\"m\",\"gates\":[\"dev\",\"canary\"],\"promoted\":true}",
        "{\"modelId\":\"n\",\"gates\":[\"x\"],\"promoted\":false,"
        "\"promotedAt\":\"2026-11-20T10:00:00.000Z\"}",
        "{\"id\":\"1\",\"what\":\"p|\\\"q\\\"\",\"at\":1,\"score\":0.5}",
        "{\"id\":\"2\",\"what\":null,\"at\":null,\"score\":null}",
    };
    assert_int_equal(kit.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(kit.objects[i].text, want[i]);
    assert_int_equal(kit.objects[0].ended_ms, 0);
    assert_int_equal(kit.objects[1].ended_ms, 1795501841220);
    assert_string_equal(buf_cstr(&kit.notes), "table jobs: not taken over: extra\n");
    kit_state_fini(&kit);
}

static void test_refused(void **state)
{
    struct site *s = *state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "CREATE TABLE other (a)", "audits is there; it has other" },
        { "CREATE TABLE jobs (jobId, taskId)", "table jobs: there is no column configId; it has "
                                               "jobId, taskId" },
        { "CREATE TABLE jobs (jobId, job_id)", "both jobId and job_id are there" },
        { "CREATE TABLE models (modelId, promoted)", "a table models, but no table model_gates" },
        { JOBS JOB("'a'", T0 ", " T0 ", NULL") JOB("'a'", T0 ", " T0 ", NULL"),
          "two rows have the jobId a" },
        { JOBS JOB("NULL", T0 ", " T0 ", NULL"), "rowid 1, column jobId: is NULL" },
        { JOBS JOB("''", T0 ", " T0 ", NULL"), "column jobId: is empty" },
        { JOBS JOB("CAST(x'61ff' AS TEXT)", T0 ", " T0 ", NULL"), "is not UTF-8 at byte 1" },
        { JOBS JOB("CAST(x'610062' AS TEXT)", T0 ", " T0 ", NULL"), "a zero byte stands in it" },
        { JOBS JOB("'a'", "'soon', " T0 ", NULL"), "column startedAt: a time is needed" },
        { JOBS JOB("'a'", T0 ", '1795501841', NULL"), "1795501841 is no time in milliseconds" },
        { JOBS JOB("'a'", T0 ", " T0 ", '{'"), "column result: is no JSON" },
        { JOBS JOB("'a'", T0 ", " T0 ", '[]'"), "column result: a JSON object is needed" },
        { JOBS JOB("'a'", T0 ", " T0 ", '{\"a\":1,\"a\":2}'"), "column result: is no JSON" },
        { MODELS "INSERT INTO models VALUES ('m', 'perhaps', NULL)", "0 or 1 is needed" },
        { MODELS "INSERT INTO model_gates VALUES ('m', 'dev')",
          "gate dev is of the model m, which the table models does not have" },
        { "CREATE TABLE audits (id, b); INSERT INTO audits VALUES ('a', x'ff')",
          "table audits, rowid 1, column b: is not UTF-8" },
        { "CREATE TABLE audits (b); INSERT INTO audits VALUES (9e999)", "is no finite number" },
        { "CREATE VIEW jobs AS SELECT 1 AS jobId", "none of the tables" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make(s, cases[i].text);
        refused(s, &kit_limits, MG_E_INVALID, cases[i].why);
    }
}

static void test_limits(void **state)
{
    struct site *s = *state;
    struct kit_state kit;
    struct err e = { 0 };
    struct stat st;
    make(s, JOBS JOB("'a'", T0 ", " T0 ", NULL") JOB("'b'", T0 ", " T0 ", NULL"));
    read_all(s, &kit);
    struct kit_limits edge = { .rows = 2, .bytes = kit.bytes };
    kit_state_fini(&kit);
    assert_int_equal(stat(s->path, &st), 0);
    edge.file_bytes = (uint64_t)st.st_size;
    assert_int_equal(kit_state_read(s->path, &edge, &kit, &e), 0);
    kit_state_fini(&kit);
    struct kit_limits less = edge;
    less.rows--;
    refused(s, &less, MG_E_LIMIT, "has more than 1 rows");
    less = edge;
    less.bytes--;
    refused(s, &less, MG_E_LIMIT, "its rows have more than");
    less = edge;
    less.file_bytes--;
    refused(s, &less, MG_E_LIMIT, "bytes");
    make(s, "CREATE TABLE audits (b); INSERT INTO audits VALUES (zeroblob(16777217))");
    refused(s, &kit_limits, MG_E_LIMIT, "row 1 has a value of more than 16 MB");
}

/* Cut at every page, and with a byte changed here and there: refused, or read; never more. */
static void test_damage(void **state)
{
    struct site *s = *state;
    struct kit_state kit;
    struct err e = { 0 };
    make(s,
         JOBS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
              "INSERT INTO jobs SELECT 'j' || i, 't', 'c', 'RUNNING', " T0 ", " T0 ", NULL FROM n");
    FILE *file = fopen(s->path, "re");
    static char whole[1 << 20];
    size_t len = file ? fread(whole, 1, sizeof whole, file) : 0, wrong = 0;
    assert_non_null(file);
    fclose(file);
    for (size_t cut = 0; cut < len; cut += 1024) {
        assert_non_null(file = fopen(s->path, "we"));
        assert_int_equal(fwrite(whole, 1, cut, file), cut);
        fclose(file);
        assert_true(kit_state_read(s->path, &kit_limits, &kit, &e) < 0);
        assert_int_equal(kit.count, 0);
    }
    for (size_t at = 16; at < len; at += 97) {
        whole[at] = (char)(whole[at] ^ 0x55);
        assert_non_null(file = fopen(s->path, "we"));
        assert_int_equal(fwrite(whole, 1, len, file), len);
        fclose(file);
        int code = kit_state_read(s->path, &kit_limits, &kit, &e);
        wrong += code != 0;
        assert_true(code != 0 || kit.count <= 200);
        kit_state_fini(&kit);
        whole[at] = (char)(whole[at] ^ 0x55);
    }
    assert_true(wrong > 0);
}

static void test_in_use(void **state)
{
    struct site *s = *state;
    struct kit_state kit;
    make(s, JOBS JOB("'a'", T0 ", " T0 ", NULL"));
    sqlite3 *db = database(s);
    sql(db, "BEGIN IMMEDIATE; DELETE FROM jobs");
    refused(s, &kit_limits, MG_E_CONFLICT, "is in use by process");
    sql(db, "ROLLBACK");
    read_all(s, &kit); /* nobody is at work on it */
    kit_state_fini(&kit);
    sqlite3_close(db);
}

/* What a killed program left in the WAL counts; nothing beside the file changes. */
static void test_wal(void **state)
{
    struct site *s = *state;
    struct kit_state kit;
    char shm[FOLDER_PATH + 32], command[400];
    make(s, JOBS "PRAGMA journal_mode = WAL");
    sqlite3 *db = database(s);
    sql(db, JOB("'a'", T0 ", " T0 ", NULL"));
    refused(s, &kit_limits, MG_E_CONFLICT, "is in use by process");
    snprintf(command, sizeof command, "cd %s && cp kit.db left.db && cp kit.db-wal left.db-wal",
             s->dir);
    assert_int_equal(system(command), 0);
    sqlite3_close(db);
    snprintf(s->path, sizeof s->path, "%s/left.db", s->dir);
    read_all(s, &kit);
    assert_int_equal(kit.count, 1);
    kit_state_fini(&kit);
    snprintf(shm, sizeof shm, "%s-shm", s->path);
    assert_int_not_equal(access(shm, F_OK), 0);
}

static void test_journal(void **state)
{
    struct site *s = *state;
    static const char magic[] = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7 and so on";
    make(s, JOBS);
    folder_write(s->dir, "kit.db-journal", magic);
    refused(s, &kit_limits, MG_E_INVALID, "a transaction that was not finished");
}

static void test_no_files(void **state)
{
    struct site *s = *state;
    refused(s, &kit_limits, MG_E_NOTFOUND, "No such file");
    folder_write(s->dir, "kit.db", "");
    refused(s, &kit_limits, MG_E_INVALID, "is empty");
    folder_write(s->dir, "kit.db", "SQLite format 3");
    refused(s, &kit_limits, MG_E_INVALID, "is no SQLite file");
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(mkfifo(s->path, 0600), 0);
    refused(s, &kit_limits, MG_E_INVALID, "is no file");
}

static void test_times(void **state)
{
    int64_t ms;
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2000-02-29 23:59:59.9999", 951868799999 },
        { "2026-11-24T06:30:41.22Z", 1795501841220 },
        { "2026-11-24T05:30-01:00", 1795501800000 },
        { "1795501841220", 1795501841220 },
    };
    static const char *const wrong[] = { "",
                                         "2026-11-24",
                                         "2026-02-29T00:00:00Z",
                                         "2026-13-01T00:00:00Z",
                                         "2026-11-24T24:00:00Z",
                                         "2026-11-24T06:30:41.Z",
                                         "2026-11-24T06:30:41Zz",
                                         "2026-11-24T06:30:41+1",
                                         "1234567890123456",
                                         "-1" };
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_true(kittime_parse(right[i].text, strlen(right[i].text), &ms));
        assert_int_equal(ms, right[i].ms);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(kittime_parse(wrong[i], strlen(wrong[i]), &ms));
    assert_true(kittime_is_plausible(946684800000) && !kittime_is_plausible(946684799999));
}

/* A process that ends within the copying takes nothing away; the next one does, when that is old
 * and nobody holds it. Killed by the limit on files, because that is certain to hit the moment. */
static void test_killed(void **state)
{
    struct site *s = *state;
    const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    char left[FOLDER_PATH + 300] = "";
    struct kit_state kit;
    struct err e = { 0 };
    int status;
    make(s, "CREATE TABLE other (a); INSERT INTO other VALUES (zeroblob(100000))");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = { 0 }, small = { 20000, 20000 };
        signal(SIGXFSZ, SIG_DFL);
        if (setrlimit(RLIMIT_CORE, &none) == 0 && setrlimit(RLIMIT_FSIZE, &small) == 0)
            (void)!kit_state_read(s->path, &(struct kit_limits){ .file_bytes = 1 << 20 }, &kit, &e);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    DIR *d = opendir(s->tmp);
    assert_non_null(d);
    for (const struct dirent *x; (x = readdir(d)) != NULL;)
        if (x->d_name[0] != '.')
            snprintf(left, sizeof left, "%s/%s", s->tmp, x->d_name);
    closedir(d);
    assert_true(*left);
    refused(s, &(struct kit_limits){ .file_bytes = 1 << 20 }, MG_E_INVALID, "kit.db");
    assert_int_equal(access(left, F_OK), 0); /* young: somebody may be about to lock it */
    assert_int_equal(utimensat(AT_FDCWD, left, long_ago, 0), 0);
    int held = open(left, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(held, LOCK_EX), 0);
    refused(s, &(struct kit_limits){ .file_bytes = 1 << 20 }, MG_E_INVALID, "kit.db");
    assert_int_equal(access(left, F_OK), 0); /* held */
    close(held);
    refused(s, &(struct kit_limits){ .file_bytes = 1 << 20 }, MG_E_INVALID, "kit.db");
    assert_int_equal(access(left, F_OK), -1);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        EACH(test_objects),
        EACH(test_refused),
        EACH(test_limits),
        EACH(test_damage),
        EACH(test_in_use),
        EACH(test_wal),
        EACH(test_journal),
        EACH(test_no_files),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
