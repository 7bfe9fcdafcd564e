/* test_tally.c - what lines are: every state that a line can begin and end in, words, what is kept
 * and how much of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "files/tally.h"

static const struct tally_syntax c_like = {
    .line = { "//" },
    .block = { { "/*", "*/", false } },
    .text = { { "`", "`", false } },
    .markers = { "NOTE", "ALSO" },
    .count = { "^test(", "run(" },
    .keep = { "^#include", "require(" },
    .section = { { "import (", ")", false } },
    .lines = 1,
    .blocks = 1,
    .texts = 1,
    .marker_count = 2,
    .counts = 2,
    .keeps = 2,
    .sections = 1,
    .quotes = "\"'",
};
static const struct tally_syntax docs = {
    .block = { { "\"\"\"", "\"\"\"", true } },
    .text = { { "\"\"\"", "\"\"\"", false } },
    .line = { "#" },
    .blocks = 1,
    .texts = 1,
    .lines = 1,
};

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const struct tally_syntax *s;
        const char *text;
        uint32_t blank, comment, code;
    } cases[] = {
        { &c_like, "", 0, 0, 0 },
        { &c_like, "\n", 1, 0, 0 },
        { &c_like, "x", 0, 0, 1 },
        { &c_like, " \t\r\nx\r\n", 1, 0, 1 },
        { &c_like, "// a\n//\n x // b\n", 0, 2, 1 },
        { &c_like, "/* a\n\n b */\n", 1, 2, 0 },
        { &c_like, "/* a */ x\n", 0, 0, 1 },
        { &c_like, "x /* a\nb */ y\n", 0, 0, 2 },
        { &c_like, "x /* a\nb */\nz\n", 0, 1, 2 },
        { &c_like, "/* a */ /* b\n*/\n", 0, 2, 0 },
        { &c_like, "/*/\nx */\n", 0, 2, 0 },
        { &c_like, "\"/*\"\nx\n", 0, 0, 2 },
        { &c_like, "\"\\\"/*\"\nx\n", 0, 0, 2 },
        { &c_like, "'\"' /* a\n*/\n", 0, 1, 1 },
        { &c_like, "\"open /*\nx\n", 0, 0, 2 },
        { &c_like, "\"\\\n// a\n", 0, 1, 1 },
        { &c_like, "`a\n// b\n\n/*`\nx\n", 1, 0, 4 },
        { &c_like, "// `\nx\n", 0, 1, 1 },
        { &c_like, "/* never closed\nx\n", 0, 2, 0 },
        { &docs, "#!x\n#!y\n", 0, 1, 1 },
        { &docs, " #!x\n", 0, 1, 0 },
        { &docs, "\"\"\"a\n# b\n\"\"\"\nx\n", 0, 3, 1 },
        { &docs, "x = \"\"\"a\n# b\n\"\"\"\nx\n", 0, 0, 4 },
        { &docs, "  \"\"\"one line\"\"\"\nx\n", 0, 1, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf kept = { 0 };
        struct tally t;
        tally_text(cases[i].s, cases[i].text, strlen(cases[i].text), &t, &kept);
        if (t.blank != cases[i].blank || t.comment != cases[i].comment || t.code != cases[i].code)
            fail_msg("case %zu: blank %u, comment %u, code %u", i, t.blank, t.comment, t.code);
        assert_int_equal(t.lines, t.blank + t.comment + t.code);
        buf_fini(&kept);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const char text[] = "// NOTE: ALSO, NOTES, MY_NOTE, xNOTE NOTE\n"
                               "NOTE(); \"NOTE\"; /* NOTE */ test(1)\n"
                               "  test(2); run(3) rerun(4) a.run(5)\n"
                               "// test(6) run(7)\n"
                               "/* x */ test(8)\n";
    struct buf kept = { 0 };
    struct tally t;
    tally_text(&c_like, text, strlen(text), &t, &kept);
    assert_int_equal(t.markers, 4);
    assert_int_equal(t.counts[0], 1);
    assert_int_equal(t.counts[1], 2);
    buf_fini(&kept);
}

static void test_kept(void **state)
{
    (void)state;
    static const char text[] = "  #include <a>  \n#include /* x */ <b>\n// #include <c>\n"
                               "x = require('d')\nrerequire('e')\nimport (\n  \"f\"\n\n)\n\"g\"\n";
    static const char want[] = "#include <a>\0#include /* x */ <b>\0x = require('d')\0import (\0"
                               "\"f\"\0)";
    struct buf kept = { 0 };
    struct tally t;
    tally_text(&c_like, text, strlen(text), &t, &kept);
    assert_int_equal(t.kept, 6);
    assert_int_equal(kept.len, sizeof want);
    assert_memory_equal(kept.data, want, sizeof want);
    buf_fini(&kept);
}

static void test_limits(void **state)
{
    (void)state;
    struct buf text = { 0 }, kept = { 0 };
    struct tally t;
    for (int i = 0; i < TALLY_LINES_KEPT + 3; i++) {
        buf_str(&text, "#include ");
        for (int k = 0; k < TALLY_LINE_KEPT; k++)
            buf_putc(&text, 'x');
        buf_putc(&text, '\n');
    }
    tally_text(&c_like, text.data, text.len, &t, &kept);
    assert_int_equal(t.kept, TALLY_LINES_KEPT);
    assert_int_equal(t.more, 3);
    assert_int_equal(kept.len, TALLY_LINES_KEPT * (TALLY_LINE_KEPT + 1));
    buf_fini(&kept);
    buf_fini(&text);
}

/* Any bytes: every line is of one kind, and nothing outside the text is read (with sanitizers: the
 * copy has the exact size). */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char bits[][4] = { "/*", "*/", "//", "\"", "'",  "\\",
                                    "`",  "\n", "x",  " ",  "\r", "#" };
    uint32_t seed = 12345;
    for (int round = 0; round < 2000; round++) {
        struct buf text = { 0 }, kept = { 0 };
        struct tally t;
        for (uint32_t n = (seed >> 8) % 40; n > 0; n--) {
            seed = seed * 1664525 + 1013904223;
            buf_str(&text, bits[(seed >> 16) % (sizeof bits / sizeof *bits)]);
        }
        seed = seed * 1664525 + 1013904223;
        char *copy = malloc(text.len ? text.len : 1);
        assert_non_null(copy);
        if (text.len > 0)
            memcpy(copy, text.data, text.len);
        tally_text(&c_like, copy, text.len, &t, &kept);
        assert_int_equal(t.lines, t.blank + t.comment + t.code);
        free(copy);
        buf_fini(&text);
        buf_fini(&kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_words),
        cmocka_unit_test(test_kept),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
