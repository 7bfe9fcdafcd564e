/* Walking through validated text: members, items, strings, integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_scan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct json_text parse(const char *text)
{
    struct json_text root;
    struct err e;

    if (json_scan(text, strlen(text), NULL, &root, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return root;
}

static void check_text(struct json_text t, enum json_type type, const char *want)
{
    assert_int_equal(t.type, type);
    assert_int_equal(t.len, strlen(want));
    assert_memory_equal(t.p, want, t.len);
}

static void test_members(void **state)
{
    struct json_text key, value;
    struct json_iter it = json_iter(parse(" { \"a\" : 1 "
                                          ",\"b\\\"}\":[1,{\"x\":\"]\"}],\n\"\":{\"y\":{}},\"c\":"
                                          "\"\\\\\",\"d\":-1e5 } "));

    (void)state;
    assert_true(json_next_member(&it, &key, &value));
    check_text(key, JSON_STRING, "\"a\"");
    check_text(value, JSON_NUMBER, "1");
    assert_true(json_next_member(&it, &key, &value));
    check_text(key, JSON_STRING, "\"b\\\"}\"");
    check_text(value, JSON_ARRAY, "[1,{\"x\":\"]\"}]");
    assert_true(json_next_member(&it, &key, &value));
    check_text(key, JSON_STRING, "\"\"");
    check_text(value, JSON_OBJECT, "{\"y\":{}}");
    assert_true(json_next_member(&it, &key, &value));
    check_text(value, JSON_STRING, "\"\\\\\"");
    assert_true(json_next_member(&it, &key, &value));
    check_text(value, JSON_NUMBER, "-1e5");
    assert_false(json_next_member(&it, &key, &value));
    assert_false(json_next_member(&it, &key, &value));
}

static void test_items(void **state)
{
    static const struct {
        enum json_type type;
        const char *text;
    } want[] = {
        { JSON_NULL, "null" },        { JSON_TRUE, "true" },
        { JSON_FALSE, "false" },      { JSON_NUMBER, "0.5E+1" },
        { JSON_STRING, "\"a,]\"" },   { JSON_ARRAY, "[ 1 , [ ] ]" },
        { JSON_OBJECT, "{\"a\":1}" }, { JSON_STRING, "\"\xc3\xa9\"" },
    };
    struct json_text value;
    struct json_iter it = json_iter(parse("[null,true , false,0.5E+1,\"a,]\",[ 1 , [ ] ],{\"a\":1}"
                                          ",\"\xc3\xa9\"\t]"));

    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(json_next_item(&it, &value));
        check_text(value, want[i].type, want[i].text);
    }
    assert_false(json_next_item(&it, &value));
    it = json_iter(parse("[ ]"));
    assert_false(json_next_item(&it, &value));
    it = json_iter(parse("{\n}"));
    assert_false(json_next_member(&it, &value, &value));
    it = json_iter(parse("\"[1]\"")); /* not a container */
    assert_false(json_next_item(&it, &value));
}

static void test_find(void **state)
{
    static const char *const names[] = { "id", "method", "params", "absent", "" };
    struct json_text out[COUNT(names)];
    struct json_text root = parse("{\"jsonrpc\":\"2.0\",\"\\u0069d\":7,\"Method\":0,\"\":[],"
                                  "\"method\":\"x\",\"par\\u0061ms\":{\"id\":8}}");

    (void)state;
    assert_int_equal(json_find(root, names, out, COUNT(names)), 6);
    check_text(out[0], JSON_NUMBER, "7");
    check_text(out[1], JSON_STRING, "\"x\"");
    check_text(out[2], JSON_OBJECT, "{\"id\":8}");
    assert_int_equal(out[3].type, JSON_NONE);
    assert_null(out[3].p);
    check_text(out[4], JSON_ARRAY, "[]");
    assert_int_equal(json_find(parse("{}"), names, out, COUNT(names)), 0);
    assert_int_equal(json_find(parse("[\"id\",1]"), names, out, COUNT(names)), 0);
    assert_int_equal(out[0].type, JSON_NONE);
    assert_int_equal(json_find(root, names, out, 0), 6);
}

static const struct {
    const char *json, *text;
    size_t len;
} strings[] = {
    { "\"\"", "", 0 },
    { "\"a\"", "a", 1 },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
    { "\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac", 6 },
    { "\"x\\uD83D\\uDe39y\"", "x\xf0\x9f\x98\xb9y", 6 },
    { "\"\\ud800\\udc00\"", "\xf0\x90\x80\x80", 4 },
    { "\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf", 4 },
    { "\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf",
      11 },
    { "\"\\\\u0041\"", "\\u0041", 6 },
    { "\"\xf0\x9f\x98\xb9\"", "\xf0\x9f\x98\xb9", 4 },
};

/* Every object that a walk finds, and what the outline finds in it. */
static void compare(const struct json_outline *o, struct json_text value)
{
    static const char *const names[] = {
        "a", "id", "", "b\\", "params", "_meta", "k31", "k32", "z"
    };
    struct json_text walked[COUNT(names)], noted[COUNT(names)], key, inner;
    struct json_iter it = json_iter(value);

    json_find(value, names, walked, COUNT(names));
    json_outline_find(o, value, names, noted, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(noted[i].type, walked[i].type);
        assert_ptr_equal(noted[i].p, walked[i].p);
        assert_int_equal(noted[i].len, walked[i].len);
    }
    if (value.type == JSON_OBJECT)
        while (json_next_member(&it, &key, &inner))
            compare(o, inner);
    else
        while (it.p && json_next_item(&it, &inner))
            compare(o, inner);
}

