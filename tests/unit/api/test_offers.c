/* test_offers.c - mcp.prompt, mcp.resource, mcp.resource_template: what is wrong with a declaration
 * is said with its place, and what they return becomes what the protocol sends. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "local mcp = require 'mcp'\n"
#define PROMPT HEAD "return mcp.prompt { name = 'a', run = print,\n "
#define RESOURCE HEAD "return mcp.resource { name = 'a', uri = 'x:y', read = print,\n "
#define TEMPLATE HEAD "return mcp.resource_template { name = 'a', read = print,\n "

static const struct {
    const char *text, *problem;
} wrong_files[] = {
    { HEAD "return mcp.prompt { run = print }", "x.lua:2: mcp.prompt: name is missing" },
    { HEAD "return mcp.prompt { name = 'a' }", "x.lua:2: run: expected a function, got nil" },
    { HEAD "return mcp.prompt { name = 'a:b', run = print }",
      "x.lua:2: name: \"a:b\" is not 1 to 119 letters" },
    { HEAD "return mcp.prompt { name = ('x'):rep(120), run = print }", "is not 1 to 119" },
    { PROMPT "argumnts = {} }",
      "x.lua:3: unknown field \"argumnts\" (did you mean \"arguments\"?)" },
    { PROMPT "uri = 'x:y' }", "x.lua:3: unknown field \"uri\"" },
    { PROMPT "5 }", "mcp.prompt: a field without a name" },
    { PROMPT "arguments = 'x' }",
      "x.lua:3: arguments: expected a list such as { { name = \"file\" } }, got string" },
    { PROMPT "arguments = { 'x' } }", "x.lua:3: arguments: expected a list of tables such as" },
    { PROMPT "arguments = { {} } }", "arguments: each needs a name of 1 to 128 bytes" },
    { PROMPT "arguments = { { name = '' } } }", "arguments: each needs a name" },
    { PROMPT "arguments = { { name = 'f', requird = true } } }",
      "arguments: unknown field \"requird\" (did you mean \"required\"?)" },
    { PROMPT "arguments = { { name = 'f', required = 1 } } }",
      "arguments: required: expected true or false, got number" },
    { PROMPT "arguments = { { name = 'f', title = 1 } } }",
      "arguments: title: expected a string, got number" },
    { PROMPT "arguments = { x = {} } }", "arguments: expected a list" },
    { PROMPT "arguments = (function() local t = {} for i = 1, 33 do t[i] = { name = 'n' .. i } "
             "end return t end)() }",
      "arguments: more than 32" },
    { PROMPT "complete = 'x' }", "x.lua:3: complete: expected a table such as" },
    { PROMPT "complete = { f = {} } }", "complete: there is no argument \"f\"" },
    { PROMPT "arguments = { { name = 'f' } }, complete = { f = 5 } }",
      "complete.f: expected a function or a list of texts" },
    { PROMPT "arguments = { { name = 'f' } }, complete = { f = { 5 } } }",
      "complete.f: expected a function or a list of texts" },
    { PROMPT "needs = { 'fs' } }",
      "needs \"fs\", which is not granted; write in mcp.ini: [tool prompt:a] fs = read" },
    { HEAD "return mcp.resource { name = 'a', read = print }",
      "x.lua:2: mcp.resource: uri is missing, such as \"notes:///today\"" },
    { HEAD "return mcp.resource { name = 'a', uri = 'today', read = print }",
      "uri: \"today\" is no URI such as \"notes:///today\"" },
    { HEAD "return mcp.resource { name = 'a', uri = 'x:a b', read = print }", "is no URI" },
    { HEAD "return mcp.resource { name = 'a', uri = 'x:', read = print }", "is no URI" },
    { HEAD "return mcp.resource { name = 'a', uri = 'x:' .. ('y'):rep(1023), read = print }",
      "is no URI" },
    { HEAD "return mcp.resource { name = 'a', uri = 'x:y' }",
      "x.lua:2: read: expected a function, got nil" },
    { RESOURCE "size = -1 }", "x.lua:3: size: expected bytes, an integer from 0 on" },
    { RESOURCE "size = 1.5 }", "size: expected bytes" },
    { RESOURCE "mimeType = 5 }", "x.lua:3: mimeType: expected a string, got number" },
    { RESOURCE "mimetype = 'x' }", "unknown field \"mimetype\" (did you mean \"mimeType\"?)" },
    { RESOURCE "annotations = { 1 } }", "annotations: expected a table of names" },
    { RESOURCE "complete = {} }", "unknown field \"complete\"" },
    { RESOURCE "cache = '10m' }",
      "x.lua:3: cache: expected a table such as { ttl = \"10m\" }, got string" },
    { RESOURCE "cache = {} }", "x.lua:3: cache: ttl is missing, such as \"10m\"" },
    { RESOURCE "cache = { public = true } }", "cache: ttl is missing" },
    { RESOURCE "cache = {\n ttl = 'soon' } }",
      "x.lua:4: cache.ttl: expected seconds, or a text such as \"10m\", up to \"365d\"" },
    { RESOURCE "cache = { ttl = 0 } }", "cache.ttl: expected seconds" },
    { RESOURCE "cache = { ttl = -1 } }", "cache.ttl: expected seconds" },
    { RESOURCE "cache = { ttl = true } }", "cache.ttl: expected seconds" },
    { RESOURCE "cache = { ttl = '366d' } }", "cache.ttl: expected seconds" },
    { RESOURCE "cache = { ttl = 60, public = 1 } }",
      "x.lua:3: cache.public: expected true or false, got number" },
    { RESOURCE "cache = { ttl = 60, publik = true } }",
      "cache: unknown field \"publik\" (did you mean \"public\"?)" },
    { RESOURCE "cache = { 60 } }", "cache: unknown field \"?\"" },
    { PROMPT "cache = { ttl = 60 } }", "unknown field \"cache\"" },
    { TEMPLATE "uriTemplate = 'x:{n}', cache = { ttl = {} } }", "cache.ttl: expected seconds" },
    { TEMPLATE "}", "x.lua:2: mcp.resource_template: uriTemplate is missing" },
    { TEMPLATE "uriTemplate = 'x:{' }", "x.lua:3: uriTemplate: byte 3: a { without its }" },
    { TEMPLATE "uriTemplate = 'x:{a:b}' }",
      "x.lua:3: uriTemplate: byte 5: a number from 1 to 9999 follows a :" },
    { TEMPLATE "uriTemplate = '{a}' }", "uriTemplate: \"{a}\" is no URI such as" },
    { TEMPLATE "uriTemplate = 'x:{a}', list = {} }",
      "x.lua:3: list: expected a function, got table" },
    { TEMPLATE "uriTemplate = 'x:{a}', complete = { b = print } }",
      "complete: there is no variable \"b\"" },
    { HEAD "return { mcp.prompt { name = 'a', run = print },\n"
           "mcp.prompt { name = 'a', run = print } }",
      "x.lua:3: the name \"a\" is declared twice" },
    { HEAD "return { mcp.resource { name = 'a', uri = 'x:y', read = print },\n"
           "mcp.resource { name = 'b', uri = 'x:y', read = print } }",
      "x.lua:3: the uri \"x:y\" is declared twice" },
    { HEAD "return mcp.resource_template { name = 'good', uriTemplate = 'z:{a}', read = print }",
      "x.lua:2: the name \"good\" is taken by good.lua" },
    { HEAD "return mcp.resource { name = 'other', uri = 'good:it', read = print }",
      "x.lua:2: the uri \"good:it\" is taken by good.lua" },
    { HEAD "return mcp.prompt(5)", "x.lua:2: bad argument #1 to 'prompt' (table expected" },
};

static void test_problems(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "tools.d/good.lua",
                  HEAD "return mcp.resource { name = 'good', uri = 'good:it', read = print }");
    for (size_t i = 0; i < sizeof wrong_files / sizeof *wrong_files; i++) {
        fixture_write(f, "tools.d/x.lua", wrong_files[i].text);
        machine_load(&f->vm, &f->set, &f->o, &f->services);
        assert_int_equal(toolset_problem_count(f->set), 1);
        const char *got = toolset_problem_at(f->set, 0)->text;
        if (!strstr(got, wrong_files[i].problem))
            fail_msg("%s\n wanted: %s\n got:    %s", wrong_files[i].text, wrong_files[i].problem,
                     got);
        assert_int_equal(toolset_size(f->set), 1);
    }
}

/* What the entry's call ends with: its content as it is, "!" and the text of a failure; "INVALID?"
 * and the text where it says whose fault that is. Static storage. */
