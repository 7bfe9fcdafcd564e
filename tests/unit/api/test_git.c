/* test_git.c - mcp.git over repositories that would run something: each way touches a canary, and
 * none is found afterwards; and what leads out of the repository is refused. */
#include "fixture.h"
#include "support/slow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes `repo` with a commit, a change, and all that could run a program. $C is the canary's
 * folder: each way leaves a file of its own there. */
static const char hostile_repo[] =
    "set -e\n"
    "mkdir canary repo; C=$PWD/canary; cd repo\n"
    "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1\n"
    "git init -q -b main\n"
    "git config user.name N; git config user.email n@example.org\n"
    "printf 'one\\n' >a.txt; printf 'x\\n' >b.bin; printf 'y\\n' >'odd=name'; mkdir sub\n"
    "git -C sub init -q -b main; printf s >sub/s\n"
    "git -C sub -c user.name=N -c user.email=e@x add s\n"
    "git -C sub -c user.name=N -c user.email=e@x commit -qm s\n"
    "printf '[submodule \"sub\"]\\n\\tpath = sub\\n\\turl = ./sub\\n\\tignore = none\\n' "
    ">.gitmodules\n"
    "git add . 2>/dev/null; git commit -qm first\n"
    "trap_for() { printf '/bin/sh -c \": >%s/%s; /bin/cat\"' \"$C\" \"$1\"; }\n"
    "printf '%s\\n' '*.txt filter=evil diff=evil merge=evil' 'odd* filter=a=b.c diff=a=b.c' "
    "'*.bin diff=bin' >.gitattributes\n"
    "cp .gitattributes .git/info/attributes\n"
    "for d in evil a=b.c bin; do\n"
    "  git config filter.$d.clean \"$(trap_for clean)\"; git config filter.$d.smudge "
    "\"$(trap_for smudge)\"\n"
    "  git config filter.$d.required true\n"
    "  git config diff.$d.textconv \"$(trap_for textconv)\"; git config diff.$d.command "
    "\"$(trap_for diffcommand)\"\n"
    "  git config merge.$d.driver \"$(trap_for merge)\"\n"
    "done\n"
    "git config filter.a=b.c.process \"$(trap_for process)\"\n"
    "git config core.fsmonitor \"$(trap_for fsmonitor)\"\n"
    "git config core.pager \"$(trap_for pager)\"; git config pager.log \"$(trap_for pager)\"\n"
    "git config core.editor \"$(trap_for editor)\"; git config core.sshCommand \"$(trap_for "
    "ssh)\"\n"
    "git config core.askPass \"$(trap_for askpass)\"; git config credential.helper "
    "\"!$(trap_for credential)\"\n"
    "git config diff.external \"$(trap_for external)\"\n"
    "for v in status log diff show add commit; do git config alias.$v \"!$(trap_for alias)\"; "
    "done\n"
    "git config commit.gpgSign true; git config log.showSignature true\n"
    "printf '#!/bin/sh\\n: >%s/gpg\\nexit 1\\n' \"$C\" >.git/gpg; chmod +x .git/gpg\n"
    "git config gpg.program \"$PWD/.git/gpg\"; git config gpg.ssh.program \"$PWD/.git/gpg\"\n"
    "printf '[core]\\n\\tfsmonitor = %s\\n' \"$PWD/.git/gpg\" >.git/more\n"
    "git config includeIf.gitdir:/.path more; git config include.path more\n"
    "for h in pre-commit prepare-commit-msg commit-msg post-commit post-index-change "
    "reference-transaction pre-auto-gc post-rewrite; do\n"
    "  printf '#!/bin/sh\\n: >%s/hook-%s\\n' \"$C\" $h >.git/hooks/$h; chmod +x .git/hooks/$h\n"
    "done\n"
    "mkdir .githooks; cp .git/hooks/pre-commit .githooks/; git config core.hooksPath .githooks\n"
    "for k in core.fsmonitor core.pager diff.external; do git -C sub config $k "
    "\"$(trap_for sub)\"; done\n"
    "git -C sub config filter.inner.clean \"$(trap_for subclean)\"; printf '* filter=inner\\n' "
    ">sub/.gitattributes; printf t >sub/s\n"
    "git cat-file commit HEAD | sed '/^committer/a gpgsig -----BEGIN PGP SIGNATURE-----\\n \\n "
    "x\\n -----END PGP SIGNATURE-----' >.git/signed\n"
    "git update-ref refs/heads/main $(git hash-object -t commit -w --stdin <.git/signed)\n"
    "git config core.repositoryFormatVersion 1; rm -f $C/*\n"
    "git config extensions.partialClone bad; git config remote.bad.url \"ext::$(trap_for ext)\"\n"
    "git config remote.bad.promisor true; git config remote.bad.uploadpack \"$(trap_for upload)\"\n"
    "git config protocol.ext.allow always; git config protocol.file.allow always\n"
    "git config gc.auto 1; git config diff.submodule diff; git config status.submoduleSummary "
    "true\n"
    "sleep 0; printf 'two\\n' >>a.txt; printf 'z\\n' >>b.bin; printf 'w\\n' >>odd=name\n";

