/* Memory that ends at any request while a schema is compiled or held against a text: an error, and
 * nothing lost. */
#include "support/failing.h"

#include "base/arena.c"
#include "base/buf.c"
#include "schema/compile.c"
#include "schema/document.c"
#include "schema/tape.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char text[] =
    "{\"$defs\":{\"n\":{\"type\":\"integer\",\"maximum\":9}},\"properties\":{\"\\u0061\":{\"$ref\":"
    "\"#/$defs/n\"},\"s\":{\"pattern\":\"^\\\\p{Letter}+$\",\"enum\":[\"xy\",\"\\u007a\"]}},"
    "\"patternProperties\":{\"^l\":{\"uniqueItems\":true}},\"unevaluatedProperties\":false,"
    "\"$comment\":\"a text that takes more than one block\"}";

static void test_compile(void **state)
{
    struct schema *s = NULL;
    long n;

    (void)state;
    for (n = 0; !s; n++) {
        struct err e = { 0 };
        failing_after = n;
        s = schema_compile(text, sizeof text - 1, NULL, 0, &e);
        failing_after = -1;
        if (!s && e.code != MG_E_NOMEM)
            fail_msg("request %ld: %d %s", n, e.code, e.text);
        assert_true(n < 1000);
    }
    assert_true(n > 3);
    schema_free(s);
}

/* More values than the tape has room for at first, keys with escapes, marks. */
static void test_check(void **state)
{
    struct err e = { 0 };
    struct buf v = { 0 };
    struct json_text root;
    struct schema *s = schema_compile(text, sizeof text - 1, NULL, 0, &e);
    int rc = MG_E_NOMEM;
    long n;

    (void)state;
    assert_non_null(s);
    buf_str(&v, "{\"\\u0061\":7,\"s\":\"\\u007a\",\"list\":[0");
    for (int i = 1; i < 100; i++)
        buf_printf(&v, ",%d", i);
    buf_str(&v, "]}");
    assert_int_equal(json_scan(v.data, v.len, NULL, &root, &e), 0);
    for (n = 0; rc != 0; n++) {
        failing_after = n;
        rc = schema_check(s, root, &e);
        failing_after = -1;
        assert_true(rc == 0 || rc == MG_E_NOMEM);
        assert_true(n < 1000);
    }
    assert_true(n > 3);
    buf_fini(&v);
    schema_free(s);
}

/* Fitting writes the text anew, and lenient fitting checks each part. */
static void test_fit(void **state)
{
    static const char wanted[] =
        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},\"list\":{"
        "\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"d\":{\"default\":\"0123456789012345"
        "678901234567890123456789012345678901234567890123456789\"}}}";
    static const char start[] = "{\"n\":7,\"list\":[\"\\u0061\"]";
    static const char given[] = "{\"\\u006e\":\"7\",\"list\":[\"\\u0061\",1],\"x\":null}";
    struct err e = { 0 };
    struct json_text root;
    struct schema *s = schema_compile(wanted, sizeof wanted - 1, NULL, 0, &e);
    (void)state;
    assert_non_null(s);
    assert_int_equal(json_scan(given, sizeof given - 1, NULL, &root, &e), 0);
    for (unsigned use = SCHEMA_ARGUMENTS; use <= (SCHEMA_ARGUMENTS | SCHEMA_COERCE); use += 2) {
        int rc = MG_E_NOMEM;
        long n = 0;
        for (; rc == MG_E_NOMEM; n++) {
            struct buf fitted = { 0 };
            failing_after = n;
            rc = schema_fit(s, root, use, &fitted, &e);
            failing_after = -1;
            if (rc == 0)
                assert_memory_equal(fitted.data, start, sizeof start - 1);
            else if (rc != MG_E_NOMEM)
                assert_int_equal(rc, use & SCHEMA_COERCE ? 0 : MG_E_INVALID);
            buf_fini(&fitted);
            assert_true(n < 1000);
        }
        assert_true(n > 2);
    }
    schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compile),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
