/* Operations as a caller sees them, on a store without files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/collection.h"
#include "store/fixture.h"

static struct store *store_of(void **state) { return ((struct fixture *)*state)->s; }

static void put_get_delete(void **state)
{
    struct store *s = store_of(state);
    bool existed;
    store_seq a, b;

    assert_int_equal(get(s, "jobs", "j1", NULL), -1);
    assert_int_equal(put(s, "jobs", "j1", 1), 0);
    assert_int_equal(get(s, "jobs", "j1", &a), 1);
    assert_int_equal(put(s, "jobs", "j1", 2), 0);
    assert_int_equal(get(s, "jobs", "j1", &b), 2);
    assert_true(b > a);
    assert_int_equal(del(s, "jobs", "j1", &existed), 0);
    assert_true(existed);
    assert_int_equal(del(s, "jobs", "j1", &existed), 0);
    assert_false(existed);
    assert_int_equal(get(s, "jobs", "j1", NULL), -1);
    assert_int_equal(count(s, "jobs"), 0);
}

static void a_reader_keeps_its_version(void **state)
{
    struct store *s = store_of(state);
    struct store_op op = { .kind = STORE_GET, .collection = "jobs", .key = "k", .key_len = 1 };
    size_t len;

    assert_int_equal(put(s, "jobs", "k", 1), 0);
    assert_int_equal(store_submit(s, &op), 1);
    assert_int_equal(op.code, 0);
    struct store_value *v = store_value_ref(op.values[0]);
    store_op_fini(&op);
    store_op_fini(&op);
    assert_int_equal(put(s, "jobs", "k", 2), 0);
    assert_int_equal(del(s, "jobs", "k", NULL), 0);
    assert_string_equal(store_value_text(v, &len), "{\"jobId\":\"k\",\"v\":1}");
    assert_int_equal(len, strlen("{\"jobId\":\"k\",\"v\":1}"));
    assert_string_equal(store_value_key(v, NULL), "k");
    store_value_unref(v);
}

static void preconditions(void **state)
{
    struct store *s = store_of(state);
    store_seq seq, other, seen;

    assert_int_equal(put_if(s, "jobs", "p", 1, 99, NULL), MG_E_CONFLICT);
    assert_int_equal(put_if(s, "jobs", "p", 1, 0, &seq), 0);
    assert_int_equal(put_if(s, "jobs", "p", 2, 0, &seen), MG_E_CONFLICT);
    assert_int_equal(seen, seq); /* the refusal tells of that version, so a reply waits for it */
    assert_int_equal(put_if(s, "jobs", "p", 2, seq, &other), 0);
    assert_int_equal(put_if(s, "jobs", "p", 3, seq, NULL), MG_E_CONFLICT);
    assert_int_equal(get(s, "jobs", "p", NULL), 2);
    assert_int_equal(put_if(s, "jobs", "p", 3, other, NULL), 0);
    assert_int_equal(get(s, "jobs", "p", NULL), 3);
}

static int write_all(struct store *s, const struct store_change *ch, size_t n, size_t *done)
{
    struct store_op op = { .kind = STORE_WRITE, .changes = ch, .change_count = n };
    assert_int_equal(store_submit(s, &op), 1);
    int code = op.code;
    for (size_t i = 0; code == 0 && i < n; i++)
        assert_true((op.values[i] != NULL) == (ch[i].text != NULL));
    if (done)
        *done = op.count;
    store_op_fini(&op);
    return code;
}

static void a_batch_is_all_or_none(void **state)
{
    struct store *s = store_of(state);
    size_t done;

    assert_int_equal(put(s, "jobs", "b1", 1), 0);
    const struct store_change bad[] = { change("models", "m", "{\"modelId\":\"m\",\"v\":5}",
                                               STORE_ANY),
                                        change("jobs", "b1", NULL, STORE_ANY),
                                        change("jobs", "b2", "{\"jobId\":\"b2\",\"v\":1}", 77) };
    assert_int_equal(write_all(s, bad, 3, NULL), MG_E_CONFLICT);
    assert_int_equal(get(s, "models", "m", NULL), -1);
    assert_int_equal(get(s, "jobs", "b1", NULL), 1);

    const struct store_change invalid[] = { bad[0],
                                            change("jobs", "x", "{\"jobId\":\"y\"}", STORE_ANY) };
    assert_int_equal(write_all(s, invalid, 2, NULL), MG_E_INVALID);
    assert_int_equal(get(s, "models", "m", NULL), -1);

    const struct store_change good[] = { bad[0], bad[1], change("jobs", "nobody", NULL, STORE_ANY),
                                         change("jobs", "b2", "{\"jobId\":\"b2\",\"v\":1}", 0) };
    assert_int_equal(write_all(s, good, 4, &done), 0);
    assert_int_equal(done, 3);
    assert_int_equal(get(s, "models", "m", NULL), 5);
    assert_int_equal(get(s, "jobs", "b1", NULL), -1);
    assert_int_equal(get(s, "jobs", "b2", NULL), 1);
}

