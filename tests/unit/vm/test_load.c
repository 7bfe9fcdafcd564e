/* test_load.c - declarations: what is wrong is said with file, line and reason, and takes nothing
 * else down. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "local mcp = require 'mcp'\n"
#define RUN "run = function() end"

static const struct {
    const char *text, *problem;
} wrong_files[] = {
    { "return (", "tools.d/x.lua:1: unexpected symbol" },
    { "\n\nerror('at load')", "tools.d/x.lua:3: at load" },
    { "error({})", "tools.d/x.lua: an error that is not a text" },
    { "return nil", "tools.d/x.lua: the file must return mcp.tool{...} or a list of them, it "
                    "returned nothing" },
    { "return 5", "it returned number" },
    { "return {}", "it returned an empty table" },
    { "return { name = 'x' }", "is mcp.tool missing before the table?" },
    { HEAD "return { mcp.tool { name = 'a', " RUN " }, 5 }", "is mcp.tool missing" },
    { HEAD "return mcp.tool { " RUN " }", "tools.d/x.lua:2: mcp.tool: name is missing" },
    { HEAD "return mcp.tool {\n name = 5,\n " RUN " }",
      "tools.d/x.lua:3: name: expected a string, got number" },
    { HEAD "return mcp.tool { name = 'a b', " RUN " }",
      "tools.d/x.lua:2: name: \"a b\" is not 1 to 128" },
    { HEAD "return mcp.tool { name = '', " RUN " }", "is not 1 to 128" },
    { HEAD "return mcp.tool { name = ('x'):rep(129), " RUN " }", "is not 1 to 128" },
    { HEAD "return mcp.tool { name = 'a' }", "tools.d/x.lua:2: run: expected a function, got nil" },
    { HEAD "return mcp.tool {\n name = 'a', " RUN ",\n descripton = 'x' }",
      "tools.d/x.lua:4: unknown field \"descripton\" (did you mean \"description\"?)" },
    { HEAD "return mcp.tool {\n name = 'a', " RUN ",\n ['evry'] = {} }",
      "tools.d/x.lua:4: unknown field \"evry\"" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", 5 }", "a field without a name" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", every = { '0.5s', print } }",
      "every: expected { INTERVAL, FUNCTION }, the interval from \"1s\" to \"30d\"" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", every = { '31d', print } }", "every: expected" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", every = { '1h', 'f' } }", "every: expected" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", every = print }", "every: expected" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", coerce = 1 }",
      "coerce: expected true or false" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", start = 1 }", "start: expected a function" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", description = 'a\\0b' }",
      "description: longer than" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", input = 5 }", "input: expected a schema" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", input = { type = 'array' } }",
      "input: must have type = \"object\"" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", input = { type = 'object', properties = { n = "
           "{ type = 'number', ['x-mcp-header'] = 'N' } } } }",
      "input: at /properties/n: x-mcp-header is for a type of" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", input = { title = '\"object\"' } }",
      "input: must have type = \"object\"" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", input = '{' }", "input: not JSON: offset" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", input = '[]' }",
      "input: expected a JSON object" },
    { HEAD "return mcp.tool { name = 'a', " RUN
           ", input = { type = 'object', properties = { a = print } } }",
      "input: properties: a: at the value itself: a function cannot be JSON" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", annotations = { 1 } }",
      "annotations: expected a table of names" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", icons = { a = 1 } }", "icons: expected a list" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", limits = { timeot = 1 } }",
      "limits: unknown field \"timeot\" (did you mean \"timeout\"?)" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", limits = { timeout = 'soon' } }",
      "limits.timeout: expected seconds" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", limits = { timeout = 0 } }",
      "limits.timeout: expected seconds" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", limits = { timeout = '20m' } }",
      "more than [tools] max_timeout" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", limits = { memory = '1G' } }",
      "more than [tools] max_memory" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", limits = { concurrent = 0 } }",
      "limits.concurrent: expected an integer" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = 'exec' }", "needs: expected a list" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = { 'exec' } }",
      "needs \"exec\", which is not granted; write in mcp.ini: [tool a] exec = PROGRAM" },
    { HEAD "return mcp.tool { name = 'a', run = function() mcp.evals.start() end, "
           "needs = { 'exec' } }",
      "needs \"exec\", which is not granted; write in mcp.ini: [tool a] exec = @evals" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = { 'fs' } }",
      "needs \"fs\", which is not granted; write in mcp.ini: [tool a] fs = read (or write, if it "
      "changes files)" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = { 'state:jobs' } }",
      "needs \"state:jobs\", which is not granted; write in mcp.ini: [tool a] state = "
      "jobs:r (or :rw, if it changes them)" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = { 'http' } }",
      "needs \"http\", which is not granted; write in mcp.ini: [tool a] http = HOST" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = { 'redis' } }",
      "\"redis\" is not available in this version" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = { 'exek' } }",
      "unknown need \"exek\" (did you mean \"exec\"?)" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", needs = { 'state' } }",
      "write \"state:COLLECTION\"" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", settings = { s = { type = 'strin' } } }",
      "settings.s: type must be one of" },
    { HEAD "return mcp.tool { name = 'a', " RUN ", settings = { s = 5 } }",
      "settings.s: expected a table" },
    { HEAD "return mcp.tool { name = 'a', " RUN
           ", settings = { s = { type = 'integer', default = 'x' } } }",
      "settings.s: the default is not of type integer" },
    { HEAD "return mcp.tool { name = 'a', " RUN
           ", settings = { s = { type = 'string', required = true } } }",
      "settings.s is required; write in mcp.ini" },
    { HEAD "return mcp.tool { name = 'a', " RUN
           ", settings = { s = { type = 'string', hlep = 1 } } }",
      "settings.s: unknown field \"hlep\" (did you mean \"help\"?)" },
    { HEAD "return { mcp.tool { name = 'a', " RUN " },\n mcp.tool { name = 'a', " RUN " } }",
      "tools.d/x.lua:3: the name \"a\" is declared twice" },
    { HEAD "return mcp.tool { name = 'good', " RUN " }",
      "tools.d/x.lua:2: the name \"good\" is taken by good.lua" },
    { HEAD "mcp.test.sleep(1) return mcp.tool { name = 'a', " RUN " }",
      "cannot wait here (sleep): the file is being loaded" },
    { HEAD "mcp.spawn(print)", "cannot spawn while the file is being loaded" },
    { "\x1bLua", "tools.d/x.lua: attempt to load a binary chunk" },
};

static void test_problems(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "good", "return 'good'");
    for (size_t i = 0; i < sizeof wrong_files / sizeof *wrong_files; i++) {
        fixture_write(f, "x.lua", wrong_files[i].text);
        fixture_load(f);
        if (!strstr(problems(f), wrong_files[i].problem))
            fail_msg("%s\n wanted: %s\n got:    %s", wrong_files[i].text, wrong_files[i].problem,
                     problems(f));
        assert_int_equal(toolset_problem_count(f->set), 1);
        assert_string_equal(toolset_problem_at(f->set, 0)->file, "x.lua");
        assert_int_equal(toolset_count(f->set), 1);
        assert_string_equal(call(f, "good", NULL, OUT_OK), "good");
    }
}

static void test_all_problems_of_a_file(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "x.lua", HEAD "return mcp.tool {\n  nam = 'a',\n  title = 1,\n  run = 2,\n}");
    fixture_load(f);
    assert_string_equal(problems(f),
                        "tools.d/x.lua:3: unknown field \"nam\" (did you mean \"name\"?)\n"
                        "tools.d/x.lua:4: title: expected a string, got number\n"
                        "tools.d/x.lua:5: run: expected a function, got number\n");
}

static void test_what_is_declared(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "x.lua",
                  HEAD
                  "return mcp.tool { name = 'Some.tool-1_x', title = 'T', description = 'D', " RUN
                  ",\n"
                  "input = { required = { 'b' }, properties = { b = {}, required = {}, a = { type "
                  "= 'array', default = {},\n"
                  "items = { enum = {} } }, c = { default = {} } }, type = 'object', "
                  "additionalProperties = false },\n"
                  "output = '{ \"type\":\"object\",\"x\": 1.0 }', annotations = { readOnlyHint = "
                  "true },\n"
                  "icons = { { src = 'data:' } }, meta = { a = 1 }, coerce = true,\n"
                  "limits = { timeout = '5s', memory = '2M', concurrent = 3 } }");
    fixture_write(f, "y.lua",
                  HEAD "return mcp.tool { name = 'y', " RUN
                       ", input = '{\\n \"type\": \"object\"\\n}' }");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    const struct tool *t = toolset_find(f->set, "Some.tool-1_x", 13);
    assert_non_null(t);
    assert_string_equal(t->title, "T");
    assert_string_equal(t->description, "D");
    assert_string_equal(
        t->input_schema,
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"default\":[],\"items\":"
        "{\"enum\":[]}},\"b\":{},\"c\":{\"default\":{}},\"required\":{}},\"required\":[\"b\"],"
        "\"additionalProperties\":false}");
    assert_string_equal(t->output_schema, "{ \"type\":\"object\",\"x\": 1.0 }");
    assert_string_equal(t->annotations, "{\"readOnlyHint\":true}");
    assert_string_equal(t->icons, "[{\"src\":\"data:\"}]");
    assert_string_equal(t->meta, "{\"a\":1}");
    assert_string_equal(t->file, "x.lua");
    assert_true(t->coerce);
    assert_int_equal(t->timeout_ms, 5000);
    assert_int_equal(t->memory_bytes, 2 << 20);
    assert_int_equal(t->concurrent, 3);
    assert_string_equal(toolset_find(f->set, "y", 1)->input_schema, "{\"type\":\"object\"}");
    /* mcp.ini has the last word. */
    f->policy.timeout_ms = 7000;
    f->policy.memory_bytes = 1 << 20;
    f->policy.concurrent = 9;
    f->policy.rate_bucket = 5;
    f->policy.rate_window_ms = 1000;
    fixture_load(f);
    t = toolset_find(f->set, "Some.tool-1_x", 13);
    assert_int_equal(t->timeout_ms, 7000);
    assert_int_equal(t->memory_bytes, 1 << 20);
    assert_int_equal(t->concurrent, 9);
    assert_int_equal(t->rate_bucket, 5);
    f->policy.enabled = false;
    fixture_load(f);
    assert_int_equal(toolset_count(f->set), 0);
    assert_string_equal(problems(f), "");
}

