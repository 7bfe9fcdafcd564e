/* Which arguments are repeated in headers: where the keyword may stand, what it may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "base/buf.c"
#include "tools/headerparams.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
#define STRING(header) "{\"type\":\"string\",\"x-mcp-header\":\"" header "\"}"
#define LETTERS_64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"

static const struct {
    const char *schema;
    const char *found; /* "header:type:name/name;" for each; NULL: refused, */
    const char *fault; /* with this in the text */
} cases[] = {
    { "true", "", NULL },
    { OBJECT(""), "", NULL },
    { OBJECT("\"a\":{\"type\":\"string\"}"), "", NULL },
    { OBJECT("\"a\":" STRING("Region")), "Mcp-Param-Region:5:a;", NULL },
    { OBJECT("\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"},"
             "\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"}"),
      "Mcp-Param-N:4:a;Mcp-Param-B:3:b;", NULL },
    { OBJECT("\"o\":" OBJECT("\"i\":" OBJECT("\"\\u0061\":" STRING("Deep")))),
      "Mcp-Param-Deep:5:o/i/a;", NULL },
    { OBJECT("\"a\":" STRING("!#$%&'*+-.^_`|~09Zz")), "Mcp-Param-!#$%&'*+-.^_`|~09Zz:5:a;", NULL },
    { OBJECT("\"a\":" STRING(LETTERS_64)), "Mcp-Param-" LETTERS_64 ":5:a;", NULL },
    { OBJECT("\"a\":" STRING(LETTERS_64 "m")), NULL, "at /properties/a: x-mcp-header must be of" },
    /* A name, and values, are no keywords. */
    { OBJECT("\"x-mcp-header\":{\"type\":\"string\"}"), "", NULL },
    { OBJECT("\"a\":{\"const\":{\"x-mcp-header\":1},\"default\":{\"x-mcp-header\":1},"
             "\"enum\":[{\"x-mcp-header\":1}],\"examples\":[{\"x-mcp-header\":1}]}"),
      "", NULL },
    { OBJECT("\"a\":" STRING("")), NULL, "at /properties/a: x-mcp-header must be of" },
    { OBJECT("\"a\":" STRING("two words")), NULL, "must be of letters" },
    { OBJECT("\"a\":" STRING("a:b")), NULL, "must be of letters" },
    { OBJECT("\"a\":" STRING("a\\nb")), NULL, "must be of letters" },
    { OBJECT("\"a\":" STRING("a\\u0000b")), NULL, "must be of letters" },
    { OBJECT("\"a\":" STRING("\xc3\xa9")), NULL, "must be of letters" },
    { OBJECT("\"a\":{\"type\":\"string\",\"x-mcp-header\":7}"), NULL, "must be a string" },
    { OBJECT("\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}"), NULL, "is for a type of" },
    { OBJECT("\"a\":{\"type\":[\"string\"],\"x-mcp-header\":\"A\"}"), NULL, "is for a type of" },
    { OBJECT("\"a\":{\"type\":\"object\",\"x-mcp-header\":\"A\"}"), NULL, "is for a type of" },
    { OBJECT("\"a\":{\"x-mcp-header\":\"A\"}"), NULL, "is for a type of" },
    { OBJECT("\"a\":" STRING("Same") ",\"o\":" OBJECT("\"b\":" STRING("sAME"))), NULL,
      "at /properties/o/properties/b: x-mcp-header has been given to another" },
    { "{\"type\":\"object\",\"x-mcp-header\":\"Top\"}", NULL, "x-mcp-header can stand" },
    { OBJECT("\"l\":{\"items\":" STRING("A") "}"), NULL,
      "at /properties/l: x-mcp-header can stand" },
    { OBJECT("\"l\":{\"items\":" OBJECT("\"a\":" STRING("A")) "}"), NULL, "can stand" },
    { "{\"allOf\":[" OBJECT("\"a\":" STRING("A")) "]}", NULL, "can stand" },
    { "{\"anyOf\":[{}," OBJECT("\"a\":" STRING("A")) "]}", NULL, "can stand" },
    { "{\"oneOf\":[" OBJECT("\"a\":" STRING("A")) "]}", NULL, "can stand" },
    { "{\"prefixItems\":[" STRING("A") "]}", NULL, "can stand" },
    { "{\"not\":" OBJECT("\"a\":" STRING("A")) "}", NULL, "can stand" },
    { "{\"if\":" OBJECT("\"a\":" STRING("A")) "}", NULL, "can stand" },
    { "{\"then\":" STRING("A") "}", NULL, "can stand" },
    { "{\"else\":" STRING("A") "}", NULL, "can stand" },
    { "{\"contains\":" STRING("A") "}", NULL, "can stand" },
    { "{\"propertyNames\":" STRING("A") "}", NULL, "can stand" },
    { "{\"additionalProperties\":" STRING("A") "}", NULL, "can stand" },
    { "{\"unevaluatedItems\":" STRING("A") "}", NULL, "can stand" },
    { "{\"unevaluatedProperties\":" STRING("A") "}", NULL, "can stand" },
    { "{\"contentSchema\":" STRING("A") "}", NULL, "can stand" },
    { "{\"patternProperties\":{\"a\":" STRING("A") "}}", NULL, "can stand" },
    { "{\"dependentSchemas\":{\"a\":" OBJECT("\"a\":" STRING("A")) "}}", NULL, "can stand" },
    { "{\"$defs\":{\"a\":" STRING("A") "}}", NULL, "can stand" },
    { "{\"definitions\":{\"a\":" STRING("A") "}}", NULL, "can stand" },
    { OBJECT("\"a\\u0000\":" STRING("A")), NULL, "can stand" },
};

