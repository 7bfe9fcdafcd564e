/* What the scanner lets in and what it keeps out, byte by byte. */
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
#define TEXT(s) s, sizeof(s) - 1

/* The text lies in a block of exactly its size, so that a sanitizer sees a byte read past its end.
 */
static int scan(const char *text, size_t len, const struct json_limits *limits,
                struct json_text *root, struct err *e)
{
    static char *copy;

    free(copy);
    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    int rc = json_scan(copy, len, limits, root, e);
    if (rc == 0) /* make the extent outlive the copy */
        root->p = text + (root->p - copy);
    return rc;
}

static const struct {
    const char *text;
    size_t len;
    enum json_type type;
} accepted[] = {
    { TEXT("null"), JSON_NULL },
    { TEXT("true"), JSON_TRUE },
    { TEXT("false"), JSON_FALSE },
    { TEXT("0"), JSON_NUMBER },
    { TEXT("-0"), JSON_NUMBER },
    { TEXT("-0.0"), JSON_NUMBER },
    { TEXT("123"), JSON_NUMBER },
    { TEXT("0.5"), JSON_NUMBER },
    { TEXT("0e1"), JSON_NUMBER },
    { TEXT("0e+1"), JSON_NUMBER },
    { TEXT("1E22"), JSON_NUMBER },
    { TEXT("1E-2"), JSON_NUMBER },
    { TEXT("1E+2"), JSON_NUMBER },
    { TEXT("123.456e78"), JSON_NUMBER },
    { TEXT("1.7976931348623157e308"), JSON_NUMBER },
    { TEXT("-1.7976931348623157e308"), JSON_NUMBER },
    { TEXT("1e-400"), JSON_NUMBER },
    { TEXT("0e999999999999"), JSON_NUMBER },
    { TEXT("5e-324"), JSON_NUMBER },
    { TEXT("18446744073709551616"), JSON_NUMBER },
    { TEXT("123456789012345678901234567890123456789012345678901234567890123"), JSON_NUMBER },
    { TEXT("\"\""), JSON_STRING },
    { TEXT("\"a\""), JSON_STRING },
    { TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSON_STRING },
    { TEXT("\"\\u0001\\u0060\\u012a\\u12AB\""), JSON_STRING },
    { TEXT("\"\\uD801\\uDC37\""), JSON_STRING },
    { TEXT("\"\\ud83d\\ude39\\ud83d\\udc8d\""), JSON_STRING },
    { TEXT("\"\\uDBFF\\uDFFF\""), JSON_STRING },
    { TEXT("\"\\uFFFF\""), JSON_STRING },
    { TEXT("\"\\\\u0000\""), JSON_STRING },
    { TEXT("\"\x7f\""), JSON_STRING },
    { TEXT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\xb9\""), JSON_STRING },
    { TEXT("\"\xf4\x8f\xbf\xbf\""), JSON_STRING },
    { TEXT("\"\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\""), JSON_STRING },
    { TEXT("\"/*\""), JSON_STRING },
    { TEXT("[]"), JSON_ARRAY },
    { TEXT("[ ]"), JSON_ARRAY },
    { TEXT("[1,null,\"a\",true,false,{},[]]"), JSON_ARRAY },
    { TEXT(" [1] "), JSON_ARRAY },
    { TEXT("\t\r\n [ 1 , 2 ] \n"), JSON_ARRAY },
    { TEXT("{}"), JSON_OBJECT },
    { TEXT("{ }"), JSON_OBJECT },
    { TEXT("{\"a\":1}"), JSON_OBJECT },
    { TEXT("{\"\":0}"), JSON_OBJECT },
    { TEXT("{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}}"), JSON_OBJECT },
    { TEXT("{ \"a\" : 1 , \"b\" : 2 }"), JSON_OBJECT },
    { TEXT("{\"a\":1,\"A\":2,\"\\u0061b\":3,\"ba\":4}"), JSON_OBJECT },
};

static void test_accepted(void **state)
{
    struct json_text root;
    struct err e;

    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        e.text[0] = '\0';
        if (scan(accepted[i].text, accepted[i].len, NULL, &root, &e) != 0)
            fail_msg("refused %s: %s", accepted[i].text, e.text);
        assert_int_equal(root.type, accepted[i].type);
    }
}

