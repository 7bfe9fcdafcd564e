/* Digests against published vectors; strict decoders; the random source's shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/rand.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void check_hex(const void *data, size_t len, const char *want)
{
    struct buf b = { 0 };

    hex_encode(&b, data, len);
    assert_string_equal(buf_cstr(&b), want);
    buf_fini(&b);
}

/* FIPS 180-4 and RFC 4231. */
static void test_digests(void **state)
{
    uint8_t d[SHA256_SIZE], key[20];

    (void)state;
    hash_sha256("", 0, d);
    check_hex(d, sizeof d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256("abc", 3, d);
    check_hex(d, sizeof d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    memset(key, 0x0b, sizeof key);
    hash_hmac_sha256(key, sizeof key, "Hi There", 8, d);
    check_hex(d, sizeof d, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hash_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, d);
    check_hex(d, sizeof d, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(hash_equal("abc", "abc", 3));
    assert_false(hash_equal("abc", "abd", 3));
    assert_false(hash_equal("xbc", "abc", 3));
    assert_true(hash_equal("abc", "xyz", 0));
}

static void test_key(void **state)
{
    char data[64] = { 0 };
    uint64_t seen[65];

    (void)state;
    assert_true(hash_key("abc", 3) == hash_key("abc", 3));
    for (size_t n = 0; n <= sizeof data; n++) {
        seen[n] = hash_key(data, n);
        for (size_t k = 0; k < n; k++)
            assert_true(seen[k] != seen[n]);
    }
    /* Every bit of the input reaches about half of the output. */
    uint64_t base = hash_key(data, 16);
    for (size_t bit = 0; bit < 128; bit++) {
        data[bit / 8] = (char)(1 << bit % 8);
        int flips = __builtin_popcountll(base ^ hash_key(data, 16));
        data[bit / 8] = 0;
        assert_in_range(flips, 8, 56);
    }
}

static void test_hex(void **state)
{
    struct buf b = { 0 };

    (void)state;
    buf_str(&b, "x");
    assert_int_equal(hex_decode(&b, "00fFAb", 6), 0);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "x\x00\xff\xab", 4);
    assert_int_equal(hex_decode(&b, "abc", 3), MG_E_INVALID);
    assert_int_equal(hex_decode(&b, "abcg", 4), MG_E_INVALID);
    assert_int_equal(hex_decode(&b, "ab 0", 4), MG_E_INVALID);
    assert_int_equal(b.len, 4);
    b.max = 5;
    assert_int_equal(hex_decode(&b, "0102", 4), MG_E_NOMEM);
    buf_fini(&b);
}

static void test_base64(void **state)
{
    static const struct {
        const char *raw, *std, *url;
    } cases[] = {
        { "", "", "" },
        { "f", "Zg==", "Zg" },
        { "fo", "Zm8=", "Zm8" },
        { "foo", "Zm9v", "Zm9v" },
        { "foob", "Zm9vYg==", "Zm9vYg" },
        { "\xfb\xff\xfe", "+//+", "-__-" },
    };
    static const struct {
        const char *text;
        bool url;
    } bad[] = {
        { "Zg", false },   { "Zg=", false },    { "Zg===", false }, { "Z", true },
        { "Zg==", true },  { "Zh==", false },   { "Zh", true },     { "Zm9=", false },
        { "Zm9", true },   { "Zm9v\n", false }, { "Zm 9v", true },  { "-__-", false },
        { "+//+", true },  { "====", false },   { "A===", false },  { "Zg==Zg==", false },
        { "=Zg=", false }, { "Zm9vZ", true },
    };
    struct buf b = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].raw);
        buf_clear(&b);
        base64_encode(&b, cases[i].raw, n, false);
        assert_string_equal(buf_cstr(&b), cases[i].std);
        buf_clear(&b);
        base64_encode(&b, cases[i].raw, n, true);
        assert_string_equal(buf_cstr(&b), cases[i].url);
        buf_clear(&b);
        assert_int_equal(base64_decode(&b, cases[i].std, strlen(cases[i].std), false), 0);
        assert_string_equal(buf_cstr(&b), cases[i].raw);
        buf_clear(&b);
        assert_int_equal(base64_decode(&b, cases[i].url, strlen(cases[i].url), true), 0);
        assert_string_equal(buf_cstr(&b), cases[i].raw);
    }
    buf_clear(&b);
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (base64_decode(&b, bad[i].text, strlen(bad[i].text), bad[i].url) != MG_E_INVALID)
            fail_msg("accepted %s", bad[i].text);
        assert_int_equal(b.len, 0);
    }
    buf_fini(&b);
}

static void test_base64_round_trip(void **state)
{
    unsigned char raw[300];
    struct buf text = { 0 }, back = { 0 };

    (void)state;
    for (size_t n = 0; n <= sizeof raw; n++) {
        rand_bytes(raw, n);
        buf_clear(&text);
        buf_clear(&back);
        base64_encode(&text, raw, n, n % 2);
        assert_int_equal(base64_decode(&back, text.data, text.len, n % 2), 0);
        assert_int_equal(back.len, n);
        if (n > 0)
            assert_memory_equal(back.data, raw, n);
    }
    buf_fini(&text);
    buf_fini(&back);
}

static void test_rand(void **state)
{
    char text[1001];
    unsigned char big[1000] = { 0 };
    int seen[256] = { 0 }, distinct = 0;

    (void)state;
    rand_base36(text, 1000);
    assert_int_equal(strlen(text), 1000);
    assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789"), 1000);
    for (size_t i = 0; i < 1000; i++)
        distinct += seen[(unsigned char)text[i]]++ == 0;
    assert_int_equal(distinct, 36);
    rand_base36(text, 0);
    assert_string_equal(text, "");
    rand_hex(text, 50);
    assert_int_equal(strlen(text), 100);
    assert_int_equal(strspn(text, "0123456789abcdef"), 100);
    rand_bytes(big, sizeof big);
    for (size_t i = 0; i < sizeof big; i++)
        assert_int_not_equal(memcmp(big + i / 8 * 8, "\0\0\0\0\0\0\0\0", 8), 0);
    assert_true(rand_u64() != rand_u64());
}

static void test_pieces(void **state)
{
    static const char text[] = "what comes in pieces has the digest of the whole";
    uint8_t whole[SHA256_SIZE], pieces[SHA256_SIZE];
    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct sha256 *s = sha256_begin();
        assert_non_null(s);
        sha256_add(s, text, cut);
        sha256_add(s, text + cut, sizeof text - cut);
        sha256_end(s, pieces);
        hash_sha256(text, sizeof text, whole);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
    struct sha256 *dropped = sha256_begin();
    assert_non_null(dropped);
    sha256_end(dropped, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_digests), cmocka_unit_test(test_equal),
        cmocka_unit_test(test_key),     cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),  cmocka_unit_test(test_base64_round_trip),
        cmocka_unit_test(test_rand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
