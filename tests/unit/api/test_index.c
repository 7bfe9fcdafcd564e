/* test_index.c - mcp.index as tools see it. What is found and what is not, and every trouble of the
 * file, is tested below gateway/index. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "index/index.h"

static const char open_index[] = "local index = mcp.index.open('x')\n";

static void check_body(struct fixture *f, const char *body, const char *want)
{
    char text[2048];
    snprintf(text, sizeof text, "%s%s", open_index, body);
    check(f, text, want);
}

static void test_documents(void **state)
{
    struct fixture *f = *state;
    check_body(f, "return tostring(index:count()) .. tostring(index:stamp('a'))", "0nil");
    check_body(f, "return mcp.json.encode(index:search('word'))", "[]");
    check_body(f,
               "assert(index:put('a', { title = 'A title', text = 'some text' }, 's1') == true)\n"
               "assert(index:put('b', { text = 'other text', path = 'src/main.c' }))\n"
               "assert(index:put('c', {}, 7))\n"
               "return table.concat({ index:count(), index:stamp('a'), index:stamp('b'), "
               "index:stamp('c') }, ',')",
               "3,s1,,7");
    check_body(f,
               "local h = index:search('title')\n"
               "return #h .. h[1].id .. '|' .. h[1].title .. '|' .. h[1].snippet .. '|' .. "
               "tostring(h[1].score > 0)",
               "1a|A title|some text|true");
    check_body(f, "return index:search('main.c')[1].id", "b"); /* a further member */
    check_body(f, "return #index:search('text') .. #index:search('text', { limit = 1 })", "21");
    check_body(f,
               "return #index:search('title other') .. "
               "#index:search('title other nothing', { any = true })",
               "02");
    check_body(f,
               "return tostring(index:remove('a')) .. tostring(index:remove('a')) .. "
               "index:count()",
               "truefalse2");
    check_body(f, "return mcp.json.encode{index:list()}",
               "[[{\"id\":\"b\",\"stamp\":\"\"},{\"id\":\"c\",\"stamp\":\"7\"}]]");
    check_body(f,
               "local page, next = index:list{ limit = 1 }\n"
               "local rest, last = index:list{ limit = 1, after = next }\n"
               "return page[1].id .. next .. rest[1].id .. tostring(last)",
               "bbcnil");
}

static void test_refused(void **state)
{
    static const struct example examples[] = {
        { "return select(3, mcp.index.open('x'):put('a', { text = '\\xff' }))", "INVALID" },
        { "return select(3, mcp.index.open('x'):put('a', { title = ('x'):rep(1025) }))",
          "TOO_LARGE" },
        { "return select(3, mcp.index.open('x'):put('a', { text = ('x'):rep(4 << 20) }))",
          "TOO_LARGE" },
        { "return tostring(mcp.index.open('x'):put('a', { title = ('x'):rep(1024) }))", "true" },
        { "return select(3, mcp.index.open('x'):search(('x'):rep(4097)))", "INVALID" },
        { "return tostring(#mcp.index.open('x'):search(('x '):rep(16)))", "0" },
        { "local words = {} for i = 1, 33 do words[i] = 'w' .. i end "
          "return select(3, mcp.index.open('x'):search(table.concat(words, ' ')))",
          "INVALID" },
        { NULL, NULL },
    };
    static const char *const lines[] = {
        "mcp.index.open()",
        "mcp.index.open('')",
        "mcp.index.open('a b')",
        "mcp.index.open(('x'):rep(65))",
        "index.put('a', {})",
        "index:put()",
        "index:put('', {})",
        "index:put(('x'):rep(4097), {})",
        "index:put('\\xff', {})",
        "index:put(1, {})",
        "index:put('a')",
        "index:put('a', 'text')",
        "index:put('a', { 'text' })",
        "index:put('a', { text = 1 })",
        "index:put('a', {}, {})",
        "index:put('a', {}, ('x'):rep(257))",
        "index:search()",
        "index:search('a', 1)",
        "index:search('a', { limit = 0 })",
        "index:search('a', { limit = 101 })",
        "index:search('a', { limits = 1 })",
        "index:list{ limit = 1001 }",
        "index:list{ after = '' }",
        "index:list{ from = 'a' }",
        "index:stamp()",
        "index:remove({})",
        "getmetatable(index).x",
        "setmetatable(index, {})",
    };
    struct fixture *f = *state;

    f->policy.memory_bytes = 32 << 20;
    check_all(f, examples);
    check_raises(f, open_index, lines, sizeof lines / sizeof lines[0]);
    check(f, "return tostring(mcp.index.open('some.name'))", "index: some.name");
}

