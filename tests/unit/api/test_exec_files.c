/* test_exec_files.c - the folder and the files that a program is given: below the root, and nothing
 * of the gateway's own. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/ownfiles.h"

static const char *const granted[] = { "cat", "echo", "/bin/pwd", NULL };

static int setup(void **state)
{
    struct fixture *f = fixture_new(false);
    f->policy.exec = granted;
    f->may_open = true;
    *state = f;
    return 0;
}

static void test_folder(void **state)
{
    need_programs();
    struct fixture *f = *state;
    char want[128];
    fixture_write(f, "sub/dir/file", "x");
    snprintf(want, sizeof want, "%s\n", f->base);
    check(f, "return mcp.exec.run{argv={'/bin/pwd'}}.stdout", want);
    snprintf(want, sizeof want, "%s/sub/dir\n", f->base);
    check(f, "return mcp.exec.run{argv={'/bin/pwd'}, cwd='sub/dir'}.stdout", want);
    check(f, "return mcp.exec.run{argv={'/bin/pwd'}, cwd='sub/../sub/dir/.'}.stdout", want);
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='..'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='sub/../../x'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='/etc'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='none'})", "ENOENT");
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='sub/dir/file'})", "ENOENT");
    snprintf(want, sizeof want, "%s/out", f->base);
    assert_int_equal(symlink("/etc", want), 0);
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='out'})", "DENIED");
}

static void test_files(void **state)
{
    need_programs();
    struct fixture *f = *state;
    char path[128];
    fixture_write(f, "in.txt", "from a file");
    check(f, "return mcp.exec.run{argv={'cat'}, stdin_file='in.txt'}.stdout", "from a file");
    check(f,
          "local r = mcp.exec.run{argv={'echo', 'kept'}, stdout_file='out.txt'} return #r.stdout "
          ".. r.code",
          "00");
    check(f, "return mcp.exec.run{argv={'cat'}, stdin_file='out.txt'}.stdout", "kept\n");
    check(f,
          "mcp.exec.run{argv={'echo', 'x'}, stdout_file='out.txt'} return "
          "mcp.exec.run{argv={'cat'}, stdin_file='out.txt'}.stdout",
          "x\n");
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='../etc/passwd'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='/etc/passwd'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='none'})", "ENOENT");
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='tools.d'})", "INVALID");
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='..'})", "INVALID");
    check(f, "return select(3, mcp.exec.run{argv={'echo'}, stdout_file='none/out'})", "ENOENT");
    snprintf(path, sizeof path, "%s/link", f->base);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='link'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'echo'}, stdout_file='link'})", "DENIED");
    snprintf(path, sizeof path, "%s/pipe", f->base);
    assert_int_equal(mkfifo(path, 0600), 0);
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='pipe'})", "INVALID");
    f->may_open = false;
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='in.txt'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'echo'}, stdout_file='new.txt'})", "DENIED");
    snprintf(path, sizeof path, "%s/new.txt", f->base);
    assert_int_equal(access(path, F_OK), -1);
    f->may_open = true;
    f->o.may_open = NULL;
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='in.txt'})", "DENIED");
}

/* What lies below a refused folder, however deep, is neither read nor made. */
static void test_own_folder(void **state)
{
    need_programs();
    struct fixture *f = *state;
    char path[128];
    struct stat st;
    fixture_write(f, "closed/deep/there", "x");
    snprintf(path, sizeof path, "%s/closed", f->base);
    assert_int_equal(stat(path, &st), 0);
    check(f, "return mcp.exec.run{argv={'cat'}, stdin_file='closed/deep/there'}.stdout", "x");
    f->denied = st.st_ino;
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='closed/deep/there'})",
          "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'echo'}, stdout_file='closed/deep/there'})",
          "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'echo'}, stdout_file='closed/deep/new'})",
          "DENIED");
    snprintf(path, sizeof path, "%s/closed/deep/new", f->base);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/way", f->base);
    assert_int_equal(symlink("closed/deep", path), 0);
    check(f, "return select(3, mcp.exec.run{argv={'echo'}, stdout_file='way/new'})", "DENIED");
    snprintf(path, sizeof path, "%s/hard", f->base);
    char there[128];
    snprintf(there, sizeof there, "%s/closed/deep/there", f->base);
    assert_int_equal(link(there, path), 0);
    assert_int_equal(stat(there, &st), 0);
    f->denied = st.st_ino;
    check(f, "return select(3, mcp.exec.run{argv={'cat'}, stdin_file='hard'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'echo'}, stdout_file='hard'})", "DENIED");
    assert_int_equal(stat(there, &st), 0);
    assert_int_equal(st.st_size, 1);
}

