/* test_search.c - what is found and what is not: words, phrases, prefixes, code, ranking, excerpts;
 * and that no text is an error of syntax. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct example {
    const char *query, *want;
};

static void check_all(struct fixture *f, const struct example *examples)
{
    for (; examples->query; examples++) {
        const char *got = search(f, examples->query);
        if (strcmp(got, examples->want) != 0)
            fail_msg("%s gave %s (%s), wanted %s", examples->query, got, f->err.text,
                     examples->want);
    }
}

static void test_words(void **state)
{
    static const struct example examples[] = {
        { "fox", "a" },
        { "FOX", "a" },
        { "quick fox", "a" },
        { "fox quick", "a" },
        { "quick dog", "" },
        { "\"quick brown\"", "a" },
        { "\"brown quick\"", "" },
        { "\"quick brown\" jumps", "a" },
        { "qui*", "a" },
        { "qu*", "a" },
        { "q*", "a" },
        { "qui", "" },
        { "\"quick bro\"*", "a" },
        { "\"quick bro\"", "" },
        { "cafe", "c" },
        { "CAFÉ", "c" },
        { "übergröße", "c" },
        { "fox \xE2\x80\x94 quick", "a" }, /* a dash is no word */
        { "fox ->", "a" },
        { "", "" },
        { "   ", "" },
        { "-> \"\" * \"*", "" },
        { NULL, NULL },
    };
    struct fixture *f = *state;

    assert_int_equal(put(f, "a", "", "The quick brown fox jumps."), 0);
    assert_int_equal(put(f, "b", "", "A lazy dog sleeps."), 0);
    assert_int_equal(put(f, "c", "",
                         "caf\xC3\xA9, \xC3\x9C"
                         "bergr\xC3\xB6\xC3\x9F"
                         "e"),
                     0);
    check_all(f, examples);
}

static void test_code(void **state)
{
    static const struct example examples[] = {
        { "getUserName", "camel snake" },
        { "get_user_name", "camel snake" },
        { "\"get user name\"", "camel snake" },
        { "getusername", "camel" },
        { "getusern*", "camel" },
        { "getUserN*", "camel snake" },
        { "user", "camel snake" },
        { "HTTPServer", "caps" },
        { "httpserver", "caps" },
        { "server", "caps" },
        { "http", "caps" },
        { "iPhone", "phone" },
        { "foo.bar(baz)", "call" },
        { "foo.baz", "" },
        { "sha256Hex", "digest" },
        { "sha256", "digest" },
        { "hex", "digest" },
        { "names", "" },
        { NULL, NULL },
    };
    struct fixture *f = *state;

    assert_int_equal(put(f, "camel", "", "int getUserName(void);"), 0);
    assert_int_equal(put(f, "snake", "", "long long get_user_name of other things"), 0);
    assert_int_equal(put(f, "caps", "", "class HTTPServer {}"), 0);
    assert_int_equal(put(f, "phone", "", "my iphone rings"), 0);
    assert_int_equal(put(f, "call", "", "return foo.bar(baz);"), 0);
    assert_int_equal(put(f, "digest", "", "sha256Hex"), 0);
    check_all(f, examples);
}

static void test_ranking(void **state)
{
    struct fixture *f = *state;
    char filler[2000];

    memset(filler, 0, sizeof filler);
    for (size_t i = 0; i + 8 < sizeof filler; i += 7)
        snprintf(filler + i, 8, "filler ");
    char long_text[2100], many[400] = "";
    snprintf(long_text, sizeof long_text, "%s needle", filler);
    for (int i = 0; i < 30; i++)
        strcat(many, "needle pin ");
    assert_int_equal(put(f, "long", "other", long_text), 0);
    assert_int_equal(put(f, "title", "needle", "nothing much of it here"), 0);
    assert_int_equal(put(f, "many", "other", many), 0);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "none%d", i);
        assert_int_equal(put(f, id, "other", "hay and nothing else"), 0);
    }
    assert_string_equal(search(f, "needle"), "title many long");
}

