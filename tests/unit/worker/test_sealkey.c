/* test_sealkey.c - the key of requestState is the same after a restart, and nobody else's to read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/folder.h"
#include "worker/sealkey.h"

struct place {
    char dir[FOLDER_PATH], state[FOLDER_PATH + 32], file[FOLDER_PATH + 64];
};

static void place_make(struct place *p)
{
    folder_make(p->dir, "sealkey");
    snprintf(p->state, sizeof p->state, "%s/state.json", p->dir);
    snprintf(p->file, sizeof p->file, "%s" SEALKEY_SUFFIX, p->state);
}

static void opens(const struct place *p, struct seal_key *k)
{
    struct err e = { 0 };
    memset(k, 0, sizeof *k);
    if (sealkey_open(p->state, k, &e) != 0)
        fail_msg("%s", e.text);
}

static bool same(const struct seal_key *a, const struct seal_key *b)
{
    return memcmp(a->secret, b->secret, sizeof a->secret) == 0;
}

static void test_kept(void **state)
{
    struct place p;
    struct seal_key a, b, none = { { 0 } };
    struct stat st;
    (void)state;
    place_make(&p);
    opens(&p, &a);
    assert_false(same(&a, &none));
    assert_int_equal(stat(p.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    opens(&p, &b);
    assert_true(same(&a, &b));
    folder_remove(p.dir);
}

/* Garbage, a link, what others can read: none of these is our key; there is a new one. */
static void test_replaced(void **state)
{
    struct place p;
    struct seal_key a, b, c;
    char other[FOLDER_PATH + 32];
    (void)state;
    place_make(&p);
    opens(&p, &a);
    folder_write(p.dir, "state.json-seal", "too short\n");
    assert_int_equal(chmod(p.file, 0600), 0);
    opens(&p, &b);
    assert_false(same(&a, &b));
    assert_int_equal(chmod(p.file, 0644), 0);
    opens(&p, &c);
    assert_false(same(&b, &c));
    snprintf(other, sizeof other, "%s/other", p.dir);
    assert_int_equal(rename(p.file, other), 0);
    assert_int_equal(symlink(other, p.file), 0);
    opens(&p, &a);
    assert_false(same(&a, &c));
    opens(&p, &b);
    assert_true(same(&a, &b));
    folder_remove(p.dir);
}

/* What cannot be kept is there all the same, for this process. */
static void test_unwritable(void **state)
{
    struct place p;
    struct seal_key a = { { 0 } }, none = { { 0 } };
    struct err e = { 0 };
    (void)state;
    place_make(&p);
    snprintf(p.state, sizeof p.state, "%s/none/state.json", p.dir);
    assert_int_equal(sealkey_open(p.state, &a, &e), MG_E_IO);
    assert_non_null(strstr(e.text, "none/state.json-seal"));
    assert_false(same(&a, &none));
    folder_remove(p.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_unwritable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
