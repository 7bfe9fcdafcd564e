/* Ids of events: one way to write each, and nothing else is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/event_id.h"

static void test_there_and_back(void **state)
{
    static const uint64_t all[] = { 0, 1, 10, UINT64_C(0x0123456789abcdef), UINT64_MAX };
    char id[EVENT_ID_SIZE];
    uint64_t stream, number;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            event_id_write(all[i], all[k], id);
            assert_int_equal(event_id_read(id, &stream, &number), 0);
            assert_true(stream == all[i] && number == all[k]);
        }
    event_id_write(10, 7, id);
    assert_string_equal(id, "000000000000000a-7");
}

static void test_others(void **state)
{
    static const char *const bad[] = { "",
                                       "nonsense",
                                       "000000000000000a",
                                       "000000000000000a-",
                                       "000000000000000A-7",
                                       "0x0000000000000a-7",
                                       "+00000000000000a-7",
                                       " 000000000000000a-7",
                                       "a-7",
                                       "000000000000000a-07",
                                       "000000000000000a-+7",
                                       "000000000000000a- 7",
                                       "000000000000000a-7 ",
                                       "0000000000000000a-7",
                                       "000000000000000a-18446744073709551616" };
    uint64_t stream, number;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (event_id_read(bad[i], &stream, &number) != MG_E_INVALID)
            fail_msg("\"%s\" was read", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_there_and_back),
                                        cmocka_unit_test(test_others) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
