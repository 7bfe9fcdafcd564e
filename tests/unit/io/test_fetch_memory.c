/* test_fetch_memory.c - memory runs out at every single request for it, one after the other: the
 * answer is whole or the word is NOMEM, nothing hangs, and nothing leaks (the sanitizers look). The
 * files that allocate are compiled into this program with a malloc that can be told to fail. */
#include "support/failing.h"

#include "base/buf.c"
#include "io/fetch.c"
#include "io/fetch_answer.c"
#include "io/fetch_hop.c"
#include "io/fetch_multi.c"
#include "io/fetch_request.c"
#include "io/fetch_url.c"
#undef malloc
#undef calloc
#undef realloc
#undef strndup

#include "fetch_fixture.h"

/* true: as if nothing were amiss. */
static bool survives(struct test *t, const char *path, long requests)
{
    struct err e = { 0 };
    const char *word = NULL;
    int status = 0, before = t->done;

    failing_after = requests;
    struct fetch *f = start(t, path, &e);
    for (int64_t end = clock_mono_ms() + LIMIT_MS; f && t->done == before;) {
        if (clock_mono_ms() > end)
            fail_msg("%s after %ld requests: it hangs", path, requests);
        loop_poll(t->loop, 100);
    }
    failing_after = -1;
    if (f) {
        word = fetch_answer(f)->word;
        status = fetch_answer(f)->status;
        if (word && strcmp(word, "NOMEM") != 0)
            fail_msg("%s after %ld requests: %s: %s", path, requests, word, fetch_answer(f)->error);
        if (!word)
            assert_int_equal(status, 200);
        fetch_drop(f);
    } else {
        assert_int_equal(e.code, MG_E_NOMEM);
    }
    return f && !word;
}

static void test_every_request(void **state)
{
    static const struct fetch_header fields[] = { { "X-A", "b" }, { "X-Empty", "" } };
    static const char *const paths[] = { "/echo", "/to?307+/chunked", "/cookies", "/early" };
    struct test *t = *state;
    t->o.redirects = 1;
    t->o.headers = fields;
    t->o.header_count = 2;
    t->o.method = "POST";
    t->o.body = "body";
    t->o.body_len = 4;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        long n = 0;
        /* From nothing each time: sockets and the multi handle are made anew. */
        for (bool is_whole = false; !is_whole; n++) {
            if (n == 300)
                fail_msg("%s: no end", paths[i]);
            fetch_multi_close(t->fetcher);
            is_whole = survives(t, paths[i], n);
        }
        assert_true(n > 5);
    }
    assert_int_equal(t->fetcher->held, 0);
    assert_int_equal(t->fetcher->run + t->fetcher->queued, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_request, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
