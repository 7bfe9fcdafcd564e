/* test_fetch_url.c - what a URL really means, and which of them is granted. */
#include "io/fetch_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* want: the whole normalised URL, or "!" and a part of the reason. */
static const struct {
    const char *base, *url, *want, *host;
    unsigned port;
} rows[] = {
    { NULL, "http://a.example", "http://a.example/", "a.example", 80 },
    { NULL, "HTTPS://A.Example:8443/x?y#z", "https://a.example:8443/x?y", "a.example", 8443 },
    { NULL, "http://a.example./x", "http://a.example/x", "a.example", 80 },
    { NULL, "http://a.example/a b?c d", "http://a.example/a%20b?c+d", "a.example", 80 },
    { NULL, "http://a.example/\xc3\xbc", "http://a.example/%c3%bc", "a.example", 80 },
    { NULL,
      "http://b\xc3\xbc"
      "cher.example/",
      "!ASCII", NULL, 0 },
    { NULL, "http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/",
      "xn--bcher-kva.example", 80 },
    /* A full-width "a", and circled digits, are what others may map to an address. */
    { NULL, "http://\xef\xbd\x81.example/", "!ASCII", NULL, 0 },
    { NULL, "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.1/", "!ASCII", NULL, 0 },
    { NULL, "http://2130706433/", "http://127.0.0.1/", "127.0.0.1", 80 },
    { NULL, "http://0x7f000001/", "http://127.0.0.1/", "127.0.0.1", 80 },
    { NULL, "http://0177.0.0.1/", "http://127.0.0.1/", "127.0.0.1", 80 },
    { NULL, "http://127.1/", "http://127.0.0.1/", "127.0.0.1", 80 },
    { NULL, "http://127.1./", "http://127.0.0.1/", "127.0.0.1", 80 },
    { NULL, "http://0x7f.1.:81/", "http://127.0.0.1:81/", "127.0.0.1", 81 },
    { NULL, "http://[::1]:8080/", "http://[::1]:8080/", "[::1]", 8080 },
    { NULL, "http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]/", NULL, 80 },
    { NULL, "http://a.example/../../b/./c", "http://a.example/b/c", "a.example", 80 },
    { "http://a.example/x/y?q", "z", "http://a.example/x/z", "a.example", 80 },
    { "http://a.example/x/y?q", "//b.example/z", "http://b.example/z", "b.example", 80 },
    { "https://a.example/x/y?q", "/z//w%20w", "https://a.example/z//w%20w", "a.example", 443 },
    { "http://a.example/", "https://b.example:1/", "https://b.example:1/", "b.example", 1 },
    { "http://a.example/", "file:///etc/passwd", "!file:", NULL, 0 },
    { "http://a.example/", "javascript:alert(1)", "!", NULL, 0 },
    { "http://a.example/", "//b%2eexample/", "!%", NULL, 0 },
    { NULL, "file:///etc/passwd", "!file:", NULL, 0 },
    { NULL, "ftp://a.example/", "!ftp:", NULL, 0 },
    { NULL, "gopher://a.example/", "!gopher:", NULL, 0 },
    { NULL, "dict://a.example:11211/", "!dict:", NULL, 0 },
    { NULL, "http://u@a.example/", "!user", NULL, 0 },
    { NULL, "http://u:p@a.example/", "!user", NULL, 0 },
    { NULL, "http://:p@a.example/", "!user", NULL, 0 },
    { NULL, "http://good.example\\@a.example/", "!", NULL, 0 },
    { NULL, "http://good.example#@a.example/", "http://good.example/", "good.example", 80 },
    { NULL, "http://%31%32%37.0.0.1/", "!%", NULL, 0 },
    { NULL, "http://a%00.example/", "!%", NULL, 0 },
    { NULL, "http:/%61.example/", "!%", NULL, 0 },
    { NULL, "http://[fe80::1%25eth0]/", "!%", NULL, 0 },
    { NULL, "http://a.example\r\nX: y/", "!control", NULL, 0 },
    { NULL, "http://a.example/\r\nX: y", "!control", NULL, 0 },
    { NULL, "http://a.example/\x7f", "!control", NULL, 0 },
    { NULL, "http://a.example:0/", "!port", NULL, 0 },
    { NULL, "http://a.example:65536/", "!", NULL, 0 },
    { NULL, "http://a.example:x/", "!", NULL, 0 },
    { NULL, "http:///", "!", NULL, 0 },
    { NULL, "http://./", "!", NULL, 0 },
    { NULL, "http://a..example/", "http://a..example/", "a..example", 80 },
    { NULL, "http://a.example../", "!host", NULL, 0 },
    { NULL, "http://0x7f.../", "!host", NULL, 0 },
    { NULL, "http://a_b.example/", "http://a_b.example/", "a_b.example", 80 },
    { NULL, "http://a,b.example/", "!", NULL, 0 },
    { NULL, "http://a*.example/", "!", NULL, 0 },
    { NULL, "http://[::1/", "!", NULL, 0 },
    { NULL, "http://[v1.x]/", "!", NULL, 0 },
    { NULL, "/x", "!", NULL, 0 },
    { NULL, "a.example/x", "!", NULL, 0 },
    { NULL, "", "!", NULL, 0 },
};

