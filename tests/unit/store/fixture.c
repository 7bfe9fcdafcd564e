#include "store/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json_scan.h"

static void loops_free(void);

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "%s/store-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir);
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/state.json", f->dir);
    f->options =
        (struct store_options){ .path = f->path, .autosave_ms = 1000000, .sweep_ms = 1000000 };
    *state = f;
    return 0;
}

static void empty_folder(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    char path[400];

    assert_non_null(d);
    while ((entry = readdir(d))) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(d);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->s, NULL);
    loops_free();
    if (f->dir[0]) {
        empty_folder(f->dir);
        rmdir(f->dir);
    }
    free(f);
    return 0;
}

int memory_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = { 0 };
    assert_non_null(f);
    f->s = store_open_memory(&e);
    assert_non_null(f->s);
    *state = f;
    return 0;
}

void fixture_open(struct fixture *f)
{
    struct err e = { 0 };
    assert_null(f->s);
    f->s = store_open_local(&f->options, &e);
    if (!f->s)
        fail_msg("cannot open: %s", e.text);
}

void fixture_close(struct fixture *f)
{
    struct err e = { 0 };
    struct store *s = f->s;
    f->s = NULL;
    if (store_close(s, &e) != 0)
        fail_msg("cannot close: %s", e.text);
}

static void copy_file(const char *from, const char *to)
{
    char data[4096];
    ssize_t n;
    int in = open(from, O_RDONLY | O_CLOEXEC);

    if (in < 0) /* removed meanwhile: the folder has changed, and is copied again */
        return;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(out >= 0);
    while ((n = read(in, data, sizeof data)) > 0)
        assert_int_equal(write(out, data, (size_t)n), n);
    close(in);
    close(out);
}

