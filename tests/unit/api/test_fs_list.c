/* test_fs_list.c - mcp.fs.list and mcp.fs.glob: what is told, in which order, and what is left out.
 */
#include "fsroot.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_list(void **state)
{
    need_programs();
    struct fixture *f = *state;
    static const char *const files[] = { "p/a.c",        "p/a-b.c",       "p/a/x.c",
                                         "p/a/deep/y.h", "p/b.txt",       "p/.hidden",
                                         "p/z/q.c",      "p/build/out.o", "p/a/keep.o" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        fixture_write(f, files[i], "x");
    fixture_write(f, "p/.gitignore", "# comment\n*.o\n!keep.o\n/build/\n/z\n");
    fixture_write(f, "p/a/.gitignore", "deep/\n");
    fixture_write(f, "p/.git/config", "x");
    assert_int_equal(symlink("a.c", in_root(f, "p/link")), 0);
    assert_int_equal(mkfifo(in_root(f, "p/pipe"), 0600), 0);
#define JOIN(call) \
    "local l, m, c = " call " return table.concat(l or {c}, ' ') .. (l and m and '!' or '')"
    static const struct example examples[] = {
        { JOIN("mcp.fs.list('p')"), "p/.gitignore p/.hidden p/a-b.c p/a.c p/b.txt" },
        { JOIN("mcp.fs.list('p/', {dirs=true})"),
          "p/.git/ p/.gitignore p/.hidden p/a-b.c p/a.c p/a/ p/b.txt p/build/ p/z/" },
        { JOIN("mcp.fs.list('p/a', {recursive=true})"),
          "p/a/.gitignore p/a/deep/y.h p/a/keep.o p/a/x.c" },
        { JOIN("mcp.fs.list('p', {glob='*.c'})"), "p/a-b.c p/a.c" },
        { JOIN("mcp.fs.list('p', {glob='**/*.c'})"), "p/a-b.c p/a.c p/a/x.c p/z/q.c" },
        { JOIN("mcp.fs.list('p', {glob='*/*.{c,o}'})"),
          "p/a/keep.o p/a/x.c p/build/out.o p/z/q.c" },
        { JOIN("mcp.fs.list('p', {glob='**/*.c', recursive=false})"), "p/a-b.c p/a.c" },
        { JOIN("mcp.fs.list('p', {max=2})"), "p/.gitignore p/.hidden!" },
        { JOIN("mcp.fs.list('p', {max=5})"), "p/.gitignore p/.hidden p/a-b.c p/a.c p/b.txt" },
        { JOIN("mcp.fs.list('p', {recursive=true, gitignore=true})"),
          "p/.gitignore p/.hidden p/a-b.c p/a.c p/a/.gitignore p/a/keep.o p/a/x.c p/b.txt" },
        { JOIN("mcp.fs.list('p/a', {recursive=true, gitignore=true})"),
          "p/a/.gitignore p/a/keep.o p/a/x.c" },
        { JOIN("mcp.fs.glob('p/*.c')"), "p/a-b.c p/a.c" },
        { JOIN("mcp.fs.glob('p/**/*.h')"), "p/a/deep/y.h" },
        { JOIN("mcp.fs.glob('**/q.[a-d]')"), "p/z/q.c" },
        { JOIN("mcp.fs.glob('p/a.c')"), "p/a.c" },
        { JOIN("mcp.fs.glob('{p,none}/b.*')"), "p/b.txt" },
        { JOIN("mcp.fs.glob('none/*.c')"), "" },
        { JOIN("mcp.fs.glob('../*')"), "DENIED" },
        { JOIN("mcp.fs.glob('/etc/*')"), "DENIED" },
        { JOIN("mcp.fs.glob('*\\0')"), "INVALID" },
        { JOIN("mcp.fs.list('none')"), "ENOENT" },
        { JOIN("mcp.fs.list('p/a.c')"), "ENOTDIR" },
        { JOIN("mcp.fs.list('..')"), "DENIED" },
        { JOIN("mcp.fs.list('p', {glob=('{a,b}'):rep(8)})"), "TOO_LARGE" },
        { NULL, NULL },
    };
    check_all(f, examples);
    fixture_write(f, "n/a\nb", "x");
    fixture_write(f, "n/\xff", "x");
    fixture_write(f, "n/ok", "x");
    check(f, JOIN("mcp.fs.list('n')"), "n/ok!");
}

/* More names than one piece of them. */
static void test_many(void **state)
{
    need_programs();
    struct fixture *f = *state;
    char name[64];
    int n = 2001;
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "many/%06d", i);
        fixture_write(f, name, "");
    }
    check(f,
          "local l, m = mcp.fs.list('many') return #l .. l[1] .. l[1001] .. l[#l] .. tostring(m)",
          "2001many/000000many/001000many/002000nil");
    check(f, "return #mcp.fs.list('many', {max=2001}) .. ' ' .. #mcp.fs.list('many', {max=2000})",
          "2001 2000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_list, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many, fsroot_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