static void test_an_outline_finds_what_a_walk_finds(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "7",
        " { \"a\" : 1 , \"id\" : [ ] , \"\" : { } } ",
        "{\"params\":{\"_meta\":{\"a\":{\"id\":{\"z\":1}},\"id\":2},\"a\":[{\"a\":1}]},\"a\":3}",
        "[{\"a\":1},{\"a\":{\"b\\u005c\":2}}]",
        "{\"a\":[{\"a\":{\"a\":1}}],\"\\u0069d\":{\"\\u0061\":{}},\"b\\\\\":\"\\\"}\"}",
        "{\"z\":{\"z\":{\"z\":{\"z\":{\"z\":1}}}}}",
    };
    struct json_outline o;
    struct err e;

    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(json_scan_outline(texts[i], strlen(texts[i]), NULL, &o, &e), 0);
        assert_false(o.is_cut);
        compare(&o, o.root);
    }
    /* As many members as it holds, and one more: then it does not pretend to know. */
    for (int n = JSON_OUTLINE_MAX; n <= JSON_OUTLINE_MAX + 1; n++) {
        struct buf b = { 0 };
        buf_str(&b, "{\"a\":{\"id\":0}");
        for (int k = 2; k < n; k++)
            buf_printf(&b, ",\"k%d\":{}", k);
        buf_putc(&b, '}');
        assert_int_equal(json_scan_outline(b.data, b.len, NULL, &o, &e), 0);
        assert_int_equal(o.count, JSON_OUTLINE_MAX);
        assert_int_equal(o.is_cut, n > JSON_OUTLINE_MAX);
        compare(&o, o.root);
        buf_fini(&b);
    }
    assert_int_equal(json_scan_outline("{\"a\":1", 6, NULL, &o, &e), MG_E_INVALID);
}

static void test_decode(void **state)
{
    struct buf b = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        buf_clear(&b);
        buf_putc(&b, '>');
        json_string_decode(parse(strings[i].json), &b);
        assert_int_equal(b.len, strings[i].len + 1);
        assert_memory_equal(b.data + 1, strings[i].text, strings[i].len);
    }
    buf_fini(&b);
}

static void test_string_eq(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct json_text t = parse(strings[i].json);
        char other[32];
        assert_true(json_string_eq(t, strings[i].text, strings[i].len));
        memcpy(other, strings[i].text, strings[i].len);
        other[strings[i].len] = 'x';
        assert_false(json_string_eq(t, other, strings[i].len + 1));
        if (strings[i].len == 0)
            continue;
        assert_false(json_string_eq(t, other, strings[i].len - 1));
        for (size_t k = 0; k < strings[i].len; k++) {
            other[k] ^= 1;
            assert_false(json_string_eq(t, other, strings[i].len));
            other[k] ^= 1;
        }
    }
    assert_false(json_string_eq(parse("1"), "1", 1));
    assert_false(json_string_eq(parse("\"a\""), "a\0", 2));
}

static void test_integer(void **state)
{
    static const struct {
        const char *json;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "0.0e5", true, 0 },
        { "0e999999999999", true, 0 },
        { "1", true, 1 },
        { "-17", true, -17 },
        { "1.0", true, 1 },
        { "1.000000000000000000000000000000000000", true, 1 },
        { "1e2", true, 100 },
        { "1E+2", true, 100 },
        { "12.5e1", true, 125 },
        { "1200e-2", true, 12 },
        { "0.001e3", true, 1 },
        { "9007199254740992", true, INT64_C(9007199254740992) },
        { "-9007199254740992", true, INT64_C(-9007199254740992) },
        { "9007199254740993", false, 0 },
        { "-9007199254740993", false, 0 },
        { "9007199254740992.5", false, 0 },
        { "9.007199254740992e15", true, INT64_C(9007199254740992) },
        { "9.007199254740993e15", false, 0 },
        { "10000000000000000", false, 0 },
        { "1e16", false, 0 },
        { "1e15", true, INT64_C(1000000000000000) },
        { "1e300", false, 0 },
        { "1e-300", false, 0 },
        { "1e-99999999999999999999", false, 0 },
        { "0.5", false, 0 },
        { "1.5", false, 0 },
        { "125e-2", false, 0 },
        { "\"1\"", false, 0 },
        { "true", false, 0 },
        { "[1]", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t v = 99;
        bool ok = json_integer(parse(cases[i].json), &v);
        if (ok != cases[i].ok || v != (ok ? cases[i].value : 99))
            fail_msg("%s: %d %lld", cases[i].json, ok, (long long)v);
    }
    int64_t v = 99;
    assert_false(json_integer((struct json_text){ 0 }, &v)); /* absent */
    assert_int_equal(v, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_outline_finds_what_a_walk_finds),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_string_eq),
        cmocka_unit_test(test_integer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
