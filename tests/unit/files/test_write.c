/* test_write.c - writing when it goes wrong: a full disk, no memory, nobody who waits, many who
 * want the same file. */
#include "root.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/change.h"
#include "files/newfile.h"
#include "files/write.h"

static int put(struct root *r, const char *path, const char *text, const char *sha256,
               struct fail *f)
{
    struct write_options o = { .data = text, .len = strlen(text), .sha256 = sha256 };
    struct written w;
    return root_write(&r->op, path, &o, &w, f);
}

/* A file may have 100,000 bytes; more is refused as by a full disk, and nothing stays behind. */
static void test_full(void **state)
{
    need_programs();
    struct root *r = *state;
    struct rlimit old, small = { .rlim_cur = 100000 };
    struct fail f;
    struct written w;
    char *big = malloc(300001);
    assert_non_null(big);
    memset(big, 'x', 300000);
    big[300000] = '\0';
    folder_write(r->base, "root/a", "old");
    folder_write(r->base, "root/log", "line\n");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    size_t before = count_names(r, "root");
    int replaced = put(r, "a", big, NULL, &f);
    int made = put(r, "new", big, NULL, &f);
    const char *word = f.word;
    int appended = root_append(&r->op, "log", big, 300000, &w, &f);
    int created = root_append(&r->op, "log2", big, 300000, &w, &f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(replaced, MG_E_IO);
    assert_int_equal(made, MG_E_IO);
    assert_int_equal(appended, MG_E_IO);
    assert_int_equal(created, MG_E_IO);
    assert_string_equal(word, "EFBIG");
    assert_bytes(r, "root/a", "old");
    assert_bytes(r, "root/log", "line\n");
    assert_int_equal(count_names(r, "root"), before);
    free(big);
}

/* Nobody waits any more: the old file stays. */
static void test_stopped(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    struct written w;
    atomic_bool stop = true;
    folder_write(r->base, "root/a", "old");
    size_t before = count_names(r, "root");
    r->op.stop = &stop;
    assert_int_equal(put(r, "a", "new", NULL, &f), MG_E_CANCELLED);
    assert_string_equal(f.word, "CANCELLED");
    assert_int_equal(put(r, "b", "new", NULL, &f), MG_E_CANCELLED);
    assert_int_equal(root_append(&r->op, "a", "new", 3, &w, &f), MG_E_CANCELLED);
    assert_bytes(r, "root/a", "old");
    assert_int_equal(count_names(r, "root"), before);
}

/* Nobody waits for a lock that somebody else keeps. */
static void test_stopped_at_a_lock(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    struct rootplace p;
    struct filelock lock;
    atomic_bool stop = true;
    folder_write(r->base, "root/a", "old");
    assert_int_equal(rootplace_open(r->op.rules, "a", LINK_KEEP, &p, &f), 0);
    assert_int_equal(filelock_take(&r->op, &p, NULL, &lock, &f), 0);
    struct fileop other = r->op;
    other.stop = &stop;
    struct write_options o = { .data = "new", .len = 3 };
    struct written w;
    assert_int_equal(root_write(&other, "a", &o, &w, &f), MG_E_CANCELLED);
    assert_int_equal(root_remove(&other, "a", NULL, &f), MG_E_CANCELLED);
    assert_int_equal(root_rename(&other, "a", "b", false, &f), MG_E_CANCELLED);
    assert_int_equal(root_rename(&other, "b", "a", true, &f), MG_E_CANCELLED);
    filelock_release(r->shared, &lock);
    rootplace_close(&p);
    assert_bytes(r, "root/a", "old");
    assert_int_equal(put(r, "a", "new", NULL, &f), 0);
}

/* Names that end in a slash are those of folders. */
static void test_slash(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    struct written w;
    assert_int_equal(root_mkdir(&r->op, "x/y/", &f), 1);
    assert_int_equal(root_mkdir(&r->op, "x/y//", &f), 0);
    assert_int_equal(root_mkdir(&r->op, "x/y", &f), 0);
    assert_int_equal(put(r, "q/", "text", NULL, &f), MG_E_INVALID);
    assert_string_equal(f.word, "EISDIR");
    assert_int_equal(root_append(&r->op, "x/q/", "text", 4, &w, &f), MG_E_INVALID);
    assert_int_equal(access(in_base(r, "root/q"), F_OK), -1);
    assert_int_equal(access(in_base(r, "root/x/q"), F_OK), -1);
}

/* Read-only files and folders, as far as the user of the tests is held to that. */
static void test_modes(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    if (geteuid() == 0)
        skip();
    folder_write(r->base, "root/a", "old");
    folder_write(r->base, "root/d/a", "old");
    assert_int_equal(chmod(in_base(r, "root/a"), 0444), 0);
    assert_int_equal(put(r, "a", "new", NULL, &f), MG_E_IO);
    assert_string_equal(f.word, "EACCES");
    assert_int_equal(chmod(in_base(r, "root/d"), 0500), 0);
    assert_int_equal(put(r, "d/b", "new", NULL, &f), MG_E_IO);
    assert_string_equal(f.word, "EACCES");
    assert_int_equal(chmod(in_base(r, "root/d"), 0700), 0);
    assert_bytes(r, "root/a", "old");
}

/* ---- threads ---- */

#define THREADS 4
struct writer {
    struct root *r;
    unsigned index, wins, conflicts;
    const char *seen; /* digest */
};

static void *write_once(void *arg)
{
    struct writer *w = arg;
    struct fail f;
    char text[32];
    snprintf(text, sizeof text, "writer %u", w->index);
    int code = put(w->r, "a", text, w->seen, &f);
    w->wins += code == 0;
    w->conflicts += code == MG_E_CONFLICT && strcmp(f.word, "CONFLICT") == 0;
    return NULL;
}

static void test_one_wins(void **state)
{
    need_programs();
    struct root *r = *state;
    char seen[DIGEST_TEXT];
    int rounds = 100 / slow_factor();
    for (int i = 0; i < rounds; i++) {
        pthread_t threads[THREADS];
        struct writer writers[THREADS];
        unsigned wins = 0, conflicts = 0;
        bool is_new = i % 2;
        if (is_new)
            assert_true(i == 1 || unlink(in_base(r, "root/a")) == 0);
        else
            folder_write(r->base, "root/a", "start");
        if (i == 1)
            assert_int_equal(unlink(in_base(r, "root/a")), 0);
        digest_text("start", 5, seen);
        for (unsigned k = 0; k < THREADS; k++) {
            writers[k] = (struct writer){ .r = r, .index = k, .seen = is_new ? "" : seen };
            assert_int_equal(pthread_create(&threads[k], NULL, write_once, &writers[k]), 0);
        }
        for (unsigned k = 0; k < THREADS; k++) {
            pthread_join(threads[k], NULL);
            wins += writers[k].wins;
            conflicts += writers[k].conflicts;
        }
        assert_int_equal(wins, 1);
        assert_int_equal(conflicts, THREADS - 1);
    }
    assert_int_equal(count_names(r, "root"), 3);
}

static void *append_lines(void *arg)
{
    struct writer *w = arg;
    struct fail f;
    struct written done;
    for (int i = 0; i < 50; i++)
        w->wins += root_append(&w->r->op, "log", "0123456789\n", 11, &done, &f) == 0;
    return NULL;
}

static void test_appends(void **state)
{
    need_programs();
    struct root *r = *state;
    pthread_t threads[THREADS];
    struct writer writers[THREADS];
    struct stat st;
    for (unsigned k = 0; k < THREADS; k++) {
        writers[k] = (struct writer){ .r = r, .index = k };
        assert_int_equal(pthread_create(&threads[k], NULL, append_lines, &writers[k]), 0);
    }
    for (unsigned k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
        assert_int_equal(writers[k].wins, 50);
    }
    assert_int_equal(stat(in_base(r, "root/log"), &st), 0);
    assert_int_equal(st.st_size, THREADS * 50 * 11);
}

/* Somebody outside swaps a folder for a link that leads out, all the time. */
struct swapper {
    char folder[512], aside[512], link[512];
    atomic_bool stop;
    bool is_fine; /* nobody hindered it */
};

static void *swap(void *arg)
{
    struct swapper *s = arg;
    bool is_fine = true;
    while (is_fine && !atomic_load(&s->stop))
        is_fine = rename(s->folder, s->aside) == 0 && symlink(s->link, s->folder) == 0 &&
                  unlink(s->folder) == 0 && rename(s->aside, s->folder) == 0;
    s->is_fine = is_fine;
    return NULL;
}

static void try_all(struct root *r, unsigned *done)
{
    struct fail f;
    struct buf out = { 0 };
    struct file_info info;
    struct written w;
    size_t taken;
    const struct read_options all = { .max = READ_MAX };
    *done += put(r, "dir/secret", "mine", NULL, &f) == 0;
    *done += root_append(&r->op, "dir/secret", "", 0, &w, &f) == 0;
    if (root_read(&r->op, "dir/secret", &all, &out, &taken, &info, &f) == 0)
        assert_true(out.len == 0 || (out.len == 4 && memcmp(out.data, "mine", 4) == 0));
    files_give(r->shared, taken);
    buf_fini(&out);
    *done += root_rename(&r->op, "dir/secret", "dir/other", true, &f) == 0;
    *done += root_remove(&r->op, "dir/other", NULL, &f) == 0;
}

static void test_swapped(void **state)
{
    need_programs();
    struct root *r = *state;
    struct swapper s = { .stop = false };
    pthread_t thread;
    unsigned done = 0;
    folder_write(r->base, "root/dir/x", "x");
    snprintf(s.folder, sizeof s.folder, "%s", in_base(r, "root/dir"));
    snprintf(s.aside, sizeof s.aside, "%s", in_base(r, "root/aside"));
    snprintf(s.link, sizeof s.link, "%s", in_base(r, "outside"));
    assert_int_equal(pthread_create(&thread, NULL, swap, &s), 0);
    for (int i = 0; i < 400 / slow_factor() || (done < 10 && i < 100000); i++)
        try_all(r, &done);
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    assert_true(s.is_fine);
    assert_true(done >= 10); /* else nothing was tried */
    assert_bytes(r, "outside/secret", "secret");
    assert_int_equal(count_names(r, "outside"), 1);
}

/* While a folder's entries are judged, somebody puts another one under its name. */
static bool swaps_folder(void *arg, int fd)
{
    struct root *r = arg;
    char link[64], path[512] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n > 6 && strcmp(path + n - 6, "/inner") == 0) {
        assert_int_equal(rename(in_base(r, "root/f"), in_base(r, "root/aside")), 0);
        assert_int_equal(mkdir(in_base(r, "root/f"), 0700), 0);
    }
    return ownfiles_allows(r->own, fd);
}