static const char *ended(struct fixture *f, enum tool_kind kind, const char *name, const char *args)
{
    static char text[8192];
    const struct tool *t = toolset_offer_find(f->set, kind, name, strlen(name));
    struct call c;

    assert_non_null(t);
    call_prepare(&c, t->name, args);
    call_run(f->vm, &c, t->index);
    call_wait(f, &c);
    if (c.result.is_error && c.result.structured.len == 0) {
        snprintf(text, sizeof text, "!%s", call_text(&c));
    } else if (c.result.is_error) {
        char code[32];
        assert_int_equal(sscanf(buf_cstr(&c.result.structured), "{\"code\":\"%30[A-Z_]\"}", code),
                         1);
        snprintf(text, sizeof text, "%s?%s", code, call_text(&c));
    } else {
        snprintf(text, sizeof text, "%.*s%.*s", (int)c.result.content.len, c.result.content.data,
                 (int)c.result.structured.len, c.result.structured.data);
    }
    call_fini(&c);
    return text;
}

static void load_body(struct fixture *f, const char *declaration, const char *body)
{
    char file[4096];
    snprintf(file, sizeof file, HEAD "return mcp.%s = function(a, b, c)\n%s\nend }", declaration,
             body);
    fixture_write(f, "tools.d/x.lua", file);
    fixture_load(f);
}

