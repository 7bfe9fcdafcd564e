/* test_report.c - what a person is shown of a wrong file: the line, a mark, what helps. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/excerpt.h"
#include "vm/report.h"

#define HEAD "local mcp = require 'mcp'\n"
#define RUN "run = function() end"

static const struct {
    const char *text, *shown;
} files[] = {
    { HEAD "return mcp.tool {\n  nam = 'a',\n  " RUN ",\n}",
      "tools.d/x.lua:3: unknown field \"nam\" (did you mean \"name\"?)\n"
      "    3 |   nam = 'a',\n"
      "      |   ^^^" },
    { HEAD "return mcp.tool {\n  name = 'a'\n  " RUN ",\n}",
      "tools.d/x.lua:4: '}' expected (to close '{' at line 2) near 'run'\n"
      "    4 |   run = function() end,\n"
      "      |   ^^^\n"
      "      = help: is a comma missing before this, or a } too few above?" },
    { "return mcp.tool {}", "tools.d/x.lua:1: attempt to index a nil value (global 'mcp')\n"
                            "    1 | return mcp.tool {}\n"
                            "      |        ^^^\n"
                            "      = help: begin the file with: local mcp = require \"mcp\"" },
    { "\treturn io.open('x')",
      "tools.d/x.lua:1: attempt to index a nil value (global 'io')\n"
      "    1 | \treturn io.open('x')\n"
      "      | \t       ^^\n"
      "      = help: a tool's environment has no \"io\"; docs/lua-api.md lists what it has" },
    { "return function()\n",
      "tools.d/x.lua:2: 'end' expected (to close 'function' at line 1) near <eof>\n"
      "    2 | \n"
      "      | ^\n"
      "      = help: the file ends, but something is not closed: an \"end\", a } or a )" },
    { HEAD "local t = 5",
      "tools.d/x.lua: the file must return mcp.tool{...} or a list of them, it "
      "returned nothing\n"
      "      = help: end the file with: return mcp.tool { name = \"...\", run = "
      "function(args) ... end }" },
    { HEAD "return mcp.tool { name = 'a', " RUN ",\n needs = { 'exec' } }",
      "tools.d/x.lua:3: needs \"exec\", which is not granted; write in mcp.ini: [tool a] exec = "
      "PROGRAM\n"
      "    3 |  needs = { 'exec' } }\n"
      "      |  ^^^^^\n"
      "      = help: add to mcp.ini:\n"
      "      =       [tool a]\n"
      "      =       exec = PROGRAM" },
    { HEAD "return mcp.tool { name = 'a', " RUN ",\n needs = { 'state:jobs' } }",
      "tools.d/x.lua:3: needs \"state:jobs\", which is not granted; write in mcp.ini: [tool a] "
      "state "
      "= jobs:r (or :rw, if it changes them)\n"
      "    3 |  needs = { 'state:jobs' } }\n"
      "      |  ^^^^^\n"
      "      = help: add to mcp.ini:\n"
      "      =       [tool a]\n"
      "      =       state = jobs:r" },
    /* The place in the schema, past what only looks like it. */
    { HEAD "return mcp.tool { name = 'a', " RUN ",\n"
           "  input = {\n    type = 'object',\n"
           "    -- many = { minimum = 'y' }\n"
           "    properties = {\n"
           "      text = { default = 'many = { minimum = 1 }' }, [\"many\"] = { minimum = 'x' },\n"
           "    },\n  },\n}",
      "tools.d/x.lua:7: input: at /properties/many/minimum: expected a number\n"
      "    7 |       text = { default = 'many = { minimum = 1 }' }, [\"many\"] = { minimum = 'x' "
      "},\n"
      "      |                                                                   ^^^^^^^" },
    /* A schema that is made elsewhere is not looked for where it is not. */
    { HEAD "local many = { minimum = 'x' }\n"
           "return mcp.tool { name = 'a', " RUN ",\n"
           "  input = { type = 'object', properties = { many = many } },\n"
           "  output = { properties = { minimum = {} } } }",
      "tools.d/x.lua:4: input: at /properties/many/minimum: expected a number\n"
      "    4 |   input = { type = 'object', properties = { many = many } },\n"
      "      |                                             ^^^^" },
    { HEAD "error('\x1b[31mred')", "tools.d/x.lua:2: \x1b[31mred\n"
                                   "    2 | error('?[31mred')\n"
                                   "      | ^^^^^^^^^^^^^^^^^" },
    { "return h\xc3\xa9llo", "tools.d/x.lua:1: <eof> expected near '<\\195>'\n"
                             "    1 | return h\xc3\xa9llo\n"
                             "      | ^^^^^^^^^^^^" },
};

