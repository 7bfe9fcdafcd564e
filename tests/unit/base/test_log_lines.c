/* Lines as they come out: their form, and what they cannot be made to contain. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/log_fixture.h"
#include "base/utf8.h"

static void every_field(void)
{
    struct log_line l;

    log_begin(&l, LOG_WARN, "all \"fields\"");
    log_str(&l, "s", "a b");
    log_str(&l, "none", NULL);
    log_str_n(&l, "n", "abcdef", 3);
    log_str(&l, "word", "plain/word");
    log_str(&l, "empty", "");
    log_int(&l, "i", INT64_MIN);
    log_int(&l, "zero", 0);
    log_double(&l, "d", 1.2345);
    log_double(&l, "small", -0.0004);
    log_double(&l, "big", 1e300);
    log_double(&l, "nan", NAN);
    log_bool(&l, "yes", true);
    log_raw(&l, "raw", "{\"a\":[1]}", 9);
    log_end(&l);
}

static void test_json(void **state)
{
    struct buf out;

    (void)state;
    log_test_start(false, log_test_path);
    every_field();
    out = log_test_stop();
    assert_int_equal(log_test_lines(&out), 1);
    assert_memory_equal(out.data, "{\"ts\":\"20", 9);
    assert_string_equal(
        strstr(out.data, "\"level\""),
        "\"level\":\"warn\",\"msg\":\"all \\\"fields\\\"\",\"s\":\"a b\",\"n\":\"abc\","
        "\"word\":\"plain/word\",\"empty\":\"\",\"i\":-9223372036854775808,\"zero\":0,"
        "\"d\":1.235,\"small\":0.000,\"big\":1.0000000000000001e+300,\"nan\":null,\"yes\":true,"
        "\"raw\":{\"a\":[1]}}\n");
    buf_fini(&out);
}

static void test_text(void **state)
{
    struct buf out;

    (void)state;
    log_test_start(true, log_test_path);
    every_field();
    log_printf(LOG_INFO, "listening %d", 8766);
    out = log_test_stop();
    assert_string_equal(strchr(out.data + 11, ' ') + 1, strstr(out.data, "warn")); /* date, time,
                                                                                      then the level
                                                                                    */
    char *second = strchr(out.data, '\n') + 1;
    assert_int_equal(second[10], ' ');
    assert_string_equal(second + 23, " info  listening 8766\n");
    *second = '\0';
    assert_string_equal(strstr(out.data, "warn"),
                        "warn  all \\\"fields\\\" s=\"a b\" n=abc word=plain/word empty=\"\" "
                        "i=-9223372036854775808 zero=0 d=1.235 small=0.000 "
                        "big=1.0000000000000001e+300 nan=null yes=true raw={\"a\":[1]}\n");
    buf_fini(&out);
}

/* Neither a new line nor a terminal's control sequence nor broken UTF-8 gets through, in either
 * form, in whatever part of a line. */
static void test_nothing_gets_through(void **state)
{
    static const char evil[] = "a\nb\r\x1b[2J\x7f\t\"\\\xff\xc2\x9b"
                               "31m\xe2\x82\x01";

    (void)state;
    for (int text = 0; text < 2; text++) {
        struct log_line l;
        struct buf out;
        log_test_start(text, log_test_path);
        log_begin(&l, LOG_ERROR, evil);
        log_str_n(&l, "value", evil, sizeof evil - 1);
        log_raw(&l, evil, "\"key\"", 5);
        log_end(&l);
        log_printf(LOG_ERROR, "%s", evil);
        out = log_test_stop();
        size_t lines = 0;
        for (size_t i = 0; i < out.len; i++) {
            unsigned char c = (unsigned char)out.data[i];
            lines += c == '\n';
            assert_true(c >= ' ' || c == '\n');
            assert_false(c == 0xc2 && (unsigned char)out.data[i + 1] < 0xa0);
        }
        assert_int_equal(lines, 2);
        assert_int_equal(utf8_valid(out.data, out.len), out.len);
        if (!text)
            assert_int_equal(log_test_lines(&out), 2);
        buf_fini(&out);
    }
}

/* Texts of every length with a character that does not stand for itself at every place: looked
 * through in words that overlap, none is missed, and nothing behind the text is taken. */
