/* A skill: its names, its files and their digests, its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "base/buf.c"
#include "tools/skill.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HEAD "---\nname: hello\ndescription: Say hello.\n---\n"

static struct skill_source text_of(const char *path, const char *text)
{
    return (struct skill_source){ path, text, strlen(text) };
}

static void test_made(void **state)
{
    const struct skill_source files[] = {
        text_of("scripts/run it.lua", "print(1)\n"),
        text_of("SKILL.md", HEAD "# Hello\n"),
        { "a.bin", "\0\1", 2 },
        text_of("A.md", ""),
    };
    struct err e = { 0 };
    struct skill *s = skill_new("demo", "hello", NULL, files, COUNT(files), &e);

    (void)state;
    assert_non_null(s);
    assert_string_equal(skill_frontmatter(s),
                        "{\"name\":\"hello\",\"description\":\"Say hello.\"}");
    assert_string_equal(skill_description(s), "Say hello.");
    static const char *const uris[] = { "skill://demo/hello/SKILL.md", "skill://demo/hello/A.md",
                                        "skill://demo/hello/a.bin",
                                        "skill://demo/hello/scripts/run%20it.lua" };
    static const char *const mimes[] = { "text/markdown", "text/markdown",
                                         "application/octet-stream", "text/plain" };
    assert_int_equal(skill_count(s), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(skill_at(s, i)->uri, uris[i]);
        assert_string_equal(skill_at(s, i)->mime, mimes[i]);
        assert_ptr_equal(skill_find(s, uris[i], strlen(uris[i])), skill_at(s, i));
    }
    assert_null(skill_find(s, uris[0], strlen(uris[0]) - 1));
    assert_null(skill_find(s, "skill://demo/hello", 18));
    /* sha256sum of nothing */
    assert_string_equal(skill_at(s, 1)->digest,
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_true(skill_at(s, 0)->is_text && !skill_at(s, 2)->is_text);
    skill_unref(skill_ref(s));
    skill_unref(s);
    skill_unref(NULL);
}

static void test_head_is_made(void **state)
{
    const struct skill_source files[] = { text_of("SKILL.md", "# Hello\n") };
    struct err e = { 0 };
    struct skill *s = skill_new("", "hello", "Say \"hello\": now.", files, 1, &e);

    (void)state;
    assert_non_null(s);
    assert_string_equal(skill_at(s, 0)->uri, "skill://hello/SKILL.md");
    assert_string_equal(skill_at(s, 0)->data, "---\nname: \"hello\"\n"
                                              "description: \"Say \\\"hello\\\": now.\"\n---\n\n"
                                              "# Hello\n");
    /* What stands in it is what is listed. */
    struct buf json = { 0 };
    assert_int_equal(frontmatter_read(skill_at(s, 0)->data, skill_at(s, 0)->len, &json, &e), 0);
    assert_string_equal(buf_cstr(&json), skill_frontmatter(s));
    buf_fini(&json);
    skill_unref(s);
}

