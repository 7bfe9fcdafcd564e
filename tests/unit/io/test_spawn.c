/* test_spawn.c - children: what they inherit, their pipes, how they end, and that nothing of them
 * stays. */
#include "base/buf.h"
#include "base/clock.h"
#include "io/spawn.h"
#include "support/slow.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    struct loop *l;
    struct child *c;
    struct buf out, err;
    int exits, code, signal;
    size_t stop_after; /* bytes of stdout; 0 = never */
    bool pause_after_first, free_in_output, free_in_exit;
};

static bool seen_output(void *arg, int fd, const char *data, size_t len)
{
    struct seen *s = arg;
    buf_append(fd == 1 ? &s->out : &s->err, data, len);
    if (s->pause_after_first) {
        s->pause_after_first = false;
        child_pause(s->c, true);
    }
    if (s->free_in_output) {
        child_free(s->c);
        s->c = NULL;
    }
    return s->stop_after == 0 || s->out.len < s->stop_after;
}

static void seen_exit(void *arg, int code, int sig)
{
    struct seen *s = arg;
    s->exits++;
    s->code = code;
    s->signal = sig;
    if (s->free_in_exit) {
        child_free(s->c);
        s->c = NULL;
    }
}

static const struct child_ops ops = { seen_output, seen_exit };

static void begin(struct seen *s)
{
    struct err e = { 0 };
    need_programs();
    s->l = loop_new(&e);
    assert_non_null(s->l);
}

static void start(struct seen *s, const struct child_options *o)
{
    struct err e = { 0 };
    s->c = child_start(s->l, o, &ops, s, &e);
    if (!s->c)
        fail_msg("%s", e.text);
}

static void start_sh(struct seen *s, const char *script)
{
    const char *const argv[] = { "sh", "-c", script, NULL };
    const struct child_options o = { .argv = argv, .stdin_fd = -1, .stdout_fd = -1 };
    start(s, &o);
}

static void until_exit(struct seen *s)
{
    int64_t end = clock_mono_ms() + 20000;
    while (s->exits == 0 && clock_mono_ms() < end)
        loop_poll(s->l, 1000);
    assert_int_equal(s->exits, 1);
}

static void until_output(struct seen *s, size_t len)
{
    int64_t end = clock_mono_ms() + 20000;
    while (s->out.len < len && clock_mono_ms() < end)
        loop_poll(s->l, 1000);
    assert_true(s->out.len >= len);
}

static void finish(struct seen *s)
{
    child_free(s->c);
    loop_free(s->l);
    buf_fini(&s->out);
    buf_fini(&s->err);
}

static void test_output_and_code(void **state)
{
    (void)state;
    struct seen s = { 0 };
    begin(&s);
    start_sh(&s, "echo out; echo err >&2; exit 7");
    until_exit(&s);
    assert_string_equal(buf_cstr(&s.out), "out\n");
    assert_string_equal(buf_cstr(&s.err), "err\n");
    assert_int_equal(s.code, 7);
    assert_int_equal(s.signal, 0);
    assert_int_equal(kill(child_pid(s.c), 0), 0); /* a zombie still: the group keeps its number */
    finish(&s);
}

static void test_argv_is_not_a_shell(void **state)
{
    (void)state;
    struct seen s = { 0 };
    begin(&s);
    const char *const argv[] = { "printf", "%s|", "$(id)", "a b", ";ls", "", NULL };
    const struct child_options o = { .argv = argv, .stdin_fd = -1, .stdout_fd = -1 };
    start(&s, &o);
    until_exit(&s);
    assert_string_equal(buf_cstr(&s.out), "$(id)|a b|;ls||");
    finish(&s);
}

