/* test_own.c - the gateway's own files and denied names: each function refuses them, however they
 * are reached, and a listing judges as an open file is judged. */
#include "root.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/change.h"
#include "files/read.h"
#include "files/walk.h"
#include "files/write.h"
#include "tools/ownview.h"

/* The words of read, stat, write, append, rename from and to, remove. */
static void all_refuse(struct root *r, const char *path, const char *read_word,
                       const char *change_word)
{
    struct fail f = { .word = "" };
    struct buf out = { 0 };
    struct file_info info;
    struct written w;
    size_t taken;
    const struct read_options all = { .max = READ_MAX };
    const struct write_options text = { .data = "x", .len = 1 };
    assert_true(root_read(&r->op, path, &all, &out, &taken, &info, &f) < 0);
    assert_string_equal(f.word, read_word);
    assert_true(root_stat(&r->op, path, &info, &f) < 0); /* of a name that may not be made, too */
    assert_string_equal(f.word, change_word);
    assert_true(root_write(&r->op, path, &text, &w, &f) < 0);
    assert_string_equal(f.word, change_word);
    assert_true(root_append(&r->op, path, "x", 1, &w, &f) < 0);
    assert_string_equal(f.word, change_word);
    assert_true(root_rename(&r->op, path, "stolen", false, &f) < 0);
    assert_string_equal(f.word, read_word[0] == 'E' ? "ENOENT" : change_word);
    assert_true(root_rename(&r->op, "free", path, true, &f) < 0);
    assert_string_equal(f.word, change_word);
    buf_fini(&out);
}

static void test_refused(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    folder_write(r->base, "root/free", "free");
    folder_write(r->base, "root/.git/config", "git");
    folder_write(r->base, "root/sub/.env", "env");
    folder_write(r->base, "root/state.json.journal.1", "j");
    assert_int_equal(link(in_base(r, "root/tools.d/tool.lua"), in_base(r, "root/hard")), 0);
    assert_int_equal(link(in_base(r, "root/state.json"), in_base(r, "root/hard2")), 0);
    static const char *const there[] = {
        "tools.d/tool.lua", "state.json", "hard",     "hard2",
        ".git/config",      "sub/.env",   "./.git/x", "state.json.journal.1"
    };
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (strcmp(there[i], "./.git/x") != 0)
            all_refuse(r, there[i], "DENIED", "DENIED");
    static const char *const not_there[] = { "state.json.tmp", ".env.new", "sub/.envrc" };
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
        all_refuse(r, not_there[i], "ENOENT", "DENIED");
    struct file_info info;
    assert_int_equal(root_stat(&r->op, "gone/sub/.env", &info, &f), MG_E_DENIED);
    assert_int_equal(root_stat(&r->op, "gone/sub/free", &info, &f), MG_E_NOTFOUND);
    assert_int_equal(root_stat(&r->op, "gone", &info, &f), MG_E_NOTFOUND);
    assert_int_equal(root_mkdir(&r->op, ".git", &f), MG_E_DENIED);
    assert_int_equal(root_mkdir(&r->op, "sub/.env.d", &f), MG_E_DENIED);
    assert_int_equal(root_mkdir(&r->op, "tools.d/lib", &f), MG_E_DENIED);
    assert_int_equal(root_remove(&r->op, "hard", NULL, &f), MG_E_DENIED);
    assert_int_equal(root_remove(&r->op, "state.json", NULL, &f), MG_E_DENIED);
    assert_bytes(r, "root/state.json", "state");
    assert_bytes(r, "root/tools.d/tool.lua", "tool");
    assert_bytes(r, "root/free", "free");
    /* An own folder that is away for a moment is not made by a tool. */
    assert_int_equal(rename(in_base(r, "root/tools.d"), in_base(r, "outside/tools.d")), 0);
    assert_int_equal(root_mkdir(&r->op, "tools.d", &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "free", "tools.d", false, &f), MG_E_DENIED);
    assert_int_equal(rename(in_base(r, "outside/tools.d"), in_base(r, "root/tools.d")), 0);
    assert_int_equal(access(in_base(r, "root/stolen"), F_OK), -1);
}