/* Every text is a query: whatever stands in it, and however it is cut. */
static void test_any_text(void **state)
{
    static const char *const queries[] = {
        "AND",
        "OR NOT NEAR",
        "NEAR(a b, 3)",
        "title:secret",
        "{title text} : a",
        "^a",
        "a - b",
        "-a",
        "a + b",
        "(a",
        "a)",
        "\"",
        "\"a",
        "a\"",
        "\"\"\"",
        "a\"b\"c",
        "'",
        "a';DROP TABLE names;--",
        "* * *",
        "a**",
        "\xff\xfe",
        "a\x01"
        "b",
        ";",
        "%s%n",
        "\\",
        "a,b:c*d",
    };
    struct fixture *f = *state;
    char any[40];
    uint32_t seed = 1;

    assert_int_equal(put(f, "a", "secret", "and or not near a b c d"), 0);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        if (search(f, queries[i])[0] == '!')
            fail_msg("%s gave %s: %s", queries[i], f->said, f->err.text);
    assert_string_equal(search(f, "AND"), "a");
    assert_string_equal(search(f, "title:secret"), "");
    static const char letters[] = "ab \"*()^-+:{}NEARORT,.'\\\xC3\xA9\x80";
    for (int i = 0; i < 500; i++) {
        for (size_t k = 0; k < sizeof any - 1; k++) {
            seed = seed * 1664525 + 1013904223;
            any[k] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        any[(seed >> 8) % (sizeof any)] = '\0';
        any[sizeof any - 1] = '\0';
        if (search(f, any)[0] == '!')
            fail_msg("%s gave %s: %s", any, f->said, f->err.text);
    }
}

static void test_limits_of_queries(void **state)
{
    struct fixture *f = *state;
    char query[600] = "";

    assert_int_equal(put(f, "a", "", "word w1 w2"), 0);
    for (int i = 0; i < 32; i++)
        sprintf(query + strlen(query), "w%d* ", i);
    assert_string_equal(search(f, query), "");
    strcat(query, "w");
    assert_string_equal(search(f, query), "!INVALID");
    query[0] = '\0';
    for (int i = 0; i < 100; i++) /* a word that was there already asks for nothing new */
        strcat(query, "word ");
    assert_string_equal(search(f, query), "a");
    strcpy(query, "\"");
    for (int i = 0; i < 64; i++)
        strcat(query, "word ");
    assert_string_equal(search(f, query), "");
    strcat(query, "word");
    assert_string_equal(search(f, query), "!INVALID");
    /* A word counts with its first 64 bytes. */
    char text[300];
    memset(text, 'x', sizeof text);
    text[200] = '\0';
    assert_int_equal(put(f, "x", "", text), 0);
    text[100] = '\0';
    assert_string_equal(search(f, text), "x");
    text[63] = '\0';
    assert_string_equal(search(f, text), "");
}

static void test_excerpts(void **state)
{
    struct fixture *f = *state;
    char text[8000] = "";

    assert_int_equal(put(f, "short", "",
                         "  one\n\ttwo  three\x01"
                         "four "),
                     0);
    assert_string_equal(excerpt(f, "three"), "one two three four");
    for (int i = 0; i < 300; i++)
        strcat(text, i == 100 ? "apple " : i == 250 ? "the apple and pear here " : "filler ");
    assert_int_equal(put(f, "long", "", text), 0);
    const char *got = excerpt(f, "apple pear");
    assert_non_null(strstr(got, "the apple and pear here"));
    assert_true(strlen(got) <= 240 && strlen(got) > 100);
    assert_memory_equal(got, "...", 3);
    assert_memory_equal(got + strlen(got) - 3, "...", 3);
    /* A phrase is shown where it is one. */
    strcpy(text, "red x green y ");
    for (int i = 0; i < 100; i++)
        strcat(text, "filler ");
    strcat(text, "is red green indeed ");
    assert_int_equal(put(f, "phrase", "", text), 0);
    assert_non_null(strstr(excerpt(f, "\"red green\""), "is red green indeed"));
    /* Without a blank anywhere, and cut within no character. */
    text[0] = '\0';
    for (int i = 0; i < 1000; i++)
        strcat(text, "\xE2\x82\xAC");
    strcat(text, "needle");
    for (int i = 0; i < 500; i++)
        strcat(text, "\xE2\x82\xAC");
    assert_int_equal(put(f, "euro", "", text), 0);
    got = excerpt(f, "needle");
    assert_non_null(strstr(got, "needle"));
    assert_true(strlen(got) <= 240);
    for (const char *p = got + 3; strncmp(p, "needle", 6) != 0; p += 3)
        assert_memory_equal(p, "\xE2\x82\xAC", 3);
    /* Found by its title alone: the begin. */
    assert_int_equal(put(f, "titled", "zebra", "begins so"), 0);
    assert_string_equal(excerpt(f, "zebra"), "begins so");
    assert_int_equal(put(f, "empty", "void thing", ""), 0);
    assert_string_equal(excerpt(f, "void thing"), "");
}

static void test_documents(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(search(f, "x"), ""); /* nothing was ever put */
    assert_int_equal(count(f), 0);
    assert_string_equal(stamp(f, "a"), "nil");
    assert_int_equal(take_away(f, "a"), 0);
    assert_int_equal(put(f, "a", "", "old words"), 0);
    assert_string_equal(stamp(f, "a"), "1");
    assert_int_equal(put(f, "a", "", "new words"), 0);
    assert_int_equal(count(f), 1);
    assert_string_equal(search(f, "old"), "");
    assert_string_equal(search(f, "new"), "a");
    assert_int_equal(take_away(f, "a"), 1);
    assert_string_equal(search(f, "new"), "");
    assert_int_equal(take_away(f, "a"), 0);
    /* It is still there after a restart. */
    fill(f, 20, "many words");
    fixture_reopen(f);
    assert_int_equal(count(f), 20);
    assert_string_equal(search(f, "000007"), "000007");
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    struct test_op t;
    char after[32] = "";
    int seen = 0;

    fill(f, 25, "words");
    for (bool more = true; more;) {
        op_make(f, &t, INDEX_LIST, after);
        index_submit(f->ix, &t.op);
        assert_int_equal(op_wait(f, &t), 0);
        assert_int_equal(t.op.row_count, seen < 20 ? 10 : 5);
        for (size_t i = 0; i < t.op.row_count; i++, seen++) {
            const struct index_span *s = t.op.rows[i].text;
            snprintf(after, sizeof after, "%.*s", (int)s[0].len, t.op.out.data + s[0].at);
            assert_int_equal(atoi(after), seen);
            assert_int_equal(s[1].len, 1);
        }
        more = t.op.has_more;
        index_op_fini(&t.op);
    }
    assert_int_equal(seen, 25);
}

/* Two tools, two names: three indexes that know nothing of each other. */
static void test_names(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *tool, *name;
    } all[] = { { "t", "x" }, { "t", "y" }, { "u", "x" } };

    for (size_t i = 0; i < 3; i++) {
        struct test_op t;
        op_put(f, &t, "id", "", "words");
        t.op.tool = all[i].tool;
        t.op.name = all[i].name;
        index_submit(f->ix, &t.op);
        assert_int_equal(op_wait(f, &t), 0);
        index_op_fini(&t.op);
    }
    assert_int_equal(count(f), 1);
    assert_int_equal(take_away(f, "id"), 1);
    for (size_t i = 1; i < 3; i++) {
        struct test_op t;
        op_make(f, &t, INDEX_COUNT, "");
        t.op.tool = all[i].tool;
        t.op.name = all[i].name;
        index_submit(f->ix, &t.op);
        assert_int_equal(op_wait(f, &t), 0);
        assert_int_equal(t.op.count, 1);
        index_op_fini(&t.op);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_words, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_code, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ranking, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_any_text, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limits_of_queries, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_excerpts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_documents, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_names, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
