/* Who is calling, and may they? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/failing.h"

#include "auth/principal.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* SHA-256 of "sesame" */
#define SESAME "d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272"

static struct keyring *ring(const struct key_spec *keys, size_t n, bool allow_anonymous)
{
    struct err e;
    struct keyring *k = keyring_new(keys, n, allow_anonymous, &e);

    if (!k)
        fail_msg("%s", e.text);
    return k;
}

static const struct principal *find(const struct keyring *k, const char *key, int64_t now)
{
    return keyring_find(k, key, key ? strlen(key) : 0, now);
}

static void test_open(void **state)
{
    struct keyring *k = ring(NULL, 0, false);

    (void)state;
    assert_true(keyring_is_open(k));
    const struct principal *p = find(k, NULL, 0);
    assert_string_equal(p->name, "anonymous");
    assert_true(p->number == 0);
    assert_string_equal(p->scopes, "");
    assert_true(principal_may(p, "anything"));
    assert_ptr_equal(find(k, "whatever", 0), p);
    keyring_unref(k);
    keyring_unref(NULL);
}

static void test_keys(void **state)
{
    static const struct key_spec keys[] = {
        { .secret = "alpha-key-1" },
        { .name = "ci",
          .secret = "beta-key-2",
          .scopes = "read,write",
          .rate_bucket = 5,
          .rate_window_ms = 1000 },
        { .secret = "x" },
        { .name = "hashed", .sha256_hex = SESAME },
    };
    struct keyring *k = ring(keys, COUNT(keys), false);

    (void)state;
    assert_false(keyring_is_open(k));
    assert_null(find(k, NULL, 0));
    assert_null(find(k, "", 0));
    assert_null(find(k, "alpha-key-", 0));
    assert_null(find(k, "alpha-key-12", 0));
    assert_null(find(k, "Alpha-key-1", 0));
    assert_null(keyring_find(k, "alpha-key-1\0", 12, 0));
    assert_null(find(k, SESAME, 0)); /* the digest is not the key */
    assert_string_equal(find(k, "alpha-key-1", 0)->name, "key1");
    assert_string_equal(find(k, "x", 0)->name, "key2");
    assert_string_equal(find(k, "sesame", 0)->name, "hashed");
    const struct principal *ci = find(k, "beta-key-2", 0);
    assert_string_equal(ci->name, "ci");
    assert_string_equal(ci->scopes, "read,write");
    assert_int_equal(ci->rate_bucket, 5);
    assert_int_equal(ci->rate_window_ms, 1000);
    assert_null(ci->tools);
    assert_true(ci->number != 0 && ci->number != find(k, "x", 0)->number);
    assert_ptr_equal(keyring_find(k, "beta-key-2 and more", 10, 0), ci);
    keyring_unref(k);
}

static void test_anonymous_beside_keys(void **state)
{
    static const struct key_spec keys[] = { { .secret = "key" } };
    struct keyring *k = ring(keys, 1, true);

    (void)state;
    assert_string_equal(find(k, NULL, 0)->name, "anonymous");
    assert_null(find(k, "wrong", 0)); /* who presents a key has to have the right one */
    assert_null(find(k, "", 0));
    keyring_unref(k);
}

/* The number is the caller's for as long as name and key are: sessions outlive a reload. */
static void test_numbers_are_stable(void **state)
{
    static const struct key_spec before[] = { { .name = "a", .secret = "one" },
                                              { .name = "b", .secret = "sesame" } };
    static const struct key_spec after[] = { { .name = "b", .sha256_hex = SESAME, .tools = "x" },
                                             { .name = "c", .secret = "one" },
                                             { .name = "a", .secret = "two" } };
    struct keyring *k = ring(before, 2, false), *l = ring(after, 3, false);

    (void)state;
    assert_true(find(k, "sesame", 0)->number == find(l, "sesame", 0)->number);
    assert_true(find(k, "one", 0)->number != find(l, "one", 0)->number); /* another name */
    assert_true(find(k, "one", 0)->number != find(l, "two", 0)->number); /* another key */
    keyring_unref(k);
    keyring_unref(l);
}