static void one_key_twice_in_a_batch(void **state)
{
    struct store *s = store_of(state);
    const struct store_change ch[] = { change("jobs", "t", "{\"jobId\":\"t\",\"v\":1}", 0),
                                       change("jobs", "t", NULL, 0),
                                       change("jobs", "t", "{\"jobId\":\"t\",\"v\":2}", 0) };
    size_t done;

    assert_int_equal(write_all(s, ch, 3, &done), 0);
    assert_int_equal(done, 3);
    assert_int_equal(get(s, "jobs", "t", NULL), 2);
}

/* ---- lists ---- */

static size_t list(struct store *s, const char *after, size_t limit, bool newest, char *out,
                   size_t size, bool *more, int *code)
{
    struct store_op op = { .kind = STORE_LIST,
                           .collection = "list",
                           .key = after,
                           .limit = limit,
                           .newest = newest,
                           .key_len = after ? strlen(after) : 0 };
    assert_int_equal(store_submit(s, &op), 1);
    *out = '\0';
    for (size_t i = 0; i < op.count; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s", store_value_key(op.values[i], NULL));
    *more = op.more;
    *code = op.code;
    size_t n = op.count;
    store_op_fini(&op);
    return n;
}

static void check_list(struct store *s, const char *after, size_t limit, bool newest,
                       const char *want, bool more)
{
    char got[64];
    bool got_more;
    int code;

    list(s, after, limit, newest, got, sizeof got, &got_more, &code);
    assert_int_equal(code, 0);
    assert_string_equal(got, want);
    assert_int_equal(got_more, more);
}

static void lists_by_order_of_insertion(void **state)
{
    struct store *s = store_of(state);
    char got[64];
    bool more;
    int code;

    check_list(s, NULL, 0, false, "", false); /* not declared yet: empty */
    assert_int_equal(store_declare(s, "list", NULL, NULL), 0);
    check_list(s, NULL, 0, true, "", false);
    for (int i = 0; i < 5; i++)
        assert_int_equal(put(s, "list", (const char[2]){ (char)('a' + i), 0 }, i), 0);
    check_list(s, NULL, 0, false, "abcde", false);
    check_list(s, NULL, 0, true, "edcba", false);
    check_list(s, NULL, 5, false, "abcde", false);
    check_list(s, NULL, 4, false, "abcd", true);
    check_list(s, NULL, 2, true, "ed", true);
    check_list(s, "b", 2, false, "cd", true);
    check_list(s, "b", 3, false, "cde", false);
    check_list(s, "b", 0, true, "a", false);
    check_list(s, "a", 0, true, "", false);
    check_list(s, "e", 1, false, "", false);
    list(s, "nobody", 0, false, got, sizeof got, &more, &code);
    assert_int_equal(code, MG_E_NOTFOUND);

    /* Between two pages one object goes, one is replaced, one is new. */
    assert_int_equal(del(s, "list", "c", NULL), 0);
    assert_int_equal(put(s, "list", "a", 9), 0);
    assert_int_equal(put(s, "list", "c", 9), 0);
    check_list(s, "b", 0, false, "dec", false);
    check_list(s, "d", 0, true, "ba", false);
}

static void a_reply_waits_for_what_it_tells(void **state)
{
    struct store *s = store_of(state);
    struct store_op op = { .kind = STORE_GET, .collection = "jobs", .key = "w", .key_len = 1 };
    store_seq wrote, removed;

    assert_int_equal(put_if(s, "jobs", "w", 1, STORE_ANY, &wrote), 0);
    assert_int_equal(store_submit(s, &op), 1);
    assert_int_equal(op.seq, wrote);
    store_op_fini(&op);
    assert_int_equal(del(s, "jobs", "w", NULL), 0);
    assert_int_equal(store_submit(s, &op), 1);
    assert_int_equal(op.code, MG_E_NOTFOUND);
    removed = op.seq;
    assert_true(removed > wrote);
    struct store_op n = { .kind = STORE_COUNT, .collection = "jobs" };
    assert_int_equal(store_submit(s, &n), 1);
    assert_int_equal(n.seq, removed);
    struct store_op l = { .kind = STORE_LIST, .collection = "jobs" };
    assert_int_equal(store_submit(s, &l), 1);
    assert_true(l.seq >= removed);
    store_op_fini(&l);
}

/* ---- bounds ---- */

static char *object_with(const char *key, size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    int n = snprintf(text, len, "{\"jobId\":\"%s\",\"x\":\"", key);
    memset(text + n, 'x', len - (size_t)n);
    memcpy(text + len - 2, "\"}", 3);
    return text;
}

static void texts_have_a_bound(void **state)
{
    struct store *s = store_of(state);
    char *text = object_with("k", STORE_MAX_TEXT);
    assert_int_equal(put_text(s, "jobs", "k", text), 0);
    free(text);
    text = object_with("k", STORE_MAX_TEXT + 1);
    assert_int_equal(put_text(s, "jobs", "k", text), MG_E_LIMIT);
    free(text);
}

static void keys_have_a_bound(void **state)
{
    struct store *s = store_of(state);
    char key[STORE_MAX_KEY + 2];

    memset(key, 'k', sizeof key);
    key[STORE_MAX_KEY] = '\0';
    assert_int_equal(put(s, "jobs", key, 1), 0);
    assert_int_equal(get(s, "jobs", key, NULL), 1);
    key[STORE_MAX_KEY] = 'k';
    key[STORE_MAX_KEY + 1] = '\0';
    assert_int_equal(put(s, "jobs", key, 1), MG_E_LIMIT);
    assert_int_equal(put(s, "jobs", "", 1), MG_E_INVALID);
    assert_int_equal(del(s, "jobs", "\xff", NULL), MG_E_INVALID);
}

static int put_nested(struct store *s, int depth)
{
    char text[400] = "{\"jobId\":\"n\",\"x\":";
    for (int i = 1; i < depth; i++)
        strcat(text, "[");
    for (int i = 1; i < depth; i++)
        strcat(text, "]");
    strcat(text, "}");
    return put_text(s, "jobs", "n", text);
}

static void nesting_has_a_bound(void **state)
{
    assert_int_equal(put_nested(store_of(state), STORE_MAX_DEPTH), 0);
    assert_int_equal(put_nested(store_of(state), STORE_MAX_DEPTH + 1), MG_E_LIMIT);
}

static void batches_have_bounds(void **state)
{
    struct store *s = store_of(state);
    static char key[STORE_MAX_CHANGES + 1][8], name[STORE_MAX_TOUCHED + 1][8];
    static struct store_change ch[STORE_MAX_CHANGES + 1];

    for (int i = 0; i <= STORE_MAX_CHANGES; i++) {
        snprintf(key[i], sizeof key[i], "d%d", i);
        ch[i] = change("jobs", key[i], NULL, STORE_ANY);
    }
    assert_int_equal(write_all(s, ch, STORE_MAX_CHANGES, NULL), 0);
    assert_int_equal(write_all(s, ch, STORE_MAX_CHANGES + 1, NULL), MG_E_LIMIT);
    assert_int_equal(write_all(s, ch, 0, NULL), MG_E_INVALID);

    for (int i = 0; i <= STORE_MAX_TOUCHED; i++) {
        snprintf(name[i], sizeof name[i], "c%d", i);
        assert_int_equal(store_declare(s, name[i], "id", NULL), 0);
        ch[STORE_MAX_TOUCHED - i] = change(name[i], "x", "{\"id\":\"x\",\"v\":1}", STORE_ANY);
    }
    assert_int_equal(write_all(s, ch, STORE_MAX_TOUCHED, NULL), 0);
    assert_int_equal(write_all(s, ch, STORE_MAX_TOUCHED + 1, NULL), MG_E_LIMIT);

    char *text = object_with("k", STORE_MAX_TEXT);
    for (int i = 0; i < 5; i++)
        ch[i] = change("jobs", "k", text, STORE_ANY);
    assert_int_equal(write_all(s, ch, 3, NULL), 0);
    assert_int_equal(write_all(s, ch, 5, NULL), MG_E_LIMIT);
    free(text);
}

static void wrong_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "1",
        "[]",
        "{",
        "{\"jobId\":\"k\"} x",
        "{\"jobId\":\"k\",\"jobId\":\"k\"}",
        "{\"jobId\":1}",
        "{}",
        "{\"jobId\":\"K\"}",
        "{\"jobId\":\"k\",\n\"v\":1}",
        "{\"jobId\":\"k\",\"v\":01}",
        "{\"jobId\":\"k\",\"v\":\"\xff\"}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(put_text(store_of(state), "jobs", "k", texts[i]), MG_E_INVALID);
    /* An escaped key is the same key. */
    assert_int_equal(put_text(store_of(state), "jobs", "k",
                              "{\"j\\u006fbId\":\"\\u006b\",\"v\":1}"),
                     0);
    assert_int_equal(put(store_of(state), "undeclared", "k", 1), MG_E_INVALID);
    assert_int_equal(get(store_of(state), "undeclared", "k", NULL), -1);
}