static void check(size_t i)
{
    struct fetch_url base = { 0 }, url;
    struct err e = { 0 };

    if (rows[i].base)
        assert_int_equal(fetch_url_parse(&base, NULL, rows[i].base, &e), 0);
    int code = fetch_url_parse(&url, rows[i].base ? &base : NULL, rows[i].url, &e);
    if (rows[i].want[0] == '!') {
        if (code == 0)
            fail_msg("%s is taken for %s", rows[i].url, url.text);
        if (!strstr(e.text, rows[i].want + 1))
            fail_msg("%s: %s", rows[i].url, e.text);
        assert_null(url.text);
    } else {
        if (code != 0)
            fail_msg("%s: %s", rows[i].url, e.text);
        assert_string_equal(url.text, rows[i].want);
        if (rows[i].host)
            assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.is_tls, strncmp(url.text, "https:", 6) == 0);
    }
    fetch_url_fini(&url);
    fetch_url_fini(&base);
}

static void test_what_it_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(i);
}

static void test_length(void **state)
{
    struct fetch_url url;
    struct err e = { 0 };
    char *text = malloc(FETCH_URL_MAX + 2);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', FETCH_URL_MAX + 1);
    memcpy(text, "http://a.example/", 17);
    text[FETCH_URL_MAX] = '\0';
    assert_int_equal(fetch_url_parse(&url, NULL, text, &e), 0);
    fetch_url_fini(&url);
    text[FETCH_URL_MAX] = 'a';
    text[FETCH_URL_MAX + 1] = '\0';
    assert_int_equal(fetch_url_parse(&url, NULL, text, &e), MG_E_INVALID);
    text[FETCH_URL_MAX] = '\0';
    text[FETCH_URL_MAX - 1] = ' '; /* becomes longer */
    memcpy(text + 30, "   ", 3);
    assert_int_equal(fetch_url_parse(&url, NULL, text, &e), MG_E_INVALID);
    free(text);
}

static void test_origin(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        { "http://a.example/x", "http://A.example:80/y", true },
        { "http://a.example/", "https://a.example:80/", false },
        { "http://a.example/", "http://a.example:81/", false },
        { "http://a.example/", "http://b.example/", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct fetch_url a, b;
        assert_int_equal(fetch_url_parse(&a, NULL, pairs[i].a, NULL), 0);
        assert_int_equal(fetch_url_parse(&b, NULL, pairs[i].b, NULL), 0);
        assert_int_equal(fetch_url_same_origin(&a, &b), pairs[i].same);
        fetch_url_fini(&a);
        fetch_url_fini(&b);
    }
}

static void test_grants(void **state)
{
    static const char *const hosts[] = { "api.example.org",
                                         "*.Example.NET:8443",
                                         "[::1]:8080",
                                         "h?st",
                                         "10.0.0.1:81",
                                         ":80",
                                         "x:y",
                                         NULL };
    static const struct {
        const char *host;
        uint16_t port;
        bool granted;
    } asked[] = {
        { "api.example.org", 80, true },
        { "api.example.org", 443, true },
        { "api.example.org", 8080, false },
        { "xapi.example.org", 80, false },
        { "api.example.org.evil", 80, false },
        { "a.example.net", 8443, true },
        { "a.b.example.net", 8443, true },
        { "example.net", 8443, false },
        { "a.example.net", 443, false },
        { "[::1]", 8080, true },
        { "[::1]", 80, false },
        { "[::2]", 8080, false },
        { "host", 443, true },
        { "hoost", 443, false },
        { "10.0.0.1", 81, true },
        { "10.0.0.1", 80, false },
        { "", 80, false },
        { "x", 80, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (fetch_host_is_granted(hosts, asked[i].host, asked[i].port) != asked[i].granted)
            fail_msg("%s:%u", asked[i].host, asked[i].port);
    assert_false(fetch_host_is_granted(NULL, "host", 80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_means),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
