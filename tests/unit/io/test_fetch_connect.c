/* test_fetch_connect.c - a server that takes no connection: its line is full, so nothing answers.
 */
#include "fetch_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define MOST_CALLERS 64
#define PATIENCE_MS 300 /* on loopback a connection that is taken is taken at once */

struct full {
    int listener, callers[MOST_CALLERS];
    unsigned count;
    uint16_t port;
};

static bool is_taken(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    return poll(&p, 1, PATIENCE_MS) == 1;
}

/* Calls until one is left waiting. */
static void fill(struct full *f)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(f->listener, 0), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &size), 0);
    f->port = ntohs(at.sin_port);
    while (f->count < MOST_CALLERS) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        f->callers[f->count++] = fd;
        int rc = connect(fd, (struct sockaddr *)&at, sizeof at);
        assert_true(rc == 0 || errno == EINPROGRESS);
        if (rc != 0 && !is_taken(fd))
            return;
    }
    fail_msg("the line is never full");
}

static void test_no_connection(void **state)
{
    struct test *t = *state;
    struct full f = { 0 };
    char url[64];
    fill(&f);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", f.port);
    snprintf(t->grants[0], sizeof t->grants[0], "127.0.0.1:%u", f.port);
    /* The request's own time, when that is shorter; else the time for a connection. */
    t->o.timeout_ms = 200;
    int64_t begin = clock_mono_ms();
    check(t, url, 0, "!TIMEOUT");
    assert_true(clock_mono_ms() - begin < FETCH_CONNECT_MS);
    t->o.timeout_ms = 3 * FETCH_CONNECT_MS;
    begin = clock_mono_ms();
    struct fetch *got = get(t, url);
    const struct fetch_answer *a = fetch_answer(got);
    assert_non_null(a->word);
    assert_string_equal(a->word, "TIMEOUT");
    assert_string_equal(a->error, "no connection to 127.0.0.1 within 10 s");
    assert_true(clock_mono_ms() - begin >= FETCH_CONNECT_MS - 100);
    fetch_drop(got);
    for (unsigned i = 0; i < f.count; i++)
        close(f.callers[i]);
    close(f.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_connection, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
