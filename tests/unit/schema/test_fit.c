/* What arguments and results mean under a schema: defaults, nulls, empty lists, and the lenience of
 * older servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/schema.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define P "{\"type\":\"object\",\"properties\":"

static struct schema *compile(const char *text)
{
    struct err e = { 0 };
    struct schema *s = schema_compile(text, strlen(text), NULL, 0, &e);
    if (!s)
        fail_msg("%s: %s", text, e.text);
    return s;
}

struct row {
    const char *schema, *instance;
    const char *fitted; /* "=": as it came; "!": refused with what follows */
};

static void check_row(const struct row *row, unsigned use)
{
    struct err e = { 0 };
    struct json_text root;
    struct buf fitted = { 0 };
    struct schema *s = compile(row->schema);
    assert_int_equal(json_scan(row->instance, strlen(row->instance), NULL, &root, &e), 0);
    int code = schema_fit(s, root, use, &fitted, &e);
    const char *got = code != 0 ? e.text : fitted.len ? buf_cstr(&fitted) : "=";
    bool is_right = row->fitted[0] == '!' ? code == MG_E_INVALID && strstr(got, row->fitted + 1)
                                          : code == 0 && strcmp(got, row->fitted) == 0;
    if (!is_right)
        fail_msg("%s under %s: %d %s, expected %s", row->instance, row->schema, code, got,
                 row->fitted);
    buf_fini(&fitted);
    schema_free(s);
}

static const struct row arguments[] = {
    { "true", "{\"a\":1}", "=" },
    { "{\"type\":\"object\"}", "{\"a\":null}", "=" },
    /* defaults */
    { P "{\"n\":{\"default\":5}}}", "{}", "{\"n\":5}" },
    { P "{\"n\":{\"default\":5}}}", "{\"n\":6}", "=" },
    { P "{\"n\":{\"default\":5}}}", "{\"m\":{\"x\":[1, 2]}}", "{\"m\":{\"x\":[1, 2]},\"n\":5}" },
    { P "{\"n\":{\"default\":null}}}", "{}", "=" },
    { P "{\"b\":{\"default\":\"x\\\"y\"},\"a\":{\"default\":[1,{}]}}}", "{}",
      "{\"a\":[1,{}],\"b\":\"x\\\"y\"}" },
    { P "{\"k\\u0022\":{\"default\":1}}}", "{}", "{\"k\\\"\":1}" },
    { P "{\"k\":{\"default\":1}}}", "{\"\\u006b\":2}", "=" }, /* the same name, written otherwise */
    { P "{\"n\":{\"default\":5}},\"required\":[\"n\"]}", "{}", "{\"n\":5}" },
    { P "{\"o\":" P "{\"n\":{\"default\":5}}}}}", "{\"o\":{}}", "{\"o\":{\"n\":5}}" },
    { P "{\"o\":" P "{\"n\":{\"default\":5}}}}}", "{}", "=" },
    { P "{\"l\":{\"items\":" P "{\"n\":{\"default\":5}}}}}}", "{\"l\":[{},{\"n\":1}]}",
      "{\"l\":[{\"n\":5},{\"n\":1}]}" },
    { P "{\"o\":{\"$ref\":\"#/$defs/o\"}},\"$defs\":{\"o\":" P "{\"n\":{\"default\":5}}}}}",
      "{\"o\":{}}", "{\"o\":{\"n\":5}}" },
    { P "{\"n\":{\"default\":50,\"maximum\":10}}}", "{}", "!at /n: expected at most 10, got 50" },
    /* null */
    { P "{\"n\":{\"type\":\"integer\"}}}", "{\"n\":null}", "{}" },
    { P "{\"n\":{\"default\":5}}}", "{\"n\":null}", "{\"n\":5}" },
    { P "{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}", "{\"n\":null}",
      "!at /n: expected a whole number, got null" },
    { P "{\"n\":{\"type\":\"null\"}},\"required\":[\"n\"]}", "{\"n\":null}", "=" },
    { P "{\"o\":{\"properties\":{\"n\":{\"type\":\"integer\"}}}}}", "{\"o\":{\"n\":null}}",
      "!at /o/n: expected a whole number" },
    { P "{},\"additionalProperties\":false}", "{\"x\":null}", "!at /x: expected no member" },
    /* and it is checked */
    { P "{\"n\":{\"maximum\":10,\"default\":1}}}", "{\"n\":12}",
      "!at /n: expected at most 10, got 12" },
    { P "{\"n\":{\"default\":1},\"m\":{\"type\":\"string\"}}}", "{\"m\":1}",
      "!at /m: expected a string, got 1" },
    { P "{},\"required\":[\"a\"]}", "{}", "!at /: expected a member \"a\", got an object of 0" },
};

