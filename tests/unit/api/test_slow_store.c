/* test_slow_store.c - collections over a store that answers later, as a remote one does: every
 * function waits, others run meanwhile, and a call that ends first leaves its answer to nobody. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/backend.h"

struct slow_store {
    struct store store;
    struct store *real; /* in memory; answers at once */
    struct loop *loop;
    int64_t delay_ms;
    int pending;
};

struct answer {
    struct loop_timer timer;
    struct slow_store *slow;
    struct store_op *op;
};

static void answer_now(void *arg)
{
    struct answer *a = arg;
    struct store_op *op = a->op;
    a->slow->pending--;
    free(a);
    op->done(op);
}

/* The operation takes place at once, but nobody hears of it before the delay is over. */
static int slow_submit(struct store *s, struct store_op *op)
{
    struct slow_store *slow = (struct slow_store *)s;
    struct answer *a = calloc(1, sizeof *a);
    assert_non_null(a);
    assert_int_equal(store_submit(slow->real, op), 1);
    a->slow = slow;
    a->op = op;
    slow->pending++;
    timer_start(slow->loop, &a->timer, slow->delay_ms, answer_now, a);
    return 0;
}

static int slow_declare(struct store *s, const char *collection, const char *key, struct err *e)
{
    return store_declare(((struct slow_store *)s)->real, collection, key, e);
}

static int slow_close(struct store *s, struct err *e)
{
    struct slow_store *slow = (struct slow_store *)s;
    int code = store_close(slow->real, e);
    waiters_fini(&s->waiters);
    free(slow);
    return code;
}

static const struct store_backend backend = {
    .name = "slow", .submit = slow_submit, .declare = slow_declare, .close = slow_close
};

static struct slow_store *slow_of(struct fixture *f)
{
    return (struct slow_store *)f->services.store;
}

static int setup(void **state)
{
    struct fixture *f = fixture_new(false);
    struct slow_store *slow = calloc(1, sizeof *slow);
    assert_non_null(slow);
    slow->store.backend = &backend;
    waiters_init(&slow->store.waiters, UINT64_MAX);
    slow->real = f->services.store;
    slow->loop = f->services.loop;
    slow->delay_ms = 1;
    f->services.store = &slow->store;
    *state = f;
    return 0;
}

#define OPEN "local c = mcp.state.open('t.x')\n"

static void test_same_answers(void **state)
{
    static const struct example examples[] = {
        { OPEN "local o = {id='a', n=1} return tostring(c:put(o) == o) .. c:get('a').n .. "
               "tostring(c:get('b'))",
          "true1nil" },
        { OPEN "return c:update('a', function(o) o.n = o.n + 1 return o end).n", "2" },
        { OPEN "c:put{id='b'} local l, n = c:list{limit=1} return l[1].id .. n .. c:count()",
          "aa2" },
        { OPEN "local t = {} for o in c:each() do t[#t+1] = o.id end return table.concat(t)",
          "ab" },
        { OPEN "return tostring(c:delete('b')) .. tostring(c:delete('b'))", "truefalse" },
        { OPEN "mcp.state.batch(function() c:put{id='x'} c:update('a', function(o) o.n = 7 return "
               "o end) end)\n"
               "return c:get('a').n .. c:get('x').id",
          "7x" },
        { OPEN "local h = mcp.spawn(function() mcp.time.sleep(0.002) c:put{id='a', n=100} end)\n"
               "local n = 0 c:update('a', function(o) n = n + 1 if n == 1 then h:wait() end o.n = "
               "o.n + 1 return o end)\n"
               "return n .. ' ' .. c:get('a').n",
          "2 101" },
        { OPEN "return select(3, c:list{after='never'})", "NOTFOUND" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* Four calls wait for their answers at the same time. */
static void test_others_run(void **state)
{
    struct fixture *f = *state;
    struct call c[4];
    slow_of(f)->delay_ms = 30;
    fixture_tool(f, "t", OPEN "c:put{id='a'} return 'ok'");
    fixture_load(f);
    for (int i = 0; i < 4; i++)
        call_start(f, &c[i], "t", NULL);
    assert_int_equal(slow_of(f)->pending, 4);
    for (int i = 0; i < 4; i++) {
        call_wait(f, &c[i]);
        assert_string_equal(call_text(&c[i]), "ok");
        call_fini(&c[i]);
    }
}

static void settle_store(struct fixture *f)
{
    while (slow_of(f)->pending > 0)
        turn(f);
}

static void test_cancelled(void **state)
{
    static const char *const bodies[] = {
        "c:put{id='a'}",
        "c:get('a')",
        "c:delete('a')",
        "c:list()",
        "nil, nil, not pcall(c.each, c) and 'CANCELLED'",
        "c:count()",
        "c:update('a', function() return {id='a'} end)",
        "mcp.state.batch(function() c:put{id='b'} end)",
    };
    struct fixture *f = *state;
    struct call c;
    char body[256];
    slow_of(f)->delay_ms = 20;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        snprintf(body, sizeof body,
                 OPEN "local _, _, code = %s\n"
                      "ctx:on_end(function() mcp.events.publish('job/x', 'got' , {code=code}) end)",
                 bodies[i]);
        fixture_tool(f, "t", body);
        fixture_load(f);
        f->events[0] = '\0';
        call_start(f, &c, "t", NULL);
        assert_non_null(c.task);
        task_cancel(c.task, TASK_CANCELLED);
        call_wait(f, &c);
        assert_int_equal(c.result.outcome, OUT_CANCELLED);
        call_fini(&c);
        await_event(f, "{\"code\":\"CANCELLED\"}");
        settle_store(f);
    }
}

/* The vm goes while the store still works for it. */
static void test_freed(void **state)
{
    struct fixture *f = *state;
    struct call c[3];
    slow_of(f)->delay_ms = 20;
    fixture_tool(f, "t", OPEN "c:put{id='a', text=('x'):rep(10000)} return 'ok'");
    fixture_load(f);
    for (int i = 0; i < 3; i++)
        call_start(f, &c[i], "t", NULL);
    vm_free(f->vm);
    f->vm = NULL;
    while (slow_of(f)->pending > 0)
        loop_poll(f->services.loop, 100);
    for (int i = 0; i < 3; i++)
        call_fini(&c[i]);
    fixture_load(f);
    slow_of(f)->delay_ms = 1;
    assert_string_equal(call(f, "t", NULL), "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_answers, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_others_run, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_freed, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