static void test_signal_is_told(void **state)
{
    (void)state;
    struct seen s = { 0 };
    begin(&s);
    start_sh(&s, "echo up; sleep 600; echo never");
    until_output(&s, 3);
    child_signal(s.c, SIGTERM);
    until_exit(&s);
    assert_int_equal(s.code, -1);
    assert_int_equal(s.signal, SIGTERM);
    assert_string_equal(buf_cstr(&s.out), "up\n"); /* the sleep got it too, or the pipe would be
                                                      open */
    finish(&s);
}

/* More than a pipe holds, both ways at once. */
static void test_stdin_through_cat(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    struct seen s = { 0 };
    begin(&s);
    char *data = malloc(SIZE);
    assert_non_null(data);
    for (int i = 0; i < SIZE; i++)
        data[i] = (char)(i % 251);
    const char *const argv[] = { "cat", NULL };
    const struct child_options o = {
        .argv = argv, .stdin_data = data, .stdin_len = SIZE, .stdin_fd = -1, .stdout_fd = -1
    };
    start(&s, &o);
    until_exit(&s);
    assert_int_equal(s.out.len, SIZE);
    assert_memory_equal(s.out.data, data, SIZE);
    finish(&s);
    free(data);
}

static void test_stdin_is_empty_by_default(void **state)
{
    (void)state;
    struct seen s = { 0 };
    begin(&s);
    start_sh(&s, "cat; readlink /proc/self/fd/0");
    until_exit(&s);
    assert_string_equal(buf_cstr(&s.out), "/dev/null\n");
    finish(&s);
}

static void test_child_that_closes_its_stdin(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    struct seen s = { 0 };
    begin(&s);
    char *data = calloc(1, SIZE);
    assert_non_null(data);
    const char *const argv[] = { "sh", "-c", "exec <&-; echo ok", NULL };
    const struct child_options o = {
        .argv = argv, .stdin_data = data, .stdin_len = SIZE, .stdin_fd = -1, .stdout_fd = -1
    };
    start(&s, &o);
    until_exit(&s);
    assert_string_equal(buf_cstr(&s.out), "ok\n");
    finish(&s);
    free(data);
}

static void test_files_instead_of_pipes(void **state)
{
    (void)state;
    struct seen s = { 0 };
    char path[] = "/tmp/test_spawn.XXXXXX";
    int out = mkostemp(path, O_CLOEXEC), in = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_true(out >= 0 && in >= 0);
    assert_int_equal(unlink(path), 0);
    begin(&s);
    const char *const argv[] = { "head", "-c", "10", NULL };
    const struct child_options o = { .argv = argv, .stdin_fd = in, .stdout_fd = out };
    start(&s, &o);
    until_exit(&s);
    char back[16];
    assert_int_equal(pread(out, back, sizeof back, 0), 10);
    assert_int_equal(s.out.len, 0);
    close(in);
    close(out);
    finish(&s);
}

/* Descriptors, signals, group, folder, environment. */
static void test_what_is_inherited(void **state)
{
    (void)state;
    struct seen s = { 0 };
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a careless library would */
    assert_true(leak >= 3);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    begin(&s);
    const char *const argv[] = { "sh", "-c",
                                 "set -- /proc/self/fd/*; for f; do case $f in */[012]) ;; *) [ -e "
                                 "\"$f\" ] && echo \"fd $f\";; esac; done\n"
                                 "grep -E '^Sig(Blk|Ign)' /proc/self/status; pwd; echo "
                                 "\"$A|$HOME\"; exec ps -o pgid= -o pid= -p $$",
                                 NULL };
    const char *const env[] = { "A=b c", "PATH=/usr/bin:/bin", NULL };
    const struct child_options o = {
        .argv = argv, .env = env, .cwd = "/usr", .stdin_fd = -1, .stdout_fd = -1
    };
    start(&s, &o);
    until_exit(&s);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
    char want[256];
    snprintf(want, sizeof want, "SigBlk:\t%016x\nSigIgn:\t%016x\n/usr\nb c|\n", 0, 0);
    const char *text = buf_cstr(&s.out);
    if (strncmp(text, want, strlen(want)) != 0)
        fail_msg("got %s", text);
    int pgid = 0, pid = 0;
    assert_int_equal(sscanf(text + strlen(want), "%d %d", &pgid, &pid), 2);
    assert_int_equal(pgid, pid);
    assert_int_equal(pid, child_pid(s.c));
    close(leak);
    finish(&s);
}