static void test_refused(void **state)
{
    static const struct {
        const char *folder, *name, *description, *path, *text, *why;
    } refused[] = {
        { "", "Hello", NULL, "SKILL.md", HEAD, "name:" },
        { "", "-hello", NULL, "SKILL.md", HEAD, "name:" },
        { "", "hello-", NULL, "SKILL.md", HEAD, "name:" },
        { "", "he--llo", NULL, "SKILL.md", HEAD, "name:" },
        { "", "", NULL, "SKILL.md", HEAD, "name:" },
        { "a b", "hello", NULL, "SKILL.md", HEAD, "path:" },
        { "/a", "hello", NULL, "SKILL.md", HEAD, "path:" },
        { "a/", "hello", NULL, "SKILL.md", HEAD, "path:" },
        { "..", "hello", NULL, "SKILL.md", HEAD, "path:" },
        { "", "hello", NULL, "README.md", HEAD, "there is no SKILL.md" },
        { "", "hello", NULL, "/SKILL.md", HEAD, "no path of a file" },
        { "", "hello", NULL, "a/../SKILL.md", HEAD, "no path of a file" },
        { "", "hello", NULL, "\xff", HEAD, "no path of a file" },
        { "", "hullo", NULL, "SKILL.md", HEAD, "must have name: hullo" },
        { "", "hello", "Other.", "SKILL.md", HEAD, "has a head" },
        { "", "hello", NULL, "SKILL.md", "# Hello\n", "there is no head" },
        { "", "hello", NULL, "SKILL.md", "---\nname: hello\n---\n", "needs a description" },
        { "", "hello", NULL, "SKILL.md", "---\nname: hello\ndescription: \"\"\n---\n",
          "needs a description" },
        { "", "hello", NULL, "SKILL.md", "---\nname: Yes\n---\n", "SKILL.md: line 2" },
        { "", "hello", NULL, "SKILL.md", HEAD "\xff", "UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct err e = { 0 };
        struct skill_source file = text_of(refused[i].path, refused[i].text);
        struct skill *s =
            skill_new(refused[i].folder, refused[i].name, refused[i].description, &file, 1, &e);
        if (s || !strstr(e.text, refused[i].why))
            fail_msg("%s %s: %s", refused[i].name, refused[i].why, e.text);
    }
}

static void test_names(void **state)
{
    char name[SKILL_NAME_MAX + 2];

    (void)state;
    memset(name, 'a', sizeof name);
    name[SKILL_NAME_MAX] = '\0';
    assert_true(skill_name_is_right(name));
    name[SKILL_NAME_MAX] = 'a';
    name[SKILL_NAME_MAX + 1] = '\0';
    assert_false(skill_name_is_right(name));
    assert_true(skill_name_is_right("a") && skill_name_is_right("0-a-1"));
    char path[SKILL_PATH_MAX + 2];
    memset(path, 'a', sizeof path);
    path[SKILL_PATH_MAX] = '\0';
    assert_true(path_is_right(path));
    path[SKILL_PATH_MAX] = 'a';
    path[SKILL_PATH_MAX + 1] = '\0';
    assert_false(path_is_right(path));
}

static void test_most_files(void **state)
{
    static struct skill_source files[SKILL_MAX_FILES + 1];
    static char names[SKILL_MAX_FILES][16];
    struct err e = { 0 };

    (void)state;
    files[0] = text_of("SKILL.md", HEAD);
    for (int i = 0; i < SKILL_MAX_FILES; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        files[i + 1] = text_of(names[i], "");
    }
    struct skill *s = skill_new("", "hello", NULL, files, SKILL_MAX_FILES, &e);
    assert_non_null(s);
    assert_int_equal(skill_count(s), SKILL_MAX_FILES);
    skill_unref(s);
    assert_null(skill_new("", "hello", NULL, files, SKILL_MAX_FILES + 1, &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    files[2].path = files[1].path;
    assert_null(skill_new("", "hello", NULL, files, 3, &e));
    assert_non_null(strstr(e.text, "twice"));
}

static void test_most_bytes(void **state)
{
    char *bytes = calloc(1, SKILL_MAX_BYTES);
    struct skill_source files[] = { text_of("SKILL.md", HEAD), { "data", bytes, 0 } };
    struct err e = { 0 };

    (void)state;
    assert_non_null(bytes);
    files[1].len = SKILL_MAX_BYTES - files[0].len;
    struct skill *s = skill_new("", "hello", NULL, files, 2, &e);
    assert_non_null(s);
    skill_unref(s);
    files[1].len++;
    assert_null(skill_new("", "hello", NULL, files, 2, &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    /* A head that is made counts. */
    files[0] = text_of("SKILL.md", "x");
    files[1].len = SKILL_MAX_BYTES - 1;
    assert_null(skill_new("", "hello", "Say hello.", files, 2, &e));
    assert_int_equal(e.code, MG_E_LIMIT);
    free(bytes);
}

static void test_same(void **state)
{
    struct skill_source files[] = { text_of("SKILL.md", HEAD), text_of("a", "1") };
    struct err e;
    struct skill *a = skill_new("", "hello", NULL, files, 2, &e);
    struct skill *b = skill_new("", "hello", NULL, files, 2, &e);
    files[1].data = "2";
    struct skill *other = skill_new("", "hello", NULL, files, 2, &e);
    struct skill *fewer = skill_new("", "hello", NULL, files, 1, &e);
    struct skill *elsewhere = skill_new("x", "hello", NULL, files, 2, &e);

    (void)state;
    assert_true(skill_is_same(a, a) && skill_is_same(a, b) && skill_is_same(NULL, NULL));
    assert_false(skill_is_same(a, other) || skill_is_same(a, fewer) || skill_is_same(a, NULL) ||
                 skill_is_same(other, elsewhere));
    skill_unref(a);
    skill_unref(b);
    skill_unref(other);
    skill_unref(fewer);
    skill_unref(elsewhere);
}

static void test_no_memory(void **state)
{
    const struct skill_source with[] = { text_of("SKILL.md", HEAD), text_of("a b", "1") };
    const struct skill_source without[] = { text_of("SKILL.md", "x"), text_of("a b", "1") };
    struct skill *s = NULL;
    struct err e;

    (void)state;
    for (int i = 0; i < 2; i++, s = NULL) {
        for (int n = 0; !s; n++) {
            e.code = 0;
            failing_after = n;
            s = skill_new("", "hello", i ? "D." : NULL, i ? without : with, 2, &e);
            failing_after = -1;
            if (!s && e.code != MG_E_NOMEM)
                fail_msg("%d: %s", n, e.text);
        }
        skill_unref(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),       cmocka_unit_test(test_head_is_made),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_most_files), cmocka_unit_test(test_most_bytes),
        cmocka_unit_test(test_same),       cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
