/* The buffer, also at its limit and without memory; error texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/failing.h"

#include "base/buf.c"

#include "base/utf8.h"

static void test_appends(void **state)
{
    struct buf b = { 0 };

    (void)state;
    assert_true(buf_ok(&b));
    buf_append(&b, NULL, 0);
    assert_null(b.data);
    buf_str(&b, "hello");
    buf_putc(&b, ' ');
    buf_printf(&b, "%d %s", 42, "worlds");
    buf_append(&b, "\0x", 2);
    assert_int_equal(b.len, 17);
    assert_memory_equal(b.data, "hello 42 worlds\0x", 17);
    buf_consume(&b, 6);
    assert_int_equal(b.len, 11);
    assert_memory_equal(b.data, "42 worlds\0x", 11);
    buf_consume(&b, 0);
    assert_int_equal(b.len, 11);
    buf_consume(&b, 100);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
    assert_null(b.data);
    buf_fini(&b);
}

static void test_grows(void **state)
{
    struct buf b = { 0 };
    char piece[1000];

    (void)state;
    memset(piece, 'p', sizeof piece);
    for (int i = 0; i < 1000; i++) {
        buf_putc(&b, 'c');
        buf_append(&b, piece, (size_t)i);
        buf_printf(&b, "%.*s", i, piece);
    }
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 1000 + 2 * 499500);
    assert_int_equal(strlen(buf_cstr(&b)), b.len);
    buf_fini(&b);
}

static void test_printf_at_every_size(void **state)
{
    char want[300];

    (void)state;
    memset(want, 'x', sizeof want - 1);
    want[sizeof want - 1] = '\0';
    for (size_t n = 0; n < sizeof want; n++) {
        struct buf b = { 0 };
        buf_printf(&b, "%.*s", (int)n, want);
        assert_int_equal(b.len, n);
        assert_int_equal(strlen(buf_cstr(&b)), n);
        buf_fini(&b);
    }
}

/* At the limit everything fits; one byte more fails and changes nothing, for good. */
static void test_max(void **state)
{
    (void)state;
    for (size_t max = 1; max < 200; max++) {
        struct buf b = { .max = max };
        for (size_t i = 0; i < max; i++)
            buf_putc(&b, 'x');
        assert_true(buf_ok(&b));
        assert_int_equal(strlen(buf_cstr(&b)), max);
        if (max % 3 == 0)
            buf_putc(&b, 'y');
        else if (max % 3 == 1)
            buf_str(&b, "y");
        else
            buf_printf(&b, "%s", "y");
        assert_false(buf_ok(&b));
        assert_true(b.is_over);
        assert_int_equal(b.len, max);
        b.len--; /* even though there is room again */
        buf_putc(&b, 'z');
        buf_str(&b, "z");
        buf_printf(&b, "z");
        buf_reserve(&b, 1);
        assert_int_equal(b.len, max - 1);
        assert_null(buf_cstr(&b));
        buf_clear(&b);
        assert_true(buf_ok(&b));
        assert_false(b.is_over);
        buf_putc(&b, 'a');
        assert_string_equal(buf_cstr(&b), "a");
        buf_fini(&b);
        assert_int_equal(b.max, max);
    }
}

static void test_absurd_sizes(void **state)
{
    struct buf b = { 0 };

    (void)state;
    buf_str(&b, "x");
    buf_reserve(&b, SIZE_MAX);
    assert_false(buf_ok(&b));
    buf_clear(&b);
    failing_after = 0; /* the request is made; no machine grants it */
    buf_reserve(&b, SIZE_MAX / 2 - 1);
    assert_false(buf_ok(&b));
    assert_false(b.is_over);
    failing_after = -1;
    buf_fini(&b);
}

static void test_take(void **state)
{
    struct buf b = { 0 };
    size_t len = 99;
    char *text;

    (void)state;
    text = buf_take(&b, &len);
    assert_string_equal(text, "");
    assert_int_equal(len, 0);
    free(text);
    buf_str(&b, "abc");
    text = buf_take(&b, NULL);
    assert_string_equal(text, "abc");
    free(text);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    b.max = 2;
    buf_str(&b, "abc");
    assert_null(buf_take(&b, &len));
    assert_true(buf_ok(&b));
    buf_fini(&b);
}

static void test_no_memory(void **state)
{
    struct buf b = { 0 };

    (void)state;
    failing_after = 0;
    buf_str(&b, "abc");
    assert_false(buf_ok(&b));
    assert_null(buf_cstr(&b));
    assert_null(buf_take(&b, NULL));
    buf_printf(&b, "%d", 1);
    assert_false(buf_ok(&b));
    buf_fini(&b);

    failing_after = 1;
    buf_str(&b, "kept");
    char filler[500] = { 0 };
    buf_append(&b, filler, sizeof filler);
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "kept", 4);
    failing_after = -1;
    buf_str(&b, "x");
    assert_int_equal(b.len, 4);
    buf_fini(&b);
}

static void test_errors(void **state)
{
    struct err e;
    char longer[2000];

    (void)state;
    assert_int_equal(err_set(NULL, MG_E_IO, "x"), MG_E_IO);
    assert_int_equal(err_prefix(NULL, "x"), MG_E_INVALID);
    assert_int_equal(err_set(&e, MG_E_LIMIT, "at most %d", 7), MG_E_LIMIT);
    assert_string_equal(e.text, "at most 7");
    assert_int_equal(err_prefix(&e, "mcp.ini:%d", 3), MG_E_LIMIT);
    assert_string_equal(e.text, "mcp.ini:3: at most 7");
    assert_int_equal(err_set(&e, MG_E_IO, "again: %s", e.text), MG_E_IO);
    assert_string_equal(e.text, "again: mcp.ini:3: at most 7");
    err_set(&e, MG_E_IO, "two\nlines\r\n");
    assert_string_equal(e.text, "two lines");
    /* Cut where a character ends. */
    for (size_t i = 0; i + 3 < sizeof longer; i += 3)
        memcpy(longer + i, "\xe2\x82\xac", 4);
    for (int shift = 0; shift < 3; shift++) {
        err_set(&e, MG_E_IO, "%.*s%s", shift, "xyz", longer);
        assert_in_range(strlen(e.text), sizeof e.text - 4, sizeof e.text - 1);
        assert_int_equal(utf8_valid(e.text, strlen(e.text)), strlen(e.text));
    }
    err_prefix(&e, "prefix");
    assert_memory_equal(e.text, "prefix: ", 8);
    assert_int_equal(utf8_valid(e.text, strlen(e.text)), strlen(e.text));
    for (int code = MG_E_UNSURE; code <= 0; code++)
        assert_string_not_equal(err_word(code), "UNKNOWN");
    assert_string_equal(err_word(MG_E_NOTFOUND), "NOTFOUND");
    assert_string_equal(err_word(1), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_printf_at_every_size),
        cmocka_unit_test(test_max),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
