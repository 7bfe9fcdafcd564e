/* test_fs.c - mcp.fs as a tool sees it: every function, its codes, grants, links, denied names. */
#include "fsroot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_read(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "a.txt", "hello\nworld");
    fixture_write(f, "empty", "");
    fixture_write(f, "sub/b", "b");
    assert_int_equal(symlink("a.txt", in_root(f, "link")), 0);
    assert_int_equal(symlink("/etc/passwd", in_root(f, "out")), 0);
    assert_int_equal(symlink("none", in_root(f, "dangling")), 0);
    assert_int_equal(symlink("/proc/self/fd/0", in_root(f, "magic")), 0);
    assert_int_equal(mkfifo(in_root(f, "pipe"), 0600), 0);
    static const struct example examples[] = {
        { "local data, size = mcp.fs.read('a.txt') return data .. size", "hello\nworld11" },
        { "return '<' .. mcp.fs.read('empty') .. '>'", "<>" },
        { "return mcp.fs.read('a.txt', {offset=6})", "world" },
        { "return mcp.fs.read('a.txt', {offset=1, length=3})", "ell" },
        { "return mcp.fs.read('a.txt', {offset=9, length='1M'})", "ld" },
        { "return '<' .. mcp.fs.read('a.txt', {offset=100}) .. '>'", "<>" },
        { "return mcp.fs.read('a.txt', {max=11})", "hello\nworld" },
        { "local _, m, c = mcp.fs.read('a.txt', {max=10}) return c .. ': ' .. m",
          "TOO_LARGE: a.txt has 11 bytes to read, more than max = 10: raise max (up to 16777216), "
          "or read parts with offset and length" },
        { "return mcp.fs.read('sub/../a.txt', {length=5})", "hello" },
        { "return mcp.fs.read('./sub//b')", "b" },
        { "return mcp.fs.read('link', {length=5})", "hello" },
        { "local _, m, c = mcp.fs.read('none') return c .. ': ' .. m",
          "ENOENT: no such file or folder: none" },
        { "return select(3, mcp.fs.read('none/x'))", "ENOENT" },
        { "return select(3, mcp.fs.read('a.txt/x'))", "ENOTDIR" },
        { "return select(3, mcp.fs.read('sub'))", "EISDIR" },
        { "return select(3, mcp.fs.read('.'))", "EISDIR" },
        { "return select(3, mcp.fs.read('out'))", "DENIED" },
        { "return select(3, mcp.fs.read('magic'))", "DENIED" },
        { "return select(3, mcp.fs.read('dangling'))", "ENOENT" },
        { "return select(3, mcp.fs.read('pipe'))", "INVALID" },
        { "return select(3, mcp.fs.read('..'))", "DENIED" },
        { "return select(3, mcp.fs.read('../x'))", "DENIED" },
        { "return select(3, mcp.fs.read('sub/../../x'))", "DENIED" },
        { "return select(3, mcp.fs.read('/etc/passwd'))", "DENIED" },
        { "return select(3, mcp.fs.read('a\\0.txt'))", "INVALID" },
        { "return select(3, mcp.fs.read(('x'):rep(5000)))", "INVALID" },
        { "return select(3, mcp.fs.read(('x'):rep(300)))", "INVALID" },
        { "local _, m, c = mcp.fs.read('n\\n\\xff') return c .. ': ' .. m",
          "ENOENT: no such file or folder: n??" },
        { NULL, NULL },
    };
    check_all(f, examples);
}

static void test_misuse(void **state)
{
    struct fixture *f = *state;
    static const char *const lines[] = {
        "mcp.fs.read()",
        "mcp.fs.read({})",
        "mcp.fs.read('a', {off=1})",
        "mcp.fs.read('a', {offset=-1})",
        "mcp.fs.read('a', {max='17M'})",
        "mcp.fs.read('a', {length='17M'})",
        "mcp.fs.write('a')",
        "mcp.fs.write('a', 1)",
        "mcp.fs.write('a', 'b', {mode=1})",
        "mcp.fs.write('a', 'b', {overwrite=1})",
        "mcp.fs.write('a', 'b', {sha256='abc'})",
        "mcp.fs.write('a', 'b', {sha256=5})",
        "mcp.fs.write('a', 'b', {create=false, overwrite=false})",
        "mcp.fs.write('a', 'b', {create=true, sha256=('0'):rep(64)})",
        "mcp.fs.write('a', 'b', {create=false, sha256=''})",
        "mcp.fs.append('a', {})",
        "mcp.fs.rename('a')",
        "mcp.fs.remove('a', {sha256=''})",
        "mcp.fs.list()",
        "mcp.fs.list('', {max=0})",
        "mcp.fs.list('', {max=1.5})",
        "mcp.fs.list('', {glob=1})",
        "mcp.fs.list('', {dirs=1})",
        "mcp.fs.glob('*', {recursive=true})",
        "mcp.fs.lines(1)",
        "mcp.fs.lines('none')()",
    };
    check_raises(f, "", lines, sizeof lines / sizeof *lines);
}

