/* test_loop.c - the event loop: order of timers, stale watches, messages from threads. */
#include "base/clock.h"
#include "io/loop.h"
#include "io/timers.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *new_loop(void)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    assert_non_null(l);
    return l;
}

static void count(void *arg) { ++*(int *)arg; }

/* Polls until *n reaches want; the deadline only turns a hang into a failure. */
static void poll_until(struct loop *l, const int *n, int want)
{
    int64_t end = clock_mono_ms() + 10000;
    while (*n < want && clock_mono_ms() < end)
        loop_poll(l, 1000);
    assert_int_equal(*n, want);
}

/* ---- timers ---- */

struct order {
    int at, seen[8];
};
struct ordered {
    struct loop_timer t;
    struct order *o;
    int id;
};

static void note(void *arg)
{
    struct ordered *t = arg;
    t->o->seen[t->o->at++] = t->id;
}

static void test_timers_fire_in_order(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct order o = { 0 };
    struct ordered t[5] = { 0 };
    /* Far enough apart for a machine that is slow between two starts. */
    const int64_t delay[5] = { 240, 80, 180, 120, 0 };
    for (int i = 0; i < 5; i++) {
        t[i].o = &o;
        t[i].id = i;
        timer_start(l, &t[i].t, delay[i], note, &t[i]);
    }
    timer_stop(l, &t[2].t);
    timer_start(l, &t[3].t, 20, note, &t[3]); /* moves ahead of t[1] */
    poll_until(l, &o.at, 4);
    const int want[4] = { 4, 3, 1, 0 };
    assert_memory_equal(o.seen, want, sizeof want);
    for (int i = 0; i < 5; i++)
        assert_false(t[i].t.armed);
    loop_free(l);
}

static void test_timer_is_never_early(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    int n = 0;
    struct loop_timer t = { 0 };
    int64_t stale = loop_now(l);
    while (clock_mono_ms() < stale + 15)
        ; /* the loop's time is 15 ms old now */
    int64_t begin = clock_mono_ms();
    timer_start(l, &t, 10, count, &n);
    poll_until(l, &n, 1);
    assert_true(clock_mono_ms() - begin >= 10);
    assert_true(loop_now(l) - begin >= 10);
    loop_free(l);
}

static void test_poll_waits_no_longer_than_told(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct loop_timer t = { 0 };
    int n = 0;
    timer_start(l, &t, INT64_MAX, count, &n); /* no overflow */
    int64_t begin = clock_mono_ms();
    loop_poll(l, 5);
    int64_t took = clock_mono_ms() - begin;
    assert_in_range(took, 4, 1000);
    loop_poll(l, 0);
    assert_int_equal(n, 0);
    timer_stop(l, &t);
    timer_stop(l, &t); /* twice is legal */
    loop_free(l);
}

struct again {
    struct loop *l;
    struct loop_timer t;
    int n;
};

static void restart_at_once(void *arg)
{
    struct again *a = arg;
    a->n++;
    timer_start(a->l, &a->t, -5, restart_at_once, a);
}

static void test_restarting_timer_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct again a = { .l = new_loop() };
    struct loop_timer other = { 0 };
    int others = 0;
    timer_start(a.l, &a.t, 0, restart_at_once, &a);
    timer_start(a.l, &other, 0, count, &others);
    loop_poll(a.l, 0);
    assert_in_range(a.n, 1, 2); /* bounded by the number armed at the begin */
    poll_until(a.l, &others, 1);
    loop_free(a.l);
}

struct stopper {
    struct loop *l;
    struct loop_timer *victim;
    int n;
};

static void stop_victim(void *arg)
{
    struct stopper *s = arg;
    s->n++;
    timer_stop(s->l, s->victim);
}

static void test_timer_stopped_by_a_timer_due_with_it(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct loop_timer a = { 0 }, b = { 0 };
    struct stopper sa = { l, &b, 0 }, sb = { l, &a, 0 };
    timer_start(l, &a, 1, stop_victim, &sa);
    timer_start(l, &b, 1, stop_victim, &sb);
    int64_t end = clock_mono_ms() + 3;
    while (clock_mono_ms() < end)
        loop_poll(l, 5);
    assert_int_equal(sa.n + sb.n, 1); /* each one stops the other, so one only runs */
    loop_free(l);
}

