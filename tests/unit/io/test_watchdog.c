/* test_watchdog.c - who signals whom, when, and how long: with thresholds far under the real ones.
 */
#include "base/clock.h"
#include "io/watchdog.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/slow.h"

static atomic_int signals;
static _Thread_local int signals_here;

static void on_signal(int sig)
{
    (void)sig;
    signals_here++;
    atomic_fetch_add(&signals, 1);
}

struct told {
    atomic_int stage[4]; /* how often each was told */
    _Atomic int64_t held_ms[4];
    atomic_uint worker;
};

static void stuck(void *arg, unsigned worker, int stage, int64_t held_ms)
{
    struct told *t = arg;
    atomic_store(&t->worker, worker);
    atomic_store(&t->held_ms[stage], held_ms);
    atomic_fetch_add(&t->stage[stage], 1);
}

static struct watchdog *start(const struct watchdog_options *o)
{
    struct err e = { 0 };
    struct watchdog *d = watchdog_start(o, &e);
    assert_non_null(d);
    return d;
}

static void begin(struct watchdog *d, struct watch_slot *s, unsigned worker)
{
    *s = (struct watch_slot){ .thread = pthread_self(), .worker = worker };
    assert_int_equal(watchdog_add(d, s), 0);
}

/* ThreadSanitizer delivers a signal only where the thread blocks, and valgrind may run no other
 * thread before. */
static void rest(void)
{
#ifdef __SANITIZE_THREAD__
    bool blocks = true;
#else
    bool blocks = is_under_valgrind();
#endif
    if (blocks)
        nanosleep(&(struct timespec){ 0, 50000 }, NULL);
}

/* Computes until *n reaches want; the deadline only turns a hang into a failure. */
static void spin_until(atomic_int *n, int want)
{
    int64_t end = clock_mono_ms() + 20000;
    while (atomic_load(n) < want && clock_mono_ms() < end)
        rest();
    assert_true(atomic_load(n) >= want);
}

static void test_a_long_slice_is_signalled_again_and_again(void **state)
{
    (void)state;
    struct watchdog *d = start(&(struct watchdog_options){ .slice_ms = 5, .signal = SIGUSR1 });
    struct watch_slot s;
    begin(d, &s, 0);
    atomic_store(&signals, 0);
    int before = signals_here;
    int64_t began = clock_mono_us();
    watch_enter(&s, began);
    spin_until(&signals, 3);
    watch_leave(&s);
    assert_true(clock_mono_us() - began >= 3 * 5000);
    assert_true(signals_here - before >= 3); /* on this thread */
    watchdog_remove(d, &s);
    watchdog_stop(d);
}

static void test_short_slices_and_waiting_are_not(void **state)
{
    (void)state;
    struct watchdog *d = start(&(struct watchdog_options){ .slice_ms = 10000, .signal = SIGUSR1 });
    struct watch_slot s;
    begin(d, &s, 0);
    atomic_store(&signals, 0);
    for (int i = 0; i < 100000; i++) {
        watch_enter(&s, clock_mono_us());
        watch_leave(&s);
    }
    /* A worker that entered long ago and left: nobody cares. */
    watch_enter(&s, clock_mono_us() - 60000000);
    watch_leave(&s);
    watchdog_remove(d, &s);
    watchdog_stop(d);
    assert_int_equal(atomic_load(&signals), 0);
}

static void test_stages(void **state)
{
    (void)state;
    struct told t = { 0 };
    struct watchdog *d = start(&(struct watchdog_options){
        .slice_ms = 2, .stuck_ms = 20, .long_stuck_ms = 40, .stuck = stuck, .arg = &t });
    struct watch_slot s;
    begin(d, &s, 7);
    watch_enter(&s, clock_mono_us());
    spin_until(&t.stage[2], 1);
    assert_int_equal(atomic_load(&t.stage[1]), 1);
    assert_true(atomic_load(&t.held_ms[1]) >= 20);
    assert_true(atomic_load(&t.held_ms[2]) >= 40);
    assert_int_equal(atomic_load(&t.worker), 7);
    assert_int_equal(atomic_load(&t.stage[0]), 0);
    watch_leave(&s);
    spin_until(&t.stage[0], 1);
    assert_true(atomic_load(&t.held_ms[0]) >= 40);
    watch_enter(&s, clock_mono_us()); /* and once more, from the start */
    spin_until(&t.stage[2], 2);
    watch_leave(&s);
    spin_until(&t.stage[0], 2);
    assert_int_equal(atomic_load(&t.stage[1]), 2);
    watchdog_remove(d, &s);
    watchdog_stop(d);
    assert_int_equal(atomic_load(&t.stage[3]), 0);
}

