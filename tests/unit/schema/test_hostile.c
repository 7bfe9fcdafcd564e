/* What a schema or an instance may try, answered or refused within 50 ms of computing, ten times as
 * much in a test run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "schema/schema.h"
#include "support/slow.h"

static int64_t limit_us(void)
{
    return slow_factor() > 1 ? 20000000 : getenv("EXACT") ? 50000 : 500000;
}

static int64_t cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The code of compiling and checking; each within the limit. */
static int run(const char *schema, const char *instance)
{
    struct err e = { 0 };
    struct json_text root;
    int64_t begun = cpu_us();
    struct schema *s = schema_compile(schema, strlen(schema), NULL, 0, &e);
    int64_t compiled = cpu_us();
    assert_true(compiled - begun < limit_us());
    if (!s)
        return e.code;
    assert_int_equal(json_scan(instance, strlen(instance), NULL, &root, &e), 0);
    compiled = cpu_us();
    int rc = schema_check(s, root, &e);
    int64_t took = cpu_us() - compiled;
    if (getenv("VERBOSE"))
        print_message("%6d us: %d %s\n", (int)took, rc, e.text);
    assert_true(took < limit_us());
    schema_free(s);
    return rc;
}

static void repeat(struct buf *b, const char *text, int n)
{
    for (int i = 0; i < n; i++)
        buf_str(b, text);
}

static void test_alternatives_of_alternatives(void **state)
{
    (void)state;
    /* Each level doubles: 2^30 ways to fail. */
    struct buf s = { 0 };
    buf_str(&s, "{\"$defs\":{\"a0\":{\"const\":1}");
    for (int i = 1; i <= 30; i++)
        buf_printf(&s,
                   ",\"a%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/a%d\"},{\"$ref\":\"#/$defs/a%d\"}]}",
                   i, i - 1, i - 1);
    buf_str(&s, "},\"$ref\":\"#/$defs/a30\"}");
    assert_int_equal(run(buf_cstr(&s), "2"), MG_E_LIMIT);
    assert_int_equal(run(buf_cstr(&s), "1"), 0);
    buf_fini(&s);
}

static void test_a_schema_without_end(void **state)
{
    (void)state;
    assert_int_equal(run("{\"$ref\":\"#\"}", "1"), MG_E_LIMIT);
    assert_int_equal(run("{\"allOf\":[{\"$ref\":\"#\"}]}", "1"), MG_E_LIMIT);
    assert_int_equal(run("{\"not\":{\"$ref\":\"#\"}}", "1"), MG_E_LIMIT);
    assert_int_equal(run("{\"anyOf\":[{\"$ref\":\"#\"},true]}", "1"), MG_E_LIMIT);
}

static void test_depth(void **state)
{
    (void)state;
    struct buf s = { 0 }, v = { 0 };
    repeat(&s, "{\"items\":", 60);
    buf_str(&s, "true");
    repeat(&s, "}", 60);
    repeat(&v, "[", 63);
    repeat(&v, "]", 63);
    assert_int_equal(run(buf_cstr(&s), buf_cstr(&v)), 0);
    assert_int_equal(run("{\"items\":{\"$ref\":\"#\"}}", buf_cstr(&v)), 0);
    buf_fini(&s);
    buf_fini(&v);
    /* A row of references, up to what is compiled and past it. */
    for (int n = 450; n <= 510; n += 60) {
        buf_str(&s, "{\"$defs\":{\"a0\":true");
        for (int i = 1; i <= n; i++)
            buf_printf(&s, ",\"a%d\":{\"$ref\":\"#/$defs/a%d\"}", i, i - 1);
        buf_printf(&s, "},\"$ref\":\"#/$defs/a%d\"}", n);
        assert_int_equal(run(buf_cstr(&s), "1"), MG_E_LIMIT);
        buf_fini(&s);
    }
}

static void test_patterns(void **state)
{
    (void)state;
    struct buf v = { 0 };
    buf_putc(&v, '"');
    repeat(&v, "a", 5000);
    buf_str(&v, "!\"");
    assert_int_equal(run("{\"pattern\":\"^(a+)+$\"}", buf_cstr(&v)), MG_E_LIMIT);
    assert_int_equal(run("{\"pattern\":\"(.*)*[bc]\"}", buf_cstr(&v)), MG_E_LIMIT);
    buf_fini(&v);
    /* Many that are each within the bound. */
    buf_putc(&v, '[');
    for (int i = 0; i < 2000; i++)
        buf_str(&v, i ? ",\"aaaaaaaaaaaaaaa!!\"" : "\"aaaaaaaaaaaaaaa!!\"");
    buf_putc(&v, ']');
    assert_int_equal(run("{\"items\":{\"not\":{\"pattern\":\"^(a+)+$\"}}}", buf_cstr(&v)),
                     MG_E_LIMIT);
    buf_fini(&v);
}

static void test_large_values(void **state)
{
    (void)state;
    struct buf v = { 0 };
    buf_putc(&v, '[');
    for (int i = 0; i < 50000; i++)
        buf_printf(&v, "%s%d", i ? "," : "", i);
    buf_putc(&v, ']');
    assert_int_equal(run("{\"uniqueItems\":true}", buf_cstr(&v)), 0);
    v.len--;
    buf_str(&v, ",7]");
    assert_int_equal(run("{\"uniqueItems\":true}", buf_cstr(&v)), MG_E_INVALID);
    assert_int_equal(run("{\"contains\":{\"const\":-1}}", buf_cstr(&v)), MG_E_INVALID);
    buf_fini(&v);
    /* 2,000 members against 2,000 names. */
    struct buf s = { 0 };
    buf_str(&s, "{\"required\":[");
    buf_putc(&v, '{');
    for (int i = 0; i < 2000; i++) {
        buf_printf(&s, "%s\"n%d\"", i ? "," : "", i);
        buf_printf(&v, "%s\"n%d\":1", i ? "," : "", 1999 - i);
    }
    buf_str(&s, "]}");
    buf_putc(&v, '}');
    assert_int_equal(run(buf_cstr(&s), buf_cstr(&v)), 0);
    buf_fini(&s);
    buf_fini(&v);
}

/* What was looked at is kept for every alternative: a byte for each of 50,000 items, 20,000 times.
 */
static void test_marks(void **state)
{
    (void)state;
    struct buf s = { 0 }, v = { 0 };
    buf_str(&s, "{\"unevaluatedItems\":false,\"anyOf\":[");
    for (int i = 0; i < 20000; i++)
        buf_str(&s, i ? ",true" : "true");
    buf_str(&s, "]}");
    buf_str(&v, "[0");
    repeat(&v, ",0", 49999);
    buf_putc(&v, ']');
    assert_int_equal(run(buf_cstr(&s), buf_cstr(&v)), MG_E_LIMIT);
    buf_fini(&s);
    buf_fini(&v);
}

/* Choices as long as the instance, that differ at their ends. */
static void test_long_choices(void **state)
{
    (void)state;
    struct buf s = { 0 }, v = { 0 };
    buf_str(&s, "{\"enum\":[");
    for (int i = 0; i < 1000; i++) {
        buf_str(&s, i ? ",\"" : "\"");
        repeat(&s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64);
        buf_printf(&s, "%04d\"", i);
    }
    buf_str(&s, "]}");
    buf_putc(&v, '"');
    repeat(&v, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64);
    buf_str(&v, "0\\u00300x\"");
    assert_int_equal(run(buf_cstr(&s), buf_cstr(&v)), MG_E_INVALID);
    buf_fini(&s);
    buf_fini(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alternatives_of_alternatives),
        cmocka_unit_test(test_a_schema_without_end),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_long_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
