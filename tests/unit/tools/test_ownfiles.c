/* What no tool may open, whatever it is called and wherever it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/folder.h"
#include "tools/ownfiles.h"

static char root[FOLDER_PATH];
static struct ownfiles *own;

/* A path in the root; eight are valid at once. */
static const char *at(const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    if (strlen(root) + strlen(name) + 2 > PATH_MAX)
        fail_msg("path too long: %s", name);
    strcpy(path, root);
    strcat(path, "/");
    return strcat(path, name);
}

static bool allows(const char *name)
{
    int fd = open(at(name), O_PATH | O_CLOEXEC);
    if (fd < 0)
        fail_msg("no %s", name);
    bool may = ownfiles_allows(own, fd);
    close(fd);
    return may;
}

static bool allows_new(const char *folder, const char *name)
{
    int fd = open(at(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fail_msg("no %s", folder);
    bool may = ownfiles_allows_new(own, fd, name);
    close(fd);
    return may;
}

static int setup(void **state)
{
    (void)state;
    folder_make(root, "ownfiles");
    static const char *const folders[] = { "tools.d", "tools.d/lib", "src",  "src/.git", "state",
                                           "sub",     "shared",      "made", "made/sub" };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        assert_int_equal(mkdir(at(folders[i]), 0700), 0);
    static const char *const files[] = {
        "mcp.ini",         "tools.d/a.lua", "tools.d/lib/h.lua", "src/main.c",
        "src/.git/config", "src/.env",      "state/s.json",      "state/s.json.journal.1",
        "state/other",     "sub/tool.lua",  "shared/h.lua",      "made/sub/a.o"
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        folder_write(root, files[i], files[i]);
    assert_int_equal(link(at("tools.d/a.lua"), at("sub/hard")), 0);
    assert_int_equal(symlink(at("mcp.ini"), at("sub/soft")), 0);
    assert_int_equal(link(at("state/s.json"), at("sub/state")), 0);
    assert_int_equal(symlink("sub", at("way")), 0);
    assert_int_equal(link(at("tools.d/lib/h.lua"), at("sub/helper")), 0);
    assert_int_equal(symlink("../way/current", at("tools.d/b.lua")), 0);
    assert_int_equal(symlink("tool.lua", at("sub/current")), 0);
    assert_int_equal(symlink("../../shared", at("tools.d/lib/shared")), 0);
    assert_int_equal(symlink("..", at("shared/up")), 0); /* round and round */
    assert_int_equal(symlink("../src/none.lua", at("tools.d/c.lua")), 0);

    const char *ini = at("mcp.ini");
    const char *tools = at("tools.d");
    const char *made = at("made");
    const char *prefix = at("state/s.json"), *log = at("way/later.log");
    struct ownfiles_options o = {
        .root = root,
        .deny = (const char *const[]){ "**/.git/**", "**/.env*", NULL },
        .files = (const char *const[]){ ini, "/nowhere/at/all", log, NULL },
        .folders = (const char *const[]){ tools, NULL },
        .places = (const char *const[]){ made, NULL },
        .prefixes = (const char *const[]){ prefix, NULL },
    };
    struct err e;
    own = ownfiles_new(&o, &e);
    assert_non_null(own);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ownfiles_free(own);
    folder_remove(root);
    return 0;
}

static void test_plain_files_are_free(void **state)
{
    (void)state;
    assert_true(allows("src/main.c"));
    assert_true(allows("src"));
    assert_true(allows("state/other"));
    assert_true(allows("sub"));
}

static void test_own_files_are_not(void **state)
{
    (void)state;
    assert_false(allows("mcp.ini"));
    assert_false(allows("tools.d"));
    assert_false(allows("tools.d/a.lua"));
    assert_false(allows("tools.d/lib"));
    assert_false(allows("tools.d/lib/h.lua"));
    assert_false(allows("state/s.json"));
    assert_false(allows("state/s.json.journal.1"));
    assert_false(allows("made"));
    assert_false(allows("made/sub/a.o"));
}

static void test_links_lead_nowhere(void **state)
{
    (void)state;
    assert_false(allows("sub/hard"));
    assert_false(allows("sub/soft"));
    assert_false(allows("sub/state"));
    assert_false(allows("sub/helper"));
}

/* The loader follows links, so what they lead to is a tool, also when it is replaced. */
static void test_linked_tools(void **state)
{
    (void)state;
    assert_false(allows("sub/tool.lua"));
    folder_write(root, "sub/fresh", "new");
    assert_int_equal(rename(at("sub/fresh"), at("sub/tool.lua")), 0);
    assert_false(allows("sub/tool.lua"));
    assert_false(allows_new("sub", "current"));
    assert_false(allows_new("src", "none.lua"));
    assert_true(allows_new("sub", "none.lua"));
    assert_false(allows("shared"));
    assert_false(allows("shared/h.lua"));
    folder_write(root, "shared/later.lua", "new");
    assert_false(allows("shared/later.lua"));
    assert_true(allows("sub"));
}

static void test_deny(void **state)
{
    (void)state;
    assert_false(allows("src/.git/config"));
    assert_false(allows("src/.git")); /* all that is in it is denied, and so is its list */
    assert_false(allows("src/.env"));
    assert_true(allows("src"));
    assert_true(allows(""));
}

static void test_what_comes_later(void **state)
{
    (void)state;
    folder_write(root, "state/s.json.journal.2", "new");
    assert_false(allows("state/s.json.journal.2"));
    folder_write(root, "tools.d/new.lua", "new");
    assert_false(allows("tools.d/new.lua"));
    /* The state is replaced by a rename: the new inode is own under every name it has. */
    folder_write(root, "state/fresh", "{}");
    assert_int_equal(rename(at("state/fresh"), at("state/s.json")), 0);
    assert_int_equal(link(at("state/s.json"), at("sub/again")), 0);
    assert_false(allows("sub/again"));
    assert_false(ownfiles_allows(own, -1));
}

/* Asked before it is made: only the folder and the name are there. */
static void test_new_names(void **state)
{
    (void)state;
    char longest[NAME_MAX + 1];
    memset(longest, 'n', NAME_MAX);
    longest[NAME_MAX] = '\0';
    assert_true(allows_new("src", "new.c"));
    assert_true(allows_new("", "new.c"));
    assert_true(allows_new("sub", longest));
    assert_false(allows_new("src", ".env3"));
    assert_false(allows_new("", ".env"));
    assert_false(allows_new("src/.git", "HEAD"));
    assert_false(allows_new("state", "s.json.journal.9"));
    assert_true(allows_new("state", "s.jso"));
    assert_true(allows_new("sub", "s.json.journal.9"));
    assert_false(allows_new("sub", "later.log")); /* is named through a link to its folder */
    assert_true(allows_new("sub", "later.log2"));
    assert_true(allows_new("src", "later.log"));
    assert_false(ownfiles_allows_new(own, -1, "x"));
    int folder = open(at("sub"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    assert_int_equal(mkdirat(folder, "gone", 0700), 0);
    int gone = openat(folder, "gone", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(ownfiles_allows_new(own, gone, "x"));
    assert_int_equal(unlinkat(folder, "gone", AT_REMOVEDIR), 0);
    assert_false(ownfiles_allows_new(own, gone, "x"));
    close(gone);
    close(folder);
}

/* A name that is gone cannot be judged, whatever it was. */
static void test_removed(void **state)
{
    (void)state;
    folder_write(root, "src/.env2", "secret");
    int fd = open(at("src/.env2"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_false(ownfiles_allows(own, fd));
    assert_int_equal(unlink(at("src/.env2")), 0);
    assert_false(ownfiles_allows(own, fd));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_files_are_free), cmocka_unit_test(test_own_files_are_not),
        cmocka_unit_test(test_links_lead_nowhere),   cmocka_unit_test(test_deny),
        cmocka_unit_test(test_what_comes_later),     cmocka_unit_test(test_new_names),
        cmocka_unit_test(test_linked_tools),         cmocka_unit_test(test_removed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