static void test_removed_worker_is_told_of_no_more(void **state)
{
    (void)state;
    struct told t = { 0 };
    struct watchdog *d = start(&(struct watchdog_options){
        .slice_ms = 1, .stuck_ms = 10, .stuck = stuck, .arg = &t, .signal = SIGUSR1 });
    struct watch_slot gone, here;
    begin(d, &gone, 1);
    begin(d, &here, 2);
    watch_enter(&gone, clock_mono_us());
    watchdog_remove(d, &gone);
    atomic_store(&t.stage[1], 0);
    watch_enter(&here, clock_mono_us());
    spin_until(&t.stage[1], 1);
    assert_int_equal(atomic_load(&t.worker), 2);
    assert_int_equal(atomic_load(&t.stage[1]), 1);
    watch_leave(&here);
    watchdog_remove(d, &here);
    watchdog_stop(d);
}

static void test_at_most_256_workers(void **state)
{
    (void)state;
    static struct watch_slot s[257];
    struct watchdog *d = start(&(struct watchdog_options){ .slice_ms = 5 });
    for (int i = 0; i < 256; i++)
        assert_int_equal(watchdog_add(d, &s[i]), 0);
    assert_int_equal(watchdog_add(d, &s[256]), MG_E_LIMIT);
    watchdog_remove(d, &s[3]);
    assert_int_equal(watchdog_add(d, &s[256]), 0);
    watchdog_stop(d);
}

static long wakeups(void)
{
    struct rusage u;
    assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
    return u.ru_nvcsw;
}

/* Idle for a second, it sleeps; then a slice wakes it. */
static void test_sleeps_when_idle_and_wakes(void **state)
{
    (void)state;
    struct watchdog *d = start(&(struct watchdog_options){ .slice_ms = 2, .signal = SIGUSR1 });
    struct watch_slot s;
    begin(d, &s, 0);
    struct timespec idle = { 1, 400000000 }, second = { 0, 500000000 };
    nanosleep(&idle, NULL);
    long before = wakeups();
    nanosleep(&second, NULL);
    assert_in_range(wakeups() - before, 0, 50); /* awake it would be 250 */
    for (int i = 0; i < 3; i++) {
        atomic_store(&signals, 0);
        watch_enter(&s, clock_mono_us());
        spin_until(&signals, 1);
        watch_leave(&s);
    }
    watchdog_remove(d, &s);
    watchdog_stop(d);
}

/* Holds the only slot until the watchdog has told of it, 10 s at most; a byte to `began` says that
 * the slice has begun. sched_yield, since valgrind runs one thread at a time and changes it at
 * system calls. */
static void hold(int64_t abort_ms, int began)
{
    struct rlimit no_core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL); /* cmocka's own handler would go on with the tests */
    struct told t = { 0 };
    struct watchdog *d = watchdog_start(&(struct watchdog_options){ .slice_ms = 1,
                                                                    .stuck_ms = 200,
                                                                    .stuck_abort_ms = 3600000,
                                                                    .stuck = stuck,
                                                                    .arg = &t },
                                        NULL);
    struct watch_slot s = { .thread = pthread_self() };
    if (!d || watchdog_add(d, &s) != 0)
        _exit(2);
    watchdog_set_abort(d, abort_ms);
    watch_enter(&s, clock_mono_us());
    int64_t until_us = s.entered_us + 10000000, seen_us = s.entered_us + 20000;
    while (clock_mono_us() < until_us && atomic_load(&t.stage[1]) == 0) {
        if (began >= 0 && clock_mono_us() > seen_us && write(began, "", 1) == 1)
            began = -1;
        sched_yield();
    }
    watch_leave(&s);
    watchdog_remove(d, &s);
    watchdog_stop(d);
    _exit(atomic_load(&t.stage[1]) == 1 ? 0 : 3);
}

static int status_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_abort(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        hold(50, -1);
    int status = status_of(pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* Stopped for longer than the abort allows and then continued: the pause is not the worker's fault.
 */
static void test_a_stopped_process_is_excused(void **state)
{
    (void)state;
    int began[2];
    char byte;
    assert_int_equal(pipe(began), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        hold(1500, began[1]);
    assert_int_equal(read(began[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    nanosleep(&(struct timespec){ 2, 0 }, NULL);
    assert_int_equal(kill(pid, SIGCONT), 0);
    int status = status_of(pid);
    assert_true(WIFEXITED(status)); /* held some 0.2 s of its own: stage 1, no abort */
    assert_int_equal(WEXITSTATUS(status), 0);
    close(began[0]);
    close(began[1]);
}

int main(void)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &sa, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_slice_is_signalled_again_and_again),
        cmocka_unit_test(test_short_slices_and_waiting_are_not),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_removed_worker_is_told_of_no_more),
        cmocka_unit_test(test_at_most_256_workers),
        cmocka_unit_test(test_sleeps_when_idle_and_wakes),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_a_stopped_process_is_excused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