/* Names, inodes and sizes in a folder, added up; copies the files when `to` is not NULL. */
static uint64_t walk(const char *from, const char *to)
{
    DIR *d = opendir(from);
    struct dirent *entry;
    struct stat st;
    char a[400], b[400];
    uint64_t signature = 0;

    assert_non_null(d);
    while ((entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(a, sizeof a, "%s/%s", from, entry->d_name);
        if (stat(a, &st) == 0)
            signature += hash_key(entry->d_name, strlen(entry->d_name)) ^
                         ((uint64_t)st.st_ino << 32) ^ (uint64_t)st.st_size;
        if (!to)
            continue;
        snprintf(b, sizeof b, "%s/%s", to, entry->d_name);
        copy_file(a, b);
    }
    closedir(d);
    return signature;
}

/* All files as they were at one moment, though the store's threads go on. */
static void copy_all(const char *from, const char *to)
{
    for (;;) {
        uint64_t before = walk(from, NULL);
        empty_folder(to);
        walk(from, to);
        if (walk(from, NULL) == before)
            return;
    }
}

void fixture_crash(struct fixture *f)
{
    char saved[80];

    snprintf(saved, sizeof saved, "%s.copy", f->dir);
    assert_int_equal(mkdir(saved, 0700), 0);
    copy_all(f->dir, saved);
    store_close(f->s, NULL);
    f->s = NULL;
    empty_folder(f->dir);
    copy_all(saved, f->dir);
    empty_folder(saved);
    rmdir(saved);
}

const char *fixture_refused(struct fixture *f)
{
    static struct err e;
    e = (struct err){ 0 };
    struct store *s = store_open_local(&f->options, &e);
    if (s) {
        store_close(s, NULL);
        fail_msg("the store opened");
    }
    return e.text;
}

/* ---- files ---- */

static const char *path_of(struct fixture *f, const char *suffix)
{
    static char path[200];
    snprintf(path, sizeof path, "%s%s", f->path, suffix);
    return path;
}

char *file_read(struct fixture *f, const char *suffix, size_t *len)
{
    struct stat st;
    int fd = open(path_of(f, suffix), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    assert_int_equal(fstat(fd, &st), 0);
    char *data = calloc(1, (size_t)st.st_size + 1);
    assert_non_null(data);
    assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
    close(fd);
    if (len)
        *len = (size_t)st.st_size;
    return data;
}

void file_write(struct fixture *f, const char *suffix, const char *data, size_t len)
{
    int fd = open(path_of(f, suffix), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

bool file_exists(struct fixture *f, const char *suffix)
{
    return access(path_of(f, suffix), F_OK) == 0;
}

/* ---- operations ---- */

struct store_change change(const char *collection, const char *key, const char *text,
                           store_seq expect)
{
    return (struct store_change){ .collection = collection,
                                  .key = key,
                                  .key_len = strlen(key),
                                  .text = text,
                                  .len = text ? strlen(text) : 0,
                                  .expect = expect };
}

int put_change(struct store *s, const struct store_change *ch, store_seq *seq)
{
    struct store_op op = { .kind = STORE_WRITE, .changes = ch, .change_count = 1 };
    assert_int_equal(store_submit(s, &op), 1);
    int code = op.code;
    if (seq)
        *seq = op.seq;
    store_op_fini(&op);
    return code;
}

int put_text(struct store *s, const char *collection, const char *key, const char *text)
{
    struct store_change ch = change(collection, key, text, STORE_ANY);
    return put_change(s, &ch, NULL);
}

int put_if(struct store *s, const char *collection, const char *key, int n, store_seq expect,
           store_seq *seq)
{
    char text[800];
    const char *field = strcmp(collection, "jobs") == 0     ? "jobId"
                        : strcmp(collection, "models") == 0 ? "modelId"
                                                            : "id";
    snprintf(text, sizeof text, "{\"%s\":\"%s\",\"v\":%d}", field, key, n);
    struct store_change ch = change(collection, key, text, expect);
    return put_change(s, &ch, seq);
}

int put(struct store *s, const char *collection, const char *key, int n)
{
    return put_if(s, collection, key, n, STORE_ANY, NULL);
}

int del(struct store *s, const char *collection, const char *key, bool *existed)
{
    struct store_change ch = change(collection, key, NULL, STORE_ANY);
    struct store_op op = { .kind = STORE_WRITE, .changes = &ch, .change_count = 1 };
    assert_int_equal(store_submit(s, &op), 1);
    int code = op.code;
    if (existed)
        *existed = op.count == 1;
    store_op_fini(&op);
    return code;
}

int get(struct store *s, const char *collection, const char *key, store_seq *seq)
{
    struct store_op op = {
        .kind = STORE_GET, .collection = collection, .key = key, .key_len = strlen(key)
    };
    const char *name = "v";
    struct json_text v;
    int64_t n = -1;

    assert_int_equal(store_submit(s, &op), 1);
    if (op.code == 0) {
        struct json_text root = { .type = JSON_OBJECT };
        root.p = store_value_text(op.values[0], &root.len);
        json_find(root, &name, &v, 1);
        assert_true(json_integer(v, &n));
        if (seq)
            *seq = store_value_seq(op.values[0]);
    } else {
        assert_int_equal(op.code, MG_E_NOTFOUND);
    }
    store_op_fini(&op);
    return (int)n;
}

size_t count(struct store *s, const char *collection)
{
    struct store_op op = { .kind = STORE_COUNT, .collection = collection };
    assert_int_equal(store_submit(s, &op), 1);
    assert_int_equal(op.code, 0);
    size_t n = op.count;
    store_op_fini(&op);
    return n;
}

char *keys(struct store *s, const char *collection)
{
    struct store_op op = { .kind = STORE_LIST, .collection = collection };
    struct buf b = { 0 };
    assert_int_equal(store_submit(s, &op), 1);
    assert_int_equal(op.code, 0);
    for (size_t i = 0; i < op.count; i++) {
        if (i > 0)
            buf_putc(&b, ' ');
        buf_str(&b, store_value_key(op.values[i], NULL));
    }
    store_op_fini(&op);
    char *out = buf_take(&b, NULL);
    assert_non_null(out);
    return out;
}

/* ---- waits ---- */

/* Loops outlive the store, whose threads may still be about to wake one whose message has come. */
#define LOOPS 16
static pthread_mutex_t loops_lock = PTHREAD_MUTEX_INITIALIZER;
static struct loop *loops[LOOPS];

static struct loop *loop_borrow(void)
{
    struct err e = { 0 };
    struct loop *l = NULL;

    pthread_mutex_lock(&loops_lock);
    for (size_t i = 0; !l && i < LOOPS; i++) {
        l = loops[i];
        loops[i] = NULL;
    }
    pthread_mutex_unlock(&loops_lock);
    return l ? l : loop_new(&e);
}

static void loop_return(struct loop *l)
{
    pthread_mutex_lock(&loops_lock);
    size_t i = 0;
    while (loops[i])
        i++;
    loops[i] = l;
    pthread_mutex_unlock(&loops_lock);
}

static void loops_free(void)
{
    for (size_t i = 0; i < LOOPS; i++) {
        if (loops[i])
            loop_free(loops[i]);
        loops[i] = NULL;
    }
}

struct waiting {
    struct store_wait wait; /* first */
    int code;
    bool is_done;
};

static void waited(struct store_wait *w, int code)
{
    struct waiting *x = (struct waiting *)(void *)w;
    x->code = code;
    x->is_done = true;
}

int wait_durable(struct store *s, store_seq seq)
{
    struct loop *l = loop_borrow();
    struct waiting w = { .wait = { .loop = l, .seq = seq, .done = waited } };

    store_wait(s, &w.wait);
    while (!w.is_done)
        loop_poll(l, 10000);
    loop_return(l);
    return w.code;
}
