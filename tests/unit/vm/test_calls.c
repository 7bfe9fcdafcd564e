/* test_calls.c - what run returns or raises is what is sent; waiting, cancelling, the end of a
 * call. */
#include "fixture.h"

#include <string.h>

static int setup(void **state)
{
    *state = fixture_new();
    test_cancelled = test_released = 0;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static void test_echo(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "echo", "return args");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    const char *json =
        "{\"a\":1,\"b\":[1,2,{\"c\":\"x\\u00e9\\ud83d\\ude00\\n\"}],\"e\":{},\"l\":[],\"t\":true}";
    assert_string_equal(call(f, "echo", json, OUT_OK),
                        "{\"a\":1,\"b\":[1,2,{\"c\":\"x\xc3\xa9\xf0\x9f\x98\x80\\n\"}],\"e\":{},"
                        "\"l\":[],\"t\":true}");
    assert_string_equal(call(f, "echo", "{\"gone\":null,\"kept\":[null]}", OUT_OK),
                        "{\"kept\":[null]}");
    assert_string_equal(call(f, "echo", NULL, OUT_OK), "{}");
    assert_int_equal(vm_task_count(f->vm), 0);
}

static void test_waiting(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "wait", "local r = mcp.test.sleep(args.ms) return tostring(r)");
    fixture_load(f);
    assert_string_equal(call(f, "wait", "{\"ms\":5}", OUT_OK), "true");
    assert_string_equal(call(f, "wait", "{\"ms\":-1}", OUT_OK), "true");
    assert_int_equal(test_released, 2);
    assert_int_equal(test_cancelled, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
