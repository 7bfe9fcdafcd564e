/* test_memory.c - every request for memory of the reader fails once: an error, and nothing left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "support/failing.h"

#include "support/folder.h"

#include "base/buf.c"
#include "kit/kitstate.c"

static void test_every_request(void **state)
{
    char dir[FOLDER_PATH], path[FOLDER_PATH + 16];
    sqlite3 *db = NULL;
    struct kit_state kit;
    struct err e = { 0 };
    long failures = 0;
    int code;

    (void)state;
    folder_make(dir, "kit-memory");
    snprintf(path, sizeof path, "%s/kit.db", dir);
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "CREATE TABLE jobs (jobId, taskId, configId, status, startedAt, updatedAt, "
                     "result, extra); INSERT INTO jobs VALUES ('a', 't', 'c', 'COMPLETED', "
                     "1795501841220, 1795501841220, '{\"a\":1}', 1);"
                     "CREATE TABLE models (modelId, promoted); INSERT INTO models VALUES ('m', 1);"
                     "CREATE TABLE model_gates (modelId, gate);"
                     "INSERT INTO model_gates VALUES ('m', 'dev');"
                     "CREATE TABLE audits (b); INSERT INTO audits VALUES ('x')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    for (long n = 0;; n++) {
        atomic_store(&failing_after, n);
        code = kit_state_read(path, &kit_limits, &kit, &e);
        atomic_store(&failing_after, -1);
        if (code == 0)
            break;
        assert_int_equal(code, MG_E_NOMEM);
        assert_int_equal(kit.count, 0);
        failures++;
        assert_true(n < 10000);
    }
    assert_true(failures > 10);
    assert_int_equal(kit.count, 3);
    assert_string_equal(kit.objects[1].text,
                        "{\"modelId\":\"m\",\"gates\":[\"dev\"],\"promoted\":true}");
    kit_state_fini(&kit);
    unsetenv("TMPDIR");
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_request) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
