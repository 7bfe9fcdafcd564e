/* What is written is JSON, on one line, and reads back equal. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_write.h"
#include "base/rand.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void check(struct buf *b, const char *want)
{
    struct json_text root;
    struct err e;

    assert_string_equal(buf_cstr(b), want);
    if (json_scan(b->data, b->len, NULL, &root, &e) != 0)
        fail_msg("%s: %s", want, e.text);
    buf_clear(b);
}

static void test_commas(void **state)
{
    struct buf b = { 0 };
    struct json_text none = { NULL, 0, JSON_NONE };

    (void)state;
    json_open(&b, '{');
    json_close(&b, '}');
    check(&b, "{}");
    json_open(&b, '[');
    json_close(&b, ']');
    check(&b, "[]");
    json_open(&b, '{');
    json_key(&b, "a");
    json_open(&b, '[');
    json_int(&b, 1);
    json_str(&b, "x");
    json_str(&b, "");
    json_str(&b, "[");
    json_null(&b);
    json_bool(&b, true);
    json_bool(&b, false);
    json_double(&b, 1.5);
    json_open(&b, '{');
    json_close(&b, '}');
    json_open(&b, '[');
    json_close(&b, ']');
    json_raw(&b, "{\"r\":1}", 7);
    json_raw_text(&b, none);
    json_compact(&b, "[ 1 ]", 5);
    json_close(&b, ']');
    json_key_n(&b, "b\n", 2);
    json_int(&b, 2);
    json_key_n(&b, "", 0);
    json_str(&b, ":");
    json_key(&b, "c");
    json_bool(&b, true);
    json_close(&b, '}');
    check(&b, "{\"a\":[1,\"x\",\"\",\"[\",null,true,false,1.5,{},[],{\"r\":1},null,[1]],"
              "\"b\\n\":2,\"\":\":\",\"c\":true}");
    buf_fini(&b);
}

/* A value may stand behind a label or in a line of its own. */
static void test_behind_other_text(void **state)
{
    struct buf b = { 0 };

    (void)state;
    buf_str(&b, "data: ");
    json_open(&b, '{');
    json_close(&b, '}');
    buf_str(&b, "\n");
    json_int(&b, 1);
    assert_string_equal(buf_cstr(&b), "data: {}\n1");
    buf_fini(&b);
}

static void test_ints(void **state)
{
    struct buf b = { 0 };

    (void)state;
    json_int(&b, 0);
    check(&b, "0");
    json_int(&b, -1);
    check(&b, "-1");
    json_int(&b, INT64_MAX);
    check(&b, "9223372036854775807");
    json_int(&b, INT64_MIN);
    check(&b, "-9223372036854775808");
    buf_fini(&b);
}

static void test_doubles(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        { 0.0, "0" },
        { -0.0, "-0" },
        { 3.0, "3" },
        { -3.0, "-3" },
        { 0.1, "0.1" },
        { 0.5, "0.5" },
        { 1.0 / 3, "0.3333333333333333" },
        { 9007199254740991.0, "9007199254740991" },
        { 9007199254740992.0, "9007199254740992" },
        { -9007199254740992.0, "-9007199254740992" },
        { 1e21, "1e+21" },
        { 1e-7, "1e-07" },
        { 1e300, "1e+300" },
        { 123456789.125, "123456789.125" },
        { DBL_MAX, "1.7976931348623157e+308" },
        { DBL_MIN, "2.2250738585072014e-308" },
        { 5e-324, "4.94065645841247e-324" },
        { NAN, "null" },
        { INFINITY, "null" },
        { -INFINITY, "null" },
    };
    struct buf b = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_double(&b, cases[i].v);
        check(&b, cases[i].want);
    }
    buf_fini(&b);
}

/* 20,000 random bit patterns read back as the very same bits. */
static void test_doubles_round_trip(void **state)
{
    struct buf b = { 0 };

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rand_u64();
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        buf_clear(&b);
        json_double(&b, v);
        back = strtod(buf_cstr(&b), NULL);
        assert_memory_equal(&back, &v, sizeof v);
    }
    buf_fini(&b);
}

