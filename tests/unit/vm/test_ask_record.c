/* test_ask_record.c - what a call keeps between its runs: what was there stays as it was when there
 * is no memory, or no room, for more. */
#include "support/failing.h"

#include "base/buf.c"
#include "vm/ask_record.c"
#undef malloc
#undef calloc
#undef realloc

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct json_text text_of(const char *text)
{
    struct json_text root = { 0 };
    assert_int_equal(json_scan(text, strlen(text), NULL, &root, NULL), 0);
    return root;
}

static const char *written(const struct ask_record *r)
{
    static char text[1024];
    struct buf out = { 0 };
    ask_record_write(r, &out);
    assert_true(buf_ok(&out) && out.len < sizeof text);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    buf_fini(&out);
    return text;
}

static void test_keeps(void **state)
{
    static const char *const memories[] = {
        "{}",
        "{\"answers\":{},\"once\":{}}",
        "{\"answers\":1,\"once\":[]}",
        "{\"other\":{\"a\":1}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) {
        struct ask_record *r = ask_record_new(text_of(memories[i]));
        assert_string_equal(written(r), "{\"answers\":{},\"once\":{}}");
        ask_record_free(r);
    }
    struct ask_record *r =
        ask_record_new(text_of("{ \"once\": {\"n\" : [ 1 ]}, \"answers\":{\"a\":{}}}"));
    assert_int_equal(ask_record_keep(r, &r->answers, "b", text_of("{ \"x\": [ ] }")), 0);
    assert_int_equal(ask_record_keep(r, &r->once, "m", text_of("[]")), 0);
    assert_string_equal(written(r),
                        "{\"answers\":{\"a\":{},\"b\":{\"x\":[]}},\"once\":{\"n\":[1],\"m\":[]}}");
    assert_int_equal(ask_record_keep(r, &r->answers, "a", text_of("{\"y\":2}")), 0);
    assert_string_equal(written(r), "{\"answers\":{\"b\":{\"x\":[]},\"a\":{\"y\":2}},\"once\":{"
                                    "\"n\":[1],\"m\":[]}}");
    assert_int_equal(ask_record_find(&r->answers, "b").type, JSON_OBJECT);
    assert_int_equal(ask_record_find(&r->answers, "m").type, JSON_NONE);
    assert_int_equal(ask_record_find(&r->once, "m").type, JSON_ARRAY);
    ask_record_free(r);
    ask_record_free(NULL);
}

static void test_limit(void **state)
{
    char *long_text = malloc(ASK_RECORD_MAX + 2);
    struct ask_record *r = ask_record_new((struct json_text){ 0 });
    size_t most = ASK_RECORD_MAX - KEY_ROOM - r->answers.len - r->once.len;
    (void)state;
    memset(long_text, 'x', ASK_RECORD_MAX + 2);
    long_text[0] = long_text[most - 1] = '"';
    struct json_text fits = { long_text, most, JSON_STRING }, over = fits;
    over.len++;
    assert_int_equal(ask_record_keep(r, &r->once, "a", over), MG_E_LIMIT);
    assert_string_equal(written(r), "{\"answers\":{},\"once\":{}}");
    assert_int_equal(ask_record_keep(r, &r->once, "a", fits), 0);
    assert_int_equal(ask_record_keep(r, &r->answers, "b", text_of("{}")), MG_E_LIMIT);
    assert_true(r->answers.len + r->once.len <= ASK_RECORD_MAX);
    ask_record_free(r);
    free(long_text);
}

static void test_no_memory(void **state)
{
    char value[300];
    struct ask_record *r = NULL;
    long n = 0;
    (void)state;
    memset(value, '1', sizeof value);
    value[0] = '[';
    value[60] = ',';
    value[sizeof value - 1] = ']';
    for (size_t i = 60; i < sizeof value - 1; i += 60)
        value[i] = ',';
    struct json_text list = { value, sizeof value, JSON_ARRAY };
    struct json_text memory = text_of("{\"answers\":{\"a\":{}}}");
    for (; !r; n++) {
        failing_after = n;
        r = ask_record_new(memory);
        failing_after = -1;
        assert_true(n < 20);
    }
    assert_int_equal(n, 4); /* the record and its two texts; the last went well */
    int code = MG_E_NOMEM;
    for (n = 0; code != 0; n++) {
        failing_after = n;
        code = ask_record_keep(r, &r->answers, "b", list);
        failing_after = -1;
        if (code != 0) {
            assert_int_equal(code, MG_E_NOMEM);
            assert_string_equal(written(r), "{\"answers\":{\"a\":{}},\"once\":{}}");
        }
        assert_true(n < 20);
    }
    assert_true(n > 0);
    assert_int_equal(ask_record_find(&r->answers, "b").len, sizeof value);
    ask_record_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
