/* Who gets in, in which order, and on which thread it is said. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "limit/gate.c"

struct visitor {
    struct gate_waiter waiter;
    int number;
};

static struct loop *loop;
static int entered[64], entered_count;

static void visitor_entered(struct gate_waiter *w)
{
    entered[entered_count++] = ((struct visitor *)w)->number;
}

static bool enter(struct gate *g, struct visitor *v, int number)
{
    memset(v, 0, sizeof *v);
    v->number = number;
    v->waiter.loop = loop;
    v->waiter.entered = visitor_entered;
    return gate_enter(g, &v->waiter);
}

static int setup(void **state)
{
    struct err e;

    (void)state;
    entered_count = 0;
    loop = loop_new(&e);
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void test_limit(void **state)
{
    struct gate *g = gate_new(3);

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(gate_enter(g, NULL));
    assert_false(gate_enter(g, NULL));
    assert_int_equal(gate_used(g), 3);
    gate_leave(g);
    assert_true(gate_enter(g, NULL));
    assert_false(gate_enter(g, NULL));
    gate_free(g);
    g = gate_new(0);
    for (int i = 0; i < 1000; i++)
        assert_true(gate_enter(g, NULL));
    assert_int_equal(gate_used(g), 1000);
    gate_free(g);
    gate_free(NULL);
}

static void test_first_come(void **state)
{
    struct gate *g = gate_new(1);
    struct visitor v[4];

    (void)state;
    assert_true(enter(g, &v[0], 0));
    for (int i = 1; i < 4; i++)
        assert_false(enter(g, &v[i], i));
    for (int i = 1; i < 4; i++) {
        gate_leave(g);
        assert_int_equal(gate_used(g), 1); /* given on, not free */
        assert_false(gate_enter(g, NULL)); /* nobody overtakes */
        assert_int_equal(entered_count, i - 1);
        loop_poll(loop, 0);
        assert_int_equal(entered_count, i);
        assert_int_equal(entered[i - 1], i);
    }
    gate_leave(g);
    assert_int_equal(gate_used(g), 0);
    gate_free(g);
}

/* Waiting can be given up; the place goes to the next. */
static void test_cancel_waiting(void **state)
{
    struct gate *g = gate_new(1);
    struct visitor *v[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        v[i] = malloc(sizeof *v[i]);
    assert_true(enter(g, v[0], 0));
    for (int i = 1; i < 4; i++)
        assert_false(enter(g, v[i], i));
    assert_true(gate_cancel(&v[1]->waiter));
    free(v[1]);
    assert_true(gate_cancel(&v[3]->waiter));
    free(v[3]);
    gate_leave(g);
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 1);
    assert_int_equal(entered[0], 2);
    gate_leave(g);
    assert_int_equal(gate_used(g), 0);
    free(v[0]);
    free(v[2]);
    gate_free(g);
}

/* The place was given but not told yet: who cancels holds it, is told nothing, and may be freed. */
static void test_cancel_given(void **state)
{
    struct gate *g = gate_new(1);
    struct visitor *a = malloc(sizeof *a), b;

    (void)state;
    assert_true(gate_enter(g, NULL));
    assert_false(enter(g, a, 1));
    assert_false(enter(g, &b, 2));
    gate_leave(g);
    assert_false(gate_cancel(&a->waiter));
    free(a);
    assert_int_equal(gate_used(g), 1);
    gate_leave(g); /* on to the next, in the same message */
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 1);
    assert_int_equal(entered[0], 2);
    gate_leave(g);
    gate_free(g);
}

static struct gate *reentered;
static struct visitor again;

static void leaves_and_waits_again(struct gate_waiter *w)
{
    struct visitor *v = (struct visitor *)w;

    entered[entered_count++] = v->number;
    gate_leave(reentered);
    if (v->number < 5) {
        gate_enter(reentered, NULL);
        v->number++;
        assert_false(gate_enter(reentered, w));
        gate_leave(reentered);
    }
}

/* What is told may use the gate at once, also with the same waiter. */
static void test_from_inside(void **state)
{
    (void)state;
    reentered = gate_new(1);
    assert_true(gate_enter(reentered, NULL));
    again = (struct visitor){ .waiter = { .loop = loop, .entered = leaves_and_waits_again } };
    assert_false(gate_enter(reentered, &again.waiter));
    gate_leave(reentered);
    for (int i = 0; i < 6; i++)
        loop_poll(loop, 0);
    assert_int_equal(entered_count, 6);
    assert_int_equal(gate_used(reentered), 0);
    gate_free(reentered);
}

