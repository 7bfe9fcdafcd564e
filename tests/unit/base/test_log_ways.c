/* Where lines go: standard error, files, pipes that nobody reads, a full disk; from many threads;
 * and the ring that they go through. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json_scan.h"
#include "base/log.h"
#include "base/log_fixture.h"
#include "base/log_ring.h"

/* ---- ways out ---- */

static int stderr_to_file(void)
{
    int saved = dup(STDERR_FILENO),
        fd = open(log_test_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(saved >= 0 && fd >= 0);
    fflush(stderr);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
    return saved;
}

static void stderr_back(int saved)
{
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
}

static void test_standard_error(void **state)
{
    int saved = stderr_to_file();

    (void)state;
    log_printf(LOG_INFO, "before");
    log_test_start(false, NULL);
    log_printf(LOG_INFO, "during");
    log_stop();
    log_printf(LOG_INFO, "after");
    stderr_back(saved);
    struct buf out = { 0 };
    log_test_read(log_test_path, &out);
    assert_int_equal(log_test_lines(&out), 3);
    assert_true(strstr(out.data, "before") < strstr(out.data, "during"));
    assert_true(strstr(out.data, "during") < strstr(out.data, "after"));
    buf_fini(&out);
    unlink(log_test_path);
}

static void test_reopened(void **state)
{
    struct log_options o = { .level = LOG_INFO, .file = log_test_path };
    struct buf old = { 0 }, new = { 0 };
    struct stat st;
    struct err e;

    (void)state;
    assert_int_equal(log_start(&o, &e), 0);
    log_printf(LOG_INFO, "first");
    log_flush();
    assert_int_equal(stat(log_test_path, &st), 0);
    assert_int_equal(st.st_mode & 0137, 0);
    assert_int_equal(rename(log_test_path, log_test_other), 0);
    assert_int_equal(log_configure(&o, &e), 0);
    log_printf(LOG_INFO, "second");
    log_stop();
    log_test_read(log_test_other, &old);
    log_test_read(log_test_path, &new);
    assert_int_equal(log_test_lines(&old), 1);
    assert_int_equal(log_test_lines(&new), 1);
    assert_non_null(strstr(old.data, "first"));
    assert_non_null(strstr(new.data, "second"));
    buf_fini(&old);
    buf_fini(&new);
    unlink(log_test_path);
    unlink(log_test_other);
}

/* A reload with a file that cannot be opened changes nothing. */
static void test_bad_file(void **state)
{
    struct log_options o = { .level = LOG_ERROR, .file = "/nonexistent/folder/log" };
    struct err e;

    (void)state;
    assert_int_equal(log_start(&o, &e), MG_E_IO);
    assert_non_null(strstr(e.text, "/nonexistent/folder/log"));
    log_test_start(false, log_test_path);
    assert_int_equal(log_configure(&o, &e), MG_E_IO);
    log_printf(LOG_INFO, "still here");
    struct buf out = log_test_stop();
    assert_int_equal(log_test_lines(&out), 1);
    buf_fini(&out);
}

/* ---- threads ---- */

#define THREADS 4
#define EACH 3000

static void *logger(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        struct log_line l;
        log_begin(&l, LOG_INFO, "line");
        log_int(&l, "thread", (int64_t)(intptr_t)arg);
        log_int(&l, "n", i);
        log_str(&l, "fill", "some text to give the line a length that is usual");
        log_end(&l);
        if (i == EACH / 2 && !arg) {
            struct log_options o = { .level = LOG_INFO, .file = log_test_path };
            assert_int_equal(log_configure(&o, NULL), 0);
        }
    }
    return NULL;
}

/* Whole lines from many threads, in each one's order, with one that reconfigures meanwhile; what is
 * not there was counted, and the line behind the gap says how much is missing. */