static void test_compile(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = { 0 };
        struct headerparam *first;
        struct buf found = { 0 };
        int code = headerparams_compile(cases[i].schema, strlen(cases[i].schema), &first, &e);
        for (const struct headerparam *h = first; h; h = h->next) {
            buf_printf(&found, "%s:%d:", h->header, (int)h->type);
            for (unsigned d = 0; d < h->depth; d++)
                buf_printf(&found, "%s%s", d ? "/" : "", h->names[d]);
            buf_putc(&found, ';');
        }
        buf_putc(&found, '\0');
        if (cases[i].found && (code != 0 || strcmp(found.data, cases[i].found) != 0))
            fail_msg("%s: %d %s%s", cases[i].schema, code, found.data, e.text);
        if (cases[i].fault && (code != MG_E_INVALID || !strstr(e.text, cases[i].fault)))
            fail_msg("%s: %d %s", cases[i].schema, code, e.text);
        buf_fini(&found);
        headerparams_free(first);
    }
}

/* As many as a request may carry, and one more. */
static void test_many(void **state)
{
    (void)state;
    for (int count = HEADERPARAMS_MAX; count <= HEADERPARAMS_MAX + 1; count++) {
        struct err e = { 0 };
        struct headerparam *first;
        struct buf schema = { 0 };
        buf_str(&schema, "{\"properties\":{");
        for (int i = 0; i < count; i++)
            buf_printf(&schema, "%s\"p%d\":{\"type\":\"string\",\"x-mcp-header\":\"H%d\"}",
                       i ? "," : "", i, i);
        buf_str(&schema, "}}");
        int code = headerparams_compile(schema.data, schema.len, &first, &e);
        assert_int_equal(code, count > HEADERPARAMS_MAX ? MG_E_INVALID : 0);
        buf_fini(&schema);
        headerparams_free(first);
    }
}

