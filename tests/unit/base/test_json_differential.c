/* The scanner against cJSON: whatever it lets in cJSON must read, and what json_write makes of that
 * tree must be the same tree again. 20,000 mutations of real messages, the same ones in every run;
 * another seed may be given in MOONGATE_TEST_SEED. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "base/json_scan.h"
#include "base/json_write.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MUTATIONS 20000
#define TEXT_MAX 2048

static const char *const seeds[] = {
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
    "\"arguments\":{\"text\":\"h\xc3\xa9llo\",\"n\":-1.5e3,\"flag\":true,\"none\":null}}}",
    "[0,-0,1,0.5,1e10,1E-5,9007199254740993,[],{},[[]],\"\"]",
    "{\"a\":{\"b\":{\"c\":[1,{\"d\":\"\\u00e9\\ud83d\\ude39\\n\\\"\"}]}},\"e\":[\"x\",\"y\"]}",
    "{\"k0\":0,\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9}",
    " [ \"\xe2\x82\xac\" , \"\\/\\b\\f\" , 12345678901234567890123456789012345678901234567890 ] ",
    "{\"\":\"\\\\\",\"\\u0061\":[true,false,null,\"\xf0\x9f\x98\xb9\"]}",
};

static const char *const pieces[] = {
    "\"",   "\\",   "\\u",  "\\ud83d",  "\\ude39", "\\u0000", "{",         "}",  "[",
    "]",    ",",    ":",    "0",        "1e400",   "-",       ".",         "e5", "null",
    "true", "\xff", "\xc3", "\xc3\xa9", "\n",      " ",       "\"k1\":1,", "\t", "/**/",
};

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}

static size_t splice(char *text, size_t len, size_t at, size_t cut, const char *in, size_t in_len)
{
    if (at + cut > len)
        cut = len - at;
    if (len - cut + in_len > TEXT_MAX)
        return len;
    memmove(text + at + in_len, text + at + cut, len - at - cut);
    memcpy(text + at, in, in_len);
    return len - cut + in_len;
}

static size_t mutate(char *text, size_t len)
{
    size_t at = random_below((uint32_t)len + 1);
    char byte = (char)random_below(256);
    const char *piece = pieces[random_below(COUNT(pieces))];

    switch (random_below(6)) {
    case 0: return splice(text, len, at, 1, &byte, 1);
    case 1: return splice(text, len, at, 0, piece, strlen(piece));
    case 2: return splice(text, len, at, 1 + random_below(8), "", 0);
    case 3: return splice(text, len, at, strlen(piece), piece, strlen(piece));
    case 4: return at > 0 ? at : len; /* cut */
    default: {
        char copy[64]; /* double a stretch of the text */
        size_t n = len - at < sizeof copy ? len - at : sizeof copy;
        memcpy(copy, text + at, n);
        return splice(text, len, random_below((uint32_t)len + 1), 0, copy, n);
    }
    }
}

static void tree_write(struct buf *b, const cJSON *node)
{
    const cJSON *child;

    if (cJSON_IsObject(node) || cJSON_IsArray(node)) {
        json_open(b, cJSON_IsObject(node) ? '{' : '[');
        cJSON_ArrayForEach(child, node)
        {
            if (cJSON_IsObject(node))
                json_key_n(b, child->string, strlen(child->string));
            tree_write(b, child);
        }
        json_close(b, cJSON_IsObject(node) ? '}' : ']');
    } else if (cJSON_IsString(node)) {
        json_str(b, node->valuestring);
    } else if (cJSON_IsNumber(node)) {
        json_double(b, node->valuedouble);
    } else if (cJSON_IsBool(node)) {
        json_bool(b, cJSON_IsTrue(node));
    } else {
        json_null(b);
    }
}

/* cJSON_Compare() allows numbers to differ a little; here the very same value is asked for. */
static bool tree_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *x = a->child, *y = b->child;

    if ((a->type & 0xff) != (b->type & 0xff))
        return false;
    if (cJSON_IsString(a))
        return strcmp(a->valuestring, b->valuestring) == 0;
    if (cJSON_IsNumber(a))
        return memcmp(&a->valuedouble, &b->valuedouble, sizeof(double)) == 0;
    for (; x && y; x = x->next, y = y->next)
        if ((cJSON_IsObject(a) && strcmp(x->string, y->string) != 0) || !tree_equal(x, y))
            return false;
    return !x && !y;
}

