/* URI templates, read backwards: which values make this URI? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "base/buf.c"
#include "tools/uritemplate.c"
#include "tools/uritemplate_match.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct uritemplate *made(const char *text)
{
    struct err e = { 0 };
    struct uritemplate *t = uritemplate_new(text, &e);
    if (!t)
        fail_msg("%s: %s", text, e.text);
    return t;
}

static const struct {
    const char *text, *uri, *values; /* NULL: no match */
} cases[] = {
    { "", "", "{}" },
    { "", "a", NULL },
    { "test://a", "test://a", "{}" },
    { "test://a", "test://ab", NULL },
    { "test://a", "TEST://a", NULL },
    /* level 1 */
    { "test://template/{id}/data", "test://template/123/data", "{\"id\":\"123\"}" },
    { "test://template/{id}/data", "test://template//data", NULL },
    { "test://template/{id}/data", "test://template/a/b/data", NULL },
    { "test://template/{id}/data", "test://template/a%2Fb/data", "{\"id\":\"a/b\"}" },
    { "test://template/{id}/data", "test://template/1/data/", NULL },
    { "x:{a}", "x:%e4%b8%96", "{\"a\":\"\xe4\xb8\x96\"}" },
    { "x:{a}", "x:\xe4\xb8\x96", "{\"a\":\"\xe4\xb8\x96\"}" },
    { "x:{a}", "x:a%20\"b", "{\"a\":\"a \\\"b\"}" },
    { "x:{a}", "x:%2e%2E", "{\"a\":\"..\"}" },
    { "x:{a}{b}", "x:%c3%a9%C3%A9", "{\"a\":\"\xc3\xa9\",\"b\":\"\xc3\xa9\"}" },
    { "x:{a}{b}", "x:\xc3\xa9", NULL },
    { "x:{a}{b}", "x:\xe4%b8\x96z", "{\"a\":\"\xe4\xb8\x96\",\"b\":\"z\"}" },
    { "x:{a}{b}", "x:123", "{\"a\":\"12\",\"b\":\"3\"}" },
    { "x:{a}1", "x:%41", NULL },
    { "x:{a}1", "x:%411", "{\"a\":\"A\"}" },
    { "x:{a_.9}", "x:v", "{\"a_.9\":\"v\"}" },
    { "x:%25{a}", "x:%2541", "{\"a\":\"41\"}" },
    /* level 2 */
    { "repo:///{+path}", "repo:///docs/a.md", "{\"path\":\"docs/a.md\"}" },
    { "repo:///{+path}", "repo:///", "{\"path\":\"\"}" },
    { "repo:///{+path}", "repo:////etc/passwd", "{\"path\":\"/etc/passwd\"}" },
    { "repo:///{+path}", "repo:///a%20b%2Fc", "{\"path\":\"a b/c\"}" },
    { "repo:///{+path}", "repo:///a b", NULL },
    { "repo:///{+path}", "repo:///a%2", NULL },
    { "repo:///{+path}", "repo:///a%zz", NULL },
    { "repo:///{+path}", "repo:///a%", NULL },
    { "repo:///{+path}", "repo:///a%00b", NULL },
    { "repo:///{+path}", "repo:///a%ffb", NULL },
    { "repo:///{+path}", "repo:///%c0%ae", NULL },
    { "repo:///{+path}/raw", "repo:///a/raw/b/raw", "{\"path\":\"a/raw/b\"}" },
    { "repo:///{+path}/raw", "repo:///a/ra", NULL },
    { "{+scheme}:rest", "a:b:rest", "{\"scheme\":\"a:b\"}" },
    { "x:y{#frag}", "x:y#a/b", "{\"frag\":\"a/b\"}" },
    { "x:y{#frag}", "x:y", "{}" },
    /* level 3 */
    { "x:{a,b}", "x:1,2", "{\"a\":\"1\",\"b\":\"2\"}" },
    { "x:{a,b}", "x:1", "{\"a\":\"1\"}" },
    { "x:{a,b}", "x:1,2,3", NULL },
    { "x:{+a,b}", "x:/1,2/3,4", "{\"a\":\"/1\",\"b\":\"2/3,4\"}" },
    { "x:y{#a,b}", "x:y#1,2", "{\"a\":\"1\",\"b\":\"2\"}" },
    { "x:y{.a,b}", "x:y.1.2", "{\"a\":\"1\",\"b\":\"2\"}" },
    { "x:file{.ext}", "x:file.tar.gz", "{\"ext\":\"tar.gz\"}" },
    { "x:file{.ext}", "x:file", "{}" },
    { "x:y{/a,b}", "x:y/1/2", "{\"a\":\"1\",\"b\":\"2\"}" },
    { "x:y{/a,b}", "x:y/1", "{\"a\":\"1\"}" },
    { "x:y{/a,b}", "x:y", "{}" },
    { "x:y{/a,b}/z", "x:y/1/z", "{\"a\":\"1\"}" },
    { "x:y{;a,b}", "x:y;a=1;b=2", "{\"a\":\"1\",\"b\":\"2\"}" },
    { "x:y{;a,b}", "x:y;a;b=2", "{\"a\":\"\",\"b\":\"2\"}" },
    { "x:y{;a,b}", "x:y;b", "{\"b\":\"\"}" },
    { "x:y{;a}", "x:y;a=", "{\"a\":\"\"}" },
    { "x:y{?a}", "x:y?", "{}" },
    { "x:y{;a,ab}", "x:y;ab=2", "{\"ab\":\"2\"}" },
    { "x:y{?a,b}", "x:y?a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}" },
    { "x:y{?a,b}", "x:y?b=2", "{\"b\":\"2\"}" },
    { "x:y{?a,b}", "x:y?a=", "{\"a\":\"\"}" },
    { "x:y{?a,b}", "x:y", "{}" },
    { "x:y{?a,b}", "x:y&b=2", NULL },
    { "x:y{?a,b}", "x:y?a=1b=2", NULL },
    { "x:y{?a,b}", "x:y?c=1", NULL },
    { "x:y?k=1{&a,b}", "x:y?k=1&b=2", "{\"b\":\"2\"}" },
    { "x:y{?a}{#f}", "x:y?a=1#top", "{\"a\":\"1\",\"f\":\"top\"}" },
    /* of level 4: so many characters at most, however they are written */
    { "x:{a:3}", "x:1", "{\"a\":\"1\"}" },
    { "x:{a:3}", "x:123", "{\"a\":\"123\"}" },
    { "x:{a:3}", "x:1234", NULL },
    { "x:{a:3}", "x:", NULL },
    { "x:{a:3}", "x:%C3%A9\xc3\xa9z", "{\"a\":\"\xc3\xa9\xc3\xa9z\"}" },
    { "x:{a:3}", "x:%C3%A9\xc3\xa9zz", NULL },
    { "x:{a:2}{b}", "x:12345", "{\"a\":\"12\",\"b\":\"345\"}" },
    { "x:{a:2}{b:2}", "x:123", "{\"a\":\"12\",\"b\":\"3\"}" },
    { "x:{a:2}{b:2}", "x:12345", NULL },
    { "x:{a}{b:1}", "x:123", "{\"a\":\"12\",\"b\":\"3\"}" },
    { "x:{a:1}{b:1}4", "x:144", "{\"a\":\"1\",\"b\":\"4\"}" },
    { "x:{+a:3}", "x:", "{\"a\":\"\"}" },
    { "x:{+a:3}", "x:/a/", "{\"a\":\"/a/\"}" },
    { "x:{+a:3}", "x:/a/b", NULL },
    { "x:{+a:1,b}", "x:,,", "{\"a\":\"\",\"b\":\",\"}" },
    { "x:{+a,b:2}", "x:1,22", "{\"a\":\"1\",\"b\":\"22\"}" },
    { "x:{+a,b:2}", "x:1,222", "{\"a\":\"1,222\"}" },
    { "x:y{.a,b:1}", "x:y.1.2", "{\"a\":\"1\",\"b\":\"2\"}" },
    { "x:y{.a,b:1}", "x:y.1.2.3", "{\"a\":\"1.2\",\"b\":\"3\"}" },
    { "x:y{/a:1,b}", "x:y/1/22", "{\"a\":\"1\",\"b\":\"22\"}" },
    { "x:y{/a:1,b}", "x:y/11/22", NULL },
    { "x:y{?a:2,b}", "x:y?a=12&b=345", "{\"a\":\"12\",\"b\":\"345\"}" },
    { "x:y{?a:2}", "x:y?a=", "{\"a\":\"\"}" },
    { "x:y{;a:9999}", "x:y;a=1", "{\"a\":\"1\"}" },
    /* of level 4: lists */
    { "x:{a*}", "x:1", "{\"a\":[\"1\"]}" },
    { "x:{a*}", "x:1,2,3", "{\"a\":[\"1\",\"2\",\"3\"]}" },
    { "x:{a*}", "x:1%2C2,%20", "{\"a\":[\"1,2\",\" \"]}" },
    { "x:{a*}", "x:", NULL },
    { "x:{a*}", "x:1,", NULL },
    { "x:{a*}", "x:1,,2", NULL },
    { "x:{a*}", "x:1,%ff", NULL },
    { "x:{a*,b}", "x:1,2,3", "{\"a\":[\"1\",\"2\",\"3\"]}" },
    { "x:{a,b*}", "x:1,2,3", "{\"a\":\"1\",\"b\":[\"2\",\"3\"]}" },
    { "x:{a,b*}", "x:1", "{\"a\":\"1\"}" },
    { "x:{a*}/{b*}", "x:1,2/3,4", "{\"a\":[\"1\",\"2\"],\"b\":[\"3\",\"4\"]}" },
    { "x:{a*},{b*}", "x:1,2,3", "{\"a\":[\"1\",\"2\"],\"b\":[\"3\"]}" },
    { "x:{a*},9", "x:1,9,9", "{\"a\":[\"1\",\"9\"]}" },
    { "x:{+a*}", "x:/1,2/3", "{\"a\":[\"/1\",\"2/3\"]}" },
    { "x:{+a*}", "x:", "{\"a\":[\"\"]}" },
    { "x:{+a*}", "x:,", "{\"a\":[\"\",\"\"]}" },
    { "x:{+a:1,b*}", "x:,,2", "{\"a\":\"\",\"b\":[\"\",\"2\"]}" },
    { "x:y{#a*}", "x:y#1,2", "{\"a\":[\"1\",\"2\"]}" },
    { "x:y{#a*}", "x:y", "{}" },
    { "x:y{.a*}", "x:y.tar.gz", "{\"a\":[\"tar\",\"gz\"]}" },
    { "x:y{/a*}", "x:y/1/2/3", "{\"a\":[\"1\",\"2\",\"3\"]}" },
    { "x:y{/a*}", "x:y", "{}" },
    { "x:y{/a*}", "x:y/1//2", NULL },
    { "x:y{/a*}/z", "x:y/1/z/z", "{\"a\":[\"1\",\"z\"]}" },
    { "x:y{/a*,b}", "x:y/1/2", "{\"a\":[\"1\",\"2\"]}" },
    { "x:y{/a,b*}{?q*}", "x:y/1/2/3?q=4&q=5",
      "{\"a\":\"1\",\"b\":[\"2\",\"3\"],\"q\":[\"4\",\"5\"]}" },
    { "x:y{;a*}", "x:y;a=1;a;a=;a=4", "{\"a\":[\"1\",\"\",\"\",\"4\"]}" },
    { "x:y{;a*}", "x:y;a", "{\"a\":[\"\"]}" },
    { "x:y{;a*}", "x:y", "{}" },
    { "x:y{;a*}", "x:y;a=1;b=2", NULL },
    { "x:y{;a*,ab*}", "x:y;a;ab=1;ab", "{\"a\":[\"\"],\"ab\":[\"1\",\"\"]}" },
    { "x:y{;a*}=5", "x:y;a=5", "{\"a\":[\"\"]}" },
    { "x:y{;a*}=5", "x:y;a=1;a=5", "{\"a\":[\"1\",\"\"]}" },
    { "x:y{?a*}", "x:y?a=1&a=&a=3", "{\"a\":[\"1\",\"\",\"3\"]}" },
    { "x:y{?a*,b}", "x:y?a=1&a=2&b=3", "{\"a\":[\"1\",\"2\"],\"b\":\"3\"}" },
    { "x:y{?a*,b}", "x:y?b=3", "{\"b\":\"3\"}" },
    { "x:y{?b,a*}", "x:y?b=3&a=1&a=2", "{\"b\":\"3\",\"a\":[\"1\",\"2\"]}" },
    { "x:y{?a*}", "x:y?a=1&b=2", NULL },
    { "x:y?k=1{&a*}", "x:y?k=1&a=1&a=2", "{\"a\":[\"1\",\"2\"]}" },
    { "x:y{?a*}&a={b}", "x:y?a=1&a=2&a=3", "{\"a\":[\"1\",\"2\"],\"b\":\"3\"}" },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct uritemplate *t = made(cases[i].text);
        struct buf values = { 0 };
        int code = uritemplate_match(t, cases[i].uri, strlen(cases[i].uri), &values);
        const char *got = code == 1 ? buf_cstr(&values) : NULL;
        if (code < 0 || !got != !cases[i].values || (got && strcmp(got, cases[i].values) != 0))
            fail_msg("%s against %s: got %s, want %s", cases[i].uri, cases[i].text,
                     got ? got : "nothing", cases[i].values ? cases[i].values : "nothing");
        if (code == 0)
            assert_int_equal(values.len, 0);
        buf_fini(&values);
        uritemplate_free(t);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } wrong[] = {
        { "x:{a", "byte 3: a { without its }" },
        { "x:a}", "byte 4: a character that no URI holds" },
        { "x:%{a}1", "byte 3: two hexadecimal digits follow a %" },
        { "x:%4", "byte 3: two hexadecimal digits follow a %" },
        { "x:%41%4g", "byte 6: two hexadecimal digits follow a %" },
        { "x:{}", "a variable's name has" },
        { "x:{+}", "a variable's name has" },
        { "x:{a,}", "a variable's name has" },
        { "x:{a b}", "byte 5: a variable's name has letters" },
        { "x:{a:}", "byte 5: a number from 1 to 9999 follows a :" },
        { "x:{a:0}", "byte 5: a number from 1 to 9999 follows a :" },
        { "x:{a:03}", "byte 5: a number from 1 to 9999 follows a :" },
        { "x:{b,a:12345}", "byte 7: a number from 1 to 9999 follows a :" },
        { "x:{a:3x}", "byte 5: a number from 1 to 9999 follows a :" },
        { "x:{a:-1}", "byte 5: a number from 1 to 9999 follows a :" },
        { "x:{:3}", "a variable's name has" },
        { "x:{a:3*}", "byte 5: a number from 1 to 9999 follows a :" },
        { "x:{*}", "a variable's name has" },
        { "x:{a**}", "byte 5: a variable's name has letters" },
        { "x:{a*b}", "byte 5: a variable's name has letters" },
        { "x:{a*:3}", "byte 5: a variable's name has letters" },
        { "x:{=a}", "this operator has no meaning" },
        { "x:{|a}", "this operator has no meaning" },
        { "x:{a}{a}", "byte 7: a variable stands here for the second time" },
        { "x:{{a}}", "a variable's name has letters" },
        { "x: y", "byte 3: a character that no URI holds" },
        { "x:\xc3\xa4", "byte 3: a character that no URI holds" },
        { "{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q}", "more than 16 variables" },
    };
    char text[URITEMPLATE_TEXT_MAX + 2];
    struct err e;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_null(uritemplate_new(wrong[i].text, &e));
        if (!strstr(e.text, wrong[i].why))
            fail_msg("%s: got %s, want %s", wrong[i].text, e.text, wrong[i].why);
    }
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_null(uritemplate_new(text, &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    text[sizeof text - 2] = '\0';
    uritemplate_free(made(text));
    memset(text, 'n', URITEMPLATE_NAME_MAX + 2);
    text[0] = '{';
    strcpy(text + 1 + URITEMPLATE_NAME_MAX, "}");
    uritemplate_free(made(text));
    strcpy(text + 1 + URITEMPLATE_NAME_MAX, "n}");
    assert_null(uritemplate_new(text, &e));
}

/* The most parts that a template can have, with the longest names: nothing overflows. */
static void test_largest(void **state)
{
    char text[2 * URITEMPLATE_TEXT_MAX] = "x:", expression[100];
    struct buf values = { 0 };

    (void)state;
    for (int i = 0; i < URITEMPLATE_VARS_MAX; i++) {
        snprintf(expression, sizeof expression, "{;%c%.*s%s}", 'a' + i, 58 - i % 2,
                 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
                 i % 2 ? "*" : "");
        strcat(text, expression);
    }
    assert_true(strlen(text) <= URITEMPLATE_TEXT_MAX);
    struct uritemplate *t = made(text);
    assert_true(t->node_count <= NODES_MAX && t->pool_len <= POOL_BYTES);
    assert_int_equal(uritemplate_match(t, "x:", 2, &values), 1);
    buf_fini(&values);
    uritemplate_free(t);
}

/* What would take other matchers for ever. */
static void test_hostile(void **state)
{
    static const char text[] = "{+a}x{+b*}x{+c}x{+d*}x{+e}x{+f}x{+g*}x{+h}x{+i*}x{+j}x{+k}x{+l}y";
    char uri[URITEMPLATE_URI_MAX + 1];
    struct uritemplate *t = made(text);
    struct buf values = { 0 };

    (void)state;
    memset(uri, 'x', sizeof uri);
    assert_int_equal(uritemplate_match(t, uri, URITEMPLATE_URI_MAX, &values), 0);
    assert_int_equal(uritemplate_match(t, uri, sizeof uri, &values), 0);
    uri[URITEMPLATE_URI_MAX - 1] = 'y';
    assert_int_equal(uritemplate_match(t, uri, URITEMPLATE_URI_MAX, &values), 1);
    uritemplate_free(t);
    buf_fini(&values);

    t = made("x:{a}");
    assert_int_equal(uritemplate_match(t, "x:\0b", 4, &values), 0);
    assert_int_equal(uritemplate_match(t, "x:a%4", 5, &values), 0);
    assert_int_equal(uritemplate_match(t, "", 0, &values), 0);
    uritemplate_free(t);
    buf_fini(&values);
}

/* Any bytes against any template: no crash, and what matches is whole JSON. */
static void test_garbage(void **state)
{
    static const char bytes[] = "ab%41/?&=;.,#{}+ \xc3\xa4";
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[24], uri[24];
        struct err e;
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = bytes[(seed >> 16) % (sizeof bytes - 1)];
            seed = seed * 1664525 + 1013904223;
            uri[i] = bytes[(seed >> 16) % (sizeof bytes - 1)];
        }
        text[round % (int)sizeof text] = '\0';
        text[sizeof text - 1] = '\0';
        struct uritemplate *t = uritemplate_new(text, &e);
        struct buf values = { 0 };
        if (!t)
            continue;
        int code = uritemplate_match(t, uri, (size_t)round % sizeof uri, &values);
        assert_true(code == 0 || (code == 1 && values.data[values.len - 1] == '}'));
        buf_fini(&values);
        uritemplate_free(t);
    }
}

static void test_no_memory(void **state)
{
    struct buf values = { 0 };
    struct err e;
    int code = MG_E_NOMEM, n = 0;

    (void)state;
    failing_after = 0;
    assert_null(uritemplate_new("x:{a}", &e));
    failing_after = -1;
    assert_int_equal(e.code, MG_E_NOMEM);
    struct uritemplate *t = made("x:{a}");
    for (; code != 1; n++) {
        failing_after = n;
        code = uritemplate_match(t, "x:abc", 5, &values);
        failing_after = -1;
        assert_true(code == 1 || code == MG_E_NOMEM);
        buf_fini(&values);
    }
    assert_true(n > 1);
    uritemplate_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_largest), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_garbage), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
