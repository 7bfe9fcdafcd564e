/* test_task_record.c - tasks as the state keeps them, and what a start makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/folder.h"
#include "worker/task_record.h"

#define WORKING "\"taskId\":\"task_w\",\"status\":\"working\""
#define DONE "\"taskId\":\"task_d\",\"status\":\"completed\",\"result\":{\"content\":[]}"

static struct gateway g;
static char dir[FOLDER_PATH], path[FOLDER_PATH + 16];

static void open_state(void)
{
    static const struct tasks_limits limits = { 10, 10, 10, 1 << 20 };
    const struct store_options o = {
        .path = path, .autosave_ms = 3600000, .durability = STORE_JOURNAL, .sweep_ms = 3600000
    };
    struct err e = { 0 };

    g.store = store_open_local(&o, &e);
    if (!g.store)
        fail_msg("%s", e.text);
    g.tasks = tasks_new(&limits);
    assert_non_null(g.tasks);
}

static void close_state(void)
{
    tasks_free(g.tasks);
    assert_int_equal(store_close(g.store, NULL), 0);
}

static int setup(void **state)
{
    (void)state;
    folder_make(dir, "tasks");
    snprintf(path, sizeof path, "%s/state.json", dir);
    open_state();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_state();
    folder_remove(dir);
    return 0;
}

static void put(const char *key, const char *text)
{
    struct store_change change = { .collection = STORE_TASKS,
                                   .key = key,
                                   .key_len = strlen(key),
                                   .text = text,
                                   .len = strlen(text),
                                   .expect = STORE_ANY };
    struct store_op op = { .kind = STORE_WRITE, .changes = &change, .change_count = 1 };

    assert_int_equal(store_declare(g.store, STORE_TASKS, TASK_KEY, NULL), 0);
    assert_int_equal(store_submit(g.store, &op), 1);
    assert_int_equal(op.code, 0);
    store_op_fini(&op);
}

static void put_task(const char *id, const char *members, int64_t created_ms)
{
    struct task_record r = { .id = id,
                             .tool = "sum",
                             .principal = 7,
                             .created_ms = created_ms,
                             .ttl_ms = 60000,
                             .poll_ms = 500 };
    struct buf b = { 0 };

    task_record_write(&r, members, strlen(members), &b);
    put(id, buf_cstr(&b));
    buf_fini(&b);
}

static bool may(void *arg, uint64_t principal, const char *tool)
{
    (void)arg;
    return principal == 7 && strcmp(tool, "sum") == 0;
}

static const char *read_task(const char *id)
{
    static char out[1000];
    struct tasks_who who = { may, NULL };
    struct buf text = { 0 }, answers = { 0 };

    snprintf(out, sizeof out, "none");
    if (tasks_get(g.tasks, &who, id, strlen(id), clock_wall_ms(), &text, &answers) == 0)
        snprintf(out, sizeof out, "%s", buf_cstr(&text));
    buf_fini(&text);
    buf_fini(&answers);
    return out;
}

static void restore(void)
{
    struct err e = { 0 };
    if (task_records_restore(&g, &e) != 0)
        fail_msg("%s", e.text);
}

static void test_write(void **state)
{
    struct task_record r = {
        .id = "task_1", .tool = "a.b", .principal = 0xff, .created_ms = 5, .ttl_ms = 6, .poll_ms = 7
    };
    struct json_text members = { 0 };
    struct buf b = { 0 };

    (void)state;
    task_record_write(&r, WORKING, strlen(WORKING), &b);
    assert_string_equal(buf_cstr(&b),
                        "{\"taskId\":\"task_1\",\"tool\":\"a.b\",\"principal\":"
                        "\"00000000000000ff\",\"created\":5,\"ttl\":6,\"poll\":7,\"task\":{" WORKING
                        "}}");
    assert_true(task_record_members(b.data, b.len, &members));
    assert_int_equal(members.len, strlen(WORKING));
    assert_memory_equal(members.p, WORKING, members.len);
    assert_false(task_record_members("{}", 2, &members));
    buf_fini(&b);
    /* Never less than was promised, also when that is over. */
    assert_true(task_record_ttl(&r, 5) >= 6);
    assert_true(task_record_ttl(&r, 11) >= 0);
    assert_true(task_record_ttl(&r, 1000) > 0);
    task_error("why \"not\"", &b);
    assert_string_equal(buf_cstr(&b), "{\"code\":-32603,\"message\":\"why \\\"not\\\"\"}");
    buf_fini(&b);
}

/* What nobody ever put there is no reason not to start. */
static void test_nothing(void **state)
{
    (void)state;
    restore();
    assert_int_equal(tasks_count(g.tasks), 0);
}

static void test_restore(void **state)
{
    int64_t now = clock_wall_ms();
    char before[1000];

    (void)state;
    put_task("task_w", WORKING, now);
    put_task("task_d", DONE, now);
    put_task("task_o", DONE, now - 60001); /* over */
    restore();
    assert_string_equal(read_task("task_d"), DONE);
    assert_string_equal(read_task("task_o"), "none");
    snprintf(before, sizeof before, "%s", read_task("task_w"));
    assert_non_null(strstr(before, "\"status\":\"failed\""));
    assert_non_null(strstr(before, "\"ttlMs\":60000,\"pollIntervalMs\":500"));
    assert_non_null(strstr(before, "the gateway ended while the task was at work"));
    assert_int_equal(tasks_count(g.tasks), 2);

    /* It failed then, and not again at every start. */
    close_state();
    open_state();
    restore();
    assert_string_equal(read_task("task_w"), before);
    assert_string_equal(read_task("task_d"), DONE);
}

/* Somebody edited the file. */
static void test_garbage(void **state)
{
    static const char *const all[][2] = {
        { "a", "{\"taskId\":\"a\"}" },
        { "b", "{\"taskId\":\"b\",\"tool\":\"sum\",\"principal\":\"7\",\"created\":1,\"ttl\":\"x\","
               "\"poll\":1,\"task\":{}}" },
        { "c", "{\"taskId\":\"c\",\"tool\":7,\"principal\":\"7\",\"created\":1,\"ttl\":1,"
               "\"poll\":1,\"task\":{}}" },
        { "d", "{\"taskId\":\"d\",\"tool\":\"sum\",\"principal\":\"77777777777777777\","
               "\"created\":1,\"ttl\":1,\"poll\":1,\"task\":{}}" },
        { "e", "{\"taskId\":\"e\",\"tool\":\"sum\",\"principal\":\"7\",\"created\":1,\"ttl\":1,"
               "\"poll\":1,\"task\":[]}" },
        { "0123456789012345678901234567890123",
          "{\"taskId\":\"0123456789012345678901234567890123\",\"tool\":\"sum\",\"principal\":"
          "\"7\",\"created\":1,\"ttl\":1,\"poll\":1,\"task\":{}}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        put(all[i][0], all[i][1]);
    put_task("task_d", DONE, clock_wall_ms());
    restore();
    assert_int_equal(tasks_count(g.tasks), 1);
    assert_string_equal(read_task("task_d"), DONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(test_write), TEST(test_nothing), TEST(test_restore),
                                        TEST(test_garbage) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