static void test_every_length(void **state)
{
    struct log_line l;
    struct buf want = { 0 };

    (void)state;
    log_test_start(false, log_test_path);
    for (size_t len = 0; len <= 24; len++) {
        for (size_t at = 0; at <= len; at++) {
            char *text = malloc(len + 1); /* exact: it is read nowhere behind */
            assert_non_null(text);
            memset(text, 'a', len);
            log_begin(&l, LOG_INFO, "");
            if (at < len)
                text[at] = "\"\\\n"[at % 3];
            log_str_n(&l, "v", text, len);
            log_end(&l);
            buf_printf(&want, "%.*s%s%.*s\n", (int)at, "aaaaaaaaaaaaaaaaaaaaaaaa",
                       at == len     ? ""
                       : at % 3 == 0 ? "\\\""
                       : at % 3 == 1 ? "\\\\"
                                     : "\\n",
                       (int)(at < len ? len - at - 1 : 0), "aaaaaaaaaaaaaaaaaaaaaaaa");
            free(text);
        }
    }
    struct buf out = log_test_stop(), got = { 0 };
    for (char *line = out.data, *v; (v = strstr(line, "\"v\":\"")) != NULL;) {
        char *end = strstr(v, "\"}\n");
        assert_non_null(end);
        buf_append(&got, v + 5, (size_t)(end - v - 5));
        buf_putc(&got, '\n');
        line = end + 3;
    }
    assert_string_equal(buf_cstr(&got), buf_cstr(&want));
    buf_fini(&got);
    buf_fini(&want);
    buf_fini(&out);
}

static void test_redaction(void **state)
{
    (void)state;
    for (int text = 0; text < 2; text++) {
        struct log_line l;
        struct buf out;
        log_test_start(text, log_test_path);
        log_begin(&l, LOG_INFO, "x");
        log_str(&l, "secret", "hunter2");
        log_int(&l, "token", 12345678);
        log_raw(&l, "secret", "[\"hunter2\"]", 11);
        log_str(&l, "secrets", "shown");
        log_end(&l);
        out = log_test_stop();
        assert_null(strstr(out.data, "hunter2"));
        assert_null(strstr(out.data, "12345678"));
        assert_non_null(strstr(out.data, "***"));
        assert_non_null(strstr(out.data, "shown"));
        buf_fini(&out);
    }
}

static void test_levels(void **state)
{
    struct log_options o = { .level = LOG_WARN, .file = log_test_path };
    struct err e;

    (void)state;
    assert_int_equal(log_start(&o, &e), 0);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    assert_false(log_enabled(LOG_OFF));
    log_printf(LOG_INFO, "not this");
    log_printf(LOG_WARN, "this");
    log_printf(LOG_OFF, "nor this");
    o.level = LOG_OFF;
    assert_int_equal(log_configure(&o, &e), 0);
    log_printf(LOG_ERROR, "nor this");
    struct buf out = log_test_stop();
    assert_int_equal(log_test_lines(&out), 1);
    assert_non_null(strstr(out.data, "\"this\""));
    buf_fini(&out);
}

/* What does not fit is cut or left out, at every length around the limit, and the line says so. */
static void test_cut(void **state)
{
    static char value[2 * LOG_LINE_MAX];
    size_t whole = 0, n = 0;

    (void)state;
    log_test_start(false, log_test_path);
    for (size_t len = LOG_LINE_MAX - 300; len < LOG_LINE_MAX + 10; len++, n++) {
        struct log_line l;
        memset(value, 'v', len);
        if (len % 3 == 0)
            memcpy(value + len - 90, "\xe2\x82\xac\n\"\xff", 6);
        value[len] = '\0';
        log_begin(&l, LOG_INFO, "m");
        log_str(&l, "value", value);
        bool cut = l.cut;
        log_int(&l, "behind", 123456789);
        log_str(&l, "and", "behind");
        log_raw(&l, "raw", "[1]", 3);
        log_end(&l);
        if (n % 30 == 0)
            log_flush(); /* the ring holds 64 of them */
        whole += !cut;
    }
    log_printf(LOG_INFO, "%s", value); /* cut by formatting */
    for (int i = 0; i < 2; i++) {      /* the message alone fills the line, or the key does */
        struct log_line l;
        log_begin(&l, LOG_INFO, i ? value : "m");
        log_str(&l, value, "x");
        assert_true(l.cut);
        log_end(&l);
    }
    assert_in_range(whole, 1, n - 1);
    struct buf out = log_test_stop();
    assert_int_equal(log_test_lines(&out), n + 3);
    assert_non_null(strstr(out.data, "\"cut\":true}\n"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_nothing_gets_through),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_redaction),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, log_test_setup, log_test_teardown);
}
