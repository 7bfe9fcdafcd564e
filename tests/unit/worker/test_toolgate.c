/* One gate a name, whatever is reloaded. */
#include "worker/site.h"

#include "worker/toolgate.h"

static void test_names(void **state)
{
    (void)state;
    struct toolgates *all = toolgates_new();
    struct gate *a = toolgates_get(all, "a", 1), *b = toolgates_get(all, "b", 1);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(toolgates_get(all, "a", 1), a);
    toolgates_free(all);
    toolgates_free(NULL);
}

/* Who is inside stays inside when the limit changes. */
static void test_limits(void **state)
{
    (void)state;
    struct toolgates *all = toolgates_new();
    struct gate *g = toolgates_get(all, "a", 2);
    assert_true(gate_enter(g, NULL));
    assert_true(gate_enter(g, NULL));
    assert_false(gate_enter(g, NULL));
    assert_ptr_equal(toolgates_get(all, "a", 3), g);
    assert_true(gate_enter(g, NULL));
    assert_false(gate_enter(g, NULL));
    (void)toolgates_get(all, "a", 1);
    gate_leave(g);
    gate_leave(g);
    assert_false(gate_enter(g, NULL));
    gate_leave(g);
    assert_true(gate_enter(g, NULL));
    gate_leave(g);
    assert_int_equal(gate_used(g), 0);
    toolgates_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