/* code 0 stands for MG_E_INVALID */
static const struct {
    const char *text;
    size_t len;
    size_t offset;
    int code;
} refused[] = {
    { TEXT(""), 0, 0 },
    { TEXT(" "), 1, 0 },
    { TEXT("\n\t"), 2, 0 },
    { TEXT("\xef\xbb\xbf{}"), 0, 0 },
    { TEXT("\xef\xbb\xbf"), 0, 0 },
    { TEXT("\xff\xfe[\0]\0"), 0, 0 },
    { TEXT("\0"), 0, 0 },
    { TEXT("{}\0"), 2, 0 },
    { TEXT("nul"), 0, 0 },
    { TEXT("Null"), 0, 0 },
    { TEXT("nulll"), 4, 0 },
    { TEXT("tru"), 0, 0 },
    { TEXT("fals"), 0, 0 },
    { TEXT("TRUE"), 0, 0 },
    { TEXT("NaN"), 0, 0 },
    { TEXT("-NaN"), 1, 0 },
    { TEXT("Infinity"), 0, 0 },
    { TEXT("-Infinity"), 1, 0 },
    { TEXT("undefined"), 0, 0 },
    { TEXT("'a'"), 0, 0 },
    { TEXT("a"), 0, 0 },
    /* numbers */
    { TEXT("-"), 1, 0 },
    { TEXT("+1"), 0, 0 },
    { TEXT("--1"), 1, 0 },
    { TEXT("01"), 0, 0 },
    { TEXT("-01"), 1, 0 },
    { TEXT("00"), 0, 0 },
    { TEXT("1."), 2, 0 },
    { TEXT("1.e1"), 2, 0 },
    { TEXT(".5"), 0, 0 },
    { TEXT("-.5"), 1, 0 },
    { TEXT("1e"), 2, 0 },
    { TEXT("1e+"), 3, 0 },
    { TEXT("1eE2"), 2, 0 },
    { TEXT("1e1.5"), 3, 0 },
    { TEXT("1.2.3"), 3, 0 },
    { TEXT("1a"), 1, 0 },
    { TEXT("0x1F"), 1, 0 },
    { TEXT("1_000"), 1, 0 },
    { TEXT("1 000"), 2, 0 },
    { TEXT("1\xef\xbc\x91"), 1, 0 },
    { TEXT("1e400"), 0, 0 },
    { TEXT("-1e400"), 0, 0 },
    { TEXT("1.7976931348623159e308"), 0, 0 },
    { TEXT("1e99999999999999999999"), 0, 0 },
    { TEXT("[1,1e309]"), 3, 0 },
    { TEXT("1234567890123456789012345678901234567890123456789012345678901234"), 0, MG_E_LIMIT },
    { TEXT("0.00000000000000000000000000000000000000000000000000000000000001"), 0, MG_E_LIMIT },
    /* strings */
    { TEXT("\""), 1, 0 },
    { TEXT("\"a"), 2, 0 },
    { TEXT("\"\\\""), 3, 0 },
    { TEXT("\"\\"), 2, 0 },
    { TEXT("\"a\0b\""), 2, 0 },
    { TEXT("\"\n\""), 1, 0 },
    { TEXT("\"\t\""), 1, 0 },
    { TEXT("\"abcdefgh\x1f\""), 9, 0 },
    { TEXT("\"\\a\""), 1, 0 },
    { TEXT("\"\\x41\""), 1, 0 },
    { TEXT("\"\\'\""), 1, 0 },
    { TEXT("\"\\0\""), 1, 0 },
    { TEXT("\"\\\0\""), 1, 0 },
    { TEXT("\"\\\n\""), 1, 0 },
    { TEXT("\"\\U0041\""), 1, 0 },
    { TEXT("\"\\u\""), 1, 0 },
    { TEXT("\"\\u1\""), 1, 0 },
    { TEXT("\"\\u12\""), 1, 0 },
    { TEXT("\"\\u123\""), 1, 0 },
    { TEXT("\"\\u123g\""), 1, 0 },
    { TEXT("\"\\u 041\""), 1, 0 },
    { TEXT("\"\\u-041\""), 1, 0 },
    { TEXT("\"\\u00"), 1, 0 },
    { TEXT("\"\\u0000\""), 1, 0 },
    { TEXT("\"a\\u0000b\""), 2, 0 },
    { TEXT("\"\\uD800\""), 1, 0 },
    { TEXT("\"\\uDBFFx\""), 1, 0 },
    { TEXT("\"\\uDC00\""), 1, 0 },
    { TEXT("\"\\uDFFF\\uD800\""), 1, 0 },
    { TEXT("\"\\uD800\\n\""), 1, 0 },
    { TEXT("\"\\uD800\\uD800\""), 1, 0 },
    { TEXT("\"\\uD800\\u0041\""), 1, 0 },
    { TEXT("\"\\uD800\\uE000\""), 1, 0 },
    { TEXT("\"\\uD800\\uDC0\""), 1, 0 },
    { TEXT("\"\\uD800\\u"), 1, 0 },
    { TEXT("\"\x80\""), 1, 0 },
    { TEXT("\"\xbf\""), 1, 0 },
    { TEXT("\"\xc0\xaf\""), 1, 0 },
    { TEXT("\"\xc1\xbf\""), 1, 0 },
    { TEXT("\"\xc3\""), 1, 0 },
    { TEXT("\"\xc3("), 1, 0 },
    { TEXT("\"\xe2\x82\""), 1, 0 },
    { TEXT("\"\xe0\x80\xaf\""), 1, 0 },
    { TEXT("\"\xed\xa0\x80\""), 1, 0 },
    { TEXT("\"\xed\xbf\xbf\""), 1, 0 },
    { TEXT("\"\xf0\x80\x80\xaf\""), 1, 0 },
    { TEXT("\"\xf4\x90\x80\x80\""), 1, 0 },
    { TEXT("\"\xf5\x80\x80\x80\""), 1, 0 },
    { TEXT("\"\xf8\x88\x80\x80\x80\""), 1, 0 },
    { TEXT("\"\xfe\""), 1, 0 },
    { TEXT("\"\xff\""), 1, 0 },
    { TEXT("\"\xe9t\xe9\""), 1, 0 },
    { TEXT("\"\xf0\x9f\x98"), 1, 0 },
    { TEXT("\"a\" \"b\""), 4, 0 },
    /* arrays */
    { TEXT("["), 1, 0 },
    { TEXT("]"), 0, 0 },
    { TEXT("[1"), 2, 0 },
    { TEXT("[1,"), 3, 0 },
    { TEXT("[1,]"), 3, 0 },
    { TEXT("[,1]"), 1, 0 },
    { TEXT("[,]"), 1, 0 },
    { TEXT("[1,,2]"), 3, 0 },
    { TEXT("[1 2]"), 3, 0 },
    { TEXT("[1:2]"), 2, 0 },
    { TEXT("[1}"), 2, 0 },
    { TEXT("[1]]"), 3, 0 },
    { TEXT("[\"a\"b]"), 4, 0 },
    { TEXT("[3[4]]"), 2, 0 },
    { TEXT("[][]"), 2, 0 },
    { TEXT("[\x0b]"), 1, 0 },
    { TEXT("[\x0c]"), 1, 0 },
    { TEXT("[\xc2\xa0]"), 1, 0 },
    { TEXT("[\xe2\x81\xa0]"), 1, 0 },
    /* objects */
    { TEXT("{"), 1, 0 },
    { TEXT("}"), 0, 0 },
    { TEXT("{\""), 2, 0 },
    { TEXT("{\"a\""), 4, 0 },
    { TEXT("{\"a\":"), 5, 0 },
    { TEXT("{\"a\":1"), 6, 0 },
    { TEXT("{\"a\":1,"), 7, 0 },
    { TEXT("{\"a\":1,}"), 7, 0 },
    { TEXT("{,\"a\":1}"), 1, 0 },
    { TEXT("{\"a\":1,,\"b\":2}"), 7, 0 },
    { TEXT("{\"a\" 1}"), 5, 0 },
    { TEXT("{\"a\"::1}"), 5, 0 },
    { TEXT("{\"a\",1}"), 4, 0 },
    { TEXT("{\"a\":1]"), 6, 0 },
    { TEXT("{\"a\":1 \"b\":2}"), 7, 0 },
    { TEXT("{a:1}"), 1, 0 },
    { TEXT("{'a':1}"), 1, 0 },
    { TEXT("{1:1}"), 1, 0 },
    { TEXT("{null:1}"), 1, 0 },
    { TEXT("{\"a\"}"), 4, 0 },
    { TEXT("{\"a\":\"b\"}#"), 9, 0 },
    { TEXT("{\"a\":1}}"), 7, 0 },
    { TEXT("{\"a\":/**/1}"), 5, 0 },
    { TEXT("{\"a\":1}//"), 7, 0 },
    { TEXT("{[1]:1}"), 1, 0 },
    { TEXT("{\"\\uD800\":1}"), 2, 0 },
    { TEXT("{\"\xff\":1}"), 2, 0 },
    { TEXT("{\"a\\u0000\":1}"), 3, 0 },
    /* a key twice, however it is written */
    { TEXT("{\"a\":1,\"a\":1}"), 7, 0 },
    { TEXT("{\"\":1,\"\":2}"), 6, 0 },
    { TEXT("{\"a\":1,\"\\u0061\":1}"), 7, 0 },
    { TEXT("{\"\\u0061\":1,\"a\":1}"), 12, 0 },
    { TEXT("{\"\\u0061\":1,\"\\u0061\":1}"), 12, 0 },
    { TEXT("{\"/\":1,\"\\/\":1}"), 7, 0 },
    { TEXT("{\"\\ud83d\\ude39\":1,\"\xf0\x9f\x98\xb9\":1}"), 18, 0 },
    { TEXT("{\"a\":{\"b\":1},\"c\":{\"d\":2},\"a\":3}"), 25, 0 },
    { TEXT("[{\"a\":1},{\"b\":1,\"b\":2}]"), 16, 0 },
    { TEXT("{\"x\":{\"y\":{\"z\":1,\"z\":1}}}"), 17, 0 },
};