/* Each tool has its own of the same name. */
static void test_private(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "one",
                 "local i = mcp.index.open('x') i:put('a', {}) return tostring(i:count())");
    fixture_tool(f, "two", "return tostring(mcp.index.open('x'):count())");
    fixture_load(f);
    assert_string_equal(call(f, "one", NULL), "1");
    assert_string_equal(call(f, "two", NULL), "0");
}

static void test_at_load(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "tools.d/t.lua",
                  "local mcp = require 'mcp'\nlocal index = mcp.index.open('x')\n"
                  "local ok, message = pcall(index.count, index)\n"
                  "return mcp.tool { name = 't', run = function() return message end }");
    fixture_load(f);
    assert_non_null(strstr(call(f, "t", NULL), "there is no index while a file is loaded"));
}

static void test_settings(void **state)
{
    static const char *const globs[] = { "dist/**", "*.min.js", NULL };
    struct fixture *f = *state;
    f->sections.search_max_file = 1 << 20;
    f->sections.search_exclude = globs;
    check(f,
          "local out = tostring(mcp.index.settings().view_base) .. "
          "mcp.index.settings().max_file\n"
          "for _, p in ipairs{ 'dist/a/b', 'a/dist/b', 'a.min.js', 'a/b.min.js' } do "
          "out = out .. tostring(mcp.index.excludes(p)):sub(1, 1) end return out",
          "nil1048576tftf");
    f->sections.search_exclude = NULL;
    f->sections.view_base = "https://x.example/y";
    check(f, "return mcp.index.settings().view_base .. tostring(mcp.index.excludes('dist/a'))",
          "https://x.example/yfalse");
}

/* Many puts at once, as the comment of put says. */
static void test_together(void **state)
{
    struct fixture *f = *state;
    check_body(f,
               "local all = {}\n"
               "for i = 1, 90 do all[i] = function() return index:put('d' .. i, "
               "{ text = 'word' .. i }) end end\n"
               "mcp.all(all)\n"
               "return index:count() .. index:search('word77')[1].id",
               "90d77");
}

/* A call that is cancelled while it waits leaves nothing behind and harms nobody. */
static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct call c;

    fixture_tool(f, "t",
                 "local index = mcp.index.open('x')\n"
                 "if args.n then return tostring(index:count() >= 0) end\n"
                 "while true do\n"
                 "  local ok, message, code = index:put('a', { text = 'words' })\n"
                 "  if not ok then return code end\n"
                 "  local hits, reason, word = index:search('words')\n"
                 "  if not hits then return word end\n"
                 "end");
    fixture_load(f);
    for (int i = 0; i < 20; i++) {
        call_start(f, &c, "t", NULL);
        cancel_later(f, &c, i % 5);
        call_wait(f, &c);
        call_fini(&c);
        assert_string_equal(call(f, "t", "{\"n\":1}"), "true");
    }
}

/* What waits when the gateway stops is told so. */
static void test_stopping(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "t", "return select(3, mcp.index.open('x'):count())");
    fixture_load(f);
    index_close(f->services.index);
    assert_string_equal(call(f, "t", NULL), "CLOSED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_documents, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_private, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_at_load, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_settings, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_together, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_stopping, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