static void test_settings(void **state)
{
    struct fixture *f = *state;
    static const struct vm_setting settings[] = {
        { "count", "12", "mcp.ini:5", NULL, NULL },
        { "on", "yes", "mcp.ini:6", NULL, NULL },
        { "wait", "1.5s", "mcp.ini:7", NULL, NULL },
        { "size", "2K", "mcp.ini:8", NULL, NULL },
        { "names", "a, b", "mcp.ini:9", NULL, NULL },
        { "token", "s3cret", "mcp.ini:10", NULL, NULL },
    };
    fixture_write(
        f, "x.lua",
        HEAD
        "return mcp.tool { name = 'x', settings = { count = { type = 'integer' }, on = { type = "
        "'boolean' },\n"
        "wait = { type = 'duration' }, size = { type = 'size' }, names = { type = 'list' }, token "
        "= { type = 'secret',\n"
        "help = 'h' }, none = { type = 'string' }, off = { type = 'boolean', default = false },\n"
        "later = { type = 'duration', default = '2m' } }, run = function()\n"
        "local s = mcp.test.setting\n"
        "assert(s('count') == 12 and s('on') == true and s('wait') == 1.5 and s('size') == 2048)\n"
        "assert(s('names')[2] == 'b' and s('token') == 's3cret' and s('none') == nil and s('off') "
        "== false)\n"
        "assert(s('later') == 120) assert(not pcall(s, 'undeclared')) return 'ok' end }");
    f->policy.settings = settings;
    f->policy.setting_count = 6;
    fixture_load(f);
    assert_string_equal(problems(f), "");
    assert_string_equal(call(f, "x", NULL, OUT_OK), "ok");
    static const struct vm_setting wrong[] = { { "count", "12x", "mcp.ini:5", NULL, NULL },
                                               { "cuont", "1", "mcp.ini:6", NULL, NULL } };
    f->policy.settings = wrong;
    f->policy.setting_count = 2;
    fixture_load(f);
    assert_non_null(strstr(problems(f),
                           "mcp.ini:5: 12x is not a value of type integer for the setting count"));
    assert_non_null(strstr(problems(f), "mcp.ini:6: the tool has no setting \"cuont\" (did you "
                                        "mean \"count\"?)"));
}