static void test_plain_environment(void **state)
{
    (void)state;
    struct seen s = { 0 };
    assert_int_equal(setenv("MOONGATE_AUTH_KEYS", "secret", 1), 0);
    begin(&s);
    start_sh(&s, "env");
    until_exit(&s);
    const char *text = buf_cstr(&s.out);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "PATH="));
    finish(&s);
    unsetenv("MOONGATE_AUTH_KEYS");
}

static void test_stop_reading_ends_a_flood(void **state)
{
    (void)state;
    struct seen s = { .stop_after = 100000 };
    begin(&s);
    start_sh(&s, "exec yes");
    until_exit(&s);
    assert_int_equal(s.signal, SIGPIPE);
    assert_in_range(s.out.len, 100000, 200000);
    finish(&s);
}

/* Paused over its end: nothing is lost, and the wait neither spins nor is cut by the grace time. */
static void test_pause_keeps_what_is_in_the_pipe(void **state)
{
    (void)state;
    struct seen s = { .pause_after_first = true };
    begin(&s);
    start_sh(&s, "trap 'echo two; exit 3' USR1; echo one; sleep 60 & wait");
    struct seen t = { .l = s.l }; /* another child meanwhile, to see that the loop rests */
    until_output(&s, 4);
    child_signal(s.c, SIGUSR1);
    start_sh(&t, "sleep 1.3");
    int polls = 0;
    while (t.exits == 0) {
        loop_poll(s.l, -1);
        polls++;
    }
    assert_in_range(polls, 1, 12);
    assert_int_equal(s.exits, 0);
    assert_string_equal(buf_cstr(&s.out), "one\n");
    child_pause(s.c, false);
    until_exit(&s);
    assert_string_equal(buf_cstr(&s.out), "one\ntwo\n");
    assert_int_equal(s.code, 3);
    child_free(t.c);
    finish(&s);
}

static void test_grandchild_that_holds_the_pipes(void **state)
{
    (void)state;
    struct seen s = { 0 };
    begin(&s);
    start_sh(&s, "sleep 600 & echo $!; exit 0");
    int64_t started = clock_mono_ms();
    until_exit(&s);
    assert_in_range(clock_mono_ms() - started, 990, 10000);
    pid_t sleeper = (pid_t)atoi(buf_cstr(&s.out));
    assert_true(sleeper > 1);
    assert_int_equal(kill(sleeper, 0), 0); /* still there: it belongs to the group */
    finish(&s);
    int64_t end = clock_mono_ms() + 10000;
    char stat[64];
    snprintf(stat, sizeof stat, "/proc/%d/stat", (int)sleeper);
    for (;;) { /* gone, or a zombie that init has not fetched yet */
        FILE *f = fopen(stat, "re");
        char status = 'Z';
        if (f) {
            if (fscanf(f, "%*d %*s %c", &status) != 1)
                status = 'Z';
            fclose(f);
        }
        if (status == 'Z')
            break;
        assert_true(clock_mono_ms() < end);
    }
}

static void test_free_kills_and_reaps(void **state)
{
    (void)state;
    struct seen s = { 0 };
    begin(&s);
    start_sh(&s, "trap '' TERM; echo up; while :; do sleep 60; done");
    until_output(&s, 3);
    pid_t pid = child_pid(s.c);
    child_free(s.c);
    s.c = NULL;
    int64_t end = clock_mono_ms() + 10000;
    while (kill(pid, 0) == 0 && clock_mono_ms() < end)
        loop_poll(s.l, 10);
    assert_int_equal(kill(pid, 0), -1); /* not even a zombie */
    assert_int_equal(s.exits, 0);
    finish(&s);
}

