/* test_threads.c - what generations and workers share: vms are built by one thread, run by others,
 * and a next generation is built from one that runs. Made for ThreadSanitizer; elsewhere it shows
 * that nothing is mixed up. */
#include "fixture.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define WORKERS 2
#define GENERATIONS 4

struct worker {
    pthread_t thread;
    struct fixture own;        /* its loop and its vm; the folder is the main thread's */
    _Atomic(struct vm *) next; /* handed over by the main thread */
    atomic_bool stop;
    int calls, others;
};

static void adopt(struct worker *w)
{
    struct vm *vm = atomic_exchange(&w->next, NULL);
    if (!vm)
        return;
    vm_free(w->own.vm);
    w->own.vm = vm;
    vm_attach(vm, &w->own.services);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct fixture *f = &w->own;
    while (!atomic_load(&w->stop)) {
        adopt(w);
        if (!f->vm)
            continue;
        const char *names[] = { "echo", "wait", "helper" };
        struct call c;
        call_begin(f, &c, names[w->calls % 3], NULL);
        call_run(f->vm, &c, (uint32_t)(w->calls % 3));
        call_wait(f, &c);
        if (c.result.outcome != OUT_OK)
            w->others++;
        call_fini(&c);
        w->calls++;
    }
    adopt(w);
    vm_free(f->vm);
    return NULL;
}

static void start_workers(struct worker *w)
{
    struct err e;
    for (int i = 0; i < WORKERS; i++) {
        w[i].own.services.loop = loop_new(&e);
        assert_non_null(w[i].own.services.loop);
        w[i].own.services.metrics = metrics_slot((unsigned)i);
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
}

static void stop_workers(struct worker *w)
{
    for (int i = 0; i < WORKERS; i++) {
        atomic_store(&w[i].stop, true);
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
        vm_free(atomic_load(&w[i].next));
        loop_free(w[i].own.services.loop);
        assert_true(w[i].calls > 0);
        assert_int_equal(w[i].others, 0);
    }
}

/* The vms of one generation; the first is kept by the main thread, for the next one to be built
 * from. */
static struct vm *publish(struct fixture *f, struct worker *w, struct vm *before,
                          uint32_t generation)
{
    struct err e = { 0 };
    struct toolset *set = toolset_new(generation);
    assert_non_null(set);
    struct vm *first = vm_new(&f->o, set, before, &e);
    assert_non_null(first);
    assert_int_equal(toolset_seal(set), 0);
    assert_int_equal(toolset_count(set), 3);
    for (int i = 0; i < WORKERS; i++) {
        struct vm *vm = vm_new(&f->o, NULL, first, &e);
        assert_non_null(vm);
        vm_free(atomic_exchange(&w[i].next, vm));
    }
    toolset_unref(set);
    return first;
}

static void test_generations(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    static struct worker w[WORKERS];
    fixture_tool(f, "echo", "return args");
    fixture_tool(f, "helper", "return require('x')");
    fixture_tool(f, "wait", "mcp.test.sleep(1) return 'x'");
    fixture_write(f, "lib/x.lua", "return 'x'");
    start_workers(w);
    struct vm *first = NULL;
    for (uint32_t g = 1; g <= GENERATIONS; g++) {
        struct vm *before = first;
        if (g == 3)
            fixture_write(f, "helper.lua", "return ("); /* keeps its version */
        first = publish(f, w, before, g);
        vm_free(before);
        int64_t until = clock_mono_ms() + 30;
        while (clock_mono_ms() < until)
            loop_poll(f->services.loop, 5);
    }
    stop_workers(w);
    vm_free(first);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_generations) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