static void test_optional_needs(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "x.lua",
                  HEAD
                  "return mcp.tool { name = 'x', needs = { 'exec?', 'http?', 'state:jobs?' }, " RUN
                  " }");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    static const char *const state_grants[] = { "jobs:rw", "models:r", NULL };
    f->policy.state = state_grants;
    fixture_write(f, "x.lua",
                  HEAD
                  "return mcp.tool { name = 'x', needs = { 'state:jobs', 'state:models' }, " RUN
                  " }");
    fixture_write(f, "y.lua",
                  HEAD "return mcp.tool { name = 'y', needs = { 'state:job' }, " RUN " }");
    fixture_load(f);
    assert_int_equal(toolset_problem_count(f->set), 1);
    assert_non_null(strstr(problems(f), "\"state:job\""));
    static const char *const globs[] = { "b*:rw", "j?b*", NULL };
    f->policy.state = globs;
    fixture_load(f);
    assert_non_null(strstr(problems(f), "\"state:models\""));
    assert_null(strstr(problems(f), "\"state:job"));
}

/* Who cannot grant what a tool needs can still switch it off. */
static void test_switched_off(void **state)
{
    struct fixture *f = *state;
    static const struct vm_setting unread[] = { { "token", "@k", "mcp.ini:5", NULL, "no file" } };
    fixture_write(f, "x.lua",
                  HEAD "return mcp.tool { name = 'x', needs = { 'exec', 'state:jobs' }, " RUN
                       ", settings = { token = { type = 'secret' }, must = { type = 'string', "
                       "required = true } } }");
    f->policy.settings = unread;
    f->policy.setting_count = 1;
    fixture_load(f);
    assert_int_equal(toolset_problem_count(f->set), 1);
    f->policy.enabled = false;
    fixture_load(f);
    assert_string_equal(problems(f), "");
    assert_int_equal(toolset_count(f->set), 0);
}

