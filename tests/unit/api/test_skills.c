/* test_skills.c - mcp.skill: what of a folder becomes a skill, what is refused, and the bounds. */
#include "fixture.h"
#include "support/slow.h"

#include "tools/skill.h"
#include "vm/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LUA "local mcp = require 'mcp'\n"
#define FOLDER LUA "return mcp.skill { name = 'a', folder = 'skills/a' }"
#define HEAD "---\nname: a\ndescription: D\n---\n"

/* The first problem; "" when there is none. */
static const char *load(struct fixture *f)
{
    struct err e = { 0 };
    static char text[1000];
    struct toolset *set = toolset_new(1);
    assert_non_null(set);
    struct vm *vm = vm_new(&f->o, set, NULL, &e);
    assert_non_null(vm);
    assert_int_equal(toolset_seal(set), 0);
    snprintf(text, sizeof text, "%s",
             toolset_problem_count(set) ? toolset_problem_at(set, 0)->text : "");
    vm_free(f->vm);
    toolset_unref(f->set);
    f->vm = vm;
    f->set = set;
    return text;
}

static const struct skill *skill_of(const struct fixture *f, const char *name)
{
    const struct tool *t = toolset_named(f->set, name);
    assert_non_null(t);
    assert_int_equal(t->kind, TOOL_SKILL);
    return t->skill;
}

static void test_folder(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "tools.d/x.lua", FOLDER);
    fixture_write(f, "tools.d/skills/a/SKILL.md", HEAD "x");
    fixture_write(f, "tools.d/skills/a/one/two/three/deep.txt", "deep");
    fixture_write(f, "tools.d/skills/a/_test.lua", "not ( Lua");
    fixture_write(f, "tools.d/skills/a/.git/config", "hidden");
    fixture_write(f, "tools.d/skills/ab/SKILL.md", "another one's");
    assert_string_equal(load(f), "");
    const struct skill *s = skill_of(f, "skill:a");
    static const char *const paths[] = { "SKILL.md", "_test.lua", "one/two/three/deep.txt" };
    assert_int_equal(skill_count(s), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(skill_at(s, i)->path, paths[i]);
    assert_string_equal(toolset_named(f->set, "skill:a")->description, "D");
    fixture_write(f, "tools.d/skills/a/one/two/three/four/deeper.txt", "deeper");
    assert_non_null(strstr(load(f), "skills/a/one/two/three/four: not a regular file"));
}

static void test_files(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "tools.d/x.lua",
                  LUA "return { mcp.skill { name = 'a', description = 'D', path = 'p', files = {\n"
                      "['SKILL.md'] = 'text', ['b.bin'] = '\\0\\1' } },\n"
                      "mcp.tool { name = 'a', run = function() return 'tool' end } }");
    assert_string_equal(load(f), "");
    const struct skill *s = skill_of(f, "skill:a");
    assert_string_equal(skill_at(s, 0)->uri, "skill://p/a/SKILL.md");
    assert_int_equal(skill_at(s, 1)->len, 2);
    assert_int_equal(toolset_count(f->set), 1);
}

static void test_refused(void **state)
{
    static const struct {
        const char *fields, *problem;
    } refused[] = {
        { "files = { ['SKILL.md'] = 'x' }", "x.lua:2: mcp.skill: name is missing" },
        { "name = 'a'", "x.lua:2: mcp.skill: expected folder = \"skills/NAME\" or files" },
        { "name = 'a', folder = 'skills/none'", "folder: there are no files in skills/none" },
        { "name = 'a', folder = 'lib'", "folder: expected one such as \"skills/a\"" },
        { "name = 'a', folder = 'skills/'", "folder: expected one such as \"skills/a\"" },
        { "name = 'a', folder = 5", "folder: expected a string, got number" },
        { "name = 'a', files = 5", "files: expected a table, got number" },
        { "name = 'a', files = { 'x' }", "files: expected texts by their paths" },
        { "name = 'a', files = { ['SKILL.md'] = 5 }", "files: expected texts by their paths" },
        { "name = 'a', files = { ['SKILL.md\\0'] = 'x' }", "a path with a zero byte" },
        { "name = 'a', files = {}", "there is no SKILL.md" },
        { "name = 'A_', description = 'D', files = { ['SKILL.md'] = '' }", "lower case" },
        { "name = 'a', read = print", "unknown field \"read\"" },
        { "name = 'a', path = '/', description = 'D', files = { ['SKILL.md'] = '' }",
          "path: \"/\"" },
        { "name = 'a', path = 5, description = 'D', files = { ['SKILL.md'] = '' }",
          "path: expected a string" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char text[400];
        snprintf(text, sizeof text, LUA "return mcp.skill { %s }", refused[i].fields);
        fixture_write(f, "tools.d/x.lua", text);
        const char *got = load(f);
        if (!strstr(got, refused[i].problem))
            fail_msg("%s: %s", refused[i].fields, got);
        assert_null(toolset_named(f->set, "skill:a"));
    }
    fixture_write(f, "tools.d/x.lua",
                  LUA "local function s() return mcp.skill { name = 'a', description = 'D',\n"
                      "files = { ['SKILL.md'] = '' } } end return { s(), s() }");
    assert_non_null(strstr(load(f), "declared twice"));
}

static void test_further_worker(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct err e = { 0 };
    fixture_write(f, "tools.d/x.lua", FOLDER);
    fixture_write(f, "tools.d/skills/a/SKILL.md", HEAD);
    assert_string_equal(load(f), "");
    struct vm *second = vm_new(&f->o, NULL, f->vm, &e);
    assert_non_null(second);
    vm_free(second);
    assert_string_equal(skill_at(skill_of(f, "skill:a"), 0)->data, HEAD);
}

/* So many files of all skills, and so many bytes of them. */
static void test_most_sources(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct err e = { 0 };
    char name[64];
    for (int i = 0; i < SOURCES_SKILL_FILES; i++) {
        snprintf(name, sizeof name, "tools.d/skills/%d/%d", i / 500, i);
        fixture_write(f, name, "");
    }
    struct sources *s = sources_read(f->dir, &e);
    assert_non_null(s);
    sources_unref(s);
    fixture_write(f, "tools.d/skills/0/more", "");
    assert_null(sources_read(f->dir, &e));
    assert_non_null(strstr(e.text, "more than 4096 files of skills"));
}

static void test_most_bytes(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct err e = { 0 };
    char path[FOLDER_PATH + 64];
    fixture_write(f, "tools.d/skills/a/first", "");
    for (unsigned i = 0; i < SOURCES_SKILL_BYTES / SOURCE_MAX_BYTES; i++) {
        snprintf(path, sizeof path, "%s/skills/a/%u", f->dir, i);
        fclose(fopen(path, "we"));
        assert_int_equal(truncate(path, SOURCE_MAX_BYTES), 0);
    }
    struct sources *s = sources_read(f->dir, &e);
    assert_non_null(s);
    sources_unref(s);
    fixture_write(f, "tools.d/skills/a/first", "x");
    assert_null(sources_read(f->dir, &e));
    assert_non_null(strstr(e.text, "bytes of skills"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folder, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_files, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_further_worker, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_most_sources, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_most_bytes, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