static void test_write(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct stat st;
    fixture_write(f, "old", "old");
    fixture_write(f, "sub/x", "x");
    assert_int_equal(chmod(in_root(f, "old"), 0741), 0);
    assert_int_equal(symlink("old", in_root(f, "link")), 0);
    assert_int_equal(mkfifo(in_root(f, "pipe"), 0600), 0);
    static const struct example examples[] = {
        { "local w = mcp.fs.write('new', 'abc') return mcp.fs.read('new') .. w.size .. "
          "tostring(w.created) .. tostring(w.sha256 == mcp.codec.sha256('abc'))",
          "abc3truetrue" },
        { "local w = mcp.fs.write('old', 'newer') return mcp.fs.read('old') .. w.size .. "
          "tostring(w.created) .. mcp.fs.stat('old').mode",
          "newer5false0741" },
        { "mcp.fs.write('old', '') return '<' .. mcp.fs.read('old') .. '>'", "<>" },
        { "mcp.fs.write('bytes', '\\0\\xff\\r\\n') return #mcp.fs.read('bytes')", "4" },
        { "return select(3, mcp.fs.write('old', 'x', {overwrite=false}))", "EEXIST" },
        { "return select(3, mcp.fs.write('old', 'x', {create=true}))", "EEXIST" },
        { "return select(3, mcp.fs.write('none', 'x', {create=false}))", "ENOENT" },
        { "return tostring(mcp.fs.write('n1', 'x', {create=true}).created)", "true" },
        { "return tostring(mcp.fs.write('n1', 'y', {create=false}).created)", "false" },
        { "return tostring(mcp.fs.write('n2', 'x', {sha256=''}).created)", "true" },
        { "local _, m, c = mcp.fs.write('n2', 'y', {sha256=''}) return c .. ': ' .. m",
          "CONFLICT: n2 exists already: its sha256 is "
          "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" },
        { "return mcp.fs.write('n2', 'y', {sha256=mcp.codec.sha256('x'):upper()}).size", "1" },
        { "local _, m, c = mcp.fs.write('n2', 'z', {sha256=mcp.codec.sha256('x')}) return c .. "
          "tostring(m:find(mcp.codec.sha256('y'), 1, true) ~= nil) .. mcp.fs.read('n2')",
          "CONFLICTtruey" },
        { "return select(3, mcp.fs.write('none', 'y', {sha256=mcp.codec.sha256('x')}))",
          "CONFLICT" },
        { "return select(3, mcp.fs.write('none/x', 'y'))", "ENOENT" },
        { "return select(3, mcp.fs.write('sub', 'y'))", "EISDIR" },
        { "return select(3, mcp.fs.write('.', 'y'))", "INVALID" },
        { "return select(3, mcp.fs.write('sub/', 'y'))", "EISDIR" },
        { "return select(3, mcp.fs.write('link', 'y'))", "DENIED" },
        { "return select(3, mcp.fs.write('pipe', 'y'))", "INVALID" },
        { "return select(3, mcp.fs.write('../y', 'y'))", "DENIED" },
        { "return select(3, mcp.fs.write('a\\nb', 'y'))", "INVALID" },
        { "return select(3, mcp.fs.write('a\\xff', 'y'))", "INVALID" },
        { "return select(3, mcp.fs.write('a\\0b', 'y'))", "INVALID" },
        { "return mcp.fs.write('gr\\u{FC}n', 'y').size", "1" },
        { NULL, NULL },
    };
    check_all(f, examples);
    /* Nothing stays behind, and new files have the usual mode. */
    check(f, "return #mcp.fs.list('')", "6");
    assert_int_equal(stat(in_root(f, "new"), &st), 0);
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(st.st_mode & 0777, 0666 & ~mask);
}