static void test_limit_changes(void **state)
{
    struct gate *g = gate_new(1);
    struct visitor v[6];

    (void)state;
    assert_true(gate_enter(g, NULL));
    for (int i = 0; i < 6; i++)
        assert_false(enter(g, &v[i], i));
    gate_set_limit(g, 3);
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 2);
    gate_set_limit(g, 1); /* smaller: those inside stay, nobody comes in until they are few enough
                           */
    gate_leave(g);
    gate_leave(g);
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 2);
    gate_leave(g);
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 3);
    gate_set_limit(g, 0);
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 6);
    for (int i = 0; i < 4; i++)
        gate_leave(g);
    assert_int_equal(gate_used(g), 0);
    gate_free(g);
}

/* A message that is still under way when the gate is freed finds its gate. */
static void test_freed_with_a_message_under_way(void **state)
{
    struct gate *g = gate_new(1);
    struct visitor v;

    (void)state;
    assert_true(gate_enter(g, NULL));
    assert_false(enter(g, &v, 1));
    gate_leave(g);
    assert_false(gate_cancel(&v.waiter));
    gate_leave(g);
    gate_free(g);
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 0);
}

static void test_no_memory(void **state)
{
    struct gate *g;
    struct visitor v;

    (void)state;
    failing_after = 0;
    assert_null(gate_new(1));
    failing_after = -1;
    g = gate_new(1);
    assert_true(gate_enter(g, NULL));
    failing_after = 0;
    assert_false(enter(g, &v, 1)); /* waits in vain */
    failing_after = -1;
    gate_leave(g);
    loop_poll(loop, 0);
    assert_int_equal(entered_count, 0);
    assert_true(gate_cancel(&v.waiter));
    assert_int_equal(gate_used(g), 0);
    gate_free(g);
}

/* ---- threads ---- */

#define THREADS 4
#define VISITS 3000
#define PLACES 2

static struct {
    struct gate *gate;
    atomic_int inside, most, done;
} crowd;

struct walker {
    struct gate_waiter waiter;
    struct loop *loop;
    int left;
    bool is_in;
};

static void walker_in(struct gate_waiter *w)
{
    struct walker *me = (struct walker *)w;
    int now = atomic_fetch_add(&crowd.inside, 1) + 1, most = atomic_load(&crowd.most);

    while (now > most && !atomic_compare_exchange_weak(&crowd.most, &most, now))
        ;
    me->is_in = true;
}

static void *walk(void *arg)
{
    struct err e;
    struct walker me = { .loop = loop_new(&e), .left = VISITS };

    (void)arg;
    assert_non_null(me.loop);
    me.waiter.loop = me.loop;
    me.waiter.entered = walker_in;
    while (me.left > 0) {
        bool waits = !gate_enter(crowd.gate, &me.waiter);
        if (!waits)
            walker_in(&me.waiter);
        /* Every third one that has to wait gives up, in a race with being let in. */
        if (waits && me.left % 3 == 0 && !me.is_in && !gate_cancel(&me.waiter))
            walker_in(&me.waiter);
        else
            for (; waits && me.left % 3 != 0 && !me.is_in;)
                loop_poll(me.loop, 10000);
        if (me.is_in) {
            atomic_fetch_sub(&crowd.inside, 1);
            me.is_in = false;
            gate_leave(crowd.gate);
        }
        me.left--;
    }
    loop_free(me.loop);
    return NULL;
}

/* Never more inside than there are places, nobody is forgotten, and in the end all places are free.
 */
static void test_threads(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    crowd.gate = gate_new(PLACES);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, walk, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(atomic_load(&crowd.most), 1, PLACES);
    assert_int_equal(gate_used(crowd.gate), 0);
    gate_free(crowd.gate);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_limit),
        TEST(test_first_come),
        TEST(test_cancel_waiting),
        TEST(test_cancel_given),
        TEST(test_from_inside),
        TEST(test_limit_changes),
        TEST(test_freed_with_a_message_under_way),
        TEST(test_no_memory),
        TEST(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
