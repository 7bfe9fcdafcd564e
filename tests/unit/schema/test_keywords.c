/* Every keyword: what fits, what does not, and what is said about it. The official test suite goes
 * deeper (make schema-suite); this one needs nothing but the project. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/schema.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct schema *compile(const char *text)
{
    struct err e = { 0 };
    struct schema *s = schema_compile(text, strlen(text), NULL, 0, &e);
    if (!s)
        fail_msg("%s: %s", text, e.text);
    return s;
}

static int check(const struct schema *s, const char *instance, struct err *e)
{
    struct json_text root;
    assert_int_equal(json_scan(instance, strlen(instance), NULL, &root, e), 0);
    return schema_check(s, root, e);
}

/* NULL as said: the instance fits. */
static const struct {
    const char *schema, *instance, *said;
} cases[] = {
    { "true", "7", NULL },
    { "false", "7", "at /: expected nothing to be here, got 7" },
    { "{}", "null", NULL },
    { "{\"type\":\"string\"}", "\"a\"", NULL },
    { "{\"type\":\"string\"}", "1", "at /: expected a string, got 1" },
    { "{\"type\":[\"integer\",\"null\"]}", "1.0", NULL },
    { "{\"type\":[\"integer\",\"null\"]}", "1.5", "expected a whole number or null, got 1.5" },
    { "{\"type\":\"number\"}", "1.5", NULL },
    { "{\"type\":\"boolean\"}", "false", NULL },
    { "{\"type\":\"boolean\"}", "{}", "expected true or false, got an object of 0" },
    { "{\"type\":\"array\"}", "[]", NULL },
    { "{\"type\":\"object\"}", "[1]", "expected an object, got a list of 1" },
    { "{\"const\":{\"a\":[1,\"x\"]}}", "{\"a\":[1.0,\"\\u0078\"]}", NULL },
    { "{\"const\":1}", "2", "expected 1, got 2" },
    { "{\"const\":\"128 bytes of a constant ...................................................."
      "..................................................\"}",
      "2", "expected \"128 bytes of a constant ...." },
    { "{\"enum\":[\"a\",2]}", "2.0", NULL },
    { "{\"enum\":[\"a\",2]}", "\"b\"", "expected one of [\"a\",2], got \"b\"" },
    { "{\"minimum\":1}", "1", NULL },
    { "{\"minimum\":1.5}", "1", "at least 1.5, got 1" },
    { "{\"maximum\":10}", "10", NULL },
    { "{\"maximum\":10}", "11", "at most 10, got 11" },
    { "{\"exclusiveMinimum\":0}", "0", "more than 0, got 0" },
    { "{\"exclusiveMinimum\":0}", "1e-300", NULL },
    { "{\"exclusiveMaximum\":9007199254740993}", "9007199254740992", NULL },
    { "{\"exclusiveMaximum\":9007199254740993}", "9007199254740993", "less than 9007199254740993" },
    { "{\"multipleOf\":0.1}", "0.3", NULL },
    { "{\"multipleOf\":0.1}", "0.35", "a multiple of 0.1, got 0.35" },
    { "{\"minLength\":2}", "\"\\ud83d\\ude00\\ud83d\\ude00\"", NULL },
    { "{\"minLength\":2}", "\"\\ud83d\\ude00\"", "at least 2 characters" },
    { "{\"maxLength\":1}", "\"\xc3\xa9\"", NULL },
    { "{\"maxLength\":1}", "\"ab\"", "at most 1 character, got \"ab\"" },
    { "{\"pattern\":\"^a+$\"}", "\"aa\"", NULL },
    { "{\"pattern\":\"^a+$\"}", "\"aa\\n\"", "what matches ^a+$" },
    { "{\"items\":{\"type\":\"integer\"}}", "[1,2]", NULL },
    { "{\"items\":{\"type\":\"integer\"}}", "[1,\"2\"]",
      "at /1: expected a whole number, got \"2\"" },
    { "{\"prefixItems\":[true],\"items\":false}", "[1]", NULL },
    { "{\"prefixItems\":[true],\"items\":false}", "[1,2]", "at /1: expected nothing" },
    { "{\"contains\":{\"const\":1}}", "[0,1]", NULL },
    { "{\"contains\":{\"const\":1}}", "[0]", "at least 1 items of a kind" },
    { "{\"contains\":{\"const\":1},\"minContains\":0}", "[]", NULL },
    { "{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]", "at most 1 items of a kind" },
    { "{\"minItems\":1}", "[]", "at least 1 item" },
    { "{\"maxItems\":1}", "[1,2]", "at most 1 item" },
    { "{\"uniqueItems\":true}", "[1,\"1\",{\"a\":1},{\"a\":2}]", NULL },
    { "{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1.0}]", "items that differ" },
    { "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"b\":1}", NULL },
    { "{\"properties\":{\"a\":{\"properties\":{\"b\":{\"maximum\":1}}}}}", "{\"a\":{\"b\":2}}",
      "at /a/b: expected at most 1, got 2" },
    { "{\"required\":[\"a\",\"b\"]}", "{\"a\":1,\"b\":null}", NULL },
    { "{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "a member \"b\", got an object of 1" },
    { "{\"patternProperties\":{\"^x-\":{\"type\":\"null\"}}}", "{\"x-a\":null,\"y\":1}", NULL },
    { "{\"patternProperties\":{\"^x-\":{\"type\":\"null\"}}}", "{\"x-a\":1}",
      "at /x-a: expected null" },
    { "{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"a\":1}", NULL },
    { "{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"b\":1}",
      "at /b: expected no member of this name" },
    { "{\"additionalProperties\":{\"type\":\"null\"}}", "{\"b\":1}", "at /b: expected null" },
    { "{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}",
      "at /abc: expected at most 2 characters" },
    { "{\"minProperties\":1}", "{}", "at least 1 member" },
    { "{\"maxProperties\":1}", "{\"a\":1,\"b\":1}", "at most 1 member" },
    { "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1}", NULL },
    { "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
      "a member \"b\", because \"a\" is there" },
    { "{\"dependentSchemas\":{\"a\":{\"required\":[\"c\"]}}}", "{\"a\":1}", "a member \"c\"" },
    { "{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3", "at most 2, got 3" },
    { "{\"anyOf\":[{\"minimum\":3},{\"maximum\":1}]}", "1", NULL },
    { "{\"anyOf\":[{\"minimum\":3},{\"maximum\":1}]}", "2",
      "one of 2 alternatives (anyOf), got 2" },
    { "{\"anyOf\":[{\"minimum\":3}]}", "2", "at least 3, got 2" },
    { "{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", "only one of 2 alternatives" },
    { "{\"oneOf\":[{\"minimum\":3},{\"maximum\":1}]}", "2", "one of 2 alternatives (oneOf)" },
    { "{\"not\":{\"type\":\"null\"}}", "null", "what `not` describes to be absent" },
    { "{\"if\":{\"minimum\":5},\"then\":{\"maximum\":6},\"else\":{\"maximum\":2}}", "6", NULL },
    { "{\"if\":{\"minimum\":5},\"then\":{\"maximum\":6},\"else\":{\"maximum\":2}}", "7",
      "at most 6" },
    { "{\"if\":{\"minimum\":5},\"then\":{\"maximum\":6},\"else\":{\"maximum\":2}}", "3",
      "at most 2" },
    { "{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}", "{\"a\":1}",
      NULL },
    { "{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}", "{\"b\":1}",
      "at /b: expected nothing" },
    { "{\"anyOf\":[{\"prefixItems\":[true]}],\"unevaluatedItems\":{\"type\":\"null\"}}", "[1,null]",
      NULL },
    { "{\"anyOf\":[{\"prefixItems\":[true]}],\"unevaluatedItems\":{\"type\":\"null\"}}", "[1,2]",
      "at /1: expected null, got 2" },
    { "{\"$defs\":{\"n\":{\"minimum\":1}},\"$ref\":\"#/$defs/n\"}", "0", "at least 1" },
    { "{\"$defs\":{\"n\":{\"$anchor\":\"x\",\"minimum\":1}},\"$ref\":\"#x\"}", "0", "at least 1" },
    { "{\"$id\":\"http://a/b/\",\"$defs\":{\"n\":{\"$id\":\"c\",\"minimum\":1}},\"$ref\":\"/b/c\"}",
      "0", "at least 1" },
    { "{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
      "{\"next\":{\"next\":{\"other\":1}}}", "at /next/next/other: expected no member" },
    { "{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}", "{\"type\":\"nothing\"}",
      "at /type: expected one of 2 alternatives" },
    { "{\"format\":\"email\",\"contentEncoding\":\"base64\",\"default\":1,\"$comment\":\"x\"}",
      "\"-\"", NULL },
};