static void test_arguments(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(arguments); i++)
        check_row(&arguments[i], SCHEMA_ARGUMENTS);
}

#define LIMIT P "{\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50,\"default\":5}}}"
#define RATIO P "{\"r\":{\"type\":\"number\",\"minimum\":-0.5}}}"
#define FLAG P "{\"f\":{\"type\":\"boolean\",\"default\":false}}}"
#define TEXT P "{\"t\":{\"type\":\"string\"}},\"required\":[\"t\"]}"
#define LIST P "{\"l\":{\"type\":\"array\",\"items\":{\"enum\":[\"a\",\"b\"]},\"maxItems\":2}}}"

static const struct row lenient[] = {
    { LIMIT, "{}", "{\"limit\":5}" },
    { LIMIT, "{\"limit\":7}", "{\"limit\":7}" },
    { LIMIT, "{\"limit\":\"7\"}", "{\"limit\":7}" },
    { LIMIT, "{\"limit\":\" 7 \"}", "{\"limit\":7}" },
    { LIMIT, "{\"limit\":\"\\u0037\"}", "{\"limit\":7}" },
    { LIMIT, "{\"limit\":0}", "{\"limit\":1}" },
    { LIMIT, "{\"limit\":50}", "{\"limit\":50}" },
    { LIMIT, "{\"limit\":51}", "{\"limit\":50}" },
    { LIMIT, "{\"limit\":1e300}", "{\"limit\":50}" },
    { LIMIT, "{\"limit\":-1e300}", "{\"limit\":1}" },
    { LIMIT, "{\"limit\":\"1e9\"}", "{\"limit\":50}" },
    { LIMIT, "{\"limit\":7.9}", "{\"limit\":7}" },
    { P "{\"n\":{\"type\":\"integer\"}}}", "{\"n\":4503599627370495.5}",
      "{\"n\":4503599627370495}" },
    { P "{\"n\":{\"type\":\"integer\"}}}", "{\"n\":9007199254740993.5}", "{}" },
    { P "{\"n\":{\"type\":\"integer\"}}}", "{\"n\":-1.5}", "{\"n\":-2}" },
    { LIMIT, "{\"limit\":7.0}", "{\"limit\":7.0}" },
    { LIMIT, "{\"limit\":\"7x\"}", "{\"limit\":5}" },
    { LIMIT, "{\"limit\":\"0x7\"}", "{\"limit\":5}" },
    { LIMIT, "{\"limit\":\"\"}", "{\"limit\":5}" },
    { LIMIT, "{\"limit\":true}", "{\"limit\":5}" },
    { LIMIT, "{\"limit\":null}", "{\"limit\":5}" },
    { LIMIT, "{\"limit\":[7]}", "{\"limit\":5}" },
    { RATIO, "{\"r\":\"-0.25\"}", "{\"r\":-0.25}" },
    { RATIO, "{\"r\":-7}", "{\"r\":-0.5}" },
    { FLAG, "{\"f\":\"true\"}", "{\"f\":true}" },
    { FLAG, "{\"f\":\"false\"}", "{\"f\":false}" },
    { FLAG, "{\"f\":\"yes\"}", "{\"f\":false}" },
    { FLAG, "{\"f\":true}", "{\"f\":true}" },
    { TEXT, "{\"t\":\"a\"}", "{\"t\":\"a\"}" },
    { TEXT, "{\"t\":-7}", "{\"t\":\"-7\"}" },
    { TEXT, "{\"t\":{}}", "{}" }, /* nothing is required: the tool says what it misses */
    { TEXT, "{}", "=" },
    { TEXT, "{\"t\":null,\"x\":1}", "{}" },
    { LIST, "{\"l\":[\"a\",\"z\",7,\"b\"]}", "{\"l\":[\"a\",\"b\"]}" },
    { LIST, "{\"l\":[\"a\",\"b\",\"a\"]}", "!at /l: expected at most 2 items, got a list of 3" },
    { LIST, "{\"l\":[]}", "{\"l\":[]}" },
    { LIST, "{\"l\":\"a\"}", "{}" },
    { P "{\"n\":{\"type\":[\"integer\",\"string\"]}}}", "{\"n\":\"7\"}", "{\"n\":\"7\"}" },
    { P "{\"o\":" P "{\"n\":{\"type\":\"integer\"}}}}}", "{\"o\":{\"n\":\"7\"}}",
      "!at /o/n: expected a whole number, got \"7\"" },
    { P "{\"e\":{\"type\":\"string\",\"enum\":[\"A\",\"B\"]}}}", "{\"e\":\"a\"}",
      "!at /e: expected one of [\"A\",\"B\"], got \"a\"" },
    { P "{\"e\":{\"type\":\"string\",\"enum\":[\"A\",\"B\"]}}}", "{\"e\":[]}", "{}" },
    { P "{\"o\":" P "{\"n\":{\"type\":\"integer\"}}}}}", "{\"o\":{\"n\":7}}", "{\"o\":{\"n\":7}}" },
    { P "{\"n\":{\"$ref\":\"#/$defs/n\"}},\"$defs\":{\"n\":{\"type\":\"integer\"}}}",
      "{\"n\":\"7\"}", "{\"n\":7}" },
    { P "{},\"additionalProperties\":false}", "{\"x\":1}", "{}" },
};