static void test_shown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fixture_write(f, "x.lua", files[i].text);
        fixture_load(f);
        assert_int_equal(toolset_problem_count(f->set), 1);
        const struct toolset_problem *p = toolset_problem_at(f->set, 0);
        if (strcmp(p->shown, files[i].shown) != 0)
            fail_msg("wanted:\n%s\ngot:\n%s", files[i].shown, p->shown);
        /* The log's form: the first line of it, and nothing else. */
        assert_int_equal(strcspn(files[i].shown, "\n"), strlen(p->text));
        assert_memory_equal(p->text, files[i].shown, strlen(p->text));
    }
}

/* An error that a helper raises is shown where it stands. */
static void test_helper(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "lib/help.lua", "local x\nreturn x.y");
    fixture_write(f, "x.lua", "return require 'help'");
    fixture_load(f);
    assert_string_equal(toolset_problem_at(f->set, 0)->shown,
                        "tools.d/lib/help.lua:2: attempt to index a nil value (local 'x')\n"
                        "    2 | return x.y\n"
                        "      |        ^");
    fixture_write(f, "lib/help.lua", "return (");
    fixture_load(f);
    assert_string_equal(toolset_problem_at(f->set, 0)->shown,
                        "tools.d/lib/help.lua:1: unexpected symbol near <eof>\n"
                        "    1 | return (\n"
                        "      | ^^^^^^^^\n"
                        "      = help: the file ends, but something is not closed: an \"end\", a } "
                        "or a )");
}

static void test_several(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "x.lua", HEAD "return mcp.tool {\n  name = 'a',\n  title = 1,\n  run = 2,\n}");
    fixture_load(f);
    assert_string_equal(toolset_problem_at(f->set, 0)->shown,
                        "tools.d/x.lua:4: title: expected a string, got number\n"
                        "    4 |   title = 1,\n"
                        "      |   ^^^^^\n"
                        "tools.d/x.lua:5: run: expected a function, got number\n"
                        "    5 |   run = 2,\n"
                        "      |   ^^^");
}

/* ---- lines ---- */

static char title[] = "t";

static const char *show(const char *text, const struct place *at)
{
    static char out[400];
    struct buf b = { 0 };
    struct source s = { .title = title, .text = (char *)text, .len = strlen(text) };
    excerpt_show(&b, &s, at);
    const char *shown = b.len ? buf_cstr(&b) : "";
    snprintf(out, sizeof out, "%s", shown);
    buf_fini(&b);
    return out;
}

static void test_long_lines(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof text);
    text[399] = '\0';
    memcpy(text + 300, "bbbb", 4);
    struct place at = { 1, 300, 4 };
    const char *shown = show(text, &at);
    const char *line = strstr(shown, "...a"), *mark = strstr(shown, "^^^^");
    assert_non_null(line);
    assert_non_null(mark);
    assert_null(strstr(mark, "^^^^^"));
    const char *below = strchr(shown + 1, '\n') + 1;
    assert_int_equal(strstr(shown, "bbbb") - (shown + 1), mark - below);
    at = (struct place){ 1, 0, 0 };
    assert_non_null(strstr(show(text, &at), "...\n"));
}

static void test_no_such_line(void **state)
{
    (void)state;
    struct place at = { 3, 0, 0 };
    assert_string_equal(show("a\nb", &at), "");
    at.line = 2;
    assert_string_equal(show("a\nb\r", &at), "\n    2 | b\n      | ^");
    at.line = 0;
    assert_string_equal(show("a", &at), "");
    at = (struct place){ 1, 0, 0 };
    assert_string_equal(show("", &at), "\n    1 | \n      | ^");
}

/* Half a string, half a comment, half a bracket at the end of a file: nothing is read behind it. */
static void test_cut_off(void **state)
{
    static const char *const ends[] = {
        "a = {",      "a = { b", "a = { 'b", "a = { [[", "a = { [==[ ]", "a = { --", "a = { --[[",
        "a = { \"\\", "a",       "a =",      ""
    };
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t len = strlen(ends[i]);
        char *text = malloc(len + 1); /* to the byte: sanitizers and valgrind watch its end */
        assert_non_null(text);
        memcpy(text, ends[i], len + 1);
        struct source s = { .title = title, .text = text, .len = len };
        struct place at = excerpt_find(&s, 1, "a/b/c");
        assert_int_equal(at.line, 1);
        at = excerpt_find(&s, 9, "a");
        assert_int_equal(at.line, 9);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shown, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_helper, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_several, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_no_such_line),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