static void test_append(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "sub/x", "x");
    assert_int_equal(symlink("sub/x", in_root(f, "link")), 0);
    static const struct example examples[] = {
        { "local w = mcp.fs.append('log', 'one\\n') local v = mcp.fs.append('log', 'two\\n') "
          "return mcp.fs.read('log') .. w.size .. v.size .. tostring(w.created) .. "
          "tostring(v.created)",
          "one\ntwo\n48truefalse" },
        { "return select(3, mcp.fs.append('link', 'y'))", "DENIED" },
        { "return select(3, mcp.fs.append('sub', 'y'))", "EISDIR" },
        { "local half = ('x'):rep(8 * 1048576) local all = half .. half\n"
          "local w = mcp.fs.write('most', all) local _, m, c = mcp.fs.write('more', all .. 'y')\n"
          "return w.size .. c .. select(3, mcp.fs.append('more', all .. 'y'))",
          "16777216TOO_LARGETOO_LARGE" },
        { "mcp.fs.append('most', 'y') return #mcp.fs.read('most', {length='16M'}) .. select(3, "
          "mcp.fs.read('most', {max='16M'}))",
          "16777216TOO_LARGE" },
        { "return select(3, mcp.fs.append('none/x', 'y'))", "ENOENT" },
        { NULL, NULL },
    };
    check_all(f, examples);
}

static void test_change(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "a", "a");
    fixture_write(f, "b", "b");
    fixture_write(f, "dir/sub/x", "x");
    fixture_write(f, "c", "c");
    char other[256];
    snprintf(other, sizeof other, "%s/c2", f->base);
    assert_int_equal(link(in_root(f, "c"), other), 0);
    assert_int_equal(symlink("a", in_root(f, "link")), 0);
    static const struct example examples[] = {
        { "return select(3, mcp.fs.rename('a', 'b'))", "EEXIST" },
        { "return tostring(mcp.fs.rename('a', 'b', {overwrite=true})) .. mcp.fs.read('b') .. "
          "select(3, mcp.fs.stat('a'))",
          "trueaENOENT" },
        { "return tostring(mcp.fs.rename('b', 'b'))", "true" },
        { "return tostring(mcp.fs.rename('b', './dir/../b'))", "true" },
        { "return select(3, mcp.fs.rename('c', 'c2'))", "EEXIST" },
        { "mcp.fs.rename('c', 'c2', {overwrite=true}) return mcp.fs.read('c2') .. select(3, "
          "mcp.fs.stat('c'))",
          "cENOENT" },
        { "return select(3, mcp.fs.rename('none', 'x'))", "ENOENT" },
        { "return select(3, mcp.fs.rename('b', 'none/x'))", "ENOENT" },
        { "return select(3, mcp.fs.rename('b', 'dir'))", "EEXIST" },
        { "return select(3, mcp.fs.rename('b', 'dir', {overwrite=true}))", "EISDIR" },
        { "return select(3, mcp.fs.rename('dir', 'b', {overwrite=true}))", "ENOTDIR" },
        { "return select(3, mcp.fs.rename('dir', 'dir/sub/y'))", "INVALID" },
        { "return select(3, mcp.fs.rename('link', 'y'))", "DENIED" },
        { "return select(3, mcp.fs.rename('b', 'link', {overwrite=true}))", "DENIED" },
        { "return select(3, mcp.fs.rename('b', '../b'))", "DENIED" },
        { "return select(3, mcp.fs.rename('b', 'x\\ny'))", "INVALID" },
        { "mcp.fs.rename('dir', 'moved') return mcp.fs.read('moved/sub/x')", "x" },
        { "return select(3, mcp.fs.remove('moved'))", "ENOTEMPTY" },
        { "return select(3, mcp.fs.remove('moved', {sha256=('0'):rep(64)}))", "EISDIR" },
        { "return select(3, mcp.fs.remove('moved/sub/x', {sha256=('0'):rep(64)}))", "CONFLICT" },
        { "return tostring(mcp.fs.remove('moved/sub/x', {sha256=mcp.codec.sha256('x')}))", "true" },
        { "return tostring(mcp.fs.remove('moved/sub'))", "true" },
        { "return tostring(mcp.fs.remove('link')) .. mcp.fs.read('b')", "truea" },
        { "return select(3, mcp.fs.remove('none'))", "ENOENT" },
        { "return select(3, mcp.fs.remove('.'))", "INVALID" },
        { "return select(3, mcp.fs.remove('..'))", "DENIED" },
        { "return tostring(mcp.fs.mkdir('d/e/f')) .. tostring(mcp.fs.mkdir('d/e/f/'))",
          "truefalse" },
        { "return select(3, mcp.fs.mkdir('b'))", "EEXIST" },
        { "return select(3, mcp.fs.mkdir('b/c'))", "EEXIST" },
        { "return select(3, mcp.fs.mkdir('../d'))", "DENIED" },
        { "return select(3, mcp.fs.mkdir('/d'))", "DENIED" },
        { "return select(3, mcp.fs.mkdir('x\\n'))", "INVALID" },
        { "return tostring(mcp.fs.mkdir(''))", "false" },
        { NULL, NULL },
    };
    check_all(f, examples);
}

