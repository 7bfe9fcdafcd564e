/* What clients up to 2025-11-25 are sent of a schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/legacyschema.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_written(void **state)
{
    static const struct {
        const char *schema, *want; /* "": it is right as it stands */
    } cases[] = {
        { NULL, "" },
        { "true", "" },
        { "{}", "" },
        { "{\"properties\":true}", "" },
        { "{\"properties\":{}}", "" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"const\":true}}}", "" },
        { "{\"properties\":{\"a\":true}}", "{\"properties\":{\"a\":{}}}" },
        { "{\"properties\":{\"a\":false}}", "{\"properties\":{\"a\":{\"not\":{}}}}" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{},\"\\u00e4\\\"\":true,\"c\":{\"x\":[1]}},"
          "\"required\":[\"a\"]}",
          "{\"type\":\"object\",\"properties\":{\"a\":{},\"\\u00e4\\\"\":{},\"c\":{\"x\":[1]}},"
          "\"required\":[\"a\"]}" },
        /* What lies deeper, or beside them, no revision looks at. */
        { "{\"properties\":{\"a\":{\"properties\":{\"b\":true}}},\"additionalProperties\":false}",
          "" },
        { "{\"$defs\":{\"a\":true},\"propert\\u0069es\":{\"a\":true},\"not\":false}",
          "{\"$defs\":{\"a\":true},\"properties\":{\"a\":{}},\"not\":false}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out = { 0 };
        legacyschema_write(cases[i].schema, &out);
        assert_string_equal(buf_cstr(&out), cases[i].want);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_written) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
