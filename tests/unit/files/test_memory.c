/* test_memory.c - memory that runs out at each request: told as such, and nothing is lost. */
#include "root.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/failing.h"

#include "base/buf.c"
#define add glob_add
#include "files/globs.c"
#undef add
#include "files/folder.c"
#include "files/ignore.c"
#include "files/read.c"
#include "files/walk.c"
#define enter many_enter
#define read_all many_read_all
#include "files/many.c"
#undef enter
#undef read_all
#include "tools/ownview.c"

static void fail_everywhere(struct root *r, int (*act)(struct root *r, struct fail *f), long least)
{
    struct fail f = { .word = "" };
    for (long n = 0;; n++) {
        failing_after = n;
        int code = act(r, &f);
        bool was_hit = failing_after == 0;
        failing_after = -1;
        if (code == 0 && !was_hit) {
            assert_true(n >= least);
            return;
        }
        if (code == 0)
            continue; /* it was the last request of all, or one that can be done without */
        assert_int_equal(code, MG_E_NOMEM);
        assert_string_equal(f.word, "NOMEM");
        assert_true(n < 1000);
    }
}

static int list(struct root *r, struct fail *f)
{
    struct walk_names names = { .count = 0 };
    struct globs globs = { .count = 0 };
    struct walk_options o = { .folder = "sub",
                              .is_recursive = true,
                              .wants_folders = true,
                              .honours_ignore = true,
                              .globs = &globs,
                              .max = 100 };
    int code = globs_init(&globs, "**/{a,b}*", f);
    if (code == 0)
        code = walk(&r->op, &o, &names, f);
    if (code == 0)
        assert_int_equal(names.count, 70);
    globs_fini(&globs);
    buf_fini(&names.text);
    return code;
}

static int read_it(struct root *r, struct fail *f)
{
    struct buf out = { 0 };
    struct file_info info;
    size_t taken;
    const struct read_options all = { .max = READ_MAX };
    int code = root_read(&r->op, "sub/a0", &all, &out, &taken, &info, f);
    files_give(r->shared, taken);
    buf_fini(&out);
    return code;
}

static int read_many(struct root *r, struct fail *f)
{
    struct buf out = { 0 };
    struct many m;
    struct stat st;
    int code = many_begin(&m, &r->op, f);
    if (code != 0)
        return code;
    assert_true(many_stat(&m, "sub/a0", &st));
    code = many_read(&m, "sub/a0", &st, READ_MAX, &out, f);
    many_end(&m);
    buf_fini(&out);
    return code == 1 ? 0 : code;
}

static int digest_it(struct root *r, struct fail *f)
{
    char hex[DIGEST_TEXT];
    int fd = open(in_base(r, "root/sub/a0"), O_RDONLY | O_CLOEXEC);
    int code = root_digest(&r->op, fd, "a0", hex, f);
    close(fd);
    return code;
}

static void test_each_request(void **state)
{
    need_programs();
    struct root *r = *state;
    char name[64];
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof name, "root/sub/%c%d", "ab"[i % 2], i);
        folder_write(r->base, name, "text");
    }
    folder_write(r->base, "root/.gitignore", "*.o\n!x\n");
    folder_write(r->base, "root/sub/.gitignore", "*.x\n");
    fail_everywhere(r, list, 15);
    fail_everywhere(r, read_it, 1);
    fail_everywhere(r, read_many, 3);
    fail_everywhere(r, digest_it, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_request, root_setup, root_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