static void test_which_files(void **state)
{
    struct fixture *f = *state;
    char path[200], target[200];
    fixture_tool(f, "b", "return 'b'");
    fixture_write(f, "_draft.lua", "error('not loaded')");
    fixture_write(f, "b_test.lua", "error('not loaded')");
    fixture_write(f, ".hidden.lua", "error('not loaded')");
    fixture_write(f, "notes.txt", "not loaded");
    fixture_write(f, "lib/x.lua", "error('not loaded')");
    fixture_write(f, "other/x.lua", "error('not loaded')");
    fixture_write(f, "elsewhere.txt",
                  HEAD "return mcp.tool { name = 'linked', run = function() return 'linked' end }");
    snprintf(target, sizeof target, "%s/elsewhere.txt", f->dir);
    snprintf(path, sizeof path, "%s/link.lua", f->dir);
    assert_int_equal(symlink(target, path), 0);
    fixture_load(f);
    assert_string_equal(problems(f), "");
    assert_int_equal(toolset_count(f->set), 2);
    assert_string_equal(call(f, "linked", NULL, OUT_OK), "linked");
    /* What is not a file is a problem with a name, and does not hang. */
    snprintf(path, sizeof path, "%s/pipe.lua", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/dangling.lua", f->dir);
    assert_int_equal(symlink("/nonexistent/x", path), 0);
    fixture_load(f);
    assert_non_null(strstr(problems(f), "tools.d/pipe.lua: not a regular file"));
    assert_non_null(strstr(problems(f), "tools.d/dangling.lua: cannot be opened"));
    assert_int_equal(toolset_count(f->set), 2);
}

static void test_file_size(void **state)
{
    struct fixture *f = *state;
    size_t n = (1 << 20) + 1;
    char *text = malloc(n + 1);
    assert_non_null(text);
    const char *code = HEAD "return mcp.tool { name = 'x', " RUN " } --";
    memset(text, 'x', n);
    memcpy(text, code, strlen(code));
    text[n] = '\0';
    fixture_write(f, "x.lua", text);
    fixture_load(f);
    assert_non_null(strstr(problems(f), "tools.d/x.lua: larger than 1048576 bytes"));
    text[n - 1] = '\0';
    fixture_write(f, "x.lua", text);
    fixture_load(f);
    assert_string_equal(problems(f), "");
    free(text);
}

/* A schema and what else goes over the wire, as a table and as a text: n bytes of JSON. */
static const struct {
    const char *field, *value;
} sized[] = {
    { "input", "{ type = 'object', description = ('d'):rep(n - 34) }" },
    { "input", "'{\"type\":\"object\",\"description\":\"' .. ('d'):rep(n - 34) .. '\"}'" },
    { "meta", "{ x = ('d'):rep(n - 8) }" },
    { "meta", "'{\"x\":\"' .. ('d'):rep(n - 8) .. '\"\\n}'" },
};

static void test_sizes_of_declarations(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof sized / sizeof *sized; i++) {
        for (int n = 262144; n <= 262145; n++) {
            bool is_input = strcmp(sized[i].field, "input") == 0;
            const char *input = is_input ? "" : "input = { type = 'object' },";
            folder_printf(f->dir, "a.lua",
                          HEAD "local n = %d return mcp.tool { name = 'a', %s %s = %s, " RUN " }",
                          n, input, sized[i].field, sized[i].value);
            fixture_load(f);
            bool is_told = strstr(problems(f), "its JSON is over 262144 bytes");
            if (is_told != (n > 262144) || !is_told != (*problems(f) == '\0'))
                fail_msg("%s = %s, %d: %s", sized[i].field, sized[i].value, n, problems(f));
        }
    }
}

