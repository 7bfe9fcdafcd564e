/* Numbers, durations, sizes, booleans, lists, globs and name distances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_uint(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        int rc;
        uint64_t want;
    } cases[] = {
        { "0", 10, 0, 0 },
        { "007", 10, 0, 7 },
        { "10", 10, 0, 10 },
        { "11", 10, MG_E_LIMIT, 0 },
        { "100", 10, MG_E_LIMIT, 0 },
        { "5", 4, MG_E_LIMIT, 0 },
        { "0", 0, 0, 0 },
        { "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
        { "18446744073709551616", UINT64_MAX, MG_E_LIMIT, 0 },
        { "99999999999999999999999", UINT64_MAX, MG_E_LIMIT, 0 },
        { "", 10, MG_E_INVALID, 0 },
        { "-1", 10, MG_E_INVALID, 0 },
        { "+1", 10, MG_E_INVALID, 0 },
        { " 1", 10, MG_E_INVALID, 0 },
        { "1 ", 10, MG_E_INVALID, 0 },
        { "1x", 10, MG_E_INVALID, 0 },
        { "0x1", 10, MG_E_INVALID, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t v = 12345;
        int rc = parse_uint(cases[i].text, cases[i].max, &v);
        if (rc != cases[i].rc || (rc == 0 && v != cases[i].want) || (rc < 0 && v != 12345))
            fail_msg("%s: rc %d value %llu", cases[i].text, rc, (unsigned long long)v);
    }
}

static void test_duration(void **state)
{
    static const struct {
        const char *text;
        int rc;
        int64_t ms;
    } cases[] = {
        { "0", 0, 0 },
        { "5", 0, 5000 },
        { "1.5s", 0, 1500 },
        { "1.5", 0, 1500 },
        { "250ms", 0, 250 },
        { "30s", 0, 30000 },
        { "5m", 0, 300000 },
        { "2h", 0, 7200000 },
        { "7d", 0, 604800000 },
        { "0.25d", 0, 21600000 },
        { "0.001", 0, 1 },
        { "0.0005", 0, 1 },
        { "0.0004", MG_E_LIMIT, 0 },
        { "0.0", 0, 0 },
        { "1.999999999s", 0, 2000 },
        { "1.9999999999s", MG_E_LIMIT, 0 },
        { "106751991166d", 0, INT64_C(9223372036742400000) },
        { "106751991168d", MG_E_LIMIT, 0 },
        { "9223372036854775807ms", MG_E_LIMIT, 0 },
        { "9223372036854775806ms", 0, INT64_C(9223372036854775806) },
        { "9223372036854775808ms", MG_E_LIMIT, 0 },
        { "", MG_E_INVALID, 0 },
        { "s", MG_E_INVALID, 0 },
        { ".5", MG_E_INVALID, 0 },
        { "5.", MG_E_INVALID, 0 },
        { "5.s", MG_E_INVALID, 0 },
        { "-5s", MG_E_INVALID, 0 },
        { "5 s", MG_E_INVALID, 0 },
        { "5S", MG_E_INVALID, 0 },
        { "5sec", MG_E_INVALID, 0 },
        { "1e3", MG_E_INVALID, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -7;
        int rc = parse_duration(cases[i].text, &ms);
        if (rc != cases[i].rc || ms != (rc ? -7 : cases[i].ms))
            fail_msg("%s: rc %d value %lld", cases[i].text, rc, (long long)ms);
    }
}

static void test_size(void **state)
{
    static const struct {
        const char *text;
        int rc;
        uint64_t bytes;
    } cases[] = {
        { "0", 0, 0 },
        { "512", 0, 512 },
        { "512K", 0, 524288 },
        { "8M", 0, 8388608 },
        { "8m", 0, 8388608 },
        { "1G", 0, 1073741824 },
        { "17179869183G", 0, UINT64_C(18446744072635809792) },
        { "17179869184G", MG_E_LIMIT, 0 },
        { "", MG_E_INVALID, 0 },
        { "K", MG_E_INVALID, 0 },
        { "1KB", MG_E_INVALID, 0 },
        { "1.5M", MG_E_INVALID, 0 },
        { "1 M", MG_E_INVALID, 0 },
        { "1T", MG_E_INVALID, 0 },
        { "-1", MG_E_INVALID, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t v = 77;
        int rc = parse_size(cases[i].text, &v);
        if (rc != cases[i].rc || v != (rc ? 77 : cases[i].bytes))
            fail_msg("%s: rc %d value %llu", cases[i].text, rc, (unsigned long long)v);
    }
}

static void test_bool(void **state)
{
    static const char *const yes[] = { "yes", "YES", "true", "True", "on", "1" };
    static const char *const no[] = { "no", "No", "false", "off", "0" };
    static const char *const bad[] = { "", "y", "n", "2", "yes ", " no", "enable" };
    bool v;

    (void)state;
    for (size_t i = 0; i < COUNT(yes); i++) {
        v = false;
        assert_int_equal(parse_bool(yes[i], &v), 0);
        assert_true(v);
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        v = true;
        assert_int_equal(parse_bool(no[i], &v), 0);
        assert_false(v);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(parse_bool(bad[i], &v), MG_E_INVALID);
}

static void test_glob(void **state)
{
    static const struct {
        const char *glob, *s;
        bool want;
    } cases[] = {
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "*", "anything", true },
        { "**", "x", true },
        { "?", "", false },
        { "?", "a", true },
        { "a*c", "abbbc", true },
        { "a*c", "ac", true },
        { "a*c", "acb", false },
        { "a*c*d", "acbcd", true },
        { "*_file", "write_file", true },
        { "*_file", "write_files", false },
        { "get_*", "get_", true },
        { "get_*", "Get_x", false },
        { "a?c", "abc", true },
        { "a?c", "ac", false },
        { "[ab]", "a", false },
        { "[ab]", "[ab]", true },
        { "*a*b*c*", "xxaxxbxxc", true },
        { "*a*b*c*", "xxcxxbxxa", false },
        { "abc", "ab", false },
        { "ab", "abc", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (glob_match(cases[i].glob, cases[i].s, strlen(cases[i].s)) != cases[i].want)
            fail_msg("glob '%s' on '%s'", cases[i].glob, cases[i].s);
    /* The length decides, not a NUL. */
    assert_true(glob_match("ab", "abcd", 2));
    assert_true(glob_match("a*d", "a\0cd", 4));
    assert_false(glob_match("a", "a\0", 2));
}