/* The heap alone against a plain array: thousands of inserts and removals from the middle. */
static void test_heap_against_a_model(void **state)
{
    (void)state;
    enum { N = 500, STEPS = 20000 };
    static struct loop_timer t[N];
    struct loop_timer *root = NULL;
    uint32_t seed = 12345;
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        struct loop_timer *x = &t[(seed >> 8) % N];
        if (x->armed)
            root = timers_remove(root, x);
        else {
            x->due_ms = (int64_t)(seed >> 20);
            root = timers_insert(root, x);
        }
        x->armed = !x->armed;
        int64_t least = INT64_MAX;
        for (int i = 0; i < N; i++)
            if (t[i].armed && t[i].due_ms < least)
                least = t[i].due_ms;
        assert_true(root ? root->due_ms == least : least == INT64_MAX);
    }
    int64_t last = INT64_MIN;
    while (root) {
        struct loop_timer *x = root;
        assert_true(x->due_ms >= last);
        last = x->due_ms;
        root = timers_remove(root, x);
        x->armed = false;
    }
    for (int i = 0; i < N; i++)
        assert_false(t[i].armed);
}

/* ---- watches ---- */

struct pipe_watch {
    struct loop *l;
    int fd[2];
    loop_watch_t w;
    struct pipe_watch *other;
    int n;
};

static void open_pipe(struct pipe_watch *p)
{
    assert_int_equal(pipe2(p->fd, O_CLOEXEC | O_NONBLOCK), 0);
}

static void close_pipe(struct pipe_watch *p)
{
    close(p->fd[0]);
    close(p->fd[1]);
}

static void drain(void *arg, uint32_t events)
{
    struct pipe_watch *p = arg;
    char c[8];
    assert_true(events & EPOLLIN);
    p->n += (int)read(p->fd[0], c, sizeof c);
}

static void remove_other(void *arg, uint32_t events)
{
    struct pipe_watch *p = arg;
    (void)events;
    p->n++;
    loop_unwatch(p->l, p->w);
    loop_unwatch(p->l, p->other->w);
    /* The other's slot is used again at once, while an event for the other is still to be handled.
     */
    assert_int_equal(loop_watch(p->l, p->fd[0], EPOLLIN, drain, p, &p->w), 0);
}

static void test_watch_and_unwatch(void **state)
{
    (void)state;
    struct pipe_watch p = { .l = new_loop() };
    open_pipe(&p);
    assert_int_equal(loop_watch(p.l, p.fd[0], EPOLLIN, drain, &p, &p.w), 0);
    assert_true(p.w != 0);
    assert_int_equal(write(p.fd[1], "abc", 3), 3);
    poll_until(p.l, &p.n, 3);
    assert_int_equal(loop_rewatch(p.l, p.w, 0), 0);
    assert_int_equal(write(p.fd[1], "d", 1), 1);
    loop_poll(p.l, 0);
    assert_int_equal(p.n, 3);
    assert_int_equal(loop_rewatch(p.l, p.w, EPOLLIN), 0);
    poll_until(p.l, &p.n, 4);
    loop_watch_t old = p.w;
    loop_unwatch(p.l, p.w);
    loop_unwatch(p.l, p.w); /* stale handle: nothing */
    loop_unwatch(p.l, 0);
    assert_int_equal(loop_rewatch(p.l, old, EPOLLIN), MG_E_NOTFOUND);
    assert_int_equal(write(p.fd[1], "e", 1), 1);
    loop_poll(p.l, 0);
    assert_int_equal(p.n, 4);
    assert_int_equal(loop_watch(p.l, p.fd[0], EPOLLIN, drain, &p, &p.w), 0);
    assert_true(p.w != old);
    loop_unwatch(p.l, old); /* does not touch the slot's new owner */
    poll_until(p.l, &p.n, 5);
    assert_int_equal(loop_watch(p.l, -1, EPOLLIN, drain, &p, &old), MG_E_IO);
    assert_true(old == 0);
    loop_free(p.l);
    close_pipe(&p);
}

static void test_event_of_a_removed_watch_is_dropped(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct pipe_watch a = { .l = l }, b = { .l = l };
    a.other = &b;
    b.other = &a;
    open_pipe(&a);
    open_pipe(&b);
    assert_int_equal(write(a.fd[1], "x", 1), 1);
    assert_int_equal(write(b.fd[1], "x", 1), 1);
    assert_int_equal(loop_watch(l, a.fd[0], EPOLLIN, remove_other, &a, &a.w), 0);
    assert_int_equal(loop_watch(l, b.fd[0], EPOLLIN, remove_other, &b, &b.w), 0);
    loop_poll(l, 1000); /* both events come in one batch */
    assert_int_equal(a.n + b.n, 1);
    loop_poll(l, 1000);
    assert_int_equal(a.n + b.n, 2); /* now the new watch of the first one drained */
    loop_free(l);
    close_pipe(&a);
    close_pipe(&b);
}

