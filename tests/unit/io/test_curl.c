/* test_curl.c - libcurl is loaded when it is first asked for; where that fails the reason is told,
 * and the next one that asks tries again. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *instead; /* loaded in place of libcurl; NULL: libcurl itself */

static void *dlopen_instead(const char *name, int flags)
{
    return dlopen(instead ? instead : name, flags);
}

#define dlopen dlopen_instead
#include "io/curl.c"
#undef dlopen

static void test_is_told_and_tried_again(void **state)
{
    struct err e = { 0 };

    (void)state;
    instead = "/there/is/none.so";
    assert_int_equal(curl_ready(&e), MG_E_IO);
    assert_non_null(strstr(e.text, "libcurl cannot be loaded"));
    assert_non_null(strstr(e.text, "none.so"));
    instead = "libm.so.6";
    assert_int_equal(curl_ready(&e), MG_E_IO);
    assert_string_equal(e.text, "libcurl has no curl_easy_cleanup: it is too old");
    instead = NULL;
    assert_int_equal(curl_ready(&e), 0);
    assert_int_equal(curl_ready(&e), 0);

    CURLU *url = curl_url();
    assert_non_null(url);
    assert_int_equal(curl_url_set(url, CURLUPART_URL, "http://a.example/", 0), CURLUE_OK);
    curl_url_cleanup(url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_told_and_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
