/* test_address_class.c - every form of an address that is not public is known as what it is. */
#include "io/address_class.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static const struct {
    const char *address, *what; /* NULL: public */
} rows[] = {
    { "0.0.0.0", "unspecified" },
    { "0.255.255.255", "unspecified" },
    { "1.0.0.0", NULL },
    { "9.255.255.255", NULL },
    { "10.0.0.0", "private" },
    { "10.255.255.255", "private" },
    { "11.0.0.0", NULL },
    { "100.63.255.255", NULL },
    { "100.64.0.0", "carrier-grade NAT" },
    { "100.127.255.255", "carrier-grade NAT" },
    { "100.128.0.0", NULL },
    { "126.255.255.255", NULL },
    { "127.0.0.1", "loopback" },
    { "127.255.255.255", "loopback" },
    { "128.0.0.0", NULL },
    { "169.253.255.255", NULL },
    { "169.254.169.254", "link-local" },
    { "169.255.0.0", NULL },
    { "172.15.255.255", NULL },
    { "172.16.0.0", "private" },
    { "172.31.255.255", "private" },
    { "172.32.0.0", NULL },
    { "192.0.0.1", "reserved" },
    { "192.0.1.0", NULL },
    { "192.0.2.1", "documentation" },
    { "192.88.99.1", "reserved" },
    { "192.167.255.255", NULL },
    { "192.168.0.0", "private" },
    { "192.168.255.255", "private" },
    { "192.169.0.0", NULL },
    { "198.17.255.255", NULL },
    { "198.18.0.0", "benchmarking" },
    { "198.19.255.255", "benchmarking" },
    { "198.20.0.0", NULL },
    { "198.51.100.7", "documentation" },
    { "203.0.113.7", "documentation" },
    { "223.255.255.255", NULL },
    { "224.0.0.1", "multicast" },
    { "239.255.255.255", "multicast" },
    { "240.0.0.1", "reserved" },
    { "255.255.255.255", "reserved" },
    { "::", "unspecified" },
    { "::1", "loopback" },
    { "::2", "reserved" },
    { "::127.0.0.1", "reserved" },
    { "::ffff:127.0.0.1", "loopback" },
    { "::ffff:10.1.2.3", "private" },
    { "::ffff:8.8.8.8", NULL },
    { "64:ff9b::7f00:1", "loopback" },
    { "64:ff9b::a9fe:a9fe", "link-local" },
    { "64:ff9b::808:808", NULL },
    { "64:ff9b:1::808:808", "private" },
    { "100::1", "reserved" },
    { "1fff::1", "reserved" },
    { "2000::1", NULL },
    { "2001:0:7f00:1::", "reserved" },
    { "2001:1ff::1", "reserved" },
    { "2001:200::1", NULL },
    { "2001:db8::1", "documentation" },
    { "2002:7f00:1::1", "loopback" },
    { "2002:c0a8:101::1", "private" },
    { "2002:808:808::1", NULL },
    { "2606:4700::1111", NULL },
    { "3fff::1", "documentation" },
    { "3fff:1000::1", NULL },
    { "4000::1", "reserved" },
    { "fc00::1", "private" },
    { "fd00:ec2::254", "private" },
    { "fe00::1", "reserved" },
    { "fe80::1", "link-local" },
    { "febf::1", "link-local" },
    { "fec0::1", "private" },
    { "ff02::1", "multicast" },
};

static void assert_class(const char *address, const char *got, const char *want)
{
    if (!got != !want || (got && strcmp(got, want) != 0))
        fail_msg("%s is %s, expected %s", address, got ? got : "public", want ? want : "public");
}

static const char *class_of(const char *text)
{
    struct sockaddr_in four = { .sin_family = AF_INET };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return address_class((const struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return address_class((const struct sockaddr *)&six);
}

static void test_every_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_class(rows[i].address, class_of(rows[i].address), rows[i].what);
        assert_class(rows[i].address, address_class_of_text(rows[i].address), rows[i].what);
    }
}

static void test_no_internet(void **state)
{
    struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
    (void)state;
    assert_string_equal(address_class((const struct sockaddr *)&local), "not an internet address");
    assert_string_equal(address_class_of_text("/run/x"), "not an internet address");
    assert_string_equal(address_class_of_text("fe80::1%eth0"), "not an internet address");
    assert_string_equal(address_class_of_text(""), "not an internet address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_range),
        cmocka_unit_test(test_no_internet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
