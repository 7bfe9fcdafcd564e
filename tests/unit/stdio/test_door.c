/* Who stands before a door: somebody opens it, or nobody, or not for all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stdio/door.h"

#define CROWD 1000

static void turns_away_a_crowd(void **state)
{
    char dir[] = "/tmp/moongate-door-XXXXXX", path[64];
    int door = -1, fds[CROWD], code = 0;
    size_t n = 0;
    struct err e = { 0 };
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s.json", dir);
    assert_int_equal(door_connect(path, &fds[0], &e), MG_E_NOTFOUND);
    assert_int_equal(door_open(path, &door, &e), 0);
    while (n < CROWD && (code = door_connect(path, &fds[n], &e)) == 0)
        n++;
    assert_true(n > 1 && n < CROWD); /* it came back, though nobody was let in */
    assert_int_equal(code, MG_E_NOTFOUND);
    while (n > 0)
        close(fds[--n]);
    close(door);
    assert_int_equal(door_connect(path, &fds[0], &e), MG_E_NOTFOUND); /* a socket of nobody */
    door_remove(path);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(turns_away_a_crowd) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
