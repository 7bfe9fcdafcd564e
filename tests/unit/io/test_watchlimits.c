/* test_watchlimits.c - following files where inotify is at one of its limits. */
#include "watching.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/folder.h"

static void test_no_watches(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    no_watch = ENOSPC;
    follow(s, 50);
    assert_int_equal(s->limited, 1);
    assert_non_null(strstr(s->why, strerror(ENOSPC)));
    follow(s, 50);
    assert_int_equal(s->limited, 1); /* told once */
    int before = s->changed;
    write_a(s);
    poll_until(s, before + 1);
    /* Well again, and told anew when it is not. */
    no_watch = 0;
    follow(s, POLL_NEVER);
    before = s->changed;
    write_new(s);
    poll_until(s, before + 1);
    no_watch = ENOSPC;
    follow(s, POLL_NEVER);
    assert_int_equal(s->limited, 2);
    site_free(s);
}

static void test_descriptor_comes_late(void **state)
{
    (void)state;
    no_descriptor = EMFILE;
    struct site *s = site_new(POLL_NEVER);
    assert_int_equal(s->limited, 1);
    no_descriptor = 0;
    follow(s, POLL_NEVER);
    write_a(s);
    poll_until(s, 1);
    site_free(s);
}

static int queue_length(void)
{
    int n = 16384;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    if (f && fscanf(f, "%d", &n) != 1)
        n = 16384;
    if (f)
        fclose(f);
    return n;
}

/* More happens than the kernel keeps: that something happened is still told. */
static void test_overflow(void **state)
{
    (void)state;
    struct site *s = site_new(POLL_NEVER);
    char one[256], two[256];
    path_of(s, "tools.d/.x", one); /* hidden: none of these events matters by itself */
    path_of(s, "tools.d/.y", two);
    folder_write(s->dir, "tools.d/.x", "x");
    stays_silent(s);
    int n = queue_length();
    if (n > 200000)
        skip();
    for (int i = 0; i < n / 2 + 10; i++) /* two events each, and none like the one before */
        assert_int_equal(i % 2 ? rename(two, one) : rename(one, two), 0);
    poll_until(s, 1);
    stays_silent(s);
    site_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_watches),
        cmocka_unit_test(test_descriptor_comes_late),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
