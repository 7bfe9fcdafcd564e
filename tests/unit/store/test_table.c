/* The insertion-ordered table, held against a plain list under thousands of random changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/fixture.h"
#include "store/table.h"

static struct store_value *value(const char *key, int n)
{
    char text[32];
    snprintf(text, sizeof text, "{\"n\":%d}", n);
    struct store_value *v = value_new(key, strlen(key), text, strlen(text));
    assert_non_null(v);
    v->seq = (store_seq)n;
    return v;
}

static void put_key(struct table *t, const char *key, int n)
{
    assert_int_equal(table_reserve(t, 1), 0);
    store_value_unref(table_put(t, value(key, n)));
}

static void empty_table(void **state)
{
    struct table t = { 0 };
    uint32_t at = 0;
    (void)state;
    assert_null(table_find(&t, "a", 1));
    assert_null(table_remove(&t, "a", 1));
    assert_null(table_next(&t, &at));
    at = TABLE_NONE;
    assert_null(table_prev(&t, &at));
    assert_int_equal(table_position(&t, "a", 1), TABLE_NONE);
    table_fini(&t);
}

static void replacing_keeps_the_place(void **state)
{
    struct table t = { 0 };
    uint32_t at = 0;
    (void)state;
    put_key(&t, "a", 1);
    put_key(&t, "b", 2);
    put_key(&t, "a", 3);
    assert_int_equal(t.live, 2);
    assert_int_equal(table_next(&t, &at)->seq, 3);
    assert_int_equal(t.bytes, 2 * (strlen("{\"n\":2}") + 1));
    table_fini(&t);
}

static void removing_and_putting_moves_to_the_end(void **state)
{
    struct table t = { 0 };
    uint32_t at = 0;
    (void)state;
    put_key(&t, "a", 1);
    put_key(&t, "b", 2);
    store_value_unref(table_remove(&t, "a", 1));
    put_key(&t, "a", 3);
    assert_int_equal(table_next(&t, &at)->seq, 2);
    at++;
    assert_int_equal(table_next(&t, &at)->seq, 3);
    at = TABLE_NONE;
    assert_int_equal(table_prev(&t, &at)->seq, 3);
    table_fini(&t);
}

static void keys_are_bytes(void **state)
{
    struct table t = { 0 };
    (void)state;
    put_key(&t, "ab", 1);
    assert_null(table_find(&t, "a", 1));
    assert_null(table_find(&t, "abc", 3));
    assert_non_null(table_find(&t, "abc", 2));
    table_fini(&t);
}

static void a_huge_reserve_is_refused(void **state)
{
    struct table t = { 0 };
    (void)state;
    put_key(&t, "a", 1);
    assert_int_equal(table_reserve(&t, TABLE_MAX), MG_E_LIMIT);
    assert_int_equal(table_reserve(&t, UINT32_MAX), MG_E_LIMIT);
    assert_int_equal(t.live, 1);
    table_fini(&t);
}

/* ---- against a model ---- */

#define MODEL_MAX 300

struct model {
    int key[MODEL_MAX], value[MODEL_MAX];
    size_t n;
};

static size_t model_find(const struct model *m, int key)
{
    size_t i = 0;
    while (i < m->n && m->key[i] != key)
        i++;
    return i;
}

static void model_put(struct model *m, int key, int n)
{
    size_t i = model_find(m, key);
    if (i == m->n)
        m->key[m->n++] = key;
    m->value[i] = n;
}

static void model_remove(struct model *m, int key)
{
    size_t i = model_find(m, key);
    if (i == m->n)
        return;
    m->n--;
    memmove(m->key + i, m->key + i + 1, (m->n - i) * sizeof m->key[0]);
    memmove(m->value + i, m->value + i + 1, (m->n - i) * sizeof m->value[0]);
}

static void compare(const struct table *t, const struct model *m)
{
    uint32_t at = 0, back = TABLE_NONE;
    struct store_value *v;
    size_t i = 0;

    assert_int_equal(t->live, m->n);
    for (; (v = table_next(t, &at)); at++)
        assert_int_equal(v->seq, m->value[i++]);
    assert_int_equal(i, m->n);
    while ((v = table_prev(t, &back))) {
        assert_int_equal(v->seq, m->value[--i]);
        if (back-- == 0)
            break;
    }
    assert_int_equal(i, 0);
}

static void random_changes(void **state)
{
    struct table t = { 0 };
    struct model m = { .n = 0 };
    char key[16];
    (void)state;

    srand(20261124);
    for (int n = 1; n <= 20000; n++) {
        int k = rand() % MODEL_MAX;
        snprintf(key, sizeof key, "key-%d", k);
        if (rand() % 5 < 3) {
            put_key(&t, key, n);
            model_put(&m, k, n);
        } else {
            store_value_unref(table_remove(&t, key, strlen(key)));
            model_remove(&m, k);
        }
        struct store_value *v = table_find(&t, key, strlen(key));
        size_t i = model_find(&m, k);
        assert_int_equal(v ? (int)v->seq : -1, i < m.n ? m.value[i] : -1);
        if (n % 97 == 0)
            compare(&t, &m);
    }
    compare(&t, &m);
    assert_true(t.cap <= 4 * MODEL_MAX); /* holes go, whatever the number of changes */
    table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_table),
        cmocka_unit_test(replacing_keeps_the_place),
        cmocka_unit_test(removing_and_putting_moves_to_the_end),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(a_huge_reserve_is_refused),
        cmocka_unit_test(random_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
