/* Who is calling: networks, proxies that are trusted, and what the rate limiter counts by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/address.h"

static struct address_list *make(const char *const *items)
{
    struct err e = { 0 };
    struct address_list *l = address_list_new(items, &e);
    if (!l)
        fail_msg("%s", e.text);
    return l;
}

static void test_networks(void **state)
{
    (void)state;
    struct address_list *l =
        make((const char *[]){ "10.0.0.0/8", "192.168.1.7", "fd00::/9", "::1", NULL });
    assert_true(address_list_has(l, "10.255.0.1"));
    assert_false(address_list_has(l, "11.0.0.1"));
    assert_true(address_list_has(l, "192.168.1.7"));
    assert_false(address_list_has(l, "192.168.1.8"));
    assert_true(address_list_has(l, "fd7f::1"));
    assert_false(address_list_has(l, "fd80::1"));
    assert_true(address_list_has(l, "::1"));
    assert_false(address_list_has(l, "::2"));
    assert_true(address_list_has(l, "::ffff:10.1.2.3"));
    assert_false(address_list_has(l, "nonsense"));
    address_list_free(l);
    l = make((const char *[]){ "0.0.0.0/0", NULL });
    assert_true(address_list_has(l, "203.0.113.9"));
    assert_false(address_list_has(l, "2001:db8::1"));
    address_list_free(l);
}

static void test_bad_networks(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "10.0.0.0/33", "10.0.0/8",
        "x",           "",
        "::/129",      "10.0.0.1/",
        "10.0.0.1/-1", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = { 0 };
        struct address_list *l = address_list_new((const char *[]){ bad[i], NULL }, &e);
        if (l || e.code != MG_E_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

struct forward_case {
    const char *peer, *header, *client;
};

static const struct forward_case forwards[] = {
    { "203.0.113.9", "198.51.100.1", "203.0.113.9" }, /* a stranger's header counts for nothing */
    { "10.0.0.1", "198.51.100.1", "198.51.100.1" },
    { "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1" }, /* the first items are the client's own
                                                                invention */
    { "10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1" },
    { "10.0.0.1", "198.51.100.1,10.0.0.2 ,\t10.0.0.3 ", "198.51.100.1" },
    { "10.0.0.1", "10.0.0.2", "10.0.0.2" },
    { "10.0.0.1", "198.51.100.1, unknown", "10.0.0.1" }, /* no address: the walk ends at who sent it
                                                          */
    { "10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2" },
    { "10.0.0.1", "", "10.0.0.1" },
    { "10.0.0.1", ",,", "10.0.0.1" },
    { "10.0.0.1", NULL, "10.0.0.1" },
    { "10.0.0.1", "2001:db8::5", "2001:db8::5" },
};

static void test_forwarded(void **state)
{
    (void)state;
    struct address_list *l = make((const char *[]){ "10.0.0.0/24", NULL });
    for (size_t i = 0; i < sizeof forwards / sizeof forwards[0]; i++) {
        char out[ADDRESS_SIZE];
        address_client(l, forwards[i].peer, forwards[i].header, out);
        assert_string_equal(out, forwards[i].client);
    }
    char out[ADDRESS_SIZE];
    address_client(NULL, "10.0.0.1", "198.51.100.1", out);
    assert_string_equal(out, "10.0.0.1");
    address_list_free(l);
}

static void test_limit_key(void **state)
{
    (void)state;
    unsigned char a[16], b[16];
    assert_int_equal(address_limit_key("2001:db8:0:1::5", a), 8);
    assert_int_equal(address_limit_key("2001:db8:0:1:ffff::9", b), 8);
    assert_memory_equal(a, b, 8);
    assert_int_equal(address_limit_key("2001:db8:0:2::5", b), 8);
    assert_memory_not_equal(a, b, 8);
    assert_int_equal(address_limit_key("192.0.2.1", a), 16);
    assert_int_equal(address_limit_key("192.0.2.2", b), 16);
    assert_memory_not_equal(a, b, 16);
    assert_int_equal(address_limit_key("::1", a), 16);
}

static void test_peer(void **state)
{
    (void)state;
    uint64_t peer = address_peer("192.0.2.1", "curl/8");
    assert_true(peer == address_peer("192.0.2.1", "curl/8"));
    assert_true(peer != address_peer("192.0.2.2", "curl/8"));
    assert_true(peer != address_peer("192.0.2.1", "curl/9"));
    assert_true(peer != address_peer("192.0.2.1", NULL));
    assert_true(address_peer("curl/8", "192.0.2.1") != peer);
    assert_true(address_peer("2001:db8::1", "a") != address_peer("2001:db8::2", "a"));
    /* A client on this machine comes by either of its addresses. */
    uint64_t local = address_peer("127.0.0.1", "curl/8");
    assert_true(local == address_peer("::1", "curl/8"));
    assert_true(local == address_peer("::ffff:127.0.0.1", "curl/8"));
    assert_true(local == address_peer("::ffff:7f00:1", "curl/8"));
    assert_true(local != address_peer("::1", "node"));
    assert_true(local != address_peer("127", "curl/8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_bad_networks),
        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_limit_key),
        cmocka_unit_test(test_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