static void declarations(void **state)
{
    struct store *s = store_of(state);
    struct err e = { 0 };
    char name[COLLECTION_NAME_MAX + 2];

    assert_int_equal(store_declare(s, "jobs", "jobId", &e), 0);
    assert_int_equal(store_declare(s, "jobs", NULL, &e), MG_E_CONFLICT);
    assert_int_equal(store_declare(s, "tool.x", NULL, &e), 0);
    assert_int_equal(store_declare(s, "tool.x", "id", &e), 0);
    assert_int_equal(store_declare(s, "_meta", NULL, &e), MG_E_INVALID);
    assert_int_equal(store_declare(s, "", NULL, &e), MG_E_INVALID);
    assert_int_equal(store_declare(s, "a b", NULL, &e), MG_E_INVALID);
    assert_int_equal(store_declare(s, "x", "a\"b", &e), MG_E_INVALID);
    memset(name, 'n', sizeof name);
    name[COLLECTION_NAME_MAX] = '\0';
    assert_int_equal(store_declare(s, name, NULL, &e), 0);
    name[COLLECTION_NAME_MAX] = 'n';
    name[COLLECTION_NAME_MAX + 1] = '\0';
    assert_int_equal(store_declare(s, name, NULL, &e), MG_E_INVALID);
}

