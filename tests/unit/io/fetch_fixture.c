#include "fetch_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int setup(void **state)
{
    struct test *t = calloc(1, sizeof *t);
    struct err e = { 0 };
    assert_non_null(t);
    t->web = web_start();
    t->loop = loop_new(&e);
    assert_non_null(t->loop);
    t->fetcher = fetcher_new(t->loop, metrics_slot(0));
    assert_non_null(t->fetcher);
    snprintf(t->grants[0], sizeof t->grants[0], "127.0.0.1:%u", web_port(t->web));
    snprintf(t->grants[1], sizeof t->grants[1], "localhost:%u", web_port(t->web));
    snprintf(t->grants[2], sizeof t->grants[2], "*.invalid");
    for (int i = 0; i < 3; i++)
        t->hosts[i] = t->grants[i];
    t->o = (struct fetch_options){ .method = "GET",
                                   .timeout_ms = LIMIT_MS,
                                   .max_bytes = 1 << 20,
                                   .hosts = t->hosts,
                                   .allow_private = true,
                                   .tool = "t",
                                   .call = "c" };
    *state = t;
    return 0;
}

int teardown(void **state)
{
    struct test *t = *state;
    fetcher_free(t->fetcher);
    loop_free(t->loop);
    web_stop(t->web);
    free(t);
    return 0;
}

static void on_done(void *arg) { ++*(int *)arg; }

struct fetch *start(struct test *t, const char *text, struct err *e)
{
    char url[9000];
    struct fetch_options o = t->o;
    if (text[0] == '/')
        snprintf(url, sizeof url, "http://127.0.0.1:%u%s", web_port(t->web), text);
    else
        snprintf(url, sizeof url, "%s", text);
    o.url = url;
    return fetch_start(t->fetcher, &o, on_done, &t->done, e);
}

void turn_until_done(struct test *t, int n)
{
    int64_t end = clock_mono_ms() + LIMIT_MS;
    while (t->done < n) {
        if (clock_mono_ms() > end)
            fail_msg("%d of %d are done", t->done, n);
        loop_poll(t->loop, 100);
    }
}

struct fetch *get(struct test *t, const char *text)
{
    struct err e = { 0 };
    struct fetch *f = start(t, text, &e);
    if (!f)
        fail_msg("%s: %s", text, e.text);
    turn_until_done(t, t->done + 1);
    return f;
}

void check(struct test *t, const char *text, int status, const char *want)
{
    struct fetch *f = get(t, text);
    const struct fetch_answer *a = fetch_answer(f);
    if (want[0] == '!') {
        if (!a->word || strcmp(a->word, want + 1) != 0)
            fail_msg("%s: %s (%s), expected %s", text, a->word ? a->word : "an answer", a->error,
                     want + 1);
        assert_true(a->error[0] != '\0');
        assert_int_equal(a->body.len + a->headers.len, 0);
    } else {
        if (a->word)
            fail_msg("%s: %s: %s", text, a->word, a->error);
        assert_int_equal(a->status, status);
        assert_int_equal(a->body.len, strlen(want));
        assert_memory_equal(a->body.data ? a->body.data : "", want, strlen(want));
    }
    fetch_drop(f);
}

const char *echo(struct test *t, const char *path)
{
    static char text[8192];
    struct fetch *f = get(t, path);
    const struct fetch_answer *a = fetch_answer(f);
    if (a->word)
        fail_msg("%s: %s", path, a->error);
    assert_true(a->body.len < sizeof text);
    memcpy(text, a->body.data, a->body.len);
    text[a->body.len] = '\0';
    fetch_drop(f);
    return text;
}

void assert_has(const char *text, const char *part, bool is_there)
{
    if (!strstr(text, part) == is_there)
        fail_msg("'%s' is %s in: %s", part, is_there ? "not" : "there", text);
}
