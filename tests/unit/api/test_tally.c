/* test_tally.c - mcp.fs.tally and mcp.host as a tool sees them. */
#include "fsroot.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file's result, in one line. */
#define SHOW                                                                                     \
    "local function show(f) if type(f) ~= 'table' then return tostring(f) end "                  \
    "if f.skipped then return f.size .. ' ' .. f.skipped end "                                   \
    "return f.lines .. ' ' .. f.code .. ' ' .. f.comment .. ' ' .. f.blank .. ' ' .. f.markers " \
    "end "                                                                                       \
    "local function all(...) local l, m, c = mcp.fs.tally(...) if not l then return c .. m end " \
    "local o = {} for i, f in ipairs(l) do o[i] = show(f) end return table.concat(o, ', ') end "

static void test_tally(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "a.c", "/* NOTE\n*/\nint x; // y\n\n#include <a>\n");
    fixture_write(f, "empty", "");
    fixture_write(f, "sub/b.c", "int y;");
    assert_int_equal(symlink("a.c", in_root(f, "link")), 0);
    static const struct example examples[] = {
        { SHOW
          "return all({'a.c', 'empty', 'sub/b.c', 'none', 'sub', 'link', '..', '', '/etc/passwd',"
          " 'a\\0.c'}, {line={'//'}, block={{'/*', '*/'}}, markers={'NOTE'}})",
          "5 2 2 1 1, 0 0 0 0 0, 1 1 0 0 0, false, false, false, false, false, false, false" },
        { SHOW "return all({'a.c'})", "5 4 0 1 0" },
        { SHOW "return all({})", "" },
        { SHOW "return all({'a.c', 'sub/b.c'}, {max=6})", "37 large, 1 1 0 0 0" },
        { "local f = mcp.fs.tally({'a.c'}, {keep={'^#include', 'int'}, count={'int', '^int', "
          "'zz'}})[1] "
          "return table.concat(f.kept, '|') .. table.concat(f.counts, ' ')",
          "int x; // y|#include <a>1 1 0" },
        { "local f = mcp.fs.tally({'a.c'}, {section={{'int', '#'}}})[1] return "
          "table.concat(f.kept, '|')",
          "int x; // y|#include <a>" },
        { SHOW "local s = mcp.fs.tally({'a.c'})[1].stamp "
               "return all({'a.c', 'sub/b.c', 'none'}, {known={s, s, s}})",
          "true, 1 1 0 0 0, false" },
        { SHOW "local s = mcp.fs.tally({'a.c'})[1].stamp mcp.fs.append('a.c', 'x') "
               "return all({'a.c'}, {known={s}})",
          "6 5 0 1 0" },
        { "local a, b = mcp.fs.tally({'a.c'})[1], mcp.fs.stat('a.c') "
          "return tostring(a.modified == b.modified and a.size == b.size)",
          "true" },
        { NULL, NULL },
    };
    check_all(f, examples);
}

static void test_binary_and_many(void **state)
{
    need_programs();
    struct fixture *f = *state;
    check(f,
          SHOW "mcp.fs.write('z', 'a\\0b') mcp.fs.write('late', ('x'):rep(8000) .. '\\0') "
               "return all({'z', 'late'})",
          "3 binary, 1 1 0 0 0");
    check(f,
          "local p = {} for i = 1, 500 do p[i] = 'p/' .. i end mcp.fs.mkdir('p') "
          "for i = 1, 500 do mcp.fs.write(p[i], ('x\\n'):rep(i)) end "
          "local n = 0 for _, f in ipairs(mcp.fs.tally(p)) do n = n + f.lines end return n",
          "125250");
    /* 1 MB of kept lines in one call is a limit, and says so. */
    check(f,
          "local line = ('x'):rep(239) .. '\\n' local p = {} "
          "for i = 1, 12 do p[i] = 'k/' .. i end mcp.fs.mkdir('k') "
          "for i = 1, 12 do mcp.fs.write(p[i], line:rep(401)) end "
          "local l, m, c = mcp.fs.tally(p, {keep={'^x'}}) "
          "local one = mcp.fs.tally({p[1]}, {keep={'^x'}})[1] "
          "return c .. ' ' .. #one.kept .. ' ' .. one.more",
          "TOO_LARGE 400 1");
}

static void test_refused(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct stat st;
    fixture_write(f, "a", "x");
    fixture_write(f, "b/c", "x");
    assert_int_equal(stat(in_root(f, "a"), &st), 0);
    f->denied = st.st_ino;
    check(f, SHOW "return all({'a', 'b/c'})", "false, 1 1 0 0 0");
    assert_int_equal(stat(in_root(f, "b"), &st), 0);
    f->denied = st.st_ino;
    check(f, SHOW "return all({'a', 'b/c', 'a'})", "1 1 0 0 0, false, 1 1 0 0 0");
}

static void test_misuse(void **state)
{
    struct fixture *f = *state;
    static const char *const lines[] = {
        "mcp.fs.tally()",
        "mcp.fs.tally('a')",
        "mcp.fs.tally({1})",
        "mcp.fs.tally(many)",
        "mcp.fs.tally({}, {lines={}})",
        "mcp.fs.tally({}, {line='//'})",
        "mcp.fs.tally({}, {line={''}})",
        "mcp.fs.tally({}, {line={'a\\0'}})",
        "mcp.fs.tally({}, {line={1}})",
        "mcp.fs.tally({}, {line={('x'):rep(101)}})",
        "mcp.fs.tally({}, {count=words})",
        "mcp.fs.tally({}, {keep={'^'}})",
        "mcp.fs.tally({}, {block={'/*', '*/'}})",
        "mcp.fs.tally({}, {block={{'/*'}}})",
        "mcp.fs.tally({}, {block={{'/*', ''}}})",
        "mcp.fs.tally({}, {text={{'a', 'b', 'c'}}})",
        "mcp.fs.tally({}, {quotes=1})",
        "mcp.fs.tally({}, {known=1})",
        "mcp.fs.tally({}, {max='17M'})",
    };
    check_raises(f,
                 "local many, words = {}, {} for i = 1, 501 do many[i] = 'x' end "
                 "for i = 1, 25 do words[i] = 'x' end",
                 lines, sizeof lines / sizeof *lines);
}

static void test_no_grant(void **state)
{
    struct fixture *f = *state;
    f->policy.fs = VM_FS_NONE;
    check(f, "local ok, m = pcall(function() return mcp.fs.tally end) return m:match('mcp.fs.*')",
          "mcp.fs: not granted; write in mcp.ini: [tool t] fs = read");
}

static void test_host(void **state)
{
    struct fixture *f = *state;
    check(f,
          "local h = mcp.host.status() local p = h.process "
          "return tostring(#h.load == 3 and h.processors >= 1 and h.uptime > 0 "
          "and h.memory.available <= h.memory.total and h.disk.available <= h.disk.total "
          "and p.uptime >= 0 and p.memory > 0 and p.threads >= 1 and p.descriptors > 2)",
          "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tally, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_binary_and_many, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_misuse, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_grant, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_host, fsroot_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