static void check_bodies(struct fixture *f, const char *declaration, enum tool_kind kind,
                         const char *name, const char *args, const struct example *examples)
{
    for (const struct example *e = examples; e->body; e++) {
        load_body(f, declaration, e->body);
        const char *got = ended(f, kind, name, args);
        if (strcmp(got, e->want) != 0)
            fail_msg("%s\n wanted: %s\n got:    %s", e->body, e->want, got);
    }
}

#define TEXT(s) "{\"content\":{\"text\":\"" s "\",\"type\":\"text\"},\"role\":\"user\"}"

static void test_prompt(void **state)
{
    static const struct example examples[] = {
        { "return 'hi ' .. a.who", "[" TEXT("hi Ada") "]" },
        { "return { 'a', { role = 'assistant', content = 'b' } }",
          "[" TEXT("a") ",{\"content\":{\"text\":\"b\",\"type\":\"text\"},"
                        "\"role\":\"assistant\"}]" },
        { "return { role = 'user', content = 'a' }", "[" TEXT("a") "]" },
        { "return mcp.image('abc', 'image/png')",
          "[{\"content\":{\"data\":\"YWJj\",\"mimeType\":\"image/png\",\"type\":\"image\"},"
          "\"role\":\"user\"}]" },
        { "return mcp.content { mcp.text('a') }", "[" TEXT("a") "]" },
        { "return { { role = 'user', content = mcp.embed { uri = 'x:y', text = 't' } } }",
          "[{\"content\":{\"resource\":{\"text\":\"t\",\"uri\":\"x:y\"},\"type\":\"resource\"},"
          "\"role\":\"user\"}]" },
        { "mcp.time.sleep(0.001) return b.tool", "[" TEXT("prompt:p") "]" },
        { "return nil, 'there is none'", "!there is none" },
        { "return nil, 'there is none', 'ENOENT'", "!there is none" },
        { "return nil, 'of which one?', 'INVALID'", "INVALID?of which one?" },
        { "return", "!the prompt returned nothing" },
        { "return mcp.fail('no', { a = 1 })", "!no" },
        { "error('broke')", "!broke" },
        { "return {}", "!a prompt returns a text or at least one message" },
        { "return 5", "!message 1: expected a text or a block such as mcp.image(...), got number" },
        { "return { { role = 'system', content = 'a' } }",
          "!message 1: role is \"user\" or \"assistant\"" },
        { "return { { role = 'user', content = 'a', x = 1 } }", "!message 1: unknown field x" },
        { "return { { role = 'user' } }",
          "!message 1: content: expected a text or a block such as mcp.image(...), got nil" },
        { "return '\\xff'", "!content cannot be sent: at .content.text: a string that is "
                            "not UTF-8 (mcp.codec.utf8 repairs)" },
        { NULL, NULL },
    };
    check_bodies(*state, "prompt { name = 'p', run", TOOL_PROMPT, "prompt:p", "{\"who\":\"Ada\"}",
                 examples);
}