static int setup(void **state)
{
    static const char *const granted[] = { "git", NULL };
    if (fixture_setup(state) != 0)
        return -1;
    ((struct fixture *)*state)->policy.exec = granted;
    ((struct fixture *)*state)->may_open = true;
    return 0;
}

static void shell(struct fixture *f, const char *script)
{
    char command[FOLDER_PATH + 32];
    folder_write(f->base, "make.sh", script);
    snprintf(command, sizeof command, "cd '%s' && sh ./make.sh >out 2>&1", f->base);
    if (system(command) != 0)
        fail_msg("the repository could not be made; see %s/out", f->base);
}

/* What ran, a name each. Static storage. */
static const char *canaries(struct fixture *f)
{
    static char names[2000];
    char command[FOLDER_PATH + 64];
    snprintf(command, sizeof command, "ls -A '%s/canary' | tr '\\n' ' '", f->base);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    names[fread(names, 1, sizeof names - 1, in)] = '\0';
    assert_int_equal(pclose(in), 0);
    return names;
}

/* The traps do spring where nobody keeps git from it: else the test below would say nothing. */
static void test_traps_work(void **state)
{
    static const char *const sprung[] = { "clean", "process", "textconv", "hook-pre-commit",
                                          "gpg",   "sub",     "subclean" };
    struct fixture *f = *state;
    shell(f, hostile_repo);
    assert_string_equal(canaries(f), "");
    shell(f,
          "cd repo; export GIT_CONFIG_GLOBAL=/dev/null\n"
          "git status; git diff --ext-diff; git log -p --textconv; git blame b.bin; git add .; git "
          "commit -m x; git log --format=%G?\n"
          "git cat-file -p 1111111111111111111111111111111111111111; git --version");
    for (size_t i = 0; i < sizeof sprung / sizeof *sprung; i++)
        if (!strstr(canaries(f), sprung[i]))
            fail_msg("%s did not spring; those that did: %s", sprung[i], canaries(f));
}

