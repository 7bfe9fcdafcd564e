/* Time as text, and what UTF-8 is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_iso(void **state)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 1, "1970-01-01T00:00:00.001Z" },
        { 999, "1970-01-01T00:00:00.999Z" },
        { 1000, "1970-01-01T00:00:01.000Z" },
        { INT64_C(1795419041220), "2026-11-23T07:30:41.220Z" },
        { INT64_C(1795419041999), "2026-11-23T07:30:41.999Z" },
        { INT64_C(1795419042000), "2026-11-23T07:30:42.000Z" },
        { INT64_C(951782399999), "2000-02-28T23:59:59.999Z" },
        { INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
        { INT64_C(253402300799999), "9999-12-31T23:59:59.999Z" },
        { INT64_MAX, "9999-12-31T23:59:59.807Z" },
        { -1, "1970-01-01T00:00:00.000Z" },
        { INT64_MIN, "1970-01-01T00:00:00.000Z" },
    };
    char out[CLOCK_ISO_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        clock_iso(out, cases[i].ms);
        assert_string_equal(out, cases[i].want);
    }
}

static void test_clocks(void **state)
{
    int64_t us = clock_mono_us(), ms = clock_mono_ms(), wall = clock_wall_ms();

    (void)state;
    assert_true(ms >= us / 1000 && ms < us / 1000 + 1000);
    assert_true(clock_mono_us() >= us);
    assert_int_equal(clock_ms_of(1234999), 1234);
    assert_true(wall > INT64_C(1700000000000));
}

static void test_fake_clock(void **state)
{
    (void)state;
    assert_false(clock_is_fake());
    clock_fake_start();
    int64_t us = clock_mono_us(), ms = clock_mono_ms(), wall = clock_wall_ms();
    while (clock_mono_us() < us + 3000)
        ;
    assert_true(clock_is_fake());
    assert_int_equal(clock_mono_ms(), ms);
    assert_int_equal(clock_wall_ms(), wall);
    clock_fake_advance(3600000);
    assert_int_equal(clock_mono_ms(), ms + 3600000);
    assert_int_equal(clock_ms_of(us), clock_mono_ms()); /* what is due follows the test's clock */
    assert_int_equal(clock_wall_ms(), wall + 3600000);
    assert_true(clock_mono_us() < us + INT64_C(3600000000)); /* what the machine does goes on */
    clock_fake_stop();
    assert_false(clock_is_fake());
    assert_true(clock_wall_ms() < wall + 3600000);
    assert_true(clock_mono_ms() >= ms);
}

static const struct {
    const char *s;
    size_t len, valid; /* valid: the offset of the first wrong byte, or len */
} texts[] = {
    { "", 0, 0 },
    { "plain ascii of more than one word", 33, 33 },
    { "a\0b", 3, 3 },
    { "\xc2\x80", 2, 2 },
    { "\xdf\xbf", 2, 2 },
    { "\xe0\xa0\x80", 3, 3 },
    { "\xed\x9f\xbf", 3, 3 },
    { "\xee\x80\x80", 3, 3 },
    { "\xef\xbf\xbf", 3, 3 },
    { "\xf0\x90\x80\x80", 4, 4 },
    { "\xf4\x8f\xbf\xbf", 4, 4 },
    { "\x80", 1, 0 },
    { "12345678\xbf", 9, 8 },
    { "\xc0\x80", 2, 0 },
    { "\xc1\xbf", 2, 0 },
    { "\xc2", 1, 0 },
    { "\xc2\x41", 2, 0 },
    { "\xc2\xc2", 2, 0 },
    { "\xe0\x9f\xbf", 3, 0 },
    { "\xe1\x80", 2, 0 },
    { "\xe1\x80\x41", 3, 0 },
    { "\xe1\x41\x80", 3, 0 },
    { "\xed\xa0\x80", 3, 0 },
    { "\xf0\x8f\xbf\xbf", 4, 0 },
    { "\xf1\x80\x80", 3, 0 },
    { "\xf1\x80\x80\x41", 4, 0 },
    { "\xf4\x90\x80\x80", 4, 0 },
    { "\xf5\x80\x80\x80", 4, 0 },
    { "\xff", 1, 0 },
    { "\xc3\xa9\xc3", 3, 2 },
};

static void test_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (utf8_valid(texts[i].s, texts[i].len) != texts[i].valid)
            fail_msg("text %zu: %zu", i, utf8_valid(texts[i].s, texts[i].len));
        if (texts[i].valid == 0 && texts[i].len > 0)
            assert_int_equal(utf8_sequence(texts[i].s, texts[i].len), 0);
    }
}

/* All code points, encoded by the definition, and nothing that is none. */
static void test_utf8_all(void **state)
{
    (void)state;
    for (unsigned c = 0x80; c <= 0x11ffff; c++) {
        char s[4];
        size_t n = 0;
        if (c < 0x800) {
            s[n++] = (char)(0xc0 | c >> 6);
        } else {
            if (c < 0x10000) {
                s[n++] = (char)(0xe0 | c >> 12);
            } else {
                s[n++] = (char)(0xf0 | c >> 18);
                s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            }
            s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        }
        s[n++] = (char)(0x80 | (c & 0x3f));
        bool ok = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        if (utf8_sequence(s, n) != (ok ? n : 0))
            fail_msg("U+%04X", c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_fake_clock),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