/* The name of a key without one is its place in the list, which says nothing of who has it. */
static void test_places_do_not_count(void **state)
{
    static const struct key_spec before[] = { { .secret = "one" }, { .secret = "two" } };
    static const struct key_spec after[] = { { .secret = "new" },
                                             { .name = "key2", .secret = "two" },
                                             { .secret = "one" } };
    struct keyring *k = ring(before, 2, false), *l = ring(after, 3, false);

    (void)state;
    assert_string_equal(find(k, "one", 0)->name, "key1");
    assert_string_equal(find(l, "one", 0)->name, "key2");
    assert_true(find(k, "one", 0)->number == find(l, "one", 0)->number);
    assert_true(find(k, "one", 0)->number != find(l, "new", 0)->number);
    assert_true(find(k, "one", 0)->number != find(k, "two", 0)->number);
    assert_true(find(k, "two", 0)->number != find(l, "two", 0)->number); /* has a name now */
    assert_true(keyring_has(l, find(k, "one", 0)->number, 0));
    keyring_unref(k);
    keyring_unref(l);
}

/* Who starts the gateway needs no key, and is not who needs none over HTTP. */
static void test_local(void **state)
{
    static const struct key_spec keys[] = { { .secret = "one" } };
    struct keyring *all[] = { ring(keys, 1, false), ring(keys, 1, true), ring(NULL, 0, false) };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(keyring_numbered(all[i], principal_local.number), &principal_local);
        assert_true(keyring_has(all[i], principal_local.number, INT64_MAX));
        assert_ptr_not_equal(keyring_numbered(all[i], 0), &principal_local);
        keyring_unref(all[i]);
    }
    assert_true(principal_may(&principal_local, "resource:x"));
}

static void test_expiry(void **state)
{
    static const struct key_spec keys[] = { { .secret = "old", .expires_ms = 1000 },
                                            { .secret = "new" } };
    struct keyring *k = ring(keys, 2, false);

    (void)state;
    assert_non_null(find(k, "old", 999));
    assert_null(find(k, "old", 1000));
    assert_null(find(k, "old", INT64_MAX));
    assert_non_null(find(k, "new", INT64_MAX));
    assert_false(keyring_is_open(k));
    keyring_unref(k);
}

static void test_tools(void **state)
{
    static const struct key_spec keys[] = {
        { .secret = "all" },
        { .secret = "some", .tools = " status, list_* ,,get_?" },
        { .secret = "none", .tools = "" },
        { .secret = "star", .tools = "*" },
    };
    struct keyring *k = ring(keys, COUNT(keys), false);
    const struct principal *some = find(k, "some", 0);

    (void)state;
    assert_true(principal_may(find(k, "all", 0), "delete_file"));
    assert_true(principal_may(find(k, "star", 0), "delete_file"));
    assert_false(principal_may(find(k, "none", 0), "delete_file"));
    assert_true(principal_may(some, "status"));
    assert_true(principal_may(some, "list_"));
    assert_true(principal_may(some, "list_jobs"));
    assert_true(principal_may(some, "get_x"));
    assert_false(principal_may(some, "get_xy"));
    assert_false(principal_may(some, "Status"));
    assert_false(principal_may(some, "status2"));
    assert_false(principal_may(some, ""));
    keyring_unref(k);
}

/* Prompts and resources: a glob that is meant for tools opens none. */
static void test_offers(void **state)
{
    static const struct key_spec keys[] = {
        { .name = "all", .secret = "1" },
        { .name = "star", .secret = "2", .tools = "status, *" },
        { .name = "tools", .secret = "3", .tools = "p*, r*, *e*, prompt*, *:*, ?*" },
        { .name = "some", .secret = "4", .tools = "status,prompt:review_*, resource:docs" },
        { .name = "each", .secret = "5", .tools = "resource:*" },
        { .name = "empty", .secret = "6", .tools = "prompt:,resource:" },
    };
    struct keyring *k = ring(keys, COUNT(keys), false);
    const struct principal *some = find(k, "4", 0), *each = find(k, "5", 0);

    (void)state;
    assert_true(principal_may(find(k, "1", 0), "prompt:x"));
    assert_true(principal_may(find(k, "2", 0), "resource:x"));
    assert_false(principal_may(find(k, "3", 0), "prompt:review"));
    assert_false(principal_may(find(k, "3", 0), "resource:docs"));
    assert_true(principal_may(some, "prompt:review_change"));
    assert_false(principal_may(some, "prompt:review"));
    assert_true(principal_may(some, "resource:docs"));
    assert_false(principal_may(some, "resource:docs2"));
    assert_false(principal_may(some, "resource:review_change"));
    assert_true(principal_may(each, "resource:docs"));
    assert_false(principal_may(each, "prompt:docs"));
    assert_false(principal_may(each, "status"));
    assert_false(principal_may(find(k, "6", 0), "prompt:x"));
    keyring_unref(k);
}

