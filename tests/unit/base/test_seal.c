/* test_seal.c - what was sealed comes back, and nothing else does; one text for all JSON that says
 * the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_canon.h"
#include "base/seal.h"

static int reads(const struct seal_key *k, const char *text, size_t len, struct buf *out)
{
    uint8_t id[SEAL_ID_SIZE];
    buf_fini(out);
    return seal_read(k, text, len, out, id);
}

static void test_round(void **state)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 1000, 300000 };
    struct seal_key k;
    char *data = test_malloc(300000);
    (void)state;
    for (size_t i = 0; i < 300000; i++)
        data[i] = (char)(i * 7);
    seal_key_make(&k);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct buf text = { 0 }, other = { 0 }, got = { 0 };
        uint8_t id[SEAL_ID_SIZE], id2[SEAL_ID_SIZE];
        seal_write(&k, data, lengths[i], &text);
        seal_write(&k, data, lengths[i], &other);
        assert_true(buf_ok(&text) && buf_ok(&other));
        assert_int_equal(seal_read(&k, text.data, text.len, &got, id), 0);
        assert_int_equal(got.len, lengths[i]);
        assert_true(lengths[i] == 0 || memcmp(got.data, data, lengths[i]) == 0);
        buf_fini(&got);
        /* The same twice is two texts. */
        assert_int_equal(seal_read(&k, other.data, other.len, &got, id2), 0);
        assert_memory_not_equal(id, id2, sizeof id);
        buf_fini(&text);
        buf_fini(&other);
        buf_fini(&got);
    }
    test_free(data);
}

static void test_changed(void **state)
{
    static const char said[] = "{\"answers\":{}}";
    struct seal_key k, other;
    struct buf text = { 0 }, got = { 0 };
    (void)state;
    seal_key_make(&k);
    seal_key_make(&other);
    seal_write(&k, said, sizeof said, &text);
    assert_int_equal(reads(&other, text.data, text.len, &got), MG_E_INVALID);
    for (size_t i = 0; i < text.len; i++) {
        char before = text.data[i];
        text.data[i] = before == 'A' ? 'B' : 'A';
        assert_int_equal(reads(&k, text.data, text.len, &got), MG_E_INVALID);
        assert_int_equal(got.len, 0);
        text.data[i] = before;
        assert_int_equal(reads(&k, text.data, i, &got), MG_E_INVALID); /* cut off */
    }
    buf_str(&text, "-TAMPERED");
    assert_int_equal(reads(&k, text.data, text.len, &got), MG_E_INVALID);
    assert_int_equal(reads(&k, "", 0, &got), MG_E_INVALID);
    assert_int_equal(reads(&k, "!!!!", 4, &got), MG_E_INVALID);
    buf_fini(&text);
    buf_fini(&got);
}

static void test_canonical(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "{ \"b\" : 1, \"a\" : [ 1 , {\"d\":null,\"c\":true} ] }",
          "{\"a\":[1,{\"c\":true,\"d\":null}],\"b\":1}" },
        { "{\"\\u0061\":\"\\u00e9\\/\",\"A\":{}}", "{\"A\":{},\"a\":\"\xc3\xa9/\"}" },
        { "[]", "[]" },
        { " \"x\" ", "\"x\"" },
        { "{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}" },
        { "[1.0,[[]],-2e3]", "[1.0,[[]],-2e3]" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_text root;
        struct buf out = { 0 };
        assert_int_equal(json_scan(cases[i].text, strlen(cases[i].text), NULL, &root, NULL), 0);
        json_canonical(&out, root);
        assert_string_equal(buf_cstr(&out), cases[i].want);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
