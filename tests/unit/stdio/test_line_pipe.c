/* Lines over real descriptors: pipes, a socket, a file; who does not read stops being read. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stdio/line_pipe.h"

struct side {
    struct line_pipe *pipe;
    size_t lines, faults, ended, flushed;
    bool is_lost, echoes;
    bool drops_torn; /* of the pipe's options */
};

static void line(void *arg, const char *text, size_t len)
{
    struct side *s = arg;
    s->lines++;
    if (s->echoes)
        (void)line_pipe_send(s->pipe, text, len);
}

static void fault(void *arg, enum line_fault f)
{
    struct side *s = arg;
    (void)f;
    s->faults++;
}

static void ended(void *arg, bool is_lost)
{
    struct side *s = arg;
    s->ended++;
    s->is_lost = is_lost;
}

static void flushed(void *arg)
{
    struct side *s = arg;
    s->flushed++;
}

static const struct line_pipe_ops ops = { .lines = { .line = line, .fault = fault },
                                          .ended = ended,
                                          .flushed = flushed };

static void open_pair(struct loop *l, struct side *s, int in, int out)
{
    struct err e = { 0 };
    struct line_pipe_options o = {
        .in_fd = in, .out_fd = out, .max_line = 64, .max_queue = 4096, .drops_torn = s->drops_torn
    };
    s->pipe = line_pipe_new(l, &o, &ops, s, &e);
    assert_non_null(s->pipe);
}

static struct loop *loop_make(void)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    assert_non_null(l);
    return l;
}

static void serves_pipes(void **state)
{
    int in[2], out[2];
    char text[64] = "";
    struct side s = { .echoes = true };
    struct loop *l = loop_make();
    (void)state;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    open_pair(l, &s, in[0], out[1]);
    assert_int_equal(write(in[1], "one\ntwo", 7), 7);
    while (s.lines < 1)
        loop_poll(l, 1000);
    close(in[1]);
    while (!s.ended)
        loop_poll(l, 1000);
    assert_int_equal(s.lines, 2); /* the last one has no end */
    assert_false(s.is_lost);
    assert_int_equal(read(out[0], text, sizeof text), 8);
    assert_string_equal(text, "one\ntwo\n");
    line_pipe_free(s.pipe);
    close(out[0]);
    loop_free(l);
}

static void serves_files(void **state)
{
    char name[] = "/tmp/moongate-line-XXXXXX", text[64] = "";
    int in = mkstemp(name), out[2];
    struct side s = { .echoes = true };
    struct loop *l = loop_make();
    (void)state;
    assert_true(in >= 0);
    unlink(name);
    assert_int_equal(write(in, "one\ntwo\n", 8), 8);
    assert_int_equal(lseek(in, 0, SEEK_SET), 0);
    assert_int_equal(pipe(out), 0);
    open_pair(l, &s, in, out[1]);
    while (!s.ended)
        loop_poll(l, 1000);
    assert_int_equal(read(out[0], text, sizeof text), 8);
    assert_string_equal(text, "one\ntwo\n");
    line_pipe_free(s.pipe);
    close(out[0]);
    loop_free(l);
}

/* What was answered and is not read is bounded, however much is asked; then it all comes. */
static void stops_reading(void **state)
{
    int asks[2];
    char text[4096];
    struct side s = { .echoes = true };
    struct loop *l = loop_make();
    size_t sent = 0, got = 0, most = 0;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, asks), 0);
    open_pair(l, &s, asks[0], dup(asks[0]));
    for (;;) {
        ssize_t n = write(asks[1], "0123456789012345678901234567890\n", 32);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        size_t before = s.lines;
        loop_poll(l, 10);
        if (line_pipe_queued(s.pipe) > most)
            most = line_pipe_queued(s.pipe);
        if (s.lines == before)
            break;
    }
    assert_true(most > 4096);
    assert_true(most < 4096 + 2 * 65536); /* one read more at most */
    shutdown(asks[1], SHUT_WR);
    while (got < sent) {
        ssize_t n = read(asks[1], text, sizeof text);
        if (n > 0)
            got += (size_t)n;
        else
            loop_poll(l, 1000);
    }
    while (!s.ended)
        loop_poll(l, 1000);
    assert_int_equal(got, sent);
    assert_true(s.flushed > 0);
    assert_int_equal(line_pipe_queued(s.pipe), 0);
    line_pipe_free(s.pipe);
    close(asks[1]);
    loop_free(l);
}

static void tells_who_is_lost(void **state)
{
    int in[2], out[2];
    struct side s = { .echoes = true };
    struct loop *l = loop_make();
    (void)state;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    open_pair(l, &s, in[0], out[1]);
    close(out[0]);
    assert_int_equal(write(in[1], "one\n", 4), 4);
    while (!s.ended)
        loop_poll(l, 1000);
    assert_true(s.is_lost);
    assert_int_equal(s.ended, 1);
    assert_false(line_pipe_send(s.pipe, "x", 1));
    line_pipe_free(s.pipe);
    close(in[1]);
    loop_free(l);
}

/* Who has answered and gone is heard to the end, though nothing can be said to it any more. */
static void hears_last_words(void **state)
{
    int ends[2];
    const size_t count = 4000; /* several reads */
    char *text = malloc(count * 32 + 1);
    struct side s = { 0 };
    struct loop *l = loop_make();
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    open_pair(l, &s, ends[0], dup(ends[0]));
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        snprintf(text + i * 32, 33, "%031zu\n", i);
    assert_int_equal(write(ends[1], text, count * 32), count * 32);
    free(text);
    assert_int_equal(write(ends[1], "last", 4), 4);
    close(ends[1]);
    assert_false(line_pipe_send(s.pipe, "x", 1));
    while (!s.ended)
        loop_poll(l, 1000);
    assert_int_equal(s.lines, count + 1);
    assert_true(s.is_lost);
    assert_int_equal(s.ended, 1);
    line_pipe_free(s.pipe);
    loop_free(l);
}

/* Who dies in the middle of a line has not said it, however the end is noticed. */
static void drops_what_is_torn(void **state)
{
    (void)state;
    for (int is_lost = 0; is_lost <= 1; is_lost++) {
        int ends[2];
        struct side s = { .drops_torn = true };
        struct loop *l = loop_make();
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        open_pair(l, &s, ends[0], dup(ends[0]));
        assert_int_equal(write(ends[1], "one\ntw", 6), 6);
        close(ends[1]);
        if (is_lost)
            assert_false(line_pipe_send(s.pipe, "x", 1));
        while (!s.ended)
            loop_poll(l, 1000);
        assert_int_equal(s.lines, 1);
        assert_int_equal(s.faults, 0);
        assert_int_equal(s.is_lost, is_lost);
        line_pipe_free(s.pipe);
        loop_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_pipes),     cmocka_unit_test(serves_files),
        cmocka_unit_test(stops_reading),    cmocka_unit_test(tells_who_is_lost),
        cmocka_unit_test(hears_last_words), cmocka_unit_test(drops_what_is_torn)
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