static void test_strings(void **state)
{
    static const struct {
        const char *s;
        size_t len;
        const char *want;
    } cases[] = {
        { "", 0, "\"\"" },
        { "plain text of more than eight bytes", 35, "\"plain text of more than eight bytes\"" },
        { "a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"" },
        { "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x1f\x7f", 3, "\"\\u0001\\u001f\x7f\"" },
        { "\xc3\xa9\xf0\x9f\x98\xb9", 6, "\"\xc3\xa9\xf0\x9f\x98\xb9\"" },
        { "\xff", 1, "\"\xef\xbf\xbd\"" },
        { "a\xc3", 2, "\"a\xef\xbf\xbd\"" },
        { "\xed\xa0\x80x", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"" },
        { "12345678\n", 9, "\"12345678\\n\"" },
    };
    struct buf b = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_str_n(&b, cases[i].s, cases[i].len);
        check(&b, cases[i].want);
    }
    /* A NUL is written, though the scanner lets none in. */
    json_str_n(&b, "a\0b", 3);
    assert_string_equal(buf_cstr(&b), "\"a\\u0000b\"");
    buf_clear(&b);
    json_escape(&b, "a\"", 2);
    assert_string_equal(buf_cstr(&b), "a\\\"");
    buf_fini(&b);
}

/* Pieces of text, and what each is in a string. */
static const char *const pieces[][2] = {
    { "a", "a" },
    { "bcdefgh", "bcdefgh" },
    { "\"", "\\\"" },
    { "\\", "\\\\" },
    { "\n", "\\n" },
    { "\x01", "\\u0001" },
    { "\x7f", "\x7f" },
    { "\xc3\xa9", "\xc3\xa9" },
    { "\xf0\x9f\x98\xb9", "\xf0\x9f\x98\xb9" },
    { "\xff", "\xef\xbf\xbd" },
};

/* Any text, behind any other, with any room and any max: also one below the memory that an earlier
 * use has left. Nothing is read behind the text. */
static void test_any_room(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int i = 0; i < 4000; i++) {
        char text[64], want[256];
        size_t len = 0, want_len = 0;
        /* Each second text is nearly all plain, so that words of it are. */
        for (int n = rand_r(&seed) % 24; n > 0 && len < 48; n--) {
            unsigned r = (unsigned)rand_r(&seed);
            const char *const *piece = pieces[i % 2 && r / 16 % 8 ? r % 2 : r % COUNT(pieces)];
            memcpy(text + len, piece[0], strlen(piece[0]));
            memcpy(want + want_len, piece[1], strlen(piece[1]));
            len += strlen(piece[0]);
            want_len += strlen(piece[1]);
        }
        struct buf b = { .max = (size_t)rand_r(&seed) % (want_len + 8) + 1 };
        char *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact + 1, text, len); /* nor aligned */
        size_t max = b.max;
        b.max = i % 4 ? max : 0; /* memory of an earlier use, more than is allowed now */
        buf_reserve(&b, (size_t)rand_r(&seed) % (max + (i % 4 ? 1 : 64)));
        b.max = max;
        if (rand_r(&seed) % 2)
            buf_putc(&b, '-');
        size_t before = b.len;
        json_escape(&b, exact + 1, len);
        assert_int_equal(buf_ok(&b), before + want_len <= b.max);
        assert_true(b.len <= b.max && b.len - before <= want_len);
        if (want_len > 0 && b.data)
            assert_memory_equal(b.data + before, want, b.len - before);
        free(exact);
        /* A buffer that has failed takes nothing more. */
        size_t had = b.len;
        bool is_ok = buf_ok(&b);
        json_escape(&b, "x", 1);
        assert_true(is_ok || b.len == had);
        buf_fini(&b);
    }
}

static void test_compact(void **state)
{
    static const char text[] =
        " { \"a b\" : [ 1 ,\n2.5e1 ] ,\t\"c\\\" d\\\\\" : \"x  y\" , \"e\":{ } } \r\n";
    struct buf b = { 0 };

    (void)state;
    json_compact(&b, text, sizeof text - 1);
    check(&b, "{\"a b\":[1,2.5e1],\"c\\\" d\\\\\":\"x  y\",\"e\":{}}");
    json_compact(&b, "1", 1);
    check(&b, "1");
    buf_fini(&b);
}

/* A buffer that is full stays a beginning of what was to be written, and says so. */
static void test_full_buffer(void **state)
{
    (void)state;
    for (size_t max = 1; max < 40; max++) {
        struct buf b = { .max = max };
        static const char want[] = "{\"key\":[1,\"\\n\xef\xbf\xbd\",true],\"k\":0.25}";
        json_open(&b, '{');
        json_key(&b, "key");
        json_open(&b, '[');
        json_int(&b, 1);
        json_str_n(&b, "\n\xff", 2);
        json_bool(&b, true);
        json_close(&b, ']');
        json_key(&b, "k");
        json_double(&b, 0.25);
        json_close(&b, '}');
        assert_int_equal(buf_ok(&b), max >= sizeof want - 1);
        assert_true(b.len <= max);
        assert_memory_equal(b.data, want, b.len);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas),
        cmocka_unit_test(test_behind_other_text),
        cmocka_unit_test(test_ints),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_doubles_round_trip),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_any_room),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_full_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
