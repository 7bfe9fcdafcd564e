/* fetch_fixture.h - a loop with a fetcher and a server to ask. */
#ifndef MG_TEST_FETCH_FIXTURE_H
#define MG_TEST_FETCH_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/fetch.h"
#include "support/web.h"

#define LIMIT_MS 20000

struct test {
    struct loop *loop;
    struct fetcher *fetcher;
    struct web *web;
    char grants[3][64];
    const char *hosts[4];
    struct fetch_options o; /* what requests begin with */
    int done;
};

int setup(void **state);
int teardown(void **state);
/* text: the whole URL, or a path on the test's server. NULL with the reason. */
struct fetch *start(struct test *t, const char *text, struct err *e);
void turn_until_done(struct test *t, int n);
/* A request from begin to end; must start. */
struct fetch *get(struct test *t, const char *text);
/* want: the body, or "!WORD" */
void check(struct test *t, const char *text, int status, const char *want);
/* What the server got is the answer. Static storage. */
const char *echo(struct test *t, const char *path);
void assert_has(const char *text, const char *part, bool is_there);

#endif
