/* The head of a SKILL.md: what is read of it is what any reader of YAML would read, the rest is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_scan.h"
#include "tools/frontmatter.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *body, *json; /* between the lines of "---" */
} cases[] = {
    { "", "{}" },
    { "\n# a comment\n  # another\n", "{}" },
    { "name: hello-skill\ndescription: Say hello.\n",
      "{\"name\":\"hello-skill\",\"description\":\"Say hello.\"}" },
    { "name: hello   \r\n", "{\"name\":\"hello\"}" },
    { "a: \"x: \\\"y\\\" # z\"\n", "{\"a\":\"x: \\\"y\\\" # z\"}" },
    { "a: 'it''s # it'\nb: ''\n", "{\"a\":\"it's # it\",\"b\":\"\"}" },
    { "a: true\nb: false\nc: null\nd: 12\ne: -1.50\nf:\n",
      "{\"a\":true,\"b\":false,\"c\":null,\"d\":12,\"e\":-1.50,\"f\":null}" },
    { "a: 3 steps\nb: v1.2.3\nc: x-1\nd: http://a/b#c\n",
      "{\"a\":\"3 steps\",\"b\":\"v1.2.3\",\"c\":\"x-1\",\"d\":\"http://a/b#c\"}" },
    { "metadata:\n  author: me\n  version: \"1.0\"\nlicense: MIT\n",
      "{\"metadata\":{\"author\":\"me\",\"version\":\"1.0\"},\"license\":\"MIT\"}" },
    { "tools:\n  - read\n  - 'write: x'\nz: 1\n", "{\"tools\":[\"read\",\"write: x\"],\"z\":1}" },
    { "tools:\n- read\n- run\n", "{\"tools\":[\"read\",\"run\"]}" },
    { "d: >\n  one\n  two\n\n  three\nz: x\n", "{\"d\":\"one two\\nthree\\n\",\"z\":\"x\"}" },
    { "d: >-\n  one\n  two\n\n", "{\"d\":\"one two\"}" },
    { "d: |\n  one\n    two\n\n  three\n", "{\"d\":\"one\\n  two\\n\\nthree\\n\"}" },
    { "d: |-\n  # no comment\n# one\nz: x\n", "{\"d\":\"# no comment\",\"z\":\"x\"}" },
    { "d: gr\xc3\xbc\xc3\x9f\x65\n", "{\"d\":\"gr\xc3\xbc\xc3\x9f\x65\"}" },
};

static int read_text(const char *text, struct buf *json, struct err *e)
{
    buf_clear(json);
    return frontmatter_read(text, strlen(text), json, e);
}

static void test_read(void **state)
{
    struct buf json = { 0 };
    struct err e = { 0 };
    char text[512];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(text, sizeof text, "---\n%s---\nBody: [\n", cases[i].body);
        if (read_text(text, &json, &e) != 0)
            fail_msg("%s: %s", cases[i].body, e.text);
        assert_string_equal(buf_cstr(&json), cases[i].json);
    }
    assert_int_equal(read_text("---\na: b\n---", &json, &e), 0); /* nothing behind it */
    assert_int_equal(read_text("", &json, &e), MG_E_NOTFOUND);
    assert_int_equal(read_text("# Title\n---\n", &json, &e), MG_E_NOTFOUND);
    assert_int_equal(read_text("----\n", &json, &e), MG_E_NOTFOUND);
    buf_fini(&json);
}

static const struct {
    const char *body, *why;
} refused[] = {
    { "name", "line 2: expected \"key: value\"" },
    { "name:x", "expected \"key: value\"" },
    { "a: b\na: c", "line 3: this key stands there twice" },
    { "a: Yes", "disagree" },
    { "a: NO", "disagree" },
    { "a: True", "disagree" },
    { "a: ~", "disagree" },
    { "a: 0x1F", "disagree" },
    { "a: 1_000", "disagree" },
    { "a: 12:30", "disagree" },
    { "a: 2026-01-31", "disagree" },
    { "a: 01", "disagree" },
    { "a: 1e3", "disagree" },
    { "a: .5", "disagree" },
    { "yes: a", "this is no key" },
    { "a: b: c", "quotes" },
    { "a: b #c", "quotes" },
    { "a: b:", "quotes" },
    { "a: [x, y]", "needs quotes" },
    { "a: {x: y}", "quotes" },
    { "a: *x", "needs quotes" },
    { "a: - x", "needs quotes" },
    { "a: \"x", "double quotes" },
    { "a: \"x\\q\"", "double quotes" },
    { "a: 'x", "single quotes" },
    { "a: 'x'y'", "single quotes" },
    { "a: '", "single quotes" },
    { "a: x\n  y", "line 3: indented" },
    { "\ta: x", "tab" },
    { "a:\n  b:\n    c: d", "a value is missing" },
    { "a:\n  b: c\n    d: e", "indented" },
    { "a:\n  -\n", "an item of a list is one text" },
    { "a: >\n  x\n    y", "begin at one place" },
    { "a: |\n    x\n  y", "begin at one place" },
    { "a: |\n  x \n", "end without blanks" },
    { "a: |+\n  x", "of blocks only" },
    { "a: |2\n  x", "of blocks only" },
    { "a: \xff", "UTF-8" },
};

static void test_refused(void **state)
{
    struct buf json = { 0 };
    struct err e = { 0 };
    char text[512];

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        snprintf(text, sizeof text, "---\n%s\n---\n", refused[i].body);
        if (read_text(text, &json, &e) != MG_E_INVALID || !strstr(e.text, refused[i].why))
            fail_msg("%s: %s", refused[i].body, e.text);
    }
    for (const char *const *open =
             (const char *const[]){ "---\n", "---\na: b\n", "---\na: |\n  b\n", "---\na:\n", NULL };
         *open; open++) {
        assert_int_equal(read_text(*open, &json, &e), MG_E_INVALID);
        assert_non_null(strstr(e.text, "the head does not end"));
    }
    buf_clear(&json);
    assert_int_equal(frontmatter_read("---\na: b\0c\n---\n", 15, &json, &e), MG_E_INVALID);
    buf_fini(&json);
}

static void test_most_keys(void **state)
{
    struct buf text = { 0 }, json = { 0 };
    struct err e;

    (void)state;
    for (int n = 64; n <= 65; n++) {
        buf_clear(&text);
        buf_clear(&json);
        buf_str(&text, "---\n");
        for (int i = 0; i < n; i++)
            buf_printf(&text, "k%d: v\n", i);
        buf_str(&text, "---\n");
        assert_int_equal(frontmatter_read(text.data, text.len, &json, &e),
                         n == 64 ? 0 : MG_E_INVALID);
    }
    buf_fini(&text);
    buf_fini(&json);
}

/* Whatever it is given it ends, and what it gives is JSON. */
static void test_garbage(void **state)
{
    static const char bytes[] = "ab:  \n\n\n---|>'\"#12.\t\r{[\xc3\xa4";
    struct buf json = { 0 };
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 50000; round++) {
        char text[48] = "---\n";
        struct json_text root;
        struct err e;
        for (size_t i = 4; i < sizeof text - 4; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = bytes[(seed >> 16) % (sizeof bytes - 1)];
        }
        memcpy(text + sizeof text - 5, "\n---", 4);
        buf_clear(&json);
        int code = frontmatter_read(text, sizeof text - 1, &json, &e);
        assert_true(code == 0 || code == MG_E_INVALID);
        if (code == 0 && json_scan(json.data, json.len, NULL, &root, &e) != 0)
            fail_msg("%s: %s: %s", text, buf_cstr(&json), e.text);
    }
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_most_keys),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