/* What makes a backtracking matcher take for ever must stay a product of the two lengths. */
static void test_glob_is_not_a_bomb(void **state)
{
    char s[4096], glob[256];

    (void)state;
    memset(s, 'a', sizeof s);
    for (size_t i = 0; i < sizeof glob - 2; i += 2)
        memcpy(glob + i, "*a", 2);
    memcpy(glob + sizeof glob - 2, "b", 2);
    int64_t start = clock_mono_ms();
    assert_false(glob_match(glob, s, sizeof s));
    assert_true(clock_mono_ms() - start < 1000);
}

static void test_list(void **state)
{
    const char *list = " a, b\t,,c d ,, ,last";
    static const char *const want[] = { "a", "b", "c d", "last" };
    const char *item;
    size_t len, n = 0;

    (void)state;
    while ((item = list_next(&list, &len)) != NULL) {
        assert_true(n < COUNT(want));
        assert_int_equal(len, strlen(want[n]));
        assert_memory_equal(item, want[n], len);
        n++;
    }
    assert_int_equal(n, COUNT(want));
    assert_null(list_next(&list, &len));
    list = " , ,\t";
    assert_null(list_next(&list, &len));
    list = "";
    assert_null(list_next(&list, &len));
}

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned want;
    } cases[] = {
        { "", "", 0 },
        { "", "abc", 3 },
        { "abc", "", 3 },
        { "port", "port", 0 },
        { "prot", "port", 1 },
        { "pot", "port", 1 },
        { "ports", "port", 1 },
        { "sort", "port", 1 },
        { "kitten", "sitting", 3 },
        { "max_body", "max_bdoy", 1 },
        { "ab", "ba", 1 },
        { "abcd", "badc", 2 },
    };
    char longer[200];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(edit_distance(cases[i].a, cases[i].b), cases[i].want);
        assert_int_equal(edit_distance(cases[i].b, cases[i].a), cases[i].want);
    }
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(edit_distance(longer, ""), 63);
    assert_int_equal(edit_distance(longer, longer + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uint), cmocka_unit_test(test_duration),
        cmocka_unit_test(test_size), cmocka_unit_test(test_bool),
        cmocka_unit_test(test_glob), cmocka_unit_test(test_glob_is_not_a_bomb),
        cmocka_unit_test(test_list), cmocka_unit_test(test_distance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