static void test_template(void **state)
{
    static const struct example examples[] = {
        { "return a.p .. c .. b.tool",
          "[{\"mimeType\":\"m/t\",\"text\":\"vx:vresource:r\",\"uri\":\"x:v\"}]" },
        { "return { blob = 'abc', mimeType = 'i/p' }",
          "[{\"blob\":\"YWJj\",\"mimeType\":\"i/p\",\"uri\":\"x:v\"}]" },
        { "return { { text = 'a', uri = 'x:w', meta = { k = 1 } }, 'b' }",
          "[{\"_meta\":{\"k\":1},\"mimeType\":\"m/t\",\"text\":\"a\",\"uri\":\"x:w\"},"
          "{\"mimeType\":\"m/t\",\"text\":\"b\",\"uri\":\"x:v\"}]" },
        { "return ''", "[{\"mimeType\":\"m/t\",\"text\":\"\",\"uri\":\"x:v\"}]" },
        { "mcp.time.sleep(0.001) return", "NOT_FOUND?Resource not found" },
        { "return nil, 'no such file', 'ENOENT'", "NOT_FOUND?Resource not found" },
        { "return nil, 'not for tools', 'DENIED'", "NOT_FOUND?Resource not found" },
        { "return nil, 'no number', 'INVALID'", "INVALID?no number" },
        { "return nil, 'disk', 'EIO'", "!disk" },
        { "return nil, 'why'", "!why" },
        { "return mcp.fail('no', { a = 1 })", "!no" },
        { "error('broke')", "!broke" },
        { "return 5", "!content 1: expected a text, { blob = bytes } or a list, got number" },
        { "return {}", "!content 1: has text or blob, and not both" },
        { "return { text = 'a', blob = 'b' }", "!content 1: has text or blob, and not both" },
        { "return { text = 5 }", "!content 1: text: expected a text, got number" },
        { "return { 'a', { txt = 'a' } }", "!content 2: unknown field txt" },
        { NULL, NULL },
    };
    check_bodies(*state,
                 "resource_template { name = 'r', uriTemplate = 'x:{p}', mimeType = 'm/t', read",
                 TOOL_TEMPLATE, "resource:r", "{\"uri\":\"x:v\",\"vars\":{\"p\":\"v\"}}", examples);
}

static void test_resource(void **state)
{
    static const struct example examples[] = {
        { "return a.tool", "[{\"text\":\"resource:r\",\"uri\":\"x:y\"}]" },
        { NULL, NULL },
    };
    check_bodies(*state, "resource { name = 'r', uri = 'x:y', read", TOOL_RESOURCE, "resource:r",
                 "{\"uri\":\"x:y\",\"vars\":{}}", examples);
}

static void test_list(void **state)
{
    static const struct example examples[] = {
        { "return { { uri = 'x:1', name = 'one', size = 1, meta = { k = 1 } } }",
          "[{\"_meta\":{\"k\":1},\"name\":\"one\",\"size\":1,\"uri\":\"x:1\"}]" },
        { "return {}", "[]" },
        { "mcp.time.sleep(0.001) return { { uri = 'x:1', name = a.tool } }",
          "[{\"name\":\"resource:r\",\"uri\":\"x:1\"}]" },
        { "return nil, 'disk'", "!disk" },
        { "return nil, 'disk', 'INVALID'", "!disk" },
        { "return", "!the list of resources is nothing" },
        { "return { { uri = '1', name = 'one' } }", "!resource 1: \"1\" is no URI" },
        { "return { { uri = 'x:1' } }", "!resource 1: name: expected a text, got nil" },
        { "return { { uri = 'x:1', nam = 'a' } }", "!resource 1: unknown field nam" },
        { "return { 'x:1' }", "!resource 1: expected a table with uri and name" },
        { "return 5", "!list returns a list of at most 10000 resources" },
        { NULL, NULL },
    };
    check_bodies(*state,
                 "resource_template { name = 'r', uriTemplate = 'x:{p}', read = print, list",
                 TOOL_LISTER, "resource:r", "{}", examples);
}

static void test_complete(void **state)
{
    static const char args[] = "{\"name\":\"x\",\"value\":\"Ab\",\"others\":{\"y\":\"z\"}}";
    static const char file[] = HEAD "return mcp.prompt { name = 'p', run = print,\n"
                                    "arguments = { { name = 'x' }, { name = 'y' } },\n"
                                    "complete = { x = function(value, ctx, others)\n%s\nend,\n"
                                    "             y = { 'abc', 'b', 'ABD' } } }";
    static const struct example examples[] = {
        { "return { value, ctx.tool, others.y }",
          "[\"Ab\",\"prompt:p\",\"z\"]{\"hasMore\":false,\"total\":3}" },
        { "return {}", "[]{\"hasMore\":false,\"total\":0}" },
        { "mcp.time.sleep(0.001) return nil, 'disk'", "!disk" },
        { "return nil, 'no path', 'INVALID'", "INVALID?no path" },
        { "return { 5 }", "!completion 1: expected a text, got number" },
        { "return 'a'", "!a completion returns a list of texts" },
        { NULL, NULL },
    };
    struct fixture *f = *state;
    char text[1024];

    for (const struct example *e = examples; e->body; e++) {
        snprintf(text, sizeof text, file, e->body);
        fixture_write(f, "tools.d/x.lua", text);
        fixture_load(f);
        assert_string_equal(ended(f, TOOL_COMPLETER, "prompt:p", args), e->want);
    }
    assert_string_equal(ended(f, TOOL_COMPLETER, "prompt:p",
                              "{\"name\":\"y\",\"value\":\"aB\",\"others\":{}}"),
                        "[\"abc\",\"ABD\"]{\"hasMore\":false,\"total\":2}");
    assert_string_equal(ended(f, TOOL_COMPLETER, "prompt:p",
                              "{\"name\":\"q\",\"value\":\"\",\"others\":{}}"),
                        "[]{\"hasMore\":false,\"total\":0}");
}

