/* test_offload.c - work on helper threads: comes back to its loop, is bounded, is never lost. */
#include "io/offload.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct sum {
    struct offload_job job; /* first */
    pthread_t owner;
    sem_t *started, *go; /* work() tells that it runs and waits, when given */
    int n, result;
    int *done;
    bool right_threads;
};

static void sum_work(struct offload_job *job)
{
    struct sum *s = (struct sum *)(void *)job;
    s->right_threads = !pthread_equal(pthread_self(), s->owner);
    if (s->started) {
        sem_post(s->started);
        sem_wait(s->go);
    }
    for (int i = 1; i <= s->n; i++)
        s->result += i;
}

static void sum_done(struct offload_job *job)
{
    struct sum *s = (struct sum *)(void *)job;
    assert_true(s->right_threads && pthread_equal(pthread_self(), s->owner));
    assert_int_equal(s->result, s->n * (s->n + 1) / 2);
    ++*s->done;
    free(s);
}

static struct sum *new_sum(int n, int *done)
{
    struct sum *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->job.work = sum_work;
    s->job.done = sum_done;
    s->owner = pthread_self();
    s->n = n;
    s->done = done;
    return s;
}

static void test_results_come_to_the_loop(void **state)
{
    (void)state;
    enum { N = 500 };
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct offload *o = offload_new(4, N, &e);
    int done = 0;
    assert_true(l && o);
    for (int i = 0; i < N; i++)
        assert_int_equal(offload_submit(o, l, &new_sum(i, &done)->job), 0);
    while (done < N)
        loop_poll(l, -1);
    offload_free(o);
    loop_free(l);
    assert_int_equal(done, N);
}

/* One thread held, so that exactly `queue` jobs wait. */
static void test_the_queue_is_bounded(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct offload *o = offload_new(1, 2, &e);
    sem_t started, go;
    int done = 0;
    assert_true(l && o && sem_init(&started, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
    struct sum *held = new_sum(3, &done), *refused = new_sum(3, &done);
    held->started = &started;
    held->go = &go;
    assert_int_equal(offload_submit(o, l, &held->job), 0);
    sem_wait(&started);
    assert_int_equal(offload_submit(o, l, &new_sum(4, &done)->job), 0);
    assert_int_equal(offload_submit(o, l, &new_sum(5, &done)->job), 0);
    assert_int_equal(offload_submit(o, l, &refused->job), MG_E_LIMIT);
    sem_post(&go);
    while (done < 3)
        loop_poll(l, -1);
    assert_int_equal(offload_submit(o, l, &refused->job), 0); /* there is room again */
    while (done < 4)
        loop_poll(l, -1);
    offload_free(o);
    loop_free(l);
    sem_destroy(&started);
    sem_destroy(&go);
}

static void test_free_runs_what_is_queued(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct offload *o = offload_new(2, 100, &e);
    int done = 0;
    assert_true(l && o);
    for (int i = 0; i < 100; i++)
        assert_int_equal(offload_submit(o, l, &new_sum(1000, &done)->job), 0);
    offload_free(o);
    loop_free(l); /* its messages run: done() is always called */
    assert_int_equal(done, 100);
    offload_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_come_to_the_loop),
        cmocka_unit_test(test_the_queue_is_bounded),
        cmocka_unit_test(test_free_runs_what_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
