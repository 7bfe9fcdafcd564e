/* test_url.c - mcp.url: what is put into one part of a URL stays in it. */
#include "fixture.h"

static void test_parts(void **state)
{
    static const struct example examples[] = {
        { "return mcp.url.encode('a b/c?d&e=f%+\xc3\xbc\\0')",
          "a%20b%2Fc%3Fd%26e%3Df%25%2B%C3%BC%00" },
        { "return mcp.url.encode('AZaz09-._~')", "AZaz09-._~" },
        { "return mcp.url.encode('\\r\\n')", "%0D%0A" },
        { "return mcp.url.decode('a%20b%2fc+')", "a b/c+" },
        { "return select(3, mcp.url.decode('a%2'))", "INVALID" },
        { "return select(3, mcp.url.decode('%'))", "INVALID" },
        { "return select(3, mcp.url.decode('%%41'))", "INVALID" },
        { "return select(3, mcp.url.decode('%zz'))", "INVALID" },
        { "return mcp.url.query{ b = 'x y', a = 1, c = { true, 2.5, '&' }, d = 3.0, e = {} }",
          "a=1&b=x%20y&c=true&c=2.5&c=%26&d=3" },
        { "return mcp.url.query{ ['a=b&c'] = '\\r\\n' }", "a%3Db%26c=%0D%0A" },
        { "return mcp.url.parse_query('a=1&b=x+y%26&a=2&c&&=d&a=3')",
          "{\"\":\"d\",\"a\":[\"1\",\"2\",\"3\"],\"b\":\"x y&\",\"c\":\"\"}" },
        { "return select(3, mcp.url.parse_query('a=%4'))", "INVALID" },
        { "return mcp.url.parse_query('')", "{}" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_whole(void **state)
{
    static const struct example examples[] = {
        { "return mcp.url.parse('HTTPS://u:p@Host.Example:8443/a/b%20c?d=e#f')",
          "{\"fragment\":\"f\",\"host\":\"host.example\",\"path\":\"/a/b%20c\",\"port\":8443,"
          "\"query\":\"d=e\",\"scheme\":\"https\",\"user\":\"u:p\"}" },
        { "return mcp.url.parse('http://[::1]:80')",
          "{\"host\":\"[::1]\",\"path\":\"\",\"port\":80,\"scheme\":\"http\"}" },
        { "return mcp.url.parse('mailto:a@b')", "{\"path\":\"a@b\",\"scheme\":\"mailto\"}" },
        { "return mcp.url.parse('/a?b')", "{\"path\":\"/a\",\"query\":\"b\"}" },
        { "return select(3, mcp.url.parse('http://a\\nb/'))", "INVALID" },
        { "return select(3, mcp.url.parse('http://a b/'))", "INVALID" },
        { "return select(3, mcp.url.parse('http:///x'))", "INVALID" },
        { "return select(3, mcp.url.parse('http://a:0/'))", "INVALID" },
        { "return select(3, mcp.url.parse('http://a:65536/'))", "INVALID" },
        { "return select(3, mcp.url.parse('http://a:1x/'))", "INVALID" },
        { "return select(3, mcp.url.parse('http://[::1/'))", "INVALID" },
        { "return select(3, mcp.url.parse('http://a\\\\b/'))", "INVALID" },
        { "return select(3, mcp.url.parse(('x'):rep(65537)))", "INVALID" },
        { "return mcp.url.build{ host = 'a.example' }", "https://a.example" },
        { "return mcp.url.build{ scheme = 'HTTP', host = 'a', port = 81, path = { 'x/y', 'z?', 7 "
          "},\n"
          "query = { q = '#' }, fragment = 'f g' }",
          "http://a:81/x%2Fy/z%3F/7?q=%23#f%20g" },
        { "return mcp.url.build{ host = 'a', path = 'x y/%41%zz?#', query = 'a=b#c d' }",
          "https://a/x%20y/%41%25zz%3F%23?a=b%23c%20d" },
        { "return mcp.url.build{ host = 'a', path = '/100%% a%%zz' }",
          "https://a/100%25%25%20a%25%25zz" },
        { "return mcp.url.build{ host = 'a', path = {} }", "https://a/" },
        { "return mcp.url.build{ host = 'a', query = {} }", "https://a" },
        { "return select(3, mcp.url.build{ host = 'a', path = { '..' } })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a', path = { 'x', '.' } })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a@b' })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a/b' })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a\\r\\nb' })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a:80' })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a', port = 0 })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a', port = 1.5 })", "INVALID" },
        { "return select(3, mcp.url.build{ host = 'a', scheme = 'x:' })", "INVALID" },
        { "return mcp.url.build{ host = 'a', path = '\\r\\n' }", "https://a/%0D%0A" },
        { "return mcp.url.with_query('http://a/x#f', { b = 1 })", "http://a/x?b=1#f" },
        { "return mcp.url.with_query('http://a/x?', { b = 1 })", "http://a/x?b=1" },
        { "return mcp.url.with_query('http://a/x?y=2', { b = 1 })", "http://a/x?y=2&b=1" },
        { "return mcp.url.with_query('http://a/x y', {})", "http://a/x%20y" },
        { "return select(3, mcp.url.with_query('http://a/\\n', {}))", "INVALID" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* RFC 3986, 5.4. */
static void test_join(void **state)
{
    static const struct example examples[] = {
        { "local base, wrong = 'http://a/b/c/d;p?q', {}\n"
          "for reference, want in pairs{ ['g:h'] = 'g:h', g = 'http://a/b/c/g',\n"
          "  ['./g'] = 'http://a/b/c/g', ['g/'] = 'http://a/b/c/g/', ['/g'] = 'http://a/g',\n"
          "  ['//g'] = 'http://g', ['?y'] = 'http://a/b/c/d;p?y', ['g?y'] = 'http://a/b/c/g?y',\n"
          "  ['#s'] = 'http://a/b/c/d;p?q#s', ['g#s'] = 'http://a/b/c/g#s',\n"
          "  [';x'] = 'http://a/b/c/;x', [''] = 'http://a/b/c/d;p?q', ['.'] = 'http://a/b/c/',\n"
          "  ['./'] = 'http://a/b/c/', ['..'] = 'http://a/b/', ['../'] = 'http://a/b/',\n"
          "  ['../g'] = 'http://a/b/g', ['../..'] = 'http://a/', ['../../g'] = 'http://a/g',\n"
          "  ['../../../g'] = 'http://a/g', ['/./g'] = 'http://a/g', ['/../g'] = 'http://a/g',\n"
          "  ['g.'] = 'http://a/b/c/g.', ['..g'] = 'http://a/b/c/..g',\n"
          "  ['./../g'] = 'http://a/b/g', ['./g/.'] = 'http://a/b/c/g/',\n"
          "  ['g/../h'] = 'http://a/b/c/h', ['g?y/../x'] = 'http://a/b/c/g?y/../x',\n"
          "  ['%2e%2E/g'] = 'http://a/b/g' } do\n"
          "  local got = mcp.url.join(base, reference)\n"
          "  if got ~= want then wrong[#wrong + 1] = reference .. ' -> ' .. tostring(got) end\n"
          "end\n"
          "return table.concat(wrong, ', ')",
          "" },
        { "return mcp.url.join('http://a', 'b')", "http://a/b" },
        { "return select(3, mcp.url.join('/a', 'b'))", "INVALID" },
        { "return select(3, mcp.url.join('http://a/', 'b\\r\\n'))", "INVALID" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_wrong_use(void **state)
{
    static const char *const lines[] = {
        "url.encode()",
        "url.encode(1)",
        "url.decode({})",
        "url.query('a')",
        "url.query{ 'a' }",
        "url.query{ a = print }",
        "url.query{ a = 0/0 }",
        "url.query{ a = { {} } }",
        "url.parse()",
        "url.parse_query({})",
        "url.build()",
        "url.build{}",
        "url.build{ host = 1 }",
        "url.build{ host = 'a', prot = 1 }",
        "url.build{ host = 'a', path = 1 }",
        "url.build{ host = 'a', path = { {} } }",
        "url.with_query('http://a/')",
        "url.join('http://a/')",
    };
    check_raises(*state, "local url = mcp.url", lines, sizeof lines / sizeof *lines);
}

/* What one file does to its table is its own affair. */
static void test_own_table(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t", "mcp.url.encode = nil mcp.url.query = nil return 'gone'");
    fixture_tool(f, "u", "return mcp.url.query{ a = 'b c' }");
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL), "gone");
    assert_string_equal(call(f, "u", NULL), "a=b%20c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_whole, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_join, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_own_table, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