static void test_threads(void **state)
{
    static const char *const names[] = { "thread", "n", "dropped" };
    uint64_t dropped = log_dropped(), told = 0;
    int64_t last[THREADS] = { -1, -1, -1, -1 };
    pthread_t threads[THREADS];

    (void)state;
    log_test_start(false, log_test_path);
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, logger, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct buf out = log_test_stop();
    size_t lines = log_test_lines(&out);
    for (const char *p = out.data; p < out.data + out.len; p = strchr(p, '\n') + 1) {
        struct json_text root, f[3];
        int64_t thread = 0, n = 0, gap = 0;
        assert_int_equal(json_scan(p, (size_t)(strchr(p, '\n') - p), NULL, &root, NULL), 0);
        json_find(root, names, f, 3);
        assert_true(json_integer(f[0], &thread) && json_integer(f[1], &n));
        if (f[2].type != JSON_NONE)
            assert_true(json_integer(f[2], &gap));
        assert_int_equal(n, last[thread] + 1 + gap);
        last[thread] = n;
        told += (uint64_t)gap;
    }
    dropped = log_dropped() - dropped;
    assert_int_equal(lines + dropped, THREADS * EACH);
    assert_true(told <= dropped);
    buf_fini(&out);
}

/* ---- many lines ---- */

static int64_t log_size(void)
{
    struct stat st;
    return stat(log_test_path, &st) == 0 ? st.st_size : 0;
}

#define ROUNDS 20
#define ROUND_LINES 1500 /* of 100 bytes: more than a quarter of the ring, less than the half */

/* Until the file has that many bytes; -> ms. Not by log_flush(), which hurries as well. */
static int64_t log_await(int64_t size)
{
    int64_t begin_ms = clock_mono_ms();
    while (log_size() < size) {
        assert_true(clock_mono_ms() - begin_ms < 10000);
        sched_yield();
    }
    return clock_mono_ms() - begin_ms;
}

/* A ring that fills is emptied at once: with 20 ms between two looks it took in no more than 13 MB
 * of lines a second, and the rest was lost although the file took everything. Each round begins
 * just after a look, so without the hurry its first byte would come 20 ms later every time. */
static void test_fills(void **state)
{
    uint64_t dropped = log_dropped();
    int64_t least_ms = INT64_MAX;
    char text[64];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_test_start(false, log_test_path);
    log_printf(LOG_INFO, "%s", text);
    log_flush();
    int64_t line = log_size(), size = line;
    assert_true(line > 90 && line < 130);
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < ROUND_LINES; k++)
            log_printf(LOG_INFO, "%s", text);
        int64_t took_ms = log_await(size + 1);
        least_ms = took_ms < least_ms ? took_ms : least_ms;
        size += line * ROUND_LINES;
        log_await(size);
    }
    struct buf out = log_test_stop();
    assert_int_equal(log_dropped(), dropped);
    assert_int_equal(log_test_lines(&out), 1 + ROUNDS * ROUND_LINES);
    assert_true(least_ms < 10);
    buf_fini(&out);
}

/* ---- places that take nothing ---- */