static void test_stat(void **state)
{
    need_programs();
    struct fixture *f = *state;
    char want[256];
    fixture_write(f, "sub/a", "abc");
    assert_int_equal(symlink("sub/a", in_root(f, "link")), 0);
    assert_int_equal(symlink("none", in_root(f, "dangling")), 0);
    assert_int_equal(symlink("/etc", in_root(f, "out")), 0);
    static const struct example examples[] = {
        { "local s = mcp.fs.stat('sub/a') return s.type .. s.size .. s.mode .. s.path .. "
          "tostring(s.link) .. tostring(math.abs(s.modified - mcp.time.now()) < 100)",
          "file30600sub/aniltrue" },
        { "local s = mcp.fs.stat('link') return s.type .. s.path .. tostring(s.link)",
          "filesub/atrue" },
        { "local s = mcp.fs.stat('sub/') return s.type .. s.path", "foldersub" },
        { "local s = mcp.fs.stat('') return s.type .. s.path", "folder." },
        { "local s = mcp.fs.stat('dangling') return s.type .. tostring(s.link)", "linktrue" },
        { "return select(3, mcp.fs.stat('out'))", "DENIED" },
        { "return select(3, mcp.fs.stat('none'))", "ENOENT" },
        { NULL, NULL },
    };
    check_all(f, examples);
    snprintf(want, sizeof want, "%s%s/sub/a", f->base, f->base);
    check(f, "return mcp.fs.stat('.').absolute .. mcp.fs.stat('link').absolute", want);
}

static void test_lines(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "a", "one\n\nthree\r\nfour");
    fixture_write(f, "empty", "");
    static const struct example examples[] = {
        { "local t = {} for l in mcp.fs.lines('a') do t[#t+1] = l end return table.concat(t, '|')",
          "one||three\r|four" },
        { "for l in mcp.fs.lines('empty') do return l end return 'none'", "none" },
        { "mcp.fs.write('big', ('x'):rep(99, 'y') .. '\\n')\n"
          "for _ = 1, 14 do local d = mcp.fs.read('big') mcp.fs.append('big', d) end\n"
          "local n, len = 0, 0 for l in mcp.fs.lines('big') do n = n + 1 len = len + #l end\n"
          "return n .. ' ' .. len",
          "16384 3227648" },
        { "mcp.fs.write('long', ('x'):rep(1400000))\n"
          "local ok, m = pcall(mcp.fs.lines('long')) return tostring(ok) .. m:match('long.*')",
          "falselong: a line is longer than 1048576 bytes" },
        { "local next_line = mcp.fs.lines('big') next_line() mcp.fs.write('big', 'other')\n"
          "local ok, m repeat ok, m = pcall(next_line) until not ok or not m\n"
          "return m:match('big.*')",
          "big: was replaced while it was read" },
        { NULL, NULL },
    };
    check_all(f, examples);
}

/* What is granted is what works, and what does not says the line that would allow it. */
static void test_grants(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "a", "a");
    f->policy.fs = VM_FS_READ;
    static const struct example examples[] = {
        { "return mcp.fs.read('a')", "a" },
        { "return mcp.fs.stat('a').type", "file" },
        { "return #mcp.fs.glob('a')", "1" },
        { "for l in mcp.fs.lines('a') do return l end", "a" },
        { "local _, m, c = mcp.fs.write('a', 'b') return c .. ': ' .. m",
          "DENIED: the tool may not change files; in mcp.ini: [tool t] fs = write" },
        { "return select(3, mcp.fs.append('a', 'b'))", "DENIED" },
        { "return select(3, mcp.fs.rename('a', 'b'))", "DENIED" },
        { "return select(3, mcp.fs.remove('a'))", "DENIED" },
        { "return select(3, mcp.fs.mkdir('b'))", "DENIED" },
        { NULL, NULL },
    };
    check_all(f, examples);
    check(f, "return mcp.fs.read('a')", "a");
    f->policy.fs = VM_FS_NONE;
    check(f, "local ok, m = pcall(function() return mcp.fs.read end) return m:match('mcp.fs.*')",
          "mcp.fs: not granted; write in mcp.ini: [tool t] fs = read");
}

