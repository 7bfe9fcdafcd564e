/* test_host.c - what the kernel tells of the machine and the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/host.h"

static void test_line(void **state)
{
    (void)state;
    static const char text[] = "MemTotal:        100 kB\nMemTotalX: 7 kB\nThreads:\t3\nBad: x\n"
                               "Huge: 9223372036854775807 kB\nLast: 4";
    assert_int_equal(host_line(text, "MemTotal"), 102400);
    assert_int_equal(host_line(text, "Threads"), 3);
    assert_int_equal(host_line(text, "Last"), 4);
    assert_int_equal(host_line(text, "Bad"), -1);
    assert_int_equal(host_line(text, "Huge"), -1);
    assert_int_equal(host_line(text, "otal"), -1);
    assert_int_equal(host_line("", "Last"), -1);
}

static void test_start(void **state)
{
    (void)state;
    assert_int_equal(host_start_ticks("1 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "
                                      "4711 20"),
                     4711);
    assert_int_equal(host_start_ticks("1 (a) S 1 2"), -1);
    assert_int_equal(host_start_ticks("1 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x"),
                     -1);
    assert_int_equal(host_start_ticks(""), -1);
}

static void test_read(void **state)
{
    (void)state;
    struct host h;
    host_read(&h, "/");
    assert_true(h.load[0] >= 0 && h.load[1] >= 0 && h.load[2] >= 0);
    assert_int_equal(h.processors, sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(h.memory_available > 0 && h.memory_available <= h.memory_total);
    assert_true(h.disk_available >= 0 && h.disk_available <= h.disk_total && h.disk_total > 0);
    assert_true(h.process_uptime >= 0 && h.process_uptime <= h.uptime);
    assert_true(h.process_memory > 0 && h.process_memory < h.memory_total);
    assert_true(h.process_threads >= 1);
    assert_true(h.process_descriptors >= 3);
    int64_t before = h.process_descriptors;
    int fd = dup(0);
    assert_true(fd >= 0);
    host_read(&h, "/nonexistent");
    close(fd);
    assert_int_equal(h.process_descriptors, before + 1);
    assert_int_equal(h.disk_total, -1);
    host_read(&h, NULL);
    assert_int_equal(h.disk_available, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