static int pipe_open(void)
{
    assert_int_equal(mkfifo(log_test_path, 0600), 0);
    int fd = open(log_test_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Reads whole lines until `want` has come by, for ten seconds at most. */
static void pipe_read_until(int fd, struct buf *out, const char *want)
{
    int64_t until = clock_mono_ms() + 10000;

    while (!strstr(buf_cstr(out), want) || out->data[out->len - 1] != '\n') {
        char piece[65536];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n > 0)
            buf_append(out, piece, (size_t)n);
        else
            sched_yield();
        if (clock_mono_ms() > until)
            fail_msg("%s did not come", want);
    }
}

/* All that the lines say is missing. */
static uint64_t gaps_sum(const struct buf *b)
{
    static const char label[] = "\"dropped\":";
    uint64_t sum = 0;

    for (const char *p = b->data; (p = strstr(p, label)) != NULL;)
        sum += strtoull(p += sizeof label - 1, NULL, 10);
    return sum;
}

/* Nobody reads: the ring fills, further lines are dropped at once and counted, and when somebody
 * reads again every kept line is there, whole, and those behind a gap tell how many are missing. */
static void test_nobody_reads(void **state)
{
    int fd = pipe_open();
    uint64_t dropped = log_dropped(), sent = 0, before;
    struct buf out = { 0 };

    (void)state;
    log_test_start(false, log_test_path);
    int64_t begin = clock_mono_ms();
    for (; log_dropped() - dropped < 10; sent++) {
        log_printf(LOG_INFO, "a line with some more text so that it goes faster");
        assert_true(sent < 100000);
    }
    assert_true(clock_mono_ms() - begin < 10000);
    pipe_read_until(fd, &out, "a line with");
    do { /* until there is room again */
        char piece[4096];
        ssize_t n = read(fd, piece, sizeof piece);
        buf_append(&out, piece, n > 0 ? (size_t)n : 0);
        before = log_dropped();
        log_printf(LOG_INFO, "the end");
        sent++;
    } while (log_dropped() != before);
    pipe_read_until(fd, &out, "the end");
    dropped = log_dropped() - dropped;
    assert_true(dropped >= 10);
    assert_int_equal(gaps_sum(&out), dropped);
    assert_int_equal(log_test_lines(&out), sent - dropped);
    log_stop();
    close(fd);
    unlink(log_test_path);
    buf_fini(&out);
}

static long waits_of_process(void)
{
    struct rusage used;
    assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
    return used.ru_nvcsw;
}

/* Lines that come while nobody reads wake the log thread no more often than it looks by itself, and
 * once when they begin to fill the ring. */
static void test_nobody_is_hurried(void **state)
{
    int fd = pipe_open();
    uint64_t dropped = log_dropped();

    (void)state;
    log_test_start(false, log_test_path);
    long waits = waits_of_process();
    int64_t begin_us = clock_mono_us(), next_us = begin_us;
    while (log_dropped() == dropped) {
        log_printf(LOG_INFO, "a line with some more text so that it goes faster");
        for (next_us += 20; clock_mono_us() < next_us;)
            ; /* it has the time to wake up and to wait again */
    }
    int64_t looks = (clock_mono_us() - begin_us) / 20000 + 2;
    waits = waits_of_process() - waits;
    assert_true(waits < 10 * looks);
    log_stop();
    close(fd);
    unlink(log_test_path);
}

/* The reader leaves and another comes: nothing is lost but what was in the pipe, and no signal
 * kills. */
static void test_reader_leaves(void **state)
{
    int fd = pipe_open();
    struct buf out = { 0 };

    (void)state;
    signal(SIGPIPE, SIG_DFL);
    log_test_start(false, log_test_path);
    log_printf(LOG_INFO, "one");
    pipe_read_until(fd, &out, "one\"}\n");
    close(fd);
    log_printf(LOG_INFO, "two");
    fd = open(log_test_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    pipe_read_until(fd, &out, "two\"}\n");
    log_stop();
    close(fd);
    unlink(log_test_path);
    assert_int_equal(log_test_lines(&out), 2);
    buf_fini(&out);
}

/* A full disk: nobody waits, stopping ends, and what was lost is counted. */
static void test_disk_full(void **state)
{
    uint64_t dropped = log_dropped();
    struct log_options o = { .level = LOG_INFO, .file = "/dev/full" };
    struct err e;

    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(log_start(&o, &e), 0);
    for (int i = 0; i < 7; i++)
        log_printf(LOG_INFO, "lost");
    int64_t begin = clock_mono_ms();
    log_stop();
    assert_true(clock_mono_ms() - begin < 10000);
    assert_int_equal(log_dropped() - dropped, 7);
}

/* While nobody reads, the log moves to another file: the line of which only the beginning went out
 * is given up and counted, everything behind it arrives whole. */
static void test_moved_in_the_middle_of_a_line(void **state)
{
    struct log_options o = { .level = LOG_INFO, .file = log_test_other };
    uint64_t dropped = log_dropped();
    int fd = pipe_open(), sent = 0;
    struct buf out = { 0 }, rest = { 0 };
    char piece[4096];
    ssize_t n;

    (void)state;
    log_test_start(false, log_test_path);
    while (log_dropped() - dropped < 1)
        log_printf(LOG_INFO, "line number %d, which has to be long enough to be cut", sent++);
    for (int waiting = 0; waiting < 32768;) /* until the pipe has been given what it takes */
        assert_int_equal(ioctl(fd, FIONREAD, &waiting), 0);
    assert_int_equal(log_configure(&o, NULL), 0);
    log_stop();
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_append(&out, piece, (size_t)n);
    const char *last = memrchr(out.data, '\n', out.len);
    bool is_cut = (size_t)(last + 1 - out.data) < out.len;
    out.len = (size_t)(last + 1 - out.data);
    log_test_read(log_test_other, &rest);
    size_t lines = log_test_lines(&out) + log_test_lines(&rest);
    assert_int_equal(lines + (log_dropped() - dropped), sent);
    assert_true(log_dropped() - dropped >= 1 + (uint64_t)is_cut);
    close(fd);
    unlink(log_test_path);
    unlink(log_test_other);
    buf_fini(&out);
    buf_fini(&rest);
}

/* After a second of silence the log thread sleeps for good; a line wakes it. What is waited for
 * here is that second, which nothing can shorten. */
static void test_silence(void **state)
{
    int fd = pipe_open();
    struct buf out = { 0 };

    (void)state;
    log_test_start(false, log_test_path);
    usleep(1300 * 1000);
    log_printf(LOG_INFO, "good morning");
    pipe_read_until(fd, &out, "good morning");
    log_flush();
    log_stop();
    close(fd);
    unlink(log_test_path);
    buf_fini(&out);
}

/* ---- the ring alone ---- */

static void test_ring(void **state)
{
    struct log_ring *r = aligned_alloc(64, sizeof *r);
    struct iovec iov[2];
    char line[1000];
    size_t put = 0;

    (void)state;
    assert_non_null(r);
    memset(r, 0, sizeof *r);
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    while (log_ring_put(r, line, sizeof line))
        put++;
    assert_int_equal(put, LOG_RING_SIZE / sizeof line);
    /* Exactly what is left fits, one byte more does not. */
    size_t left = LOG_RING_SIZE - put * sizeof line;
    assert_false(log_ring_put(r, line, left + 1));
    assert_true(log_ring_put(r, line + sizeof line - left, left));
    assert_false(log_ring_put(r, "\n", 1));
    assert_int_equal(log_ring_peek(r, SIZE_MAX, iov), 1);
    log_ring_consume(r, 500);
    log_ring_skip_line(r); /* the rest of the first */
    assert_true(log_ring_put(r, line, sizeof line));
    assert_int_equal(log_ring_peek(r, SIZE_MAX, iov), 2); /* it lies around the corner now */
    assert_int_equal(iov[0].iov_len + iov[1].iov_len, LOG_RING_SIZE);
    assert_int_equal(log_ring_peek(r, 10, iov), 1);
    assert_int_equal(iov[0].iov_len, 10);
    assert_int_equal(log_ring_drop(r), put + 1);
    assert_int_equal(log_ring_len(r), 0);
    assert_int_equal(log_ring_peek(r, SIZE_MAX, iov), 0);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_standard_error),
        cmocka_unit_test(test_reopened),
        cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_fills),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_nobody_is_hurried),
        cmocka_unit_test(test_reader_leaves),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_moved_in_the_middle_of_a_line),
        cmocka_unit_test(test_silence),
    };

    return cmocka_run_group_tests(tests, log_test_setup, log_test_teardown);
}