/* A folder that is refused, and what lies in it, however it is reached. */
static void test_refused(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct stat st;
    fixture_write(f, "closed/deep/x", "x");
    fixture_write(f, "up/closed/x", "x");
    fixture_write(f, "free", "f");
    assert_int_equal(symlink("closed/deep", in_root(f, "way")), 0);
    assert_int_equal(symlink("closed/deep/x", in_root(f, "soft")), 0);
    assert_int_equal(stat(in_root(f, "closed"), &st), 0);
    f->denied = st.st_ino;
    static const struct example examples[] = {
        { "return select(3, mcp.fs.read('closed/deep/x'))", "DENIED" },
        { "return select(3, mcp.fs.read('way/x'))", "DENIED" },
        { "local _, m, c = mcp.fs.read('soft') return c .. m", "DENIEDsoft is not for tools" },
        { "return select(3, mcp.fs.stat('closed'))", "DENIED" },
        { "return select(3, mcp.fs.stat('soft'))", "DENIED" },
        { "return select(3, mcp.fs.list('closed'))", "DENIED" },
        { "return select(3, mcp.fs.list('closed/deep'))", "DENIED" },
        { "return table.concat(mcp.fs.list('', {dirs=true}), ' ')", "free tools.d/ up/" },
        { "return select(3, mcp.fs.glob('closed/**'))", "DENIED" },
        { "return select(3, mcp.fs.write('closed/deep/x', 'y'))", "DENIED" },
        { "return select(3, mcp.fs.write('way/new', 'y'))", "DENIED" },
        { "return select(3, mcp.fs.append('closed/new', 'y'))", "DENIED" },
        { "return select(3, mcp.fs.rename('free', 'closed/free'))", "DENIED" },
        { "return select(3, mcp.fs.rename('closed/deep/x', 'x'))", "DENIED" },
        { "return select(3, mcp.fs.rename('closed', 'opened'))", "DENIED" },
        { "return select(3, mcp.fs.remove('closed/deep/x'))", "DENIED" },
        { "return select(3, mcp.fs.remove('closed'))", "DENIED" },
        { "return select(3, mcp.fs.mkdir('closed/more'))", "DENIED" },
        { NULL, NULL },
    };
    check_all(f, examples);
    /* A folder that holds it does not move. */
    assert_int_equal(stat(in_root(f, "up/closed/x"), &st), 0);
    f->denied = st.st_ino;
    check(f, "local _, m, c = mcp.fs.rename('up', 'down') return c .. ': ' .. m",
          "DENIED: up holds what is not for tools");
    f->o.may_make = NULL;
    check(f, "return select(3, mcp.fs.write('new', 'x'))", "DENIED");
    check(f, "return select(3, mcp.fs.write('free', 'x'))", "DENIED");
    check(f, "return mcp.fs.read('free')", "f");
    f->o.may_open = NULL;
    check(f, "return select(3, mcp.fs.read('free'))", "DENIED");
}

/* A call that ends early leaves nothing behind, and no descriptor. */
static void test_cancelled(void **state)
{
    need_programs();
    struct fixture *f = *state;
    struct call c;
    fixture_write(f, "a", "a");
    fixture_tool(f, "t",
                 "while true do local d, m, c = mcp.fs.read('a') if not d then return c end\n"
                 "d, m, c = mcp.fs.write('a', ('x'):rep(1000)) if not d then return c end end");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    cancel_later(f, &c, 30);
    call_wait(f, &c);
    assert_string_equal(call_said(&c), "!cancelled");
    call_fini(&c);
    check(f,
          "local l = {} for _, p in ipairs(mcp.fs.list('', {dirs=true})) do l[#l+1] = p end "
          "return table.concat(l, ' ')",
          "a tools.d/");
}

/* Two writers that saw the same: exactly one wins. */
static void test_race(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, "a", "0");
    check(f,
          "local wins, losses, total = 0, 0, 40\n"
          "for _ = 1, total do\n"
          "  local seen = mcp.codec.sha256(mcp.fs.read('a'))\n"
          "  local function try(v) return function()\n"
          "    local w, _, c = mcp.fs.write('a', v .. mcp.codec.uuid(), {sha256=seen})\n"
          "    if w then wins = wins + 1 elseif c == 'CONFLICT' then losses = losses + 1 end\n"
          "  end end\n"
          "  mcp.all{ try('a'), try('b'), try('c') }\n"
          "end\n"
          "return wins .. ' ' .. losses",
          "40 80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_misuse, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_write, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_append, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_change, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_stat, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lines, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_grants, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, fsroot_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_race, fsroot_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