/* Helpers lie in lib/ or up to four folders below it. */
static void test_depth_of_helpers(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "lib/a/b/c/d/four.lua", "return 4");
    fixture_write(f, "lib/a/b/c/d/e/five.lua", "return 5");
    fixture_tool(f, "four", "return require('a.b.c.d.four')");
    fixture_write(f, "five.lua", "return require('a.b.c.d.e.five')");
    fixture_load(f);
    assert_string_equal(call(f, "four", NULL, OUT_OK), "4");
    assert_non_null(strstr(problems(f), "there is no \"a.b.c.d.e.five\""));
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    f->o.tools_dir = "/nonexistent/tools.d";
    fixture_load(f);
    assert_non_null(strstr(problems(f), "/nonexistent/tools.d: No such file"));
    f->o.tools_dir = NULL;
    fixture_load(f);
    assert_string_equal(problems(f), "");
}

/* A further worker runs the same bytes, whatever the folder holds by then. */
static void test_further_worker(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    fixture_tool(f, "a", "return 'a'");
    fixture_tool(f, "b", "return require('helper')");
    fixture_write(f, "lib/helper.lua", "return 'old'");
    fixture_write(f, "broken.lua", "return (");
    fixture_load(f);
    fixture_tool(f, "a", "return 'changed'");
    fixture_write(f, "lib/helper.lua", "return 'new'");
    struct vm *first = f->vm;
    f->vm = vm_new(&f->o, NULL, first, &e);
    assert_non_null(f->vm);
    vm_attach(f->vm, &f->services);
    vm_free(first);
    assert_string_equal(call(f, "a", NULL, OUT_OK), "a");
    assert_string_equal(call(f, "b", NULL, OUT_OK), "old");
}

/* A file that does not load any more keeps the version it had, helpers and all; the problem is
 * told. */
static void test_next_generation(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    fixture_tool(f, "a", "return 'a1'");
    fixture_tool(f, "b", "return 'b1' .. require('helper')");
    fixture_tool(f, "gone", "return 'gone'");
    fixture_write(f, "lib/helper.lua", "return 'h1'");
    fixture_load(f);
    char path[200];
    snprintf(path, sizeof path, "%s/gone.lua", f->dir);
    assert_int_equal(unlink(path), 0);
    fixture_tool(f, "a", "return 'a2'");
    fixture_write(f, "b.lua", "return (");
    fixture_write(f, "lib/helper.lua", "return 'h2'");
    for (uint32_t generation = 2; generation < 5; generation++) {
        struct vm *before = f->vm;
        struct toolset *set = toolset_new(generation);
        f->vm = vm_new(&f->o, set, before, &e);
        assert_non_null(f->vm);
        assert_int_equal(toolset_seal(set), 0);
        vm_attach(f->vm, &f->services);
        vm_free(before);
        toolset_unref(f->set);
        f->set = set;
        assert_int_equal(toolset_count(set), 2);
        assert_string_equal(call(f, "a", NULL, OUT_OK), "a2");
        assert_string_equal(call(f, "b", NULL, OUT_OK), "b1h1");
        assert_non_null(strstr(problems(f), "tools.d/b.lua:1:"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_problems),         TEST(test_all_problems_of_a_file),
        TEST(test_what_is_declared), TEST(test_settings),
        TEST(test_optional_needs),   TEST(test_switched_off),
        TEST(test_which_files),      TEST(test_file_size),
        TEST(test_no_folder),        TEST(test_further_worker),
        TEST(test_next_generation),  TEST(test_sizes_of_declarations),
        TEST(test_depth_of_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
