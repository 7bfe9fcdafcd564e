/* Requests that wait for an answer: who may give it, that it counts once, and what ends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/asks.c"
#include "hub/session_items.c"
#include "hub/per_key.c"
#include "hub/shares.c"

#define ONE "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210"

static struct loop *loop;
static struct asks *hub;
static char heard[200];

static int setup(void **state)
{
    struct err e;

    (void)state;
    loop = loop_new(&e);
    hub = asks_new();
    heard[0] = '\0';
    return loop && hub ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    asks_free(hub);
    return 0;
}

static void answered(void *arg, const char *result, size_t len, const char *error)
{
    size_t at = strlen(heard);

    snprintf(heard + at, sizeof heard - at, "%s:%.*s%s ", (const char *)arg, (int)len,
             result ? result : "", error ? error : "");
}

static int add_as(uint64_t principal, const char *session, const char *name, struct ask **out)
{
    return asks_add(hub, session, principal, loop, answered, (void *)(uintptr_t)name, out);
}

static int add(const char *session, const char *name, struct ask **out)
{
    return add_as(7, session, name, out);
}

static bool say(const char *session, uint64_t principal, const char *id, const char *text)
{
    return asks_answer(hub, session, principal, id, text, strlen(text), NULL);
}

static void hears(const char *what)
{
    loop_poll(loop, 0);
    assert_string_equal(heard, what);
    heard[0] = '\0';
}

static void test_whose(void **state)
{
    struct ask *a, *b;
    char id[ASK_ID_SIZE];

    (void)state;
    assert_int_equal(add(ONE, "a", &a), 0);
    assert_int_equal(add(TWO, "b", &b), 0);
    memcpy(id, ask_id(a), sizeof id);
    assert_int_equal(strlen(id), ASK_ID_SIZE - 1);
    assert_string_not_equal(id, ask_id(b));
    assert_false(say(TWO, 7, id, "x"));
    assert_false(say(ONE, 8, id, "x"));
    assert_false(say(ONE, 7, "ask_", "x"));
    assert_false(say(ONE, 7, "ask_000000000000", "x"));
    hears("");
    assert_true(say(ONE, 7, id, "{}"));
    assert_false(say(ONE, 7, id, "twice"));
    hears("a:{} ");
    assert_false(say(ONE, 7, id, "late"));
    assert_true(asks_answer(hub, TWO, 7, ask_id(b), NULL, 0, "no"));
    hears("b:no ");
    assert_null(hub->sessions);
}

/* Removed while the answer is under way, and before. */
static void test_removed(void **state)
{
    struct ask *a, *b;

    (void)state;
    assert_int_equal(add(ONE, "a", &a), 0);
    assert_int_equal(add(ONE, "b", &b), 0);
    assert_true(say(ONE, 7, ask_id(a), "x"));
    asks_remove(a);
    asks_remove(b);
    asks_remove(NULL);
    hears("");
    assert_int_equal(atomic_load(&hub->count), 0);
}

static void test_session_ends(void **state)
{
    struct ask *a, *b, *c;

    (void)state;
    asks_forget(hub, ONE);
    assert_int_equal(add(ONE, "a", &a), 0);
    assert_int_equal(add(ONE, "b", &b), 0);
    assert_int_equal(add(TWO, "c", &c), 0);
    asks_forget(hub, ONE);
    hears("a:the client's session has ended b:the client's session has ended ");
    assert_int_equal(atomic_load(&hub->count), 1);
    asks_remove(c);
}

/* Of a session's, and of a key's, which has its share of all: alone, half. */
static void test_limits(void **state)
{
    static struct ask *all[ASKS_MAX / 2];
    struct ask *more, *other;
    char session[SESSION_ID_SIZE];

    (void)state;
    for (int i = 0; i < ASKS_MAX / 2; i++) {
        snprintf(session, sizeof session, "%032d", i / ASKS_PER_SESSION);
        assert_int_equal(add(session, "x", &all[i]), 0);
    }
    assert_int_equal(add(ONE, "y", &more), MG_E_LIMIT);
    assert_int_equal(add_as(8, TWO, "z", &other), 0);
    asks_remove(other);
    asks_remove(all[ASKS_MAX / 2 - 1]);
    snprintf(session, sizeof session, "%032d", 0);
    assert_int_equal(add(session, "y", &more), MG_E_LIMIT);
    assert_int_equal(add(ONE, "y", &more), 0);
    asks_remove(more);
    for (int i = 0; i < ASKS_MAX / 2 - 1; i++)
        asks_remove(all[i]);
    assert_null(hub->shares.table);
    assert_int_equal(atomic_load(&hub->count), 0);
    assert_null(hub->sessions);
}

/* Without memory nothing is half there; an answer that cannot be kept is an error. */
static void test_memory(void **state)
{
    struct ask *a = NULL;
    int code = MG_E_NOMEM;

    (void)state;
    for (long n = 0; code == MG_E_NOMEM; n++) {
        failing_after = n;
        code = add(ONE, "a", &a);
        failing_after = -1;
        assert_int_equal(atomic_load(&hub->count), code == 0);
        assert_true(code == 0 || !hub->sessions);
    }
    failing_after = 0;
    assert_true(say(ONE, 7, ask_id(a), "x"));
    failing_after = -1;
    hears("a:out of memory ");
    assert_int_equal(add("short", "a", &a), MG_E_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whose, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