static void test_value(void **state)
{
    static const char schema[] = OBJECT("\"o\":" OBJECT("\"a\":" STRING("A")));
    static const struct {
        const char *arguments;
        const char *value;
    } given[] = {
        { "{\"o\":{\"a\":\"x\"}}", "\"x\"" },
        { "{\"o\":{\"a\":null}}", "null" },
        { "{\"o\":{\"b\":\"x\"}}", "" },
        { "{\"a\":\"x\"}", "" },
        { "{\"o\":[\"a\"]}", "" },
        { "{}", "" },
        { "{\"\\u006f\":{\"a\":1}}", "1" },
    };
    struct err e = { 0 };
    struct headerparam *first;
    (void)state;
    assert_int_equal(headerparams_compile(schema, sizeof schema - 1, &first, &e), 0);
    for (size_t i = 0; i < COUNT(given); i++) {
        struct json_limits limits = { 0 };
        struct json_text root;
        assert_int_equal(json_scan(given[i].arguments, strlen(given[i].arguments), &limits, &root,
                                   &e),
                         0);
        struct json_text value = headerparam_value(first, root);
        assert_int_equal(value.len, strlen(given[i].value));
        assert_memory_equal(value.p ? value.p : "", given[i].value, value.len);
    }
    assert_int_equal(headerparam_value(first, (struct json_text){ 0 }).type, JSON_NONE);
    headerparams_free(first);
}

static void test_write(void **state)
{
    static const struct {
        const char *value, *header; /* "": none */
    } written[] = {
        { "\"eu\"", "Mcp-Param-A: eu" },
        { "\"two words; \\u0022x\\u0022\"", "Mcp-Param-A: two words; \"x\"" },
        { "\"\"", "Mcp-Param-A: =?base64?" "?=" },
        { "\" a\"", "Mcp-Param-A: =?base64?IGE=?=" },
        { "\"a \"", "Mcp-Param-A: =?base64?YSA=?=" },
        { "\"a\\nb\"", "Mcp-Param-A: =?base64?YQpi?=" },
        { "\"\xc3\xa9\"", "Mcp-Param-A: =?base64?w6k=?=" },
        { "\"=?base64?YQ==?=\"", "Mcp-Param-A: =?base64?PT9iYXNlNjQ/WVE9PT89?=" },
        { "42", "Mcp-Param-A: 42" },
        { "-4.20e1", "Mcp-Param-A: -42" },
        { "true", "Mcp-Param-A: true" },
        { "false", "Mcp-Param-A: false" },
        { "1.5", "" },
        { "null", "" },
        { "[1]", "" },
        { "{}", "" },
    };
    static const char schema[] = OBJECT("\"a\":" STRING("A"));
    struct err e = { 0 };
    struct headerparam *h;

    (void)state;
    assert_int_equal(headerparams_compile(schema, sizeof schema - 1, &h, &e), 0);
    for (size_t i = 0; i < COUNT(written); i++) {
        const char *text = written[i].value;
        struct json_text value = { text, strlen(text), json_type_of(text[0]) };
        struct buf out = { 0 };
        assert_int_equal(headerparam_write(h, value, &out), written[i].header[0] != '\0');
        assert_string_equal(buf_cstr(&out), written[i].header);
        buf_fini(&out);
    }
    struct buf out = { 0 };
    assert_false(headerparam_write(h, (struct json_text){ 0 }, &out));
    headerparams_free(h);
}

static int compile_once(void)
{
    static const char schema[] =
        OBJECT("\"o\":" OBJECT("\"a\":" STRING("A") ",\"b\":" STRING("B")));
    struct err e = { 0 };
    struct headerparam *first;
    int code = headerparams_compile(schema, sizeof schema - 1, &first, &e);
    headerparams_free(first);
    return code;
}

static void test_memory(void **state)
{
    (void)state;
    int n = 0;
    for (int code = MG_E_NOMEM; code != 0; n++) {
        failing_after = n;
        code = compile_once();
        failing_after = -1;
        assert_true(code == 0 || code == MG_E_NOMEM);
        assert_true(n < 100);
    }
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compile), cmocka_unit_test(test_many),   cmocka_unit_test(test_value),
        cmocka_unit_test(test_write),   cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
