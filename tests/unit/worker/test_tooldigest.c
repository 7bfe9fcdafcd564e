/* What makes a reload build the tools anew, and what does not. */
#include "worker/site.h"

#include <string.h>

#include "base/hash.h"
#include "worker/tooldigest.h"

static const char ini[] = "[tool one]\ncolour = blue\n";

static void digest(const struct site *s, const char *text, uint8_t out[SHA256_SIZE])
{
    struct config *c = site_config(s, text);
    struct err e = { 0 };
    struct sources *sources = sources_read(c->paths.tools, &e);
    assert_non_null(sources);
    if (tool_digest(c, sources, out, &e) != 0)
        fail_msg("%s", e.text);
    sources_unref(sources);
    config_unref(c);
}

static bool differs(const struct site *s, const char *text, const uint8_t before[SHA256_SIZE])
{
    uint8_t now[SHA256_SIZE];
    digest(s, text, now);
    return memcmp(now, before, SHA256_SIZE) != 0;
}

static struct site *site_with_tools(void)
{
    struct site *s = site_new(1);
    site_tool(s, "one", "hello");
    site_write(s, "tools.d/lib/help.lua", "return {}");
    return s;
}

/* Each differs from having none of them, and from the one before it. */
static const char *const global[] = {
    "[tools]\ntimeout = 1s\n",
    "[tools]\nmemory = 1M\n",
    "[tools]\nworker_memory = 300M\n",
    "[server]\nmax_result = 1M\n",
    "[evals]\nparallel = 1\n",
    "[eval *]\ncommand = x\n",
    "[eval *]\ncommand = x y\n",
    "[eval *]\ncommand = \"x y\"\n",
    "[eval *]\nurl = http://a\n",
    "[eval *]\nurl = http://b\n",
    "[eval *]\nurl = http://b\npoll = 3s\n",
    "[eval *]\nurl = http://b\nheaders = A: b\n",
    "[gates]\norder = a, b\n",
    "[gates]\norder = a, b\nstrict = yes\n",
    "[search]\nmax_file = 8K\n",
    "[search]\nmax_file = 8K\nexclude = a/**\n",
};

static void test_sections(void **state)
{
    static const char *const same[] = {
        "",
        "[log]\nlevel = debug\n",
        "[rate_limit]\nbucket = 5\n",
        "[auth]\nkeys = some-key\n",
        "[server]\nmax_body = 1M\nallowed_hosts = example.org\n",
        "[state]\nautosave = 9s\n",
    };
    static const char *const other[] = {
        "[tool one]\ncolour = red\n",
        "[tool one]\nhue = blue\n",
        "[tool two]\ncolour = blue\n",
        "[tool one]\ncolour = blue\nexec = git\n",
        "[tool one]\ncolour = blue\nfs = read\n",
        "[tool one]\ncolour = blue\nenv = LANG\n",
        "[tool one]\ncolour = blue\nhttp = example.org\n",
        "[tool one]\ncolour = blue\nallow_private = yes\n",
        "[tool one]\ncolour = blue\nstate = jobs:r\n",
        "[tool one]\ncolour = blue\ntimeout = 1s\n",
        "[tool one]\ncolour = blue\nmemory = 1M\n",
        "[tool one]\ncolour = blue\nconcurrent = 1\n",
        "[tool one]\ncolour = blue\nrate = 1/1s\n",
        "[tool one]\ncolour = blue\nenabled = no\n",
    };
    uint8_t before[SHA256_SIZE], last[SHA256_SIZE];
    char text[512];
    (void)state;
    struct site *s = site_with_tools();
    digest(s, ini, before);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        snprintf(text, sizeof text, "%s%s", ini, same[i]);
        if (differs(s, text, before))
            fail_msg("%s", same[i]);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (!differs(s, other[i], before))
            fail_msg("%s", other[i]);
    memcpy(last, before, sizeof last);
    for (size_t i = 0; i < sizeof global / sizeof global[0]; i++) {
        snprintf(text, sizeof text, "%s%s", ini, global[i]);
        if (!differs(s, text, before) || !differs(s, text, last))
            fail_msg("%s", global[i]);
        digest(s, text, last);
    }
    site_free(s);
}

static void test_files(void **state)
{
    uint8_t before[SHA256_SIZE];
    (void)state;
    struct site *s = site_with_tools();
    digest(s, ini, before);
    site_write(s, "tools.d/notes.txt", "x");
    site_write(s, "tools.d/.hidden.lua", "x");
    assert_false(differs(s, ini, before));
    site_tool(s, "one", "hallo");
    assert_true(differs(s, ini, before));
    site_tool(s, "one", "hello");
    assert_false(differs(s, ini, before));
    site_write(s, "tools.d/lib/help.lua", "return { 1 }");
    assert_true(differs(s, ini, before));
    site_write(s, "tools.d/lib/help.lua", "return {}");
    site_tool(s, "two", "hello");
    assert_true(differs(s, ini, before));
    site_remove(s, "tools.d/two.lua");
    assert_false(differs(s, ini, before));
    site_free(s);
}

/* The bytes behind @file count, not its name alone. */
static void test_secrets(void **state)
{
    static const char text[] = "[tool one]\ntoken = @secret\n";
    uint8_t before[SHA256_SIZE];
    (void)state;
    struct site *s = site_with_tools();
    site_write(s, "secret", "one");
    digest(s, text, before);
    assert_false(differs(s, text, before));
    site_write(s, "secret", "two");
    assert_true(differs(s, text, before));
    site_remove(s, "secret");
    assert_true(differs(s, text, before));
    site_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
