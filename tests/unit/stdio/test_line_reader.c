/* Lines out of bytes: every cut gives the same lines, and what is too long is told of once. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "stdio/line_reader.h"

struct heard {
    struct buf text; /* "<line>" or "!" for a fault */
};

static void line(void *arg, const char *text, size_t len)
{
    struct heard *h = arg;
    buf_putc(&h->text, '<');
    buf_append(&h->text, text, len);
    buf_putc(&h->text, '>');
}

static void fault(void *arg, enum line_fault f)
{
    struct heard *h = arg;
    assert_int_equal(f, LINE_TOO_LONG);
    buf_putc(&h->text, '!');
}

static const struct line_ops ops = { .line = line, .fault = fault };

/* In steps of every size from one byte to all at once. */
static void expect(size_t max, const char *bytes, size_t len, const char *want, size_t want_len)
{
    for (size_t step = 1; step <= len; step++) {
        struct line_reader r = { .max = max };
        struct heard h = { .text = { 0 } };
        for (size_t at = 0; at < len; at += step)
            line_reader_feed(&r, bytes + at, len - at < step ? len - at : step, &ops, &h);
        line_reader_end(&r, &ops, &h);
        assert_int_equal(h.text.len, want_len);
        assert_memory_equal(h.text.data, want, want_len);
        assert_true(r.part.cap <= 65536);
        line_reader_fini(&r);
        buf_fini(&h.text);
    }
}

#define EXPECT(max, bytes, want) expect(max, bytes, sizeof(bytes) - 1, want, sizeof(want) - 1)

static void gives_lines(void **state)
{
    (void)state;
    EXPECT(8, "ab\ncd\n", "<ab><cd>");
    EXPECT(8, "ab\r\ncd\r\n", "<ab><cd>");
    EXPECT(8, "a\rb\n", "<a\rb>");
    EXPECT(8, "\n\r\n \t\n\nab\n", "<ab>");
    EXPECT(8, "ab", "<ab>"); /* without its end */
    EXPECT(8, "a\0b\n\xff\xfe\n", "<a\0b><\xff\xfe>");
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    EXPECT(4, "1234\n12345\nok\n", "<1234>!<ok>");
    EXPECT(4, "1234\r\n12345\r\nok\r\n", "<1234>!<ok>");
    EXPECT(4, "1234567890\n1234567890\nok\n", "!!<ok>");
    EXPECT(4, "1234567890", "!");
    EXPECT(4, "12345", "!");
    EXPECT(1, "1\n12\n3\n", "<1>!<3>");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(gives_lines),
                                        cmocka_unit_test(refuses_what_is_too_long) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