static void test_renamed_meanwhile(void **state)
{
    need_programs();
    struct root *r = *state;
    struct fail f;
    folder_write(r->base, "root/f/inner", "text");
    r->rules.may_open = swaps_folder;
    assert_int_equal(root_rename(&r->op, "f", "g", false, &f), MG_E_CONFLICT);
    assert_string_equal(f.word, "CONFLICT");
    assert_int_equal(access(in_base(r, "root/g"), F_OK), -1);
    assert_bytes(r, "root/aside/inner", "text");
}

/* A file of the same bytes takes the other one's place, all the time. */
struct replacer {
    char source[2][512], next[512], file[512];
    atomic_bool stop;
};

static void *replace(void *arg)
{
    struct replacer *s = arg;
    for (unsigned i = 0; !atomic_load(&s->stop); i++)
        if (link(s->source[i % 2], s->next) == 0)
            (void)rename(s->next, s->file);
    return NULL;
}

/* What lies there when the hash is known is not what was hashed: it stays. */
static void test_removed_meanwhile(void **state)
{
    need_programs();
    struct root *r = *state;
    struct replacer s = { 0 };
    struct fail f = { 0 };
    pthread_t thread;
    char sha256[DIGEST_TEXT], *big = malloc(2000001);
    assert_non_null(big);
    memset(big, 'x', 2000000);
    big[2000000] = '\0';
    digest_text(big, 2000000, sha256);
    folder_write(r->base, "root/one", big);
    folder_write(r->base, "root/two", big);
    snprintf(s.source[0], sizeof s.source[0], "%s", in_base(r, "root/one"));
    snprintf(s.source[1], sizeof s.source[1], "%s", in_base(r, "root/two"));
    snprintf(s.next, sizeof s.next, "%s", in_base(r, "root/next"));
    snprintf(s.file, sizeof s.file, "%s", in_base(r, "root/a"));
    assert_int_equal(pthread_create(&thread, NULL, replace, &s), 0);
    int code = 0;
    for (int i = 0; i < 10000 && code != MG_E_CONFLICT; i++)
        code = root_remove(&r->op, "a", sha256, &f);
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(code, MG_E_CONFLICT);
    assert_non_null(strstr(f.err.text, "has changed just now"));
    free(big);
}