static void test_every_keyword(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = { 0 };
        struct schema *s = compile(cases[i].schema);
        int rc = check(s, cases[i].instance, &e);
        if (rc != (cases[i].said ? MG_E_INVALID : 0))
            fail_msg("%s on %s: %d %s", cases[i].schema, cases[i].instance, rc, e.text);
        if (cases[i].said && !strstr(e.text, cases[i].said))
            fail_msg("%s on %s says %s", cases[i].schema, cases[i].instance, e.text);
        schema_free(s);
    }
}

/* What does not compile, and the place that is told. */
static const struct {
    const char *schema, *said;
} refused[] = {
    { "7", "at the root: expected a schema" },
    { "{\"type\":\"text\"}", "at /type: expected object, array, string" },
    { "{\"type\":[]}", "at /type: expected object, array" },
    { "{\"properties\":{\"a\":{\"minimum\":\"1\"}}}",
      "at /properties/a/minimum: expected a number" },
    { "{\"properties\":[]}", "at /properties: expected an object of schemas" },
    { "{\"items\":[true]}", "at /items: expected a schema" },
    { "{\"required\":\"a\"}", "at /required: expected a list of names" },
    { "{\"required\":[1]}", "at /required/0: expected a name" },
    { "{\"properties\":{\"a\":{}},\"required\":[1]}", "at /required/0: expected a name" },
    { "{\"minLength\":-1}", "at /minLength: expected a whole number from 0 on" },
    { "{\"minLength\":1.5}", "at /minLength: expected a whole number" },
    { "{\"multipleOf\":0}", "at /multipleOf: expected a number over 0" },
    { "{\"pattern\":\"(\"}", "at /pattern: regular expression: missing closing parenthesis" },
    { "{\"patternProperties\":{\"[\":true}}", "at /patternProperties/[: regular expression" },
    { "{\"allOf\":[]}", "at /allOf: expected a list of schemas, not an empty one" },
    { "{\"anyOf\":[7]}", "at /anyOf/0: expected a schema" },
    { "{\"enum\":1}", "at /enum: expected a list of values" },
    { "{\"uniqueItems\":1}", "at /uniqueItems: expected true or false" },
    { "{\"$ref\":\"#/$defs/none\"}", "at /$ref: a reference to a schema that is not there" },
    { "{\"$ref\":\"http://example.com/x\"}",
      "at /$ref: a reference to a schema that is not there" },
    { "{\"$ref\":1}", "at /$ref: expected a reference" },
    { "{\"dependentRequired\":{\"a\":1}}", "at /dependentRequired/a: expected a list of names" },
    { "{\"not\":", "the text ends too early" },
};