/* Links lead to nothing that is refused, and out of the root never. */
static void test_links(void **state)
{
    need_programs();
    struct root *r = *state;
    folder_write(r->base, "root/free", "free");
    assert_int_equal(symlink("tools.d/tool.lua", in_base(r, "root/tool")), 0);
    assert_int_equal(symlink("../outside/secret", in_base(r, "root/out")), 0);
    assert_int_equal(symlink(in_base(r, "outside"), in_base(r, "root/way")), 0);
    assert_int_equal(symlink("/proc/self/root/etc/passwd", in_base(r, "root/magic")), 0);
    assert_int_equal(symlink("loop", in_base(r, "root/loop")), 0);
    all_refuse(r, "tool", "DENIED", "DENIED");
    all_refuse(r, "out", "DENIED", "DENIED");
    all_refuse(r, "way/secret", "DENIED", "DENIED");
    all_refuse(r, "magic", "DENIED", "DENIED");
    all_refuse(r, "loop", "DENIED", "DENIED");
    assert_bytes(r, "outside/secret", "secret");
}

/* A folder that holds, or would hold, what is refused does not move. */
static void test_moving(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    folder_write(r->base, "root/a/sub/.git/config", "git");
    folder_write(r->base, "root/b/x/deep", "x");
    folder_write(r->base, "root/c/.env", "env");
    assert_int_equal(link(in_base(r, "root/state.json"), in_base(r, "root/b/hard")), 0);
    assert_int_equal(root_rename(&r->op, "a", "z", false, &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "b", "z", false, &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "c", "z", false, &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "tools.d", "z", false, &f), MG_E_DENIED);
    assert_int_equal(unlink(in_base(r, "root/b/hard")), 0);
    assert_int_equal(root_rename(&r->op, "b", ".git", false, &f), MG_E_DENIED);
    assert_int_equal(root_mkdir(&r->op, ".git", &f), MG_E_DENIED);
    assert_int_equal(root_mkdir(&r->op, "empty/.git", &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "empty", ".git", false, &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "empty", ".env", false, &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "b", "z", false, &f), 0);
    assert_bytes(r, "root/z/x/deep", "x");
    /* Its parts would be refused where it goes. */
    static const char *const deny[] = { "q/x/**", NULL }, *const none[] = { NULL };
    struct ownfiles_options o = {
        .root = r->path, .deny = deny, .files = none, .folders = none, .prefixes = none
    };
    struct err e;
    ownfiles_free(r->own);
    r->own = ownfiles_new(&o, &e);
    assert_non_null(r->own);
    assert_int_equal(root_rename(&r->op, "z", "q", false, &f), MG_E_DENIED);
    assert_int_equal(root_rename(&r->op, "z", "p", false, &f), 0);
}

static void test_too_many(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    char name[64];
    for (int i = 0; i < MOVE_MAX; i++) {
        snprintf(name, sizeof name, "root/many/%d", i);
        if (i == 0)
            folder_write(r->base, name, "");
        else
            assert_int_equal(link(in_base(r, "root/many/0"), in_base(r, name)), 0);
    }
    assert_int_equal(root_rename(&r->op, "many", "more", false, &f), 0);
    folder_write(r->base, "root/more/one_more", "");
    assert_int_equal(root_rename(&r->op, "more", "many", false, &f), MG_E_LIMIT);
    assert_string_equal(f.word, "TOO_LARGE");
}

/* The listing and the judge of open files agree on every name. */
static void test_view(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    folder_write(r->base, "root/.git/config", "git");
    folder_write(r->base, "root/sub/.git/config", "git");
    folder_write(r->base, "root/sub/.env", "env");
    folder_write(r->base, "root/sub/free", "free");
    folder_write(r->base, "root/state.json.journal.1", "j");
    folder_write(r->base, "root/stat", "s");
    assert_int_equal(link(in_base(r, "root/tools.d/tool.lua"), in_base(r, "root/sub/hard")), 0);
    assert_int_equal(link(in_base(r, "root/state.json.journal.1"), in_base(r, "root/j")), 0);
    const struct walk_options o = {
        .folder = "", .is_recursive = true, .wants_folders = true, .max = 100
    };
    for (int i = 0; i < 2; i++) {
        struct walk_names names = { .count = 0 };
        assert_int_equal(walk(&r->op, &o, &names, &f), 0);
        assert_int_equal(names.count, 3);
        assert_int_equal(names.text.len, sizeof "stat\0sub/\0sub/free");
        assert_memory_equal(names.text.data, "stat\0sub/\0sub/free", names.text.len);
        assert_string_equal(names.missing, "");
        buf_fini(&names.text);
        r->rules.view = NULL; /* the second time each name is opened and judged */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_links, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_moving, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_too_many, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_view, root_setup, root_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