/* At most 100 values leave, and how many there are is said. */
static void test_many_completions(void **state)
{
    struct fixture *f = *state;
    for (int n = 100; n <= 101; n++) {
        char text[512];
        snprintf(text, sizeof text,
                 HEAD "local list = {}\nfor i = 1, %d do list[i] = 'v' .. i end\n"
                      "return mcp.prompt { name = 'p', run = print, arguments = { { name = 'x' } },"
                      " complete = { x = list } }",
                 n);
        fixture_write(f, "tools.d/x.lua", text);
        fixture_load(f);
        const char *got =
            ended(f, TOOL_COMPLETER, "prompt:p", "{\"name\":\"x\",\"value\":\"\",\"others\":{}}");
        assert_non_null(strstr(got, n == 100 ? "\"v100\"]{\"hasMore\":false,\"total\":100}"
                                             : "\"v100\"]{\"hasMore\":true,\"total\":101}"));
    }
}

static void test_cache(void **state)
{
    static const struct {
        const char *cache;
        int64_t ttl_ms;
        bool is_public;
    } rows[] = { { "nil", 0, false },
                 { "{ ttl = '10m' }", 600000, false },
                 { "{ ttl = 1.5, public = true }", 1500, true },
                 { "{ ttl = '365d', public = false }", INT64_C(31536000000), false } };
    static const enum tool_kind kinds[] = { TOOL_RESOURCE, TOOL_TEMPLATE };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 HEAD "local cache = %s return {\n"
                      "mcp.resource { name = 'r', uri = 'x:y', cache = cache, read = print },\n"
                      "mcp.resource_template { name = 't', uriTemplate = 'x:{a}', cache = cache,\n"
                      "  read = print } }",
                 rows[i].cache);
        fixture_write(f, "tools.d/x.lua", text);
        fixture_load(f);
        for (size_t k = 0; k < 2; k++) {
            const struct tool *t = toolset_offer_at(f->set, kinds[k], 0);
            assert_true(t->cache_ttl_ms == rows[i].ttl_ms);
            assert_true(t->cache_is_public == rows[i].is_public);
        }
    }
}

/* Beside tools, and with a machine more, as every worker has one. */
static void test_beside_tools(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    fixture_write(f, "tools.d/x.lua",
                  HEAD "return { mcp.tool { name = 'a', run = function() return 'tool' end },\n"
                       "mcp.prompt { name = 'a', run = function() return 'prompt' end,\n"
                       "  arguments = { { name = 'x' } }, complete = { x = { 'y' } } },\n"
                       "mcp.resource_template { name = 'a', uriTemplate = 'x:{p}',\n"
                       "  list = function() return {} end, read = function() return 'r' end } }");
    fixture_load(f);
    assert_int_equal(toolset_count(f->set), 1);
    assert_int_equal(toolset_size(f->set), 5);
    assert_string_equal(call(f, "a", NULL), "tool");
    assert_string_equal(ended(f, TOOL_PROMPT, "prompt:a", "{}"), "[" TEXT("prompt") "]");
    struct vm *second = vm_new(&f->o, NULL, f->vm, &e);
    assert_non_null(second);
    vm_settle(f->vm);
    vm_attach(second, &f->services);
    struct vm *first = f->vm;
    f->vm = second;
    assert_string_equal(call(f, "a", NULL), "tool");
    assert_string_equal(ended(f, TOOL_PROMPT, "prompt:a", "{}"), "[" TEXT("prompt") "]");
    assert_string_equal(ended(f, TOOL_LISTER, "resource:a", "{}"), "[]");
    f->vm = first;
    vm_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_problems, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_prompt, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_template, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_resource, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_complete, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many_completions, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cache, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_beside_tools, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