static void test_refused(void **state)
{
    static const struct {
        struct key_spec keys[2];
        const char *text;
    } cases[] = {
        { { { .secret = "" } }, "key key1: the secret is empty" },
        { { { .name = "a" } }, "key a: give secret or sha256, and one of them only" },
        { { { .name = "a", .secret = "x", .sha256_hex = SESAME } },
          "key a: give secret or sha256, and one of them only" },
        { { { .name = "a", .sha256_hex = "abc" } }, "key a: sha256 is not 64 hex digits" },
        { { { .name = "a", .sha256_hex = SESAME "00" } }, "key a: sha256 is not 64 hex digits" },
        { { { .name = "a",
              .sha256_hex = "x0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272" } },
          "key a: sha256 is not 64 hex digits" },
        { { { .secret = "same" }, { .name = "b", .secret = "same" } },
          "key b: the same key as key1" },
        { { { .secret = "sesame" }, { .name = "b", .sha256_hex = SESAME } },
          "key b: the same key as key1" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = cases[i].keys[1].name ? 2 : 1;
        struct err e = { 0 };
        assert_null(keyring_new(cases[i].keys, n, false, &e));
        assert_int_equal(e.code, MG_E_INVALID);
        assert_string_equal(e.text, cases[i].text);
        assert_null(keyring_new(cases[i].keys, n, false, NULL));
    }
}

static void test_authorization(void **state)
{
    static const struct {
        const char *value, *key;
    } cases[] = {
        { "Bearer abc", "abc" },
        { "bearer abc", "abc" },
        { "BEARER abc", "abc" },
        { "BeArEr  \tabc", "abc" },
        { "abc", "abc" },
        { "  abc ", "abc" },
        { "Bearer abc \t", "abc" },
        { "Bearerabc", "Bearerabc" },
        { "Bearer", "Bearer" },
        { "Bearer ", "" },
        { "", "" },
        { "Basic abc", "Basic abc" },
        { "Bearer a b", "a b" },
    };
    size_t len;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *key = authorization_key(cases[i].value, &len);
        if (len != strlen(cases[i].key) || memcmp(key, cases[i].key, len) != 0)
            fail_msg("'%s': '%.*s'", cases[i].value, (int)len, key);
    }
    assert_null(authorization_key(NULL, &len));
    assert_int_equal(len, 0);
}

/* A snapshot lives as long as somebody holds it. */
static void test_references(void **state)
{
    static const struct key_spec keys[] = { { .secret = "key" } };
    struct keyring *k = ring(keys, 1, false), *again = keyring_ref(k);

    (void)state;
    assert_ptr_equal(again, k);
    const struct principal *p = find(k, "key", 0);
    keyring_unref(k);
    assert_string_equal(p->name, "key1");
    keyring_unref(again);
}

static void test_names(void **state)
{
    const struct key_spec keys[] = { { .secret = "first-key" },
                                     { .name = "ci", .secret = "ci-secret", .expires_ms = 5 } };
    struct keyring *k = ring(keys, 2, false);

    (void)state;
    assert_string_equal(keyring_named(k, "key1")->name, "key1");
    assert_string_equal(keyring_named(k, "ci")->name, "ci"); /* expired: who asks says so */
    assert_null(keyring_named(k, "key2"));
    assert_null(keyring_named(k, ""));
    assert_null(keyring_named(k, "first-key"));
    assert_null(keyring_named(k, "anonymous"));
    keyring_unref(k);
    k = ring(keys, 2, true);
    assert_int_equal(keyring_named(k, "anonymous")->number, 0);
    keyring_unref(k);
    k = ring(NULL, 0, false);
    assert_int_equal(keyring_named(k, "anonymous")->number, 0);
    keyring_unref(k);
}

static void test_no_memory(void **state)
{
    static const struct key_spec keys[] = {
        { .secret = "one", .tools = "a,b,c" },
        { .name = "two", .sha256_hex = SESAME, .scopes = "x" },
    };
    struct keyring *k = NULL;
    struct err e;
    long n;

    (void)state;
    for (n = 0; !k; n++) {
        failing_after = n;
        k = keyring_new(keys, 2, false, &e);
        failing_after = -1;
        if (!k)
            assert_int_equal(e.code, MG_E_NOMEM);
        assert_true(n < 50);
    }
    assert_true(n > 6);
    keyring_unref(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_anonymous_beside_keys),
        cmocka_unit_test(test_numbers_are_stable),
        cmocka_unit_test(test_places_do_not_count),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_authorization),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