static void test_what_does_not_compile(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct err e = { 0 };
        struct schema *s =
            schema_compile(refused[i].schema, strlen(refused[i].schema), NULL, 0, &e);
        if (s)
            fail_msg("%s compiles", refused[i].schema);
        if (e.code != MG_E_INVALID || !strstr(e.text, refused[i].said))
            fail_msg("%s says %s", refused[i].schema, e.text);
    }
}

static void test_documents_are_found_by_their_names(void **state)
{
    (void)state;
    static const char other[] = "{\"$id\":\"http://a/other\",\"minimum\":5}";
    const struct schema_document d = { "http://a/file", other, sizeof other - 1 };
    static const char *const names[] = { "http://a/other", "http://a/file" };
    for (size_t i = 0; i < COUNT(names); i++) {
        char text[100];
        struct err e = { 0 };
        snprintf(text, sizeof text, "{\"$ref\":\"%s\"}", names[i]);
        struct schema *s = schema_compile(text, strlen(text), &d, 1, &e);
        assert_non_null(s);
        assert_int_equal(check(s, "4", &e), MG_E_INVALID);
        assert_int_equal(check(s, "5", &e), 0);
        schema_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_keyword),
        cmocka_unit_test(test_what_does_not_compile),
        cmocka_unit_test(test_documents_are_found_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
