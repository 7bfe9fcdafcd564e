/* Shares: what one key may hold of what all share, at the edge, and that it adds up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/per_key.c"
#include "hub/shares.c"

enum { ONE = 1, TWO, THREE, FOUR };

/* How many he gets, one after the other. */
static unsigned takes(struct shares *s, uint64_t principal)
{
    unsigned n = 0;

    while (shares_take(s, principal, 1) == 0)
        n++;
    return n;
}

static struct shares of(uint64_t max)
{
    struct shares s = { 0 };

    shares_set_max(&s, max);
    return s;
}

static void test_greed(void **state)
{
    struct shares s = of(10);

    (void)state;
    assert_int_equal(takes(&s, ONE), 5);
    assert_int_equal(takes(&s, TWO), 3);
    assert_int_equal(takes(&s, THREE), 1);
    assert_int_equal(takes(&s, FOUR), 1);
    assert_int_equal(s.held, 10);
    assert_int_equal(takes(&s, 5), 0);
    shares_give(&s, TWO, 3); /* nobody but who has less than what is left may have it */
    assert_int_equal(takes(&s, ONE), 0);
    assert_int_equal(takes(&s, FOUR), 1);
    assert_int_equal(shares_of(&s, FOUR), 2);
    shares_fini(&s);
}

static void test_fair(void **state)
{
    struct shares s = of(9);

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shares_take(&s, ONE, 1), 0);
        assert_int_equal(shares_take(&s, TWO, 1), 0);
    }
    assert_int_equal(shares_take(&s, ONE, 1), MG_E_LIMIT);
    assert_int_equal(shares_take(&s, TWO, 1), MG_E_LIMIT);
    shares_fini(&s);
}

static void test_edges(void **state)
{
    static const struct {
        uint64_t max, alone;
    } rows[] = { { 0, 0 }, { 1, 1 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 } };
    struct shares s;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        s = of(rows[i].max);
        assert_int_equal(takes(&s, ONE), rows[i].alone);
        shares_give(&s, ONE, rows[i].alone);
        assert_null(s.table);
        assert_int_equal(s.held | s.counted, 0);
    }
    s = of(UINT64_MAX);
    assert_int_equal(shares_take(&s, ONE, UINT64_MAX / 2 + 2), MG_E_LIMIT);
    assert_int_equal(shares_take(&s, ONE, UINT64_MAX / 2 + 1), 0);
    assert_int_equal(shares_take(&s, ONE, 1), MG_E_LIMIT);
    shares_fini(&s);
    s = of(10); /* at once as one by one */
    assert_int_equal(shares_take(&s, ONE, 6), MG_E_LIMIT);
    assert_int_equal(shares_take(&s, ONE, 5), 0);
    assert_int_equal(shares_take(&s, TWO, 4), MG_E_LIMIT);
    assert_int_equal(shares_take(&s, TWO, 3), 0);
    shares_give(&s, ONE, 5);
    shares_give(&s, TWO, 3);
    assert_int_equal(shares_take(&s, ONE, UINT64_MAX), MG_E_LIMIT);
    assert_int_equal(shares_take(&s, ONE, 0), 0);
    assert_null(s.table);
    shares_give(&s, ONE, 1); /* of nothing */
    assert_int_equal(s.held, 0);
}

/* What somebody had to take beyond his share is his own affair. */
static void test_beyond(void **state)
{
    struct shares s = of(10);

    (void)state;
    assert_int_equal(shares_put(&s, ONE, 1000), 0);
    assert_false(shares_fit(&s, ONE, 0));
    assert_int_equal(takes(&s, TWO), 3);
    assert_int_equal(s.held, 1003);
    shares_give(&s, ONE, 995);
    assert_true(shares_fit(&s, TWO, 0));
    assert_false(shares_fit(&s, ONE, 0));
    shares_give(&s, ONE, 3);
    assert_true(shares_fit(&s, ONE, 0));
    shares_give(&s, ONE, 2);
    shares_give(&s, TWO, 3);
    assert_int_equal(s.held | s.counted, 0);
    assert_null(s.table);
}

static void test_another_bound(void **state)
{
    struct shares s = of(10);

    (void)state;
    assert_int_equal(takes(&s, ONE), 5);
    shares_set_max(&s, 4);
    assert_false(shares_fit(&s, ONE, 0));
    assert_int_equal(takes(&s, TWO), 1);
    shares_set_max(&s, 100);
    assert_int_equal(takes(&s, ONE), 45);
    shares_give(&s, ONE, 50);
    shares_give(&s, TWO, 1);
    assert_int_equal(s.held | s.counted, 0);
}

static void test_memory(void **state)
{
    struct shares s = of(10);
    int code = MG_E_NOMEM;

    (void)state;
    for (long n = 0; code == MG_E_NOMEM; n++) {
        failing_after = n;
        code = shares_take(&s, ONE, 1);
        failing_after = -1;
        assert_int_equal(s.held, code == 0);
        assert_int_equal(shares_of(&s, ONE), code == 0);
    }
    failing_after = 0;
    assert_int_equal(shares_put(&s, ONE, 1), 0); /* who has some gets more without */
    failing_after = -1;
    shares_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greed),  cmocka_unit_test(test_fair),
        cmocka_unit_test(test_edges),  cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_another_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