static void collections_have_a_bound(void **state)
{
    struct store *s = store_of(state);
    struct err e = { 0 };
    char name[16];
    int n = 0, rc = 0;

    while (rc == 0 && n < 2000) {
        snprintf(name, sizeof name, "many%d", n++);
        rc = store_declare(s, name, NULL, &e);
    }
    assert_int_equal(rc, MG_E_LIMIT);
    assert_int_equal(n, 999); /* 998 beside jobs and models */
    assert_int_equal(put(s, "many997", "k", 1), 0);
    assert_int_equal(get(s, "many997", "k", NULL), 1);
}

static void nothing_waits(void **state)
{
    struct store *s = store_of(state);
    store_seq seq;
    char out[100];

    assert_true(store_is_durable(s, 0));
    assert_int_equal(put_if(s, "jobs", "k", 1, STORE_ANY, &seq), 0);
    assert_true(store_is_durable(s, seq));
    assert_int_equal(wait_durable(s, seq), 0);
    assert_null(store_trouble(s, out, sizeof out));
    assert_int_equal(store_snapshot_now(s, NULL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(put_get_delete),
        TEST(a_reader_keeps_its_version),
        TEST(preconditions),
        TEST(a_batch_is_all_or_none),
        TEST(one_key_twice_in_a_batch),
        TEST(lists_by_order_of_insertion),
        TEST(a_reply_waits_for_what_it_tells),
        TEST(texts_have_a_bound),
        TEST(keys_have_a_bound),
        TEST(nesting_has_a_bound),
        TEST(batches_have_bounds),
        TEST(wrong_texts_are_refused),
        TEST(declarations),
        TEST(collections_have_a_bound),
        TEST(nothing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
