/* test_launch.c - which program a name means, why one does not start, and when it is killed. */
#include "io/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

static void test_names_and_paths(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int code;
    } rows[] = {
        { "sh", 0 },
        { "/bin/sh", 0 },
        { "no-such-program-xyz", MG_E_NOTFOUND },
        { "/nowhere/at/all", MG_E_NOTFOUND },
        { "/etc/passwd", MG_E_NOTFOUND }, /* not executable */
        { "/usr", MG_E_NOTFOUND },        /* a folder */
        { "./sh", MG_E_INVALID },
        { "bin/sh", MG_E_INVALID },
        { "", MG_E_NOTFOUND },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[PATH_MAX];
        struct err e = { 0 };
        assert_int_equal(launch_find(rows[i].name, path, &e), rows[i].code);
        if (rows[i].code == 0)
            assert_int_equal(path[0], '/');
        else
            assert_true(e.code == rows[i].code && e.text[0] != '\0');
    }
    char longest[PATH_MAX + 16], path[PATH_MAX];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(launch_find(longest, path, NULL), MG_E_NOTFOUND);
    assert_int_equal(launch_find(longest + 1, path, NULL), MG_E_NOTFOUND);
}

/* A relative folder in PATH is a door for whoever can write there. */
static void test_relative_path_folders_are_skipped(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_launch.XXXXXX", file[64], here[PATH_MAX], found[PATH_MAX];
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/planted", dir);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_true(fd >= 0);
    close(fd);
    char *path = strdup(getenv("PATH"));
    assert_non_null(path);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(setenv("PATH", ".::/usr/bin:/bin", 1), 0);
    assert_int_equal(launch_find("planted", found, NULL), MG_E_NOTFOUND);
    assert_int_equal(setenv("PATH", dir, 1), 0);
    assert_int_equal(launch_find("planted", found, NULL), 0);
    assert_string_equal(found, file);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(chdir(here), 0);
    unlink(file);
    rmdir(dir);
    free(path);
}

/* launch() itself tells: no zombie, no child that has to say it. */
static void test_a_start_that_fails(void **state)
{
    (void)state;
    const char *const argv[] = { "sh", NULL };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(null >= 3);
    const struct launch_fds fds = { null, null, null };
    const struct child_options o = {
        .argv = argv, .cwd = "/nowhere/at/all", .stdin_fd = -1, .stdout_fd = -1
    };
    pid_t pid = 0;
    int rc = launch("/bin/sh", &o, &fds, &pid);
    close(null);
    if (rc == 0) /* valgrind runs it as a fork, which cannot tell */
        skip();
    assert_int_equal(rc, ENOENT);
}

/* Starts a program that holds the pipe's end and is then killed itself. */
static void start_and_die(int end)
{
    static const char *const argv[] = { "sleep", "60", NULL };
    const struct child_options o = { .argv = argv, .stdin_fd = -1, .stdout_fd = end };
    const struct launch_fds theirs = { -1, -1, end };
    char program[PATH_MAX];
    pid_t pid;
    if (launch_find("sleep", program, NULL) != 0 || launch(program, &o, &theirs, &pid) != 0)
        _exit(1);
    (void)kill(getpid(), SIGKILL);
}

/* Nobody is left who could end it when its time is over. */
static void test_dies_with_the_gateway(void **state)
{
    (void)state;
    int fd[2], status;
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    pid_t gateway = fork();
    assert_true(gateway >= 0);
    if (gateway == 0)
        start_and_die(fd[1]);
    close(fd[1]);
    assert_int_equal(waitpid(gateway, &status, 0), gateway);
    assert_true(WIFSIGNALED(status));
    struct pollfd end = { .fd = fd[0], .events = POLLIN };
    assert_int_equal(poll(&end, 1, 10000), 1);
    char byte;
    assert_int_equal(read(fd[0], &byte, 1), 0);
    close(fd[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_paths),
        cmocka_unit_test(test_relative_path_folders_are_skipped),
        cmocka_unit_test(test_a_start_that_fails),
        cmocka_unit_test(test_dies_with_the_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
