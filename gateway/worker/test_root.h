/* test_root.h - the folder that stands for [paths] root while a test runs. Threads: one owner. */
#ifndef MG_TEST_ROOT_H
#define MG_TEST_ROOT_H
#include <limits.h>
#include <stddef.h>

#include "base/err.h"

struct test_root {
    char folder[PATH_MAX]; /* made for it; "": none */
    char path[PATH_MAX];   /* the root, in that folder: absolute, without symbolic links */
    char index[PATH_MAX];  /* a name beside it, for a full-text index */
};
int test_root_make(struct test_root *r, struct err *e) MG_NODISCARD; /* in TMPDIR; empty */
void test_root_remove(struct test_root *r); /* with all that is in it; legal without one */
/* path: relative, without "." and "..". Makes the folders above; a file that is there is replaced.
 */
int test_root_write(const struct test_root *r, const char *path, const char *data, size_t len,
                    struct err *e) MG_NODISCARD;

#endif