/* The tree as the extents see it: the same values in the same order as cJSON's. */
static bool extents_equal(struct json_text t, const cJSON *node, struct buf *scratch)
{
    struct json_iter it = json_iter(t);
    struct json_text key, value;
    const cJSON *child = node->child;

    switch (t.type) {
    case JSON_OBJECT:
        for (; json_next_member(&it, &key, &value); child = child->next)
            if (!child || !json_string_eq(key, child->string, strlen(child->string)) ||
                !extents_equal(value, child, scratch))
                return false;
        return cJSON_IsObject(node) && !child;
    case JSON_ARRAY:
        for (; json_next_item(&it, &value); child = child->next)
            if (!child || !extents_equal(value, child, scratch))
                return false;
        return cJSON_IsArray(node) && !child;
    case JSON_STRING:
        buf_clear(scratch);
        json_string_decode(t, scratch);
        return cJSON_IsString(node) && strcmp(buf_cstr(scratch), node->valuestring) == 0;
    case JSON_NUMBER: return cJSON_IsNumber(node);
    case JSON_TRUE: return cJSON_IsTrue(node);
    case JSON_FALSE: return cJSON_IsFalse(node);
    default: return cJSON_IsNull(node);
    }
}

/* Returns whether the text was accepted. */
static bool check(const char *text, size_t len)
{
    char *exact = malloc(len ? len : 1); /* so that a sanitizer sees a read past the end */
    struct buf again = { 0 }, compact = { 0 }, scratch = { 0 };
    struct json_text root;
    const char *end;

    assert_non_null(exact);
    memcpy(exact, text, len);
    if (json_scan(exact, len, NULL, &root, NULL) != 0) {
        free(exact);
        return false;
    }
    cJSON *tree = cJSON_ParseWithLengthOpts(exact, len, &end, false);
    if (!tree)
        fail_msg("cJSON refuses: %.*s", (int)len, text);
    assert_true(extents_equal(root, tree, &scratch));
    tree_write(&again, tree);
    assert_int_equal(json_scan(again.data, again.len, NULL, &root, NULL), 0);
    cJSON *back = cJSON_ParseWithLength(again.data, again.len);
    if (!back || !tree_equal(tree, back))
        fail_msg("%.*s became %.*s", (int)len, text, (int)again.len, again.data);
    json_compact(&compact, exact, len);
    cJSON *packed = cJSON_ParseWithLength(compact.data, compact.len);
    assert_true(packed && tree_equal(tree, packed));
    assert_null(memchr(compact.data, '\n', compact.len));
    cJSON_Delete(tree);
    cJSON_Delete(back);
    cJSON_Delete(packed);
    buf_fini(&again);
    buf_fini(&compact);
    buf_fini(&scratch);
    free(exact);
    return true;
}

static void test_mutations(void **state)
{
    const char *seed = getenv("MOONGATE_TEST_SEED");
    char text[TEXT_MAX + 64];
    int accepted = 0;

    (void)state;
    random_state = seed ? strtoull(seed, NULL, 10) : 20260301;
    print_message("seed %llu\n", (unsigned long long)random_state);
    for (size_t i = 0; i < COUNT(seeds); i++)
        assert_true(check(seeds[i], strlen(seeds[i])));
    for (int i = 0; i < MUTATIONS; i++) {
        const char *from = seeds[random_below(COUNT(seeds))];
        size_t len = strlen(from);
        memcpy(text, from, len);
        for (uint32_t k = 1 + random_below(3); k > 0; k--)
            len = mutate(text, len);
        accepted += check(text, len);
    }
    print_message("%d of %d accepted\n", accepted, MUTATIONS);
    /* A test in which nearly everything is refused, or nothing, would compare nothing. */
    assert_in_range(accepted, MUTATIONS / 50, MUTATIONS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_mutations) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
