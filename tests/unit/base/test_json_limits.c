/* The bounds of the scanner: depth, number of values, and keys by the thousand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_scan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_depth(void **state)
{
    struct json_limits limits = { 0 };
    struct json_text root;
    struct err e;
    char text[400];

    (void)state;
    for (uint32_t depth = 1; depth <= JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        int want = depth <= JSON_MAX_DEPTH ? 0 : MG_E_LIMIT;
        assert_int_equal(json_scan(text, 2 * depth, NULL, &root, &e), want);
        limits.max_depth = depth; /* never more than the most */
        assert_int_equal(json_scan(text, 2 * depth, &limits, &root, &e), want);
        limits.max_depth = depth - 1;
        if (depth > 1)
            assert_int_equal(json_scan(text, 2 * depth, &limits, &root, &e), MG_E_LIMIT);
    }
    limits.max_depth = 1;
    assert_int_equal(json_scan("{\"a\":1}", 7, &limits, &root, &e), 0);
    assert_int_equal(json_scan("{\"a\":{}}", 8, &limits, &root, &e), MG_E_LIMIT);
    assert_string_equal(e.text, "offset 5: nested too deep");
    /* Depth is what is open now, not what has been. */
    assert_int_equal(json_scan("[[],[],[]]", 10, &(struct json_limits){ .max_depth = 2 }, &root,
                               &e),
                     0);
}

static void test_a_bomb_of_brackets(void **state)
{
    size_t n = 4 << 20;
    char *text = malloc(n);
    struct json_text root;
    struct err e;

    (void)state;
    assert_non_null(text);
    memset(text, '[', n);
    assert_int_equal(json_scan(text, n, NULL, &root, &e), MG_E_LIMIT);
    for (size_t i = 0; i + 5 <= n; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    assert_int_equal(json_scan(text, n, NULL, &root, &e), MG_E_LIMIT);
    free(text);
}

static void test_value_count(void **state)
{
    static const struct {
        const char *text;
        uint32_t values;
    } cases[] = {
        { "1", 1 },
        { "[]", 1 },
        { "[1,2,3]", 4 },
        { "{\"a\":1,\"b\":[2,{}]}", 5 },
        { "[[],[],[[]]]", 5 },
    };
    struct json_text root;
    struct err e;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_limits limits = { .max_values = cases[i].values };
        size_t len = strlen(cases[i].text);
        assert_int_equal(json_scan(cases[i].text, len, &limits, &root, &e), 0);
        limits.max_values--;
        if (limits.max_values > 0)
            assert_int_equal(json_scan(cases[i].text, len, &limits, &root, &e), MG_E_LIMIT);
    }
}

/* ---- many keys ---- */

static struct buf keys_text(size_t n, const char *format)
{
    struct buf b = { 0 };

    buf_putc(&b, '{');
    for (size_t i = 0; i < n; i++) {
        buf_str(&b, i ? "," : "");
        buf_printf(&b, format, i);
    }
    buf_putc(&b, '}');
    assert_true(buf_ok(&b));
    return b;
}

/* Around the number of keys from which on they are hashed, the one that stands twice is found
 * wherever the first of the two stands. */
static void test_twice_among_many(void **state)
{
    struct json_text root;
    struct err e;

    (void)state;
    for (size_t n = 1; n <= 300; n += n < 40 ? 1 : 37) {
        struct buf b = keys_text(n, "\"key%zu\":0");
        assert_int_equal(json_scan(b.data, b.len, NULL, &root, &e), 0);
        for (size_t i = 0; i < n; i++) {
            size_t len = b.len;
            b.len--;
            size_t at = b.len + 1;
            buf_printf(&b, i % 2 ? ",\"key%zu\":0}" : ",\"\\u006Bey%zu\":0}", i);
            assert_int_equal(json_scan(b.data, b.len, NULL, &root, &e), MG_E_INVALID);
            char where[80];
            snprintf(where, sizeof where, "offset %zu: a key that the object already has", at);
            assert_string_equal(e.text, where);
            b.len = len - 1;
            buf_putc(&b, '}');
        }
        buf_fini(&b);
    }
}

/* Objects with many keys inside such objects, in front of, between and behind the outer one's keys:
 * the table of the inner ones must leave the outer one's as it was. */
static void test_many_keys_nested(void **state)
{
    struct buf inner = keys_text(50, "\"key%zu\":0"), b = { 0 };
    struct json_text root;
    struct err e;

    (void)state;
    buf_putc(&b, '{');
    for (int i = 0; i < 200; i++) {
        buf_printf(&b, "%s\"key%d\":", i ? "," : "", i);
        if (i % 3 == 0)
            buf_append(&b, inner.data, inner.len);
        else
            buf_printf(&b, "[{\"key%d\":{\"key%d\":1}}]", i, i);
    }
    assert_true(buf_ok(&b));
    size_t len = b.len;
    buf_putc(&b, '}');
    assert_int_equal(json_scan(b.data, b.len, NULL, &root, &e), 0);
    for (int i = 0; i < 200; i++) {
        b.len = len;
        buf_printf(&b, ",\"key%d\":0}", i);
        assert_int_equal(json_scan(b.data, b.len, NULL, &root, &e), MG_E_INVALID);
    }
    buf_fini(&b);
    buf_fini(&inner);
}

/* 100,000 keys in one object, and as many in objects of nine, take a time that grows with their
 * number and not with its square: 16 times the keys in less than 100 times the time. */
static void test_many_keys_stay_linear(void **state)
{
    int64_t best[2] = { INT64_MAX, INT64_MAX };
    size_t sizes[2] = { 6250, 100000 };
    struct json_text root;
    struct err e;

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct buf b = keys_text(sizes[k], "\"%zu\":{\"a\":1,\"b\":2}");
        for (int run = 0; run < 3; run++) {
            int64_t start = clock_mono_us();
            assert_int_equal(json_scan(b.data, b.len, NULL, &root, &e), 0);
            int64_t took = clock_mono_us() - start;
            best[k] = took < best[k] ? took : best[k];
        }
        buf_fini(&b);
    }
    if (best[1] > 100 * (best[0] + 200))
        fail_msg("%zu keys: %lld us, %zu keys: %lld us", sizes[0], (long long)best[0], sizes[1],
                 (long long)best[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_a_bomb_of_brackets),
        cmocka_unit_test(test_value_count),
        cmocka_unit_test(test_twice_among_many),
        cmocka_unit_test(test_many_keys_nested),
        cmocka_unit_test(test_many_keys_stay_linear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
