/* Which Host and which Origin are let in: the DNS-rebinding and cross-site gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/content_type.h"
#include "worker/origin.h"

static const char *const none[] = { NULL };
static const char *const some[] = { "mcp.example.com", "tools.example.com:8443", "[2001:db8::7]",
                                    NULL };
static const char *const origins[] = { "https://app.example.com", "null", NULL };
static const char *const star[] = { "*", NULL };

struct host_case {
    const char *host;
    bool alone, listed; /* with an empty and a filled allowed_hosts */
};

static const struct host_case hosts[] = {
    { "localhost", true, true },
    { "LOCALHOST:8766", true, true },
    { "127.0.0.1:1", true, true },
    { "[::1]:8766", true, true },
    { "[::1]", true, true },
    { "::1", false, false },
    { "127.0.0.2", true, true },
    { "127.255.255.254:8766", true, true },
    { "127.1", false, false },
    { "127.0.0.256", false, false },
    { "127.0.0.02", false, false },
    { "127.0.0.1.", false, false },
    { "127.0.0.1.evil", false, false },
    { "127.0.0.2.evil.example", false, false },
    { "128.0.0.1", false, false },
    { "2130706433", false, false },
    { "127.0.0.1.evil.example", false, false },
    { "localhost.evil.example", false, false },
    { "evil.example#localhost", false, false },
    { "user@localhost", false, false },
    { "localhost:99999", false, false },
    { "localhost:", false, false },
    { "localhost:80a", false, false },
    { "[::1", false, false },
    { "[::1]x", false, false },
    { "", false, false },
    { " localhost", false, false },
    { "mcp.example.com", false, true },
    { "MCP.example.com:1234", false, true },
    { "mcp.example.com.evil.example", false, false },
    { "tools.example.com:8443", false, true },
    { "tools.example.com:8444", false, false },
    { "tools.example.com", false, false },
    { "[2001:db8::7]:99", false, true },
    { "public.example.org:444", false, false },
};

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (host_is_allowed(hosts[i].host, none, "") != hosts[i].alone ||
            host_is_allowed(hosts[i].host, some, "") != hosts[i].listed)
            fail_msg("host \"%s\" was judged wrongly", hosts[i].host);
    }
    assert_false(host_is_allowed(NULL, some, ""));
    assert_true(host_is_allowed("public.example.org:444", none, "https://public.example.org/x"));
    assert_false(host_is_allowed("public.example.org.evil", none, "https://public.example.org/x"));
}

struct origin_case {
    const char *origin;
    bool alone, listed, starred;
};

static const struct origin_case origin_cases[] = {
    { "http://localhost", true, true, true },
    { "https://127.0.0.1:3000", true, true, true },
    { "http://[::1]:8766", true, true, true },
    { "http://127.0.0.2:8766", true, true, true },
    { "http://127.1", false, false, true },
    { "http://localhost/", false, false, true },
    { "ftp://localhost", false, false, true },
    { "http://localhost.evil.example", false, false, true },
    { "http://localhost@evil.example", false, false, true },
    { "http://evil.example", false, false, true },
    { "https://app.example.com", false, true, true },
    { "HTTPS://APP.example.com", false, true, true },
    { "http://app.example.com", false, false, true },
    { "https://app.example.com:444", false, false, true },
    { "https://app.example.com.evil.example", false, false, true },
    { "null", false, true, false },
    { "", false, false, true },
};

static void test_origins(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof origin_cases / sizeof origin_cases[0]; i++) {
        const struct origin_case *c = &origin_cases[i];
        if (origin_is_allowed(c->origin, none, "") != c->alone ||
            origin_is_allowed(c->origin, origins, "") != c->listed ||
            origin_is_allowed(c->origin, star, "") != c->starred)
            fail_msg("origin \"%s\" was judged wrongly", c->origin);
    }
    assert_true(origin_is_allowed("https://mcp.example.org", none, "https://mcp.example.org/base"));
    assert_false(origin_is_allowed("https://mcp.example", none, "https://mcp.example.org/base"));
    assert_false(origin_is_allowed("null", none, "https://mcp.example.org"));
}

static void test_content_types(void **state)
{
    (void)state;
    assert_true(content_type_is("application/json", "application/json"));
    assert_true(content_type_is("Application/JSON; charset=utf-8", "application/json"));
    assert_false(content_type_is("application/jsonp", "application/json"));
    assert_false(content_type_is("text/plain, application/json", "application/json"));
    assert_false(content_type_is("", "application/json"));
    assert_false(content_type_is(NULL, "application/json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