/* What the user who runs the gateway ignores is no setting of the repository. */
static void test_users_files(void **state)
{
    static const char *const homes[] = { "XDG_CONFIG_HOME", "HOME" };
    struct fixture *f = *state;
    char home[FOLDER_PATH + 8];
    char *before[2];
    need_programs();
    shell(f, "set -e; mkdir -p repo home/git home/.config/git; git init -q repo\n"
             "echo a.txt >home/git/ignore; echo a.txt >home/.config/git/ignore\n"
             "echo >repo/a.txt; echo >repo/b.txt; echo b.txt >repo/mine\n"
             "git -C repo config core.excludesFile mine");
    snprintf(home, sizeof home, "%s/home", f->base);
    for (size_t i = 0; i < 2; i++) {
        char *old = getenv(homes[i]);
        before[i] = old ? strdup(old) : NULL;
        unsetenv(homes[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        setenv(homes[i], home, 1);
        check(f,
              "local names = {} for _, file in ipairs(mcp.git.status({ cwd = 'repo' }).files) do "
              "names[#names + 1] = file.path end return table.concat(names, ' ')",
              "a.txt mine");
        unsetenv(homes[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        if (before[i])
            setenv(homes[i], before[i], 1);
        free(before[i]);
    }
}

static const char all_verbs[] =
    "local git, at, out = mcp.git, { cwd = 'repo' }, {}\n"
    "local function all(command)\n"
    "command.cwd = 'repo'\n"
    "local r, m, code = git.run(command)\n"
    "out[#out + 1] = command[1] .. (r and r.code or code) end\n"
    "all { 'status' } all { 'status', '--porcelain', '--ignored' }\n"
    "all { 'diff' } all { 'diff', '--cached' } all { 'diff', 'HEAD', '--', 'b.bin' }\n"
    "all { 'log', '-p', '--format=%G? %H %(trailers)' } all { 'show', 'HEAD' } all { 'show', "
    "'HEAD:b.bin' }\n"
    "all { 'blame', '--', 'b.bin' } all { 'blame', '--', 'a.txt' } all { 'grep', 'one' }\n"
    "all { 'cat-file', '-p', 'HEAD:a.txt' } all { 'ls-files', '-m' } all { 'branch' } all { "
    "'tag' }\n"
    "all { 'rev-parse', 'HEAD' } all { 'cat-file', '-p', ('1'):rep(40) }\n"
    "all { 'log', '-p', ('2'):rep(40) }\n"
    "assert(git.status(at)) assert(git.log(at)) assert(git.diff(at)) assert(git.head(at))\n"
    "assert(git.add({ 'a.txt', 'odd=name', 'b.bin', '.gitattributes' }, at))\n"
    "assert(git.commit { message = 'second', cwd = 'repo', signoff = true })\n"
    "all { 'add', '--all' } all { 'add', '--update' } all { 'add', '--renormalize', '.' }\n"
    "all { 'commit', '--message=third', '--allow-empty' } all { 'commit' }\n"
    "out[#out + 1] = git.log(at)[1].subject\n"
    "out[#out + 1] = git.run({ 'show', 'HEAD~1:a.txt', cwd = 'repo' }).stdout\n"
    "return table.concat(out, ' ')";

static void test_nothing_runs(void **state)
{
    struct fixture *f = *state;
    need_programs();
    shell(f, hostile_repo);
    fixture_tool(f, "t", all_verbs);
    fixture_load(f);
    const char *said = call(f, "t", NULL);
    if (said[0] == '!' || !strstr(said, " third one\ntwo\n"))
        fail_msg("%s", said);
    assert_string_equal(canaries(f), "");
}

/* What would read or write outside of the repository, or run something, raises. */
static const char *const refused[] = {
    "git.run()",
    "git.run{}",
    "git.run{ 'push' }",
    "git.run{ 'config', 'a.b', 'c' }",
    "git.run{ '-c', 'core.pager=x', 'log' }",
    "git.run{ 'log', '--output=/tmp/x' }",
    "git.run{ 'log', '-O/etc/passwd' }",
    "git.run{ 'log', '--ext-diff' }",
    "git.run{ 'log', '--textconv' }",
    "git.run{ 'log', '--show-signature' }",
    "git.run{ 'log', '-nx' }",
    "git.run{ 'log', '--max-count' }",
    "git.run{ 'log', '--format' }",
    "git.run{ 'log', '-S' }",
    "git.run{ 'diff', '--no-index', 'a', 'b' }",
    "git.run{ 'diff', '--', '/etc/passwd', '/etc/group' }",
    "git.run{ 'diff', '--', '../a' }",
    "git.run{ 'diff', '--', 'a/../../b' }",
    "git.run{ 'diff', '--submodule=diff' }",
    "git.run{ 'grep', '-O', 'x' }",
    "git.run{ 'grep', '--open-files-in-pager', 'x' }",
    "git.run{ 'grep', '--no-index', 'x' }",
    "git.run{ 'grep', '-f/etc/passwd' }",
    "git.run{ 'grep', '--textconv', 'x' }",
    "git.run{ 'blame', '--contents=/etc/passwd', 'a' }",
    "git.run{ 'blame', '-S/etc/passwd', 'a' }",
    "git.run{ 'cat-file', '--textconv', 'HEAD:a' }",
    "git.run{ 'cat-file', '--filters', 'HEAD:a' }",
    "git.run{ 'cat-file', '--batch' }",
    "git.run{ 'branch', '-D', 'main' }",
    "git.run{ 'branch', '--edit-description' }",
    "git.run{ 'tag', '-d', 'x' }",
    "git.run{ 'tag', '-s', 'x' }",
    "git.run{ 'add', '--interactive' }",
    "git.run{ 'add', '-p' }",
    "git.run{ 'add', '--pathspec-from-file=/etc/passwd' }",
    "git.run{ 'add', '../x' }",
    "git.run{ 'add', '/etc/passwd' }",
    "git.run{ 'commit', '-F/etc/passwd' }",
    "git.run{ 'commit', '--template=/etc/passwd' }",
    "git.run{ 'commit', '-S' }",
    "git.run{ 'commit', '--trailer=x' }",
    "git.run{ 'commit', '--message=x', 'a.txt' }",
    "git.run{ 'status', '-v' }",
    "git.run{ 'status', shell = true }",
    "git.run{ 'status', 5 }",
    "git.run{ 'show', 'a\\0b' }",
    "git.log{ revision = '--output=x' }",
    "git.log{ revision = '' }",
    "git.log{ max = 0 }",
    "git.log{ max = 1001 }",
    "git.log{ skip = -1 }",
    "git.log{ paths = 5 }",
    "git.log{ author = 5 }",
    "git.log{ what = 5 }",
    "git.log(5)",
    "git.diff{ revision = '-R' }",
    "git.diff{ context = -1 }",
    "git.diff{ paths = '/etc/passwd' }",
    "git.status{ verbose = true }",
    "git.add()",
    "git.add({})",
    "git.add('../x')",
    "git.add('')",
    "git.commit()",
    "git.commit{}",
    "git.commit{ message = ' ' }",
    "git.commit{ message = 'x', author = 'nobody' }",
    "git.commit{ message = 'x', author = ' <a@b>' }",
    "git.commit{ message = 'x', author = 'A\\nB <a@b>' }",
};

static void test_refused(void **state)
{
    check_raises(*state, "local git = mcp.git", refused, sizeof refused / sizeof *refused);
}

/* A repository may say that its work tree is anywhere, and that it belongs to nobody here. */
static void test_places(void **state)
{
    struct fixture *f = *state;
    need_programs();
    shell(f, "set -e; export GIT_CONFIG_GLOBAL=/dev/null\n"
             "mkdir outside inside elsewhere root; echo secret >outside/s\n"
             "cd root; git init -q bad; git -C bad config core.worktree \"$PWD/../outside\"\n"
             "git init -q good; git -C good config core.worktree \"$PWD/good\"; echo x >good/x\n"
             "mkdir plain; cd ..; git init -q -b main .");
    char root[FOLDER_PATH + 8];
    snprintf(root, sizeof root, "%s/root", f->base);
    f->o.root = root;
    check(f,
          "local out = {}\n"
          "for _, cwd in ipairs { 'bad', 'good', 'plain', '.' } do\n"
          "local s, m, code = mcp.git.status { cwd = cwd } out[#out + 1] = s and 'ok' or code end\n"
          "local d, m, code = mcp.git.run { 'add', '--all', cwd = 'bad' } out[#out + 1] = code\n"
          "return table.concat(out, ' ')",
          "DENIED ok NOT_A_REPOSITORY NOT_A_REPOSITORY DENIED");
    if (geteuid() != 0)
        return;
    shell(f, "chown -R 12345 root/good; chown 12345 root/good/.git");
    check(f, "local s, m, code = mcp.git.status { cwd = 'good' } return code", "DUBIOUS_OWNERSHIP");
}

static void test_conflict(void **state)
{
    struct fixture *f = *state;
    need_programs();
    shell(f,
          "export GIT_CONFIG_GLOBAL=/dev/null; git init -q -b main repo; cd repo\n"
          "git config user.name N; git config user.email e@x\n"
          "echo 1 >a; git add a; git commit -qm 1; git checkout -q -b other; echo 2 >a; git commit "
          "-qam 2\n"
          "git checkout -q main; echo 3 >a; git commit -qam 3; git merge other; true");
    check(f,
          "local s = mcp.git.status { cwd = 'repo' }\n"
          "local _, m, code = mcp.git.commit { message = 'x', cwd = 'repo' }\n"
          "return s.files[1].path .. s.files[1].index .. s.files[1].work .. "
          "tostring(s.files[1].is_conflict) .. code",
          "aUUtrueCONFLICT");
}

/* Without the grant of git there is a line to add. */
static void test_not_granted(void **state)
{
    static const char *const other[] = { "true", NULL };
    struct fixture *f = *state;
    f->policy.exec = other;
    check(f, "local _, m, code = mcp.git.status() return code .. ' ' .. m",
          "DENIED the program git is not granted; in mcp.ini: [tool t] exec = git");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_traps_work, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_users_files, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_runs, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_places, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_conflict, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_not_granted, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