static void test_lenient(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lenient); i++)
        check_row(&lenient[i], SCHEMA_ARGUMENTS | SCHEMA_COERCE);
}

static const struct row results[] = {
    { "{\"type\":\"array\"}", "{}", "[]" },
    { "{\"type\":\"object\"}", "{}", "=" },
    { "{}", "{}", "=" },
    { "{\"type\":[\"array\",\"object\"]}", "{}", "=" },
    { "{\"type\":\"array\"}", "{\"a\":1}", "!at /: expected a list, got an object of 1" },
    { P "{\"l\":{\"type\":\"array\"},\"o\":{\"type\":\"object\"}}}", "{\"l\":{},\"o\":{}}",
      "{\"l\":[],\"o\":{}}" },
    { "{\"items\":{\"type\":\"array\",\"items\":{\"type\":\"array\"}}}", "[{},[{}]]", "[[],[[]]]" },
    { "{\"prefixItems\":[{\"type\":\"array\"}]}", "[{},{}]", "[[],{}]" },
    { "{\"additionalProperties\":{\"type\":\"array\"}}", "{\"a\":{}}", "{\"a\":[]}" },
    { "{\"$ref\":\"#/$defs/l\",\"$defs\":{\"l\":{\"type\":\"array\"}}}", "{}", "[]" },
    { P "{\"n\":{\"default\":5}}}", "{\"n\":null}", "=" }, /* defaults are for arguments */
    { "{\"type\":\"string\"}", "7", "!at /: expected a string, got 7" },
};

static void test_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(results); i++)
        check_row(&results[i], SCHEMA_RESULT);
}

static void test_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *said;
    } rows[] = {
        { P "{\"n\":{\"type\":\"integer\",\"default\":5}}}", NULL },
        { P "{\"n\":{\"type\":\"integer\",\"default\":\"5\"}}}",
          "at /properties/n/default: expected a whole number, got \"5\"" },
        { P "{\"o\":" P "{\"n\":{\"maximum\":1,\"default\":5}}}}}",
          "at /properties/o/properties/n/default: expected at most 1, got 5" },
        { P "{\"o\":{\"type\":\"object\",\"default\":{\"n\":\"x\"},\"properties\":"
            "{\"n\":{\"type\":\"integer\"}}}}}",
          "at /properties/o/default: at /n: expected a whole number" },
        { "{\"const\":{\"default\":1}}", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = { 0 };
        struct schema *s = compile(rows[i].schema);
        int code = schema_check_defaults(s, &e);
        if (rows[i].said ? code != MG_E_INVALID || !strstr(e.text, rows[i].said) : code != 0)
            fail_msg("%s: %d %s", rows[i].schema, code, e.text);
        schema_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