static void test_memory(void **state)
{
    need_programs();
    struct root *r = *state;
    assert_true(files_take(r->shared, FILES_MEMORY));
    assert_false(files_take(r->shared, 1));
    files_give(r->shared, 1);
    assert_true(files_take(r->shared, 1));
    assert_false(files_take(r->shared, SIZE_MAX));
    struct fail f;
    struct buf out = { 0 };
    struct file_info info;
    size_t taken;
    const struct read_options all = { .max = READ_MAX };
    folder_write(r->base, "root/a", "text");
    assert_int_equal(root_read(&r->op, "a", &all, &out, &taken, &info, &f), MG_E_LIMIT);
    assert_string_equal(f.word, "LIMIT");
    assert_int_equal(taken, 0);
    files_give(r->shared, FILES_MEMORY);
    assert_int_equal(root_read(&r->op, "a", &all, &out, &taken, &info, &f), 0);
    assert_int_equal(taken, 4);
    files_give(r->shared, taken);
    buf_fini(&out);
}

/* A writer at the moment between a name and the next, until it is killed. */
static void write_and_hang(struct root *r, int told)
{
    struct newfile n;
    struct fail f;
    char link[64];
    int folder = open(in_base(r, "root"), O_PATH | O_DIRECTORY);
    if (folder < 0 || newfile_open(&n, folder, "a", &f) != 0)
        _exit(1);
    snprintf(link, sizeof link, "/proc/self/fd/%d", n.fd);
    const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    if (!n.is_named &&
        linkat(AT_FDCWD, link, n.folder, NEWFILE_PREFIX "0123456789abcdef", AT_SYMLINK_FOLLOW) != 0)
        _exit(1);
    if (futimens(n.fd, long_ago) != 0 || write(told, "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

/* What SIGKILL leaves goes with the first write of the next process; what is locked, young, another
 * kind of file or named otherwise stays. */
static void test_killed(void **state)
{
    static const char *const others[] = { "root/" NEWFILE_PREFIX "0123456789abcdeg",
                                          "root/" NEWFILE_PREFIX "0123456789abcdef0",
                                          "root/x" NEWFILE_PREFIX "0123456789abcdef" };
    need_programs();
    struct root *r = *state;
    const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    struct fail f;
    int told[2], status;
    char byte;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        folder_write(r->base, others[i], "");
        assert_int_equal(utimensat(AT_FDCWD, in_base(r, others[i]), long_ago, 0), 0);
    }
    folder_write(r->base, "root/" NEWFILE_PREFIX "1111111111111111", "young");
    assert_int_equal(symlink("a", in_base(r, "root/" NEWFILE_PREFIX "2222222222222222")), 0);
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_and_hang(r, told[1]);
    close(told[1]);
    assert_int_equal(read(told[0], &byte, 1), 1);
    close(told[0]);
    size_t before = count_names(r, "root");
    assert_int_equal(put(r, "a", "one", NULL, &f), 0);
    assert_int_equal(count_names(r, "root"), before + 1); /* locked: somebody writes it */
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(count_names(r, "root"), before + 1);
    assert_int_equal(put(r, "a", "two", NULL, &f), 0); /* this process has swept already */
    assert_int_equal(count_names(r, "root"), before + 1);
    struct files *next = files_new();
    assert_non_null(next);
    struct files *first = r->op.shared;
    r->op.shared = next;
    assert_int_equal(put(r, "a", "three", NULL, &f), 0);
    r->op.shared = first;
    files_free(next);
    assert_int_equal(count_names(r, "root"), before);
    assert_bytes(r, "root/a", "three");
    assert_bytes(r, "root/" NEWFILE_PREFIX "1111111111111111", "young");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_full, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_stopped, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_stopped_at_a_lock, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_slash, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_modes, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_one_wins, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_appends, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_swapped, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_renamed_meanwhile, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_removed_meanwhile, root_setup, root_teardown),
        cmocka_unit_test_setup_teardown(test_memory, root_setup, root_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