/* As the gateway judges: by the globs of [paths] deny, and the names of the state's files. */
static bool may_open_by_name(void *arg, int fd) { return ownfiles_allows(arg, fd); }

static bool may_make_by_name(void *arg, int folder, const char *name)
{
    return ownfiles_allows_new(arg, folder, name);
}

static struct ownfiles *judge_by_name(struct fixture *f)
{
    static const char *const deny[] = { "**/.git/**", "**/.env*", "**/*.pem", NULL };
    static const char *const none[] = { NULL };
    char state[128];
    snprintf(state, sizeof state, "%s/.mcp-state.json", f->base);
    const char *const prefixes[] = { state, NULL };
    struct ownfiles_options o = {
        .root = f->base, .deny = deny, .files = none, .folders = none, .prefixes = prefixes
    };
    struct err e = { 0 };
    struct ownfiles *own = ownfiles_new(&o, &e);
    assert_non_null(own);
    f->o.may_open = may_open_by_name;
    f->o.may_make = may_make_by_name;
    f->o.may_open_arg = own;
    return own;
}

/* Nothing was made in the watched folder, not even for an instant. */
static void nothing_was_made(int watch)
{
    char events[4096];
    ssize_t n = read(watch, events, sizeof events);
    assert_int_equal(n, -1);
    assert_int_equal(errno, EAGAIN);
}

/* A name that is refused is not made either, and what lies under it stays as it is. */
static void test_refused_names(void **state)
{
    static const char *const names[] = { ".mcp-state.json",
                                         ".mcp-state.json.journal.99",
                                         ".mcp-state.json.tmp",
                                         ".env",
                                         ".env.local",
                                         "a.pem",
                                         "sub/b.pem" };
    need_programs();
    struct fixture *f = *state;
    char body[256], path[160];
    struct stat st;
    fixture_write(f, "sub/x", "x");
    struct ownfiles *own = judge_by_name(f);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(body, sizeof body,
                 "return select(3, mcp.exec.run{argv={'echo', 'x'}, stdout_file='%s'})", names[i]);
        int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        snprintf(path, sizeof path, "%s/sub", f->base);
        assert_true(inotify_add_watch(watch, f->base, IN_CREATE | IN_DELETE) >= 0);
        assert_true(inotify_add_watch(watch, path, IN_CREATE | IN_DELETE) >= 0);
        check(f, body, "DENIED");
        nothing_was_made(watch);
        close(watch);
        snprintf(path, sizeof path, "%s/%s", f->base, names[i]);
        assert_int_equal(access(path, F_OK), -1);
        fixture_write(f, names[i], "kept");
        check(f, body, "DENIED");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, 4);
    }
    check(f, "return mcp.exec.run{argv={'echo', 'x'}, stdout_file='sub/new'}.code", "0");
    vm_free(f->vm);
    f->vm = NULL;
    ownfiles_free(own);
}

/* A folder that is refused, or lies in one, is no program's folder either. */
static void test_refused_folders(void **state)
{
    need_programs();
    struct fixture *f = *state;
    fixture_write(f, ".git/hooks/x", "x");
    fixture_write(f, "sub/.git/x", "x");
    struct ownfiles *own = judge_by_name(f);
    check(f, "return mcp.exec.run{argv={'/bin/pwd'}, cwd='sub'}.code", "0");
    check(f, "return mcp.exec.run{argv={'/bin/pwd'}, cwd='.'}.code", "0");
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='.git'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='.git/hooks'})", "DENIED");
    check(f, "return select(3, mcp.exec.run{argv={'/bin/pwd'}, cwd='sub/../sub/.git'})", "DENIED");
    vm_free(f->vm);
    f->vm = NULL;
    ownfiles_free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folder, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_own_folder, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused_names, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused_folders, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