static void test_free_then_the_loop_at_once(void **state)
{
    (void)state;
    struct seen s = { 0 };
    begin(&s);
    start_sh(&s, "sleep 600");
    pid_t pid = child_pid(s.c);
    finish(&s); /* the sanitizer sees whether something is left */
    int status;
    pid_t got = waitpid(pid, &status, 0); /* the zombie may be ours still, or reaped already */
    assert_true(got == pid || (got == -1 && errno == ECHILD));
}

static void test_free_inside_callbacks(void **state)
{
    (void)state;
    struct seen s = { .free_in_output = true }, t = { .free_in_exit = true };
    begin(&s);
    start_sh(&s, "echo a; echo b >&2; sleep 600");
    until_output(&s, 2);
    assert_null(s.c);
    t.l = s.l;
    start_sh(&t, "echo a");
    until_exit(&t);
    assert_null(t.c);
    loop_poll(s.l, 20);
    assert_int_equal(s.exits, 0);
    buf_fini(&t.out);
    finish(&s);
}

static int count_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_no_descriptor_is_left(void **state)
{
    (void)state;
    int before = count_fds();
    for (int i = 0; i < 5; i++) {
        struct seen s = { 0 };
        begin(&s);
        start_sh(&s, i % 2 ? "exit 0" : "sleep 600");
        if (i % 2)
            until_exit(&s);
        finish(&s);
    }
    assert_int_equal(count_fds(), before);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* Its input comes when the limit has been set. */
static void test_limit_of_descriptors(void **state)
{
    (void)state;
    static const char *const argv[] = { "sh", "-c", "read line; ulimit -S -n; ulimit -H -n", NULL };
    struct rlimit own, given;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
    assert_true(own.rlim_cur > 100);
    given = (struct rlimit){ 99, 100 };
    for (int i = 0; i < 2; i++) {
        struct seen s = { 0 };
        char want[64];
        const struct child_options o = { .argv = argv,
                                         .stdin_data = "go\n",
                                         .stdin_len = 3,
                                         .stdin_fd = -1,
                                         .stdout_fd = -1,
                                         .files = i ? &given : NULL };
        const struct rlimit *expected = i ? &given : &own;
        begin(&s);
        start(&s, &o);
        until_exit(&s);
        if (expected->rlim_max == RLIM_INFINITY)
            snprintf(want, sizeof want, "%llu\nunlimited\n",
                     (unsigned long long)expected->rlim_cur);
        else
            snprintf(want, sizeof want, "%llu\n%llu\n", (unsigned long long)expected->rlim_cur,
                     (unsigned long long)expected->rlim_max);
        assert_string_equal(buf_cstr(&s.out), want);
        finish(&s);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_of_descriptors),
        cmocka_unit_test(test_output_and_code),
        cmocka_unit_test(test_argv_is_not_a_shell),
        cmocka_unit_test(test_signal_is_told),
        cmocka_unit_test(test_stdin_through_cat),
        cmocka_unit_test(test_stdin_is_empty_by_default),
        cmocka_unit_test(test_child_that_closes_its_stdin),
        cmocka_unit_test(test_files_instead_of_pipes),
        cmocka_unit_test(test_what_is_inherited),
        cmocka_unit_test(test_plain_environment),
        cmocka_unit_test(test_stop_reading_ends_a_flood),
        cmocka_unit_test(test_pause_keeps_what_is_in_the_pipe),
        cmocka_unit_test(test_grandchild_that_holds_the_pipes),
        cmocka_unit_test(test_free_kills_and_reaps),
        cmocka_unit_test(test_free_then_the_loop_at_once),
        cmocka_unit_test(test_free_inside_callbacks),
        cmocka_unit_test(test_no_descriptor_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