static void test_refused(void **state)
{
    struct json_text root;

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct err e = { 0 };
        char where[40];
        int want = refused[i].code ? refused[i].code : MG_E_INVALID;
        int rc = scan(refused[i].text, refused[i].len, NULL, &root, &e);
        snprintf(where, sizeof where, "offset %zu: ", refused[i].offset);
        if (rc != want || e.code != want || strncmp(e.text, where, strlen(where)) != 0)
            fail_msg("'%s': rc %d, %s", refused[i].text, rc, e.text);
        /* The text of an error is optional. */
        assert_int_equal(scan(refused[i].text, refused[i].len, NULL, &root, NULL), want);
    }
}

/* Every proper beginning of a valid text is refused, and so is every text with one more byte. */
static void test_cut_everywhere(void **state)
{
    static const char text[] =
        "{\"a\\u00e9\":[1.5e3,true,false,null,\"\xe2\x82\xac\\n\"],\"b\":{}}";
    struct json_text root;
    struct err e;

    (void)state;
    assert_int_equal(scan(text, sizeof text - 1, NULL, &root, &e), 0);
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(scan(text, n, NULL, &root, &e), MG_E_INVALID);
    assert_int_equal(scan(text, sizeof text, NULL, &root, &e), MG_E_INVALID);
}

/* Every byte value at every place of the eight-byte steps of the inner loop. */
static void test_every_byte(void **state)
{
    char text[40];
    struct json_text root;
    struct err e;

    (void)state;
    for (size_t at = 1; at < 34; at++) {
        for (int c = 0; c < 256; c++) {
            memset(text, 'x', sizeof text);
            text[0] = text[35] = '"';
            text[at] = (char)c;
            bool ok = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            if ((scan(text, 36, NULL, &root, &e) == 0) != ok)
                fail_msg("byte %d at %zu", c, at);
        }
    }
}

static void test_root(void **state)
{
    struct json_text root = { 0 };
    const char *text = " \r\n {\"a\": 1 } \t";
    struct err e;

    (void)state;
    assert_int_equal(json_scan(text, strlen(text), NULL, &root, &e), 0);
    assert_ptr_equal(root.p, text + 4);
    assert_int_equal(root.len, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
