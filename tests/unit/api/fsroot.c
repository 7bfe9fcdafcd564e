#include "fsroot.h"

#include <stdio.h>

int fsroot_setup(void **state)
{
    struct fixture *f = fixture_new(false);
    f->policy.fs = VM_FS_WRITE;
    f->may_open = true;
    *state = f;
    return 0;
}

const char *in_root(struct fixture *f, const char *name)
{
    static char path[256];
    assert_true(snprintf(path, sizeof path, "%s/%s", f->base, name) < (int)sizeof path);
    return path;
}