static void test_many_watches(void **state)
{
    (void)state;
    enum { N = 100 };
    struct loop *l = new_loop();
    static struct pipe_watch p[N];
    int sum = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            p[i] = (struct pipe_watch){ .l = l };
            open_pipe(&p[i]);
            assert_int_equal(loop_watch(l, p[i].fd[0], EPOLLIN, drain, &p[i], &p[i].w), 0);
            assert_int_equal(write(p[i].fd[1], "x", 1), 1);
        }
        loop_poll(l, 1000);
        for (int i = 0; i < N; i++) {
            sum += p[i].n;
            loop_unwatch(l, p[i].w);
            close_pipe(&p[i]);
        }
    }
    assert_int_equal(sum, 3 * N);
    loop_free(l);
}

/* ---- messages ---- */

struct letter {
    struct mail mail; /* first */
    struct loop *l;
    int *at, id, again;
    bool *in_order;
};

static void letter_run(struct mail *m)
{
    struct letter *x = (struct letter *)(void *)m;
    if (x->in_order && *x->at != x->id)
        *x->in_order = false;
    ++*x->at;
    if (x->again-- > 0)
        loop_post(x->l, &x->mail);
    else
        free(x);
}

static void post_letter(struct loop *l, int *at, int id, int again, bool *in_order)
{
    struct letter *x = malloc(sizeof *x);
    assert_non_null(x);
    *x = (struct letter){ { .run = letter_run }, l, at, id, again, in_order };
    loop_post(l, &x->mail);
}

struct poster {
    struct loop *l;
    int *at, n;
};

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < p->n; i++)
        post_letter(p->l, p->at, i, 0, NULL);
    return NULL;
}

static void test_messages_come_in_order(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    int at = 0;
    bool in_order = true;
    for (int i = 0; i < 100; i++)
        post_letter(l, &at, i, 0, &in_order);
    loop_poll(l, -1); /* never waits while messages are queued */
    assert_int_equal(at, 100);
    assert_true(in_order);
    loop_free(l);
}

static void test_messages_wake_from_other_threads(void **state)
{
    (void)state;
    enum { THREADS = 4, EACH = 5000 };
    struct loop *l = new_loop();
    int at = 0;
    struct poster p = { l, &at, EACH };
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, post_many, &p), 0);
    while (at < THREADS * EACH)
        loop_poll(l, -1); /* a lost wake-up hangs here */
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(at, THREADS * EACH);
    loop_free(l);
}

static void test_reposting_message_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    int at = 0;
    post_letter(l, &at, 0, 3, NULL);
    loop_poll(l, -1);
    assert_int_equal(at, 1); /* once per poll */
    loop_poll(l, -1);
    assert_int_equal(at, 2);
    loop_free(l); /* runs the rest, which frees the message */
    assert_int_equal(at, 4);
}

static void *wake_often(void *arg)
{
    for (int i = 0; i < 1000; i++)
        loop_wake(arg);
    return NULL;
}

static void test_wake(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    loop_wake(l);
    loop_wake(l);
    loop_poll(l, -1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_often, l), 0);
    loop_poll(l, -1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_wake(l);
    loop_poll(l, -1); /* the flag has been reset: it wakes again */
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_in_order),
        cmocka_unit_test(test_timer_is_never_early),
        cmocka_unit_test(test_poll_waits_no_longer_than_told),
        cmocka_unit_test(test_restarting_timer_does_not_hold_the_loop),
        cmocka_unit_test(test_timer_stopped_by_a_timer_due_with_it),
        cmocka_unit_test(test_heap_against_a_model),
        cmocka_unit_test(test_watch_and_unwatch),
        cmocka_unit_test(test_event_of_a_removed_watch_is_dropped),
        cmocka_unit_test(test_many_watches),
        cmocka_unit_test(test_messages_come_in_order),
        cmocka_unit_test(test_messages_wake_from_other_threads),
        cmocka_unit_test(test_reposting_message_does_not_hold_the_loop),
        cmocka_unit_test(test_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
