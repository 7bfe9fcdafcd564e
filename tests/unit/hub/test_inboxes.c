/* Messages on their way to another worker: in order, to whom they are meant for, and no more than
 * may wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing.h"

#include "hub/inboxes.c"
#include "hub/per_key.c"
#include "hub/shares.c"

#define ONE "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210"

struct client {
    struct inbox *inbox;
    char heard[4000];
    int taken;
    int close_at, hold_at; /* 0: never */
};

static struct loop *loop;
static struct inboxes *hub;

static int setup(void **state)
{
    struct err e;

    (void)state;
    loop = loop_new(&e);
    hub = inboxes_new();
    return loop && hub ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    inboxes_free(hub);
    return 0;
}

static void take(void *arg, const char *text, size_t len)
{
    struct client *c = arg;
    size_t at = strlen(c->heard);

    assert_int_equal(text[len], '\0');
    snprintf(c->heard + at, sizeof c->heard - at, "%s ", text);
    if (++c->taken == c->close_at) {
        inbox_close(c->inbox);
        c->inbox = NULL;
    } else if (c->taken == c->hold_at) {
        inbox_hold(c->inbox, true);
    }
}

static int open_of(struct client *c, const char *session, uint64_t principal)
{
    *c = (struct client){ 0 };
    return inbox_open(hub, session, principal, loop, 10, take, c, &c->inbox);
}

static int open_as(struct client *c, const char *session) { return open_of(c, session, 7); }

static int put_text(const char *session, uint64_t principal, const char *text)
{
    return inbox_put(hub, session, principal, text, strlen(text));
}

static void hears(struct client *c, const char *what)
{
    for (int i = 0; i < 3; i++)
        loop_poll(loop, 0);
    assert_string_equal(c->heard, what);
    c->heard[0] = '\0';
}

static void test_whose(void **state)
{
    struct client a, b;

    (void)state;
    assert_int_equal(open_as(&a, ONE), 0);
    assert_int_equal(open_as(&b, TWO), 0);
    assert_int_equal(put_text(ONE, 7, "x"), 0);
    assert_int_equal(put_text(TWO, 7, "y"), 0);
    assert_int_equal(put_text(ONE, 7, "z"), 0);
    assert_int_equal(put_text(ONE, 8, "no"), MG_E_NOTFOUND);
    assert_int_equal(put_text("", 7, "no"), MG_E_NOTFOUND);
    hears(&a, "x z ");
    hears(&b, "y ");
    inbox_close(a.inbox);
    assert_int_equal(put_text(ONE, 7, "late"), MG_E_NOTFOUND);
    hears(&a, "");
    assert_int_equal(put_text(TWO, 7, "lost"), 0);
    inbox_close(b.inbox);
    hears(&b, "");
    inbox_close(NULL);
}

static void test_shut(void **state)
{
    struct client a;

    (void)state;
    assert_int_equal(open_as(&a, ONE), 0);
    assert_int_equal(put_text(ONE, 7, "x"), 0);
    assert_int_equal(put_text(ONE, 7, "y"), 0);
    assert_int_equal(inbox_shut(a.inbox), 2);
    assert_int_equal(put_text(ONE, 7, "late"), MG_E_CLOSED);
    assert_int_equal(put_text(ONE, 8, "no"), MG_E_NOTFOUND);
    hears(&a, "x y ");
    assert_int_equal(inbox_shut(a.inbox), 0);
    inbox_close(a.inbox);
}

static void test_bounds(void **state)
{
    struct client a;
    char want[2 * INBOX_MAX + 1] = "";

    (void)state;
    assert_int_equal(open_as(&a, ONE), 0);
    assert_int_equal(put_text(ONE, 7, "large as it is alone"), 0);
    assert_int_equal(put_text(ONE, 7, "x"), MG_E_LIMIT);
    hears(&a, "large as it is alone ");
    assert_int_equal(put_text(ONE, 7, "12345"), 0);
    assert_int_equal(put_text(ONE, 7, "6789"), 0);
    assert_int_equal(put_text(ONE, 7, "0"), 0);
    struct buf b = { 0 };
    inboxes_metrics(hub, &b);
    assert_non_null(strstr(buf_cstr(&b), "\nmoongate_sse_clients 1\n"));
    assert_non_null(strstr(buf_cstr(&b), "\nmoongate_sse_waiting_bytes 10\n"));
    buf_fini(&b);
    assert_int_equal(put_text(ONE, 7, "x"), MG_E_LIMIT);
    hears(&a, "12345 6789 0 ");
    for (int i = 0; i < INBOX_MAX; i++)
        assert_int_equal(put_text(ONE, 7, ""), 0);
    assert_int_equal(put_text(ONE, 7, ""), MG_E_LIMIT);
    memset(want, ' ', INBOX_MAX);
    for (int i = 0; i * AT_ONCE < INBOX_MAX; i++)
        loop_poll(loop, 0);
    hears(&a, want);
    inbox_close(a.inbox);
}

static void test_bound_of_all(void **state)
{
    static char text[1 << 20];
    struct client one[32], last, other;
    char session[SESSION_ID_SIZE];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 32; i++) { /* half of all, which is what one key may have */
        snprintf(session, sizeof session, "%032x", i + 100);
        assert_int_equal(open_as(&one[i], session), 0);
        assert_int_equal(inbox_put(hub, session, 7, text, sizeof text), 0);
    }
    assert_int_equal(open_as(&last, ONE), 0);
    assert_int_equal(put_text(ONE, 7, "x"), MG_E_LIMIT);
    assert_int_equal(open_of(&other, TWO, 8), 0);
    assert_int_equal(put_text(TWO, 8, "x"), 0);
    inbox_close(other.inbox);
    inbox_close(one[0].inbox);
    assert_int_equal(put_text(ONE, 7, "x"), 0);
    for (int i = 1; i < 32; i++)
        inbox_close(one[i].inbox);
    inbox_close(last.inbox);
}

static void test_hold_and_close(void **state)
{
    struct client a;

    (void)state;
    assert_int_equal(open_as(&a, ONE), 0);
    a.hold_at = 1;
    for (const char *p = "abc"; *p; p++)
        assert_int_equal(inbox_put(hub, ONE, 7, p, 1), 0);
    hears(&a, "a ");
    inbox_hold(a.inbox, false);
    hears(&a, "b c ");
    a.close_at = a.taken + 1;
    for (const char *p = "de"; *p; p++)
        assert_int_equal(inbox_put(hub, ONE, 7, p, 1), 0);
    hears(&a, "d ");
    assert_null(a.inbox);
}

static void test_memory(void **state)
{
    struct client a;
    int code = MG_E_NOMEM;

    (void)state;
    for (long n = 0; code == MG_E_NOMEM; n++) {
        failing_after = n;
        code = open_as(&a, ONE);
        failing_after = -1;
        assert_true((code == 0) == (hub->table != NULL));
    }
    for (long n = 0; n < 4; n++) { /* the message, its key's share, and the table of these */
        failing_after = n;
        assert_int_equal(put_text(ONE, 7, "x"), MG_E_NOMEM);
        failing_after = -1;
        assert_int_equal(hub->bytes.held, 0);
    }
    inbox_close(a.inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whose, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_and_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
